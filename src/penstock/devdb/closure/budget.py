"""How much memory the row sets of a command share, and what becomes of those that are more than that."""

from __future__ import annotations

from typing import Protocol
from weakref import WeakSet

from penstock.devdb.closure.segments import SegmentFile

_MOST_BYTES = 96 << 20


class Movable(Protocol):
    """What a budget knows of a row set."""

    @property
    def nbytes(self) -> int: ...
    @property
    def nbytes_on_disk(self) -> int: ...
    def to_disk(self, file: SegmentFile) -> int: ...


class MemoryBudget:
    """The bytes its row sets may hold in memory together; beyond, the largest go to one file.

    A set stays if the file would spare no memory: few rows far apart, for which memory holds more than 4 bytes each
    either way. Of a budget of nothing every set goes. Not counted: some 20 MB for a batch of rows while it is added.
    """

    __slots__ = ("__weakref__", "_file", "_grown", "_most", "_sets")

    def __init__(self, most_bytes: int = _MOST_BYTES) -> None:
        self._most = most_bytes
        self._grown = 0
        self._sets: WeakSet[Movable] = WeakSet()
        self._file: SegmentFile | None = None

    def join(self, rows: Movable) -> None:
        self._sets.add(rows)

    def grown(self, count: int) -> None:
        """A set takes so many bytes more.

        All are added up only after a 64th of the budget (1.5 MB): there may be thousands of sets, and a batch of a few
        rows comes to one of them in microseconds. So much may be held too much for a while.
        """
        self._grown += count
        if self._grown > self._most >> 6:
            self._grown = 0
            self._make_room()

    def _make_room(self) -> None:
        total = sum(rows.nbytes for rows in self._sets)
        if total <= self._most:
            return
        for rows in sorted(self._sets, key=lambda rows: rows.nbytes, reverse=True):
            if self._most and rows.nbytes_on_disk >= rows.nbytes:
                continue
            self._file = self._file or SegmentFile()
            total += rows.to_disk(self._file)
            if total <= self._most:
                return
