"""The one event loop of the process, made when a handler first needs it.

It lives as long as the process, so that what a function keeps between
invocations (HTTP sessions, tasks, locks) stays usable. While no handler runs
it stands still, as everything in a frozen environment does.
"""

from __future__ import annotations

from collections.abc import Awaitable
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    import asyncio

T = TypeVar("T")

# How long tasks may take to clean up when the process ends.
_PATIENCE_SECONDS = 2


class EventLoop:
    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None

    def run(self, awaitable: Awaitable[T]) -> T:
        """Runs something awaitable to its end. A context of its own is up to the caller."""
        import asyncio  # Half of the boot; most functions don't need it.

        if self._loop is None or self._loop.is_closed():
            self._loop = asyncio.new_event_loop()
        asyncio.set_event_loop(self._loop)

        async def run() -> T:
            return await awaitable

        return self._loop.run_until_complete(run())

    def close(self) -> None:
        """Cancels what still runs, lets it clean up, and closes the loop."""
        loop, self._loop = self._loop, None
        if loop is None or loop.is_closed():
            return
        import asyncio

        try:
            tasks = asyncio.all_tasks(loop)
            for task in tasks:
                task.cancel()
            if tasks:
                loop.run_until_complete(asyncio.wait(tasks, timeout=_PATIENCE_SECONDS))
            loop.run_until_complete(loop.shutdown_asyncgens())
        finally:
            loop.close()
