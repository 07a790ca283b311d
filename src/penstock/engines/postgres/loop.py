"""One event loop in one thread that the library owns.

asyncpg needs a loop; a notebook already runs one and a script has none. Everything asynchronous runs here, and
the rest of the library is synchronous.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

_CANCEL_SECONDS = 10.0  # what a cancelled statement gets to come to its end

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
