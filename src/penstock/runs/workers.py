"""Items in processes beside this one: started anew, not forked, each with a station of its own.

A worker is `python -m penstock.runs.worker` with a socket as its only line to this process, so that neither the script nor
the notebook that called is run again in it. It is told the outfit first, and opens its station; no item is handed out
before all stations are open (snapshots are imported while whoever exported them is sure to live). A worker ends when the
line does: nothing goes on after this process has been killed.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from typing import Any, Self

from penstock.errors import ConnectError, PenstockError
from penstock.runs.items import Item, Outfit, Queue, Watcher

_END_SECONDS = 5.0  # what a worker gets to end by itself before it is killed


@dataclass(frozen=True, slots=True)
class Ready:
    """A worker's station is open."""


@dataclass(frozen=True, slots=True)
class Failed:
    """The station could not be opened, or the item failed."""

    error: PenstockError


@dataclass(frozen=True, slots=True)
class Advanced:
    """So much more of the item is done."""

    rows: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Done:
    """The item is finished, with this result."""

    result: Any


@dataclass(eq=False)
class _Worker:
    process: subprocess.Popen[bytes]
    line: Connection


class Workers:
    """Up to `jobs` worker processes, a context manager; they end with it. `working` of them have a station.

    Where a server lets fewer connect, fewer work, and `note` is told. Entering raises what the last station said if none
    could be opened.
    """

    def __init__(self, outfit: Outfit, jobs: int, note: Callable[[str], object]) -> None:
        self._outfit = outfit
        self._jobs = jobs
        self._note = note
        self._started: list[_Worker] = []
        self._ready: list[_Worker] = []

    def __enter__(self) -> Self:
        try:
            self._started = [_start(self._outfit) for _ in range(self._jobs)]
            self._ready = _stations(self._started)
        except BaseException:
            self._end()
            raise
        if self.working < self._jobs:
            self._note(f"{self.working} of {self._jobs} workers could connect, and work")
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    @property
    def working(self) -> int:
        return len(self._ready)

    def run(self, items: Iterable[Item], watcher: Watcher) -> dict[str, Any]:
        """Run the items; their results by name. Raises the first failure: the workers are then of no more use."""
        return _run(Queue(items), list(self._ready), watcher)

    def _end(self) -> None:
        for worker in self._started:
            _end(worker)


def _start(outfit: Outfit) -> _Worker:
    ours, theirs = socket.socketpair()
    with theirs:
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "penstock.runs.worker", str(theirs.fileno())],
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            process_group=0,  # Ctrl-C is for this process, which ends its workers itself
        )
    line = Connection(ours.detach())
    with suppress(OSError):  # it ended already: that is seen when it is asked
        line.send(outfit)
    return _Worker(process, line)


def _stations(workers: list[_Worker]) -> list[_Worker]:
    """The workers whose station is open. Raises what the last one said where none is, or what is not about connecting."""
    ready: list[_Worker] = []
    refused: PenstockError | None = None
    for worker in workers:
        answer = _answer(worker)
        if isinstance(answer, Ready):
            ready.append(worker)
        elif isinstance(answer.error, ConnectError):
            refused = answer.error
        else:
            raise answer.error
    if not ready and refused is not None:
        raise refused
    return ready


def _run(queue: Queue, idle: list[_Worker], watcher: Watcher) -> dict[str, Any]:
    results: dict[str, Any] = {}
    busy: dict[Any, tuple[_Worker, Item]] = {}  # by line
    while not queue.is_done:
        while idle and (item := queue.take()) is not None:
            worker = idle.pop()
            busy[worker.line] = worker, item
            watcher.started(item.name)
            with suppress(OSError):
                worker.line.send((item.work, item.what))
        if not busy:
            raise ValueError("the items left wait for each other")
        for line in wait(list(busy)):
            worker, item = busy[line]
            answer = _answer(worker, item.name)
            if isinstance(answer, Advanced):
                watcher.advanced(item.name, answer.rows, answer.size_bytes)
            elif isinstance(answer, Done):
                results[item.name] = answer.result
                del busy[line]
                idle.append(worker)
                queue.done(item)
                watcher.finished(item.name)
            else:
                raise answer.error
    return results


def _answer(worker: _Worker, at: str = "opening its connections") -> Any:
    try:
        return worker.line.recv()
    except (EOFError, OSError):
        with suppress(subprocess.TimeoutExpired):
            worker.process.wait(_END_SECONDS)
        return Failed(
            PenstockError(
                f"a worker process ended at: {at}",
                why=f"its exit code was {worker.process.returncode}",
                hint="was it killed, or the memory full? use fewer with --jobs",
            )
        )


def _end(worker: _Worker) -> None:
    worker.line.close()  # it ends by itself: at once, whatever it does
    try:
        worker.process.wait(_END_SECONDS)
    except subprocess.TimeoutExpired:
        worker.process.kill()
        worker.process.wait()
