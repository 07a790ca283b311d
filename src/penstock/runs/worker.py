"""What runs in a worker process: open the station, then one item after the other until the line ends."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
import traceback
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from penstock.errors import PenstockError
from penstock.runs.items import Outfit
from penstock.runs.workers import Advanced, Done, Failed, Ready

_TELL_SECONDS = 0.2  # progress is not told more often


def main(descriptor: int) -> None:
    """Serve the process at the other end of the socket."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    line = Connection(descriptor)
    told: SimpleQueue[Any] = SimpleQueue()
    threading.Thread(target=_listen, args=(line, told), daemon=True).start()
    try:
        outfit: Outfit = _next(told)
        with outfit.open(outfit.what) as station:
            line.send(Ready())
            while True:
                work, what = _next(told)
                progress = _Progress(line)
                result = work(station, what, progress)
                progress.tell()
                line.send(Done(result))
    except Exception as error:  # noqa: BLE001 - whatever it is, the other end must hear of it
        with suppress(OSError):  # it has heard of another's failure, and listens no more
            line.send(Failed(_presentable(error)))


def _listen(line: Connection, told: SimpleQueue[Any]) -> None:
    """What comes in. When nobody is there any more the process ends, in the midst of whatever it does."""
    while True:
        try:
            told.put(line.recv())
        except (EOFError, OSError):
            os._exit(1)
        except Exception as error:  # noqa: BLE001 - a description that cannot be made again here
            told.put(error)


def _next(told: SimpleQueue[Any]) -> Any:
    said = told.get()
    if isinstance(said, Exception):
        raise said
    return said


class _Progress:
    """Adds up what is reported, and tells it now and then."""

    def __init__(self, line: Connection) -> None:
        self._line = line
        self._rows = self._bytes = 0
        self._next = time.monotonic() + _TELL_SECONDS

    def __call__(self, rows: int, size_bytes: int) -> None:
        self._rows += rows
        self._bytes += size_bytes
        if time.monotonic() >= self._next:
            self.tell()

    def tell(self) -> None:
        if self._rows or self._bytes:
            self._line.send(Advanced(self._rows, self._bytes))
            self._rows = self._bytes = 0
        self._next = time.monotonic() + _TELL_SECONDS


def _presentable(error: Exception) -> PenstockError:
    """An error without a value in it: what nobody foresaw may quote one, so only its kind and place go on."""
    if isinstance(error, PenstockError):
        return error
    last = traceback.extract_tb(error.__traceback__)[-1]
    return PenstockError(
        f"{type(error).__name__} in {Path(last.filename).name}, line {last.lineno}",
        why="nobody foresaw this",
        hint="please report it, with the place named here",
    )


if __name__ == "__main__":
    main(int(sys.argv[1]))
