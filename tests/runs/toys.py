"""Work that the tests of the workers hand out: what a worker imports."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from penstock.errors import ConnectError, QueryError
from penstock.runs.items import Report


@dataclass(frozen=True, slots=True)
class Bench:
    """Where a worker stands, and what it remembers."""

    folder: Path
    fail: str = ""
    most: int = 99  # workers that may open


@contextmanager
def bench(what: Bench) -> Iterator[Bench]:
    if what.fail == "open":
        raise QueryError("it cannot be opened", why="reasons", hint="another time")
    mine = what.folder / f"worker-{os.getpid()}"
    mine.touch()
    if len(list(what.folder.glob("worker-*"))) > what.most:
        mine.unlink()
        raise ConnectError("too many connections")
    yield what


def square(_: Bench, number: int, report: Report) -> int:
    report(1, 8)
    return number * number


def who(_: Bench, seconds: float, __: Report) -> tuple[int, float, float]:
    began = time.monotonic()
    time.sleep(seconds)
    return os.getpid(), began, time.monotonic()


def surprised(_: Bench, secret: str, __: Report) -> None:
    raise KeyError(secret)


def refused(_: Bench, what: str, __: Report) -> None:
    raise QueryError(what, why="it says so", hint="ask again")


def killed(_: Bench, __: object, ___: Report) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def noted(station: Bench, seconds: float, _: Report) -> None:
    """Write the time of day again and again, for whoever wants to know whether this goes on."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        (station.folder / "alive").write_text(str(time.time()))
        time.sleep(0.02)
