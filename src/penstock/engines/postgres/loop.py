"""One event loop in one thread that the library owns.

asyncpg needs a loop; a notebook already runs one and a script has none. Everything asynchronous runs here, and
the rest of the library is synchronous.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any, TypeVar

T = TypeVar("T")

_CANCEL_SECONDS = 10.0  # what a cancelled statement gets to come to its end
_CANCEL_TASK_SECONDS = 5.0

_lock = threading.Lock()
_loop: asyncio.AbstractEventLoop | None = None


def event_loop() -> asyncio.AbstractEventLoop:
    """The library's loop, started on first use."""
    global _loop  # noqa: PLW0603 - one loop per process is the point
    with _lock:
        if _loop is None or _loop.is_closed():
            _loop = asyncio.new_event_loop()
            threading.Thread(target=_loop.run_forever, name="penstock-io", daemon=True).start()
        return _loop


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run `coroutine` on the library's loop and wait for it. Ctrl-C cancels it, waits, and is raised again."""
    ended = threading.Event()
    interrupted = False

    async def watched() -> T:
        try:
            return await coroutine
        except Exception:
            if interrupted:  # how the coroutine fails because it was cancelled is nobody's concern
                raise asyncio.CancelledError from None
            raise
        finally:
            ended.set()

    future = asyncio.run_coroutine_threadsafe(watched(), event_loop())
    try:
        return future.result()
    except KeyboardInterrupt:
        interrupted = True
        future.cancel()
        ended.wait(_CANCEL_SECONDS)
        raise


@asynccontextmanager
async def beside(coroutine: Coroutine[Any, Any, T]) -> AsyncIterator[asyncio.Future[T]]:
    """Run `coroutine` beside the block, as what fills a queue for it; it ends with the block at the latest.

    Its failure is told by `next_item`, or by awaiting it.
    """
    task = asyncio.ensure_future(coroutine)
    task.add_done_callback(seen)
    try:
        yield task
    finally:
        if not task.done():
            task.cancel()
            await asyncio.wait({task}, timeout=_CANCEL_TASK_SECONDS)  # its connection is free again, or lost


async def next_item(queue: asyncio.Queue[T], filler: asyncio.Future[Any]) -> T:
    """The next item of a queue. Raises what ended the task that fills it, if it ended before there was one."""
    getting = asyncio.ensure_future(queue.get())
    try:
        await asyncio.wait({getting, filler}, return_when=asyncio.FIRST_COMPLETED)
        if not getting.done():
            filler.result()
        return await getting
    finally:
        getting.cancel()


class Underway:
    """Bytes on their way from one end to another, at most `limit` of them and one block more, however long that is.

    One side adds, the other takes; both run on the library's loop.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._size = 0
        self._fell = asyncio.Event()

    async def add(self, size: int) -> None:
        """Count what has been sent off, and wait while it is too much."""
        self._size += size
        while self._size > self._limit:
            self._fell.clear()
            await self._fell.wait()

    def take(self, size: int) -> None:
        """Count what has arrived and is no longer held."""
        self._size -= size
        self._fell.set()


def seen(future: asyncio.Future[Any]) -> None:
    """Look at the outcome, so that asyncio does not complain of the second failure when the first one is reported."""
    if not future.cancelled():
        future.exception()
