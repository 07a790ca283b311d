"""How a long run tells what it is doing. The command line draws it; a notebook may pass its own."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """A task is a table being copied or a step such as "verify". Called from any thread; must not block."""

    def start(self, task: str, total_rows: int | None = None) -> None: ...

    def advance(self, task: str, rows: int, size_bytes: int = 0) -> None: ...

    def finish(self, task: str) -> None: ...


def note(progress: Progress, text: str) -> None:
    """Say something that is to stay readable when the tasks are done; who draws no such thing gets a task."""
    say = getattr(progress, "note", None)
    if say is not None:
        say(text)
    else:
        progress.start(text)
        progress.finish(text)


class Silent:
    """No progress at all."""

    def start(self, task: str, total_rows: int | None = None) -> None:
        pass

    def advance(self, task: str, rows: int, size_bytes: int = 0) -> None:
        pass

    def finish(self, task: str) -> None:
        pass
