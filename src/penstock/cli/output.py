"""Everything the commands print. Results go to stdout, talk to stderr, and every text through the scrubber.

Colour on a terminal unless NO_COLOR, TERM=dumb or `--color never` says otherwise; FORCE_COLOR and `--color always`
force it. Rich is imported only to draw a progress bar on a terminal; elsewhere progress is one line per finished table.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, is_dataclass
from datetime import date, datetime
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, TextIO
from unicodedata import east_asian_width

import click

from penstock.cli.options import common
from penstock.project.redact import scrub

if TYPE_CHECKING:
    from penstock.devdb.progress import Progress

_LONG_SECONDS = 60.0  # under way so long, a task is told of where no bar shows it


def colored(stream: IO[str]) -> bool:
    """Whether to write colours to this stream (https://no-color.org)."""
    if common.color != "auto":
        return common.color == "always"
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return stream.isatty() and os.environ.get("TERM") != "dumb"


def style(text: str, stream: IO[str] | None = None, **kwargs: Any) -> str:
    """`text` with click's styles where the stream shows them."""
    return click.style(text, **kwargs) if colored(stream or sys.stdout) else text


def emit(text: str = "") -> None:
    """One result text to stdout."""
    _write(sys.stdout, scrub(text) + "\n")


def emit_json(value: object) -> None:
    """One JSON object to stdout: the documented answer of a command with `--json`."""
    _write(sys.stdout, json.dumps(plain(value), ensure_ascii=False, indent=2) + "\n")


def talk(message: str, *, level: int = 0) -> None:
    """A message to the person at the terminal, on stderr. `level`: 0 unless `-q`, 1 with `-v`, 2 with `-vv`."""
    if common.verbosity >= level:
        _write(sys.stderr, scrub(message) + "\n")


def table(rows: Iterable[Sequence[object]], headers: Sequence[str], *, right: Iterable[int] = ()) -> None:
    """A table to stdout, columns aligned by what they look like; `right` are the columns aligned to the right."""
    texts = [[scrub("" if cell is None else str(cell)) for cell in row] for row in rows]
    widths = [max(map(_width, column), default=0) for column in zip(headers, *texts, strict=True)]
    right = set(right)

    def line(cells: Sequence[str]) -> str:
        parts = []
        for i, (cell, width) in enumerate(zip(cells, widths, strict=True)):
            pad = " " * (width - _width(cell))
            parts.append(pad + cell if i in right else cell + pad)
        return "  ".join(parts).rstrip()

    _write(sys.stdout, style(line(headers), bold=True) + "\n" + "".join(line(row) + "\n" for row in texts))


def plain(value: object) -> Any:
    """`value` as JSON knows it, every text scrubbed: dataclasses, paths, dates, tuples and sets included.

    Raises TypeError for a Secret and for anything else without a plain form.
    """
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, str):
        return scrub(value)
    if isinstance(value, Mapping):
        # a field of the documented object stays what it is, even if someone's password is "name"
        return {
            key if key.isidentifier() else scrub(key): plain(item)
            for key, item in ((str(k), v) for k, v in value.items())
        }
    if isinstance(value, date | datetime):
        return value.isoformat()
    if isinstance(value, Path):
        return scrub(str(value))
    if is_dataclass(value) and not isinstance(value, type):
        return plain(value.as_dict() if hasattr(value, "as_dict") else asdict(value))
    if isinstance(value, set | frozenset):
        return [plain(item) for item in sorted(value)]
    if isinstance(value, Iterable) and not isinstance(value, bytes):
        return [plain(item) for item in value]
    raise TypeError(f"{type(value).__name__} has no JSON form")


@contextmanager
def progress() -> Iterator[Progress]:
    """Bars on a terminal's stderr, a line per finished task elsewhere, nothing with `-q`."""
    if common.verbosity < 0:
        yield _Lines(silent=True)
    elif sys.stderr.isatty() and os.environ.get("TERM") != "dumb":
        from penstock.cli.bars import bars

        with bars() as drawn:
            yield drawn
    else:
        lines, over = _Lines(), threading.Event()
        threading.Thread(target=lines.remind, args=(over,), daemon=True).start()
        try:
            yield lines
        finally:
            over.set()


class _Lines:
    def __init__(self, *, silent: bool = False) -> None:
        self._silent = silent
        self._rows: dict[str, int] = {}
        self._bytes: dict[str, int] = {}
        self._since: dict[str, float] = {}

    def start(self, task: str, total_rows: int | None = None) -> None:  # noqa: ARG002
        self._rows[task] = self._bytes[task] = 0
        self._since[task] = time.monotonic()

    def advance(self, task: str, rows: int, size_bytes: int = 0) -> None:
        self._rows[task] = self._rows.get(task, 0) + rows
        self._bytes[task] = self._bytes.get(task, 0) + size_bytes

    def finish(self, task: str) -> None:
        if not self._silent:
            seconds = time.monotonic() - self._since.get(task, time.monotonic())
            rows = self._rows.get(task, 0)
            moved = f"{rows:,} rows, {size(self._bytes.get(task, 0))}, " if rows else ""
            talk(f"{task}: {moved}{seconds:.1f} s")
        self._since.pop(task, None)

    def remind(self, over: threading.Event) -> None:
        """Until it is over, say which tasks are long under way: after a minute, two, four. A condition that somebody wrote may
        take hours in the source, and a log that stands still does not tell."""
        told: dict[float, float] = {}  # by when the task began
        while not over.wait(_LONG_SECONDS / 10):
            for task, since in list(self._since.items()):
                seconds = time.monotonic() - since
                if seconds >= told.get(since, _LONG_SECONDS):
                    told[since] = 2 * told.get(since, _LONG_SECONDS)
                    talk(f"{task}: under way for {seconds:.0f} s")

    def note(self, text: str) -> None:
        if not self._silent:
            talk(text)


def size(count_bytes: float) -> str:
    """A number of bytes for people: `12 kB`, `3.4 MB`."""
    for unit in ("B", "kB", "MB", "GB"):
        if count_bytes < 1000:
            return (
                f"{count_bytes:.0f} {unit}"
                if unit == "B" or count_bytes >= 100
                else f"{count_bytes:.1f} {unit}"
            )
        count_bytes /= 1000
    return f"{count_bytes:.1f} TB"


def _width(text: str) -> int:
    return sum(2 if east_asian_width(char) in "WF" else 1 for char in text)


def _write(stream: TextIO, text: str) -> None:
    """Write, replacing what the terminal's encoding cannot show."""
    try:
        stream.write(text)
        stream.flush()
    except UnicodeEncodeError:
        encoding = stream.encoding or "ascii"
        stream.write(text.encode(encoding, "replace").decode(encoding))
        stream.flush()
    except BrokenPipeError:
        # whoever read it has left (`| head`); a copy under way is not to stop for that
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
