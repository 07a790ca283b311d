"""Progress bars with rich, one per table at work. Imported only when stderr is a terminal."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from penstock.cli.options import common
from penstock.project.redact import scrub


class _Bars:
    def __init__(self, drawn: Progress) -> None:
        self._drawn = drawn
        self._tasks: dict[str, TaskID] = {}

    def start(self, task: str, total_rows: int | None = None) -> None:
        self._tasks[task] = self._drawn.add_task(escape(scrub(task)), total=total_rows)

    def advance(self, task: str, rows: int, size_bytes: int = 0) -> None:  # noqa: ARG002  bars count rows
        if task not in self._tasks:
            self.start(task)
        self._drawn.advance(self._tasks[task], rows)

    def finish(self, task: str) -> None:
        if task in self._tasks:
            self._drawn.remove_task(self._tasks.pop(task))

    def note(self, text: str) -> None:
        self._drawn.console.print(escape(scrub(text)))


@contextmanager
def bars() -> Iterator[_Bars]:
    """Bars on stderr that vanish when done; what was printed stays above them."""
    console = Console(stderr=True, no_color=common.color == "never")
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as drawn:
        yield _Bars(drawn)
