"""Whose processor time it is: a sampler that reads /proc while something runs, and tells source, target and Penstock apart.

PostgreSQL says in the title of each of its processes which database it serves and what it does.
"""

from __future__ import annotations

import os
import threading
from collections import defaultdict
from contextlib import suppress
from pathlib import Path
from typing import Self

_EVERY_SECONDS = 0.05
_TICKS = os.sysconf("SC_CLK_TCK")
_BUILDS = ("CREATE", "ALTER", "REINDEX")
_DESCRIBES = ("ANALYZE", "VACUUM")


class Shares:
    """A context manager; afterwards `seconds` has the processor seconds of each. Linux only: empty elsewhere."""

    def __init__(self, source: str, target: str) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self._source = source
        self._target = target
        self._last: dict[int, int] = {}
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        self._look()
        self.seconds.clear()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def end(self) -> None:
        """Look no further."""
        if not self._ended.is_set():
            self._ended.set()
            self._thread.join()
            self._look()

    def __str__(self) -> str:
        told = sorted(self.seconds.items(), key=lambda pair: -pair[1])
        return ", ".join(f"{name} {seconds:.1f} s" for name, seconds in told if seconds >= 0.05)

    def _watch(self) -> None:
        while not self._ended.wait(_EVERY_SECONDS):
            self._look()

    def _look(self) -> None:
        for folder in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):  # it has ended
                whose = self._whose(
                    (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                )
                fields = (folder / "stat").read_text().rpartition(")")[2].split()
                ticks = int(fields[11]) + int(fields[12])
                before = self._last.get(int(folder.name), 0)
                self._last[int(folder.name)] = ticks
                if whose:
                    self.seconds[whose] += (ticks - before) / _TICKS

    def _whose(self, title: str) -> str:
        words = title.split()
        if "penstock.runs.worker" in title or "benchmarks.clone_timed" in title:
            return "Penstock"
        if not words or words[0] != "postgres:":
            return ""
        if self._source in words:
            return "source"
        if any(word.startswith(self._target) for word in words):
            does = words[-1] if words[-1] != "waiting" else words[-2]
            return "target, " + (
                "rows" if "COPY" in words else "indexes and keys" if set(words) & set(_BUILDS)
                else "statistics" if does in _DESCRIBES else "else"
            )  # fmt: skip
        return "server, beside" if "parallel" in words or "writer" in words or "checkpointer" in words else ""
