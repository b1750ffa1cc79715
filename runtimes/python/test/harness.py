"""Starts real runtime processes with real handler files against an ApiServer."""

from __future__ import annotations

import os
import shutil
import struct
import subprocess
import sys
import tempfile
import textwrap
import threading
import time
import unittest

from .api_server import PATIENCE, ApiServer, Request

ENTRY = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "bootstrap.py")
HINT = 0xA55A0103


class Function:
    """One runtime process."""

    def __init__(self, files, *, handler="app.handler", unix=True, frames=True, env=None, api=None):
        self.root = os.path.realpath(tempfile.mkdtemp(prefix="sluice-fn-"))
        for name, source in ({"app.py": files} if isinstance(files, str) else files).items():
            path = os.path.join(self.root, name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "w", encoding="utf-8") as file:
                file.write(textwrap.dedent(source))
        self.api = api or ApiServer(unix=unix)
        variables = {
            "PATH": os.environ["PATH"],
            "TZ": ":UTC",
            "AWS_LAMBDA_RUNTIME_API": self.api.authority,
            "_SLUICE_QUIRKS": "aws",
            "AWS_EXECUTION_ENV": "AWS_Lambda_python3.13",
            "AWS_LAMBDA_FUNCTION_NAME": "test",
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "128",
            "AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/test",
            "AWS_LAMBDA_LOG_STREAM_NAME": "2026/01/01/[$LATEST]0123456789abcdef0123456789abcdef",
            "LAMBDA_TASK_ROOT": self.root,
            "PYTHONDONTWRITEBYTECODE": "1",
            "_HANDLER": handler,
        }
        if unix:
            variables["_SLUICE_RUNTIME_SOCKET"] = self.api.path
        read = write = -1
        if frames:
            read, write = os.pipe()
            variables["_LAMBDA_TELEMETRY_LOG_FD"] = str(write)
        variables.update(env or {})
        self.process = subprocess.Popen(
            [sys.executable, ENTRY],
            cwd=self.root,
            env=variables,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            pass_fds=[write] if frames else [],
        )
        self._out = {"stdout": b"", "stderr": b""}
        self._threads = [
            threading.Thread(target=self._read, args=("stdout", self.process.stdout), daemon=True),
            threading.Thread(target=self._read, args=("stderr", self.process.stderr), daemon=True),
        ]
        if frames:
            os.close(write)
            self._threads.append(threading.Thread(target=self._read, args=("frames", os.fdopen(read, "rb")), daemon=True))
        self._out["frames"] = b""
        for thread in self._threads:
            thread.start()

    def run(self, event=None, headers=None, **more) -> Request:
        """Runs one invocation to its end, the next /next included."""
        request = self.api.answer(self.api.invoke(event, headers, **more))
        request.until(lambda r: r.over)
        return self.settle(request)

    def settle(self, request: Request) -> Request:
        """Waits until the runtime asks for another event."""
        at = self.api.requests.index(request)
        self.api.request(lambda r: r.method == "GET" and self.api.requests.index(r) > at)
        return request

    def init_error(self) -> Request:
        return self.api.request(lambda r: r.path.endswith("/init/error")).until(lambda r: r.over)

    def wait(self) -> int:
        """Waits for the end of the process and of its output."""
        code = self.process.wait(PATIENCE)
        for thread in self._threads:
            thread.join(PATIENCE)
        return code

    def stop(self) -> None:
        """Ends the process by closing the API, the way that needs no signal."""
        self.api.close()
        try:
            self.process.wait(PATIENCE)
        finally:
            self.process.kill()
            self.wait()
            shutil.rmtree(self.root, ignore_errors=True)

    @property
    def stdout(self) -> str:
        return self._out["stdout"].decode()

    @property
    def stderr(self) -> str:
        return self._out["stderr"].decode()

    @property
    def all_frames(self) -> list[tuple[int, int, str]]:
        """Type, microseconds and text of each frame so far."""
        data, frames = self._out["frames"], []
        while len(data) >= 16:
            kind, size, micros = struct.unpack(">IIQ", data[:16])
            if len(data) < 16 + size:
                break
            frames.append((kind, micros, data[16 : 16 + size].decode()))
            data = data[16 + size :]
        return frames

    @property
    def log(self) -> str:
        return "".join(text for kind, _, text in self.all_frames if kind != HINT)

    @property
    def hints(self) -> list[str]:
        return [text for kind, _, text in self.all_frames if kind == HINT]

    def eventually(self, test) -> None:
        """Waits for output: it comes by other ways than the requests."""
        end = time.monotonic() + PATIENCE
        while not test(self):
            if time.monotonic() > end:
                raise AssertionError(f"never logged: {self.log!r} {self.stdout!r} {self.stderr!r}")
            time.sleep(0.005)

    def touch(self, name: str) -> None:
        """Makes a file that a handler waits for."""
        with open(os.path.join(self.root, name), "w"):
            pass

    def has(self, name: str) -> bool:
        return os.path.exists(os.path.join(self.root, name))

    def _read(self, name, pipe) -> None:
        with pipe:
            while data := os.read(pipe.fileno(), 65536):
                self._out[name] += data


# For handlers: waits for a file that the test makes.
WAIT = """
import os, time
def wait_for(name):
    while not os.path.exists(name):
        time.sleep(0.002)
"""


def with_wait(source: str) -> dict[str, str]:
    return {"app.py": source, "waiting.py": WAIT}


class RuntimeTest(unittest.TestCase):
    maxDiff = None

    def start(self, files, **options) -> Function:
        function = Function(files, **options)
        self.addCleanup(function.stop)
        return function
