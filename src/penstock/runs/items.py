"""Work as plain data: an item names a function and describes what it is to do; who runs it, and where, is not its business.

A worker is a place with connections of its own, its *station*. An item's function gets the station, the description and
somebody to tell how far it is. Items and descriptions pickle, and hold neither secrets nor open things, so the same items
run in this process, in processes beside it (`workers.py`) or on a cluster.
"""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol

Report = Callable[[int, int], None]
"""Called with the rows and bytes done since the last call."""
Work = Callable[[Any, Any, Report], Any]
"""A function of a module: (station, description, report) to a result that pickles."""


@dataclass(frozen=True, slots=True)
class Item:
    """One piece of work."""

    name: str  # its own within a run
    work: Work
    what: Any = None  # the description
    size: int = 0  # in bytes or any other measure of how long it takes: the largest goes first
    after: tuple[str, ...] = ()  # the items it has to wait for
    alone: str = ""  # of the items with the same word here, one runs at a time


@dataclass(frozen=True, slots=True)
class Outfit:
    """How a worker gets its station: a function of a module, called in the worker, and what it is told."""

    open: Callable[[Any], AbstractContextManager[Any]]
    what: Any


class Watcher(Protocol):
    """Is told what runs. Called from the thread that runs the items."""

    def started(self, name: str) -> None: ...

    def advanced(self, name: str, rows: int, size_bytes: int) -> None: ...

    def finished(self, name: str) -> None: ...


class Unwatched:
    """Nobody looks."""

    def started(self, name: str) -> None:
        pass

    def advanced(self, name: str, rows: int, size_bytes: int) -> None:
        pass

    def finished(self, name: str) -> None:
        pass


class Queue:
    """The items that are still to do: which may start now, the largest first."""

    def __init__(self, items: Iterable[Item]) -> None:
        items = list(items)
        self._items = {item.name: item for item in items}
        if len(self._items) < len(items):
            raise ValueError("two items have one name")
        self._numbers = {name: number for number, name in enumerate(self._items)}
        self._missing = {item.name: set(item.after) for item in self._items.values()}
        self._followers: Mapping[str, list[str]] = defaultdict(list)
        for item in self._items.values():
            for name in item.after:
                if name not in self._items:
                    raise ValueError(f"{item.name} waits for {name}, which is no item")
                self._followers[name].append(item.name)
        self._ready = [self._ranked(name) for name, missing in self._missing.items() if not missing]
        heapq.heapify(self._ready)
        self._parked: dict[str, list[str]] = {}  # by the word that runs: what waits for it to be free
        self._left = len(self._items)

    @property
    def is_done(self) -> bool:
        return self._left == 0

    def take(self) -> Item | None:
        """The largest item that may start now; None where all that is left waits for what runs."""
        while self._ready:
            *_, name = heapq.heappop(self._ready)
            item = self._items[name]
            if not item.alone:
                return item
            if item.alone not in self._parked:
                self._parked[item.alone] = []
                return item
            self._parked[item.alone].append(name)
        return None

    def done(self, item: Item) -> None:
        """Let those start that waited for this one."""
        self._left -= 1
        freed = self._parked.pop(item.alone, []) if item.alone else []
        for name in self._followers[item.name]:
            self._missing[name].discard(item.name)
            if not self._missing[name]:
                freed.append(name)
        for name in freed:
            heapq.heappush(self._ready, self._ranked(name))

    def _ranked(self, name: str) -> tuple[int, int, str]:
        """The largest first, of equal ones the first."""
        return -self._items[name].size, self._numbers[name], name


class Crew(Protocol):
    """Whoever runs items."""

    @property
    def working(self) -> int:
        """How many items run at the same time."""

    def run(self, items: Iterable[Item], watcher: Watcher) -> dict[str, Any]:
        """Run the items; their results by name. Raises what an item raises, and ValueError where items wait for each
        other in a circle."""


class Here:
    """This process, with the station it has: one item after the other."""

    working = 1

    def __init__(self, station: Any) -> None:
        self._station = station

    def run(self, items: Iterable[Item], watcher: Watcher) -> dict[str, Any]:
        queue = Queue(items)
        results: dict[str, Any] = {}
        while not queue.is_done:
            item = queue.take()
            if item is None:
                raise ValueError("the items left wait for each other")
            watcher.started(item.name)
            results[item.name] = item.work(self._station, item.what, _report_to(watcher, item.name))
            queue.done(item)
            watcher.finished(item.name)
        return results


def _report_to(watcher: Watcher, name: str) -> Report:
    return lambda rows, size: watcher.advanced(name, rows, size)
