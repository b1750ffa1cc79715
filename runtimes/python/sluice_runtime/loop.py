"""The managed Python runtime: init, then one invocation after the other.

docs/contract/execution-environment.md §1, §7.1.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextvars import copy_context
from typing import Any

from .context import make_context
from .errors import error_document, exit_document, xray_cause
from .event_loop import EventLoop
from .handler import load_handler, prepare_path
from .log import Log, complain
from .response import ResponseBroken, ResponsePost
from .runtime_api import Event, RuntimeApi, RuntimeApiGone
from .settings import Settings
from .streaming import (
    HttpResponse,
    ResponseStream,
    encode_json,
    is_awaitable,
    send_pieces,
    send_pieces_async,
    takes_stream,
    yields_pieces,
    yields_pieces_async,
)

_EXIT_FAILURE = 1


class Runtime:
    def __init__(self, settings: Settings, runtime_dir: str) -> None:
        self._settings = settings
        self._log = Log(settings)
        self._api = RuntimeApi(settings.endpoint)
        self._events = EventLoop()
        prepare_path(settings.task_root, runtime_dir)

    def run(self) -> int:
        """Runs until the process has to end, and returns its exit code.

        A function that calls sys.exit while it is loaded ends the process with
        nothing posted, as on AWS: the platform reports it.
        """
        self._log.install()
        try:
            try:
                handler = load_handler(self._settings.handler)
            except Exception as thrown:
                self._init_failed(thrown)
                return _EXIT_FAILURE
            while True:
                event = self._api.next()
                # A context of its own, so that what a handler keeps in context
                # variables is not there for the next event.
                copy_context().run(self._invoke, handler, event)
        except RuntimeApiGone as gone:
            complain(f"[sluice] {gone}\n")
            return _EXIT_FAILURE
        finally:
            self._events.close()
            self._log.flush_prints()

    def _init_failed(self, thrown: Exception) -> None:
        self._log.failure(thrown)
        self._log.flush_prints()
        self._api.init_error(error_document(thrown, ""))

    def _invoke(self, handler: Callable[..., Any], event: Event) -> None:
        # Python code finds the trace there, boto3 and X-Ray's library included;
        # there is no place for it but the process's environment.
        if event.trace_id:
            os.environ["_X_AMZN_TRACE_ID"] = event.trace_id
        else:
            os.environ.pop("_X_AMZN_TRACE_ID", None)
        post = ResponsePost(self._api, event, before_end=self._log.flush_prints)
        with self._log.invocation(event.id, event.tenant_id):
            try:
                self._answer(handler, event, post)
            except SystemExit as leaving:
                self._leaving(leaving, event, post)
                raise
            except KeyboardInterrupt:
                raise
            except BaseException as thrown:
                self._failed(thrown, event, post)
            finally:
                post.conclude()

    def _answer(self, handler: Callable[..., Any], event: Event, post: ResponsePost) -> None:
        """Calls the handler and sends what it gives, in one piece or many."""
        payload = event.payload()
        context = make_context(event, self._log)
        stream = ResponseStream(post)
        if takes_stream(handler):
            result = handler(payload, stream, context)
            if is_awaitable(result):
                self._events.run(result)
            stream.end()
            return
        result = handler(payload, context)
        if is_awaitable(result):
            result = self._events.run(result)
        if isinstance(result, HttpResponse):
            result = iter([result])
        if yields_pieces_async(result):
            self._events.run(send_pieces_async(result, stream))
        elif yields_pieces(result):
            send_pieces(result, stream)
        else:
            raw = isinstance(result, bytes)
            body = result if raw else encode_json(result)
            self._log.flush_prints()
            self._api.respond(event, body, "application/unknown" if raw else "application/json")

    def _failed(self, thrown: BaseException, event: Event, post: ResponsePost) -> None:
        if post.broken:
            self._log.hint("the platform closed the response before its end; the handler was stopped")
            if not _follows_break(thrown):
                self._log.failure(thrown)
            self._log.flush_prints()
            return
        self._log.failure(thrown)
        self._log.flush_prints()
        document = error_document(thrown, event.id)
        if post.ended:
            return  # Too late: the caller has a complete response.
        if not post.begun:
            self._api.fail(event, document, cause=xray_cause(thrown))
            return
        try:
            post.finish(document)
        except ResponseBroken:
            pass

    def _leaving(self, leaving: SystemExit, event: Event, post: ResponsePost) -> None:
        # On AWS nothing is posted here, and the platform makes this very
        # document when it sees the process gone. Posting it gives the caller
        # the same payload, and a streamed response an orderly end.
        document = exit_document(_exit_code(leaving), event.id)
        self._log.flush_prints()
        if post.open:
            try:
                post.finish(document)
            except ResponseBroken:
                pass
        elif not post.begun:
            self._api.fail(event, document, kind=document["errorType"])


def _follows_break(thrown: BaseException) -> bool:
    """Whether an exception is only the broken response, in whatever wrapping."""
    cause: BaseException | None = thrown
    # Beyond a GeneratorExit is the break, but the exception is the clean-up's own.
    while cause is not None and not isinstance(cause, GeneratorExit):
        # An iterator that waited was cancelled.
        if isinstance(cause, ResponseBroken) or type(cause).__name__ == "CancelledError":
            return True
        grouped = getattr(cause, "exceptions", None)
        if isinstance(grouped, tuple) and grouped:
            return all(map(_follows_break, grouped))
        cause = cause.__cause__ or cause.__context__
    return False


def _exit_code(leaving: SystemExit) -> int:
    """The exit code that Python makes of sys.exit's argument."""
    if leaving.code is None:
        return 0
    return leaving.code & 0xFF if isinstance(leaving.code, int) else 1
