"""What a crew is doing, told as progress: some items as tasks with rows, all others as one task."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from penstock.devdb.progress import Progress


class Watch:
    """A watcher of one run of `count` items. `tasks`: the task of each item that has one; several may have the same.

    `rows`: how many rows each task has, as far as somebody knows. `rest`: the task of all other items.
    """

    def __init__(
        self,
        progress: Progress,
        count: int,
        rest: str,
        tasks: Mapping[str, str] | None = None,
        rows: Mapping[str, int | None] | None = None,
    ) -> None:
        self._progress = progress
        self._rest = rest
        self._task_of = tasks or {}
        self._rows = rows or {}
        self._left = Counter(self._task_of.values())
        self._left[rest] += count - len(self._task_of)
        self._begun: set[str] = set()

    def started(self, name: str) -> None:
        task = self._task_of.get(name, self._rest)
        if task not in self._begun:
            self._begun.add(task)
            self._progress.start(task, self._rows.get(task))

    def advanced(self, name: str, rows: int, size_bytes: int) -> None:
        if name in self._task_of:
            self._progress.advance(self._task_of[name], rows, size_bytes)

    def finished(self, name: str) -> None:
        task = self._task_of.get(name, self._rest)
        self._left[task] -= 1
        if not self._left[task]:
            self._progress.finish(task)
