"""Calls of an object store, waited for in a way that Ctrl-C ends.

They run in foreign code, where Python hears no signal until they return, which may take minutes when the store is silent.
So each runs in a thread of its own. Who is interrupted leaves it behind: it ends with its call, or with the process.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, wait
from typing import TypeVar

T = TypeVar("T")


class Calls:
    """Calls one after the other."""

    def __init__(self) -> None:
        self._last: Future[object] | None = None

    def __call__(self, call: Callable[[], T], *, seconds: float | None = None) -> T:
        """What `call` returns or raises. Raises `TimeoutError` where that takes longer than `seconds`."""
        done: Future[T] = Future()

        def work() -> None:
            try:
                done.set_result(call())
            except BaseException as error:  # noqa: BLE001 - it is raised where it is waited for
                done.set_exception(error)

        self._last = done  # type: ignore[assignment]  # a Future only tells
        threading.Thread(target=work, name="penstock-store", daemon=True).start()
        return done.result(seconds)

    def left_behind(self) -> Callable[[], object]:
        """Waits for the call that was last made when this was asked, if an interrupt left it behind."""
        last = self._last
        return lambda: wait([last]) if last else None
