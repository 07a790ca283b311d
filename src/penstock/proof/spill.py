"""Sorted, distinct pairs of 64-bit numbers, any number of them, in bounded memory.

Pairs are collected in memory. Past `limit` they go to disk in sorted runs, which `finish` merges, one range of keys
after the other, into one sorted file. Of a file memory holds the key of every 256th pair. Only keyed hashes ever come
here, so the files tell nothing without the process's key.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from penstock.proof.hashing import I64, U64
from penstock.scratch import ScratchFile

PAIRS_IN_MEMORY = 1 << 20  # of one collector: 16 MB, and four times that while they are sorted
_PAGE = 256  # pairs read together: 4 kB
_PAIR_BYTES = 16
_KEYS = 1 << 12  # looked up together: at most 16 MB of pages
_FOUND = 1 << 20  # pairs handed out together


@dataclass
class PairFile:
    """A nameless temporary file of pairs."""

    rows: int = 0
    _file: ScratchFile = field(
        default_factory=lambda: ScratchFile(
            "the leak check", "keyed hashes take up to 50 bytes for each distinct value searched for,"
        )
    )

    def append(self, pairs: U64) -> None:
        self._file.write(np.ascontiguousarray(pairs), self.rows * _PAIR_BYTES)
        self.rows += len(pairs)

    def read(self, spans: Iterable[tuple[int, int]]) -> U64:
        """The pairs of these ranges of rows, one after the other."""
        spans = list(spans)
        pairs = np.empty((sum(stop - start for start, stop in spans), 2), dtype=np.uint64)
        done = 0
        for start, stop in spans:
            self._file.read(pairs[done : done + stop - start], start * _PAIR_BYTES)
            done += stop - start
        return pairs

    def close(self) -> None:
        self._file.close()


@dataclass(frozen=True, slots=True)
class PairTable:
    """Pairs sorted by key, then payload, each once: in memory, or part of a file."""

    rows: int
    _held: U64  # (rows, 2), or the (0, 2) of a table in a file
    fences: U64 = field(default_factory=lambda: np.empty(0, dtype=np.uint64))  # in a file: every 256th key
    _file: PairFile | None = None
    _first: int = 0  # row of the file

    @classmethod
    def written(cls, file: PairFile, parts: Iterable[U64]) -> PairTable:
        """A table of sorted parts, put at the end of a file."""
        first = file.rows
        fences = [np.empty(0, dtype=np.uint64)]
        for part in parts:
            fences.append(part[-(file.rows - first) % _PAGE :: _PAGE, 0].copy())
            file.append(part)
        return cls(file.rows - first, _NO_PAIRS, np.concatenate(fences), file, first)

    def parts(self) -> Iterator[U64]:
        """All pairs in order."""
        for at in range(0, self.rows, 1 << 16):
            yield self.between(at, min(at + (1 << 16), self.rows))

    def between(self, start: int, stop: int) -> U64:
        """The pairs of these rows."""
        return self._read([(start, stop)])

    def find(self, keys: U64) -> Iterator[tuple[I64, U64]]:
        """(place in `keys`, payload) of every pair whose key is among `keys`, in portions."""
        order = np.argsort(keys)  # neighbours share their pages
        for at in range(0, len(order) if self.rows else 0, _KEYS):
            place = order[at : at + _KEYS]
            wanted = keys[place]
            pairs = self._around(wanted)
            low = np.searchsorted(pairs[:, 0], wanted, side="left")
            real = np.flatnonzero(pairs[:, 0].take(low, mode="clip") == wanted)
            low, place = low[real], place[real]
            counts = np.searchsorted(pairs[:, 0], wanted[real], side="right") - low
            done = 0
            while done < len(counts):
                take = max(1, int(np.searchsorted(np.cumsum(counts[done:]), _FOUND, side="right")))
                repeat = counts[done : done + take]
                within = np.arange(int(repeat.sum())) - np.repeat(np.cumsum(repeat) - repeat, repeat)
                which = np.repeat(low[done : done + take], repeat) + within
                yield np.repeat(place[done : done + take], repeat), pairs[which, 1]
                done += take

    def contains(self, keys: U64) -> npt.NDArray[np.bool_]:
        """Which of `keys` are the key of a pair."""
        found = np.zeros(len(keys), dtype=bool)
        for place, _ in self.find(keys):
            found[place] = True
        return found

    def before(self, edge: int | None, start: int) -> U64:
        """The pairs from row `start` on whose key is below `edge`."""
        if edge is None:
            return self.between(start, self.rows)
        page = int(np.searchsorted(self.fences, np.uint64(edge), side="left"))
        pairs = self.between(start, max(start, min(page * _PAGE, self.rows)))
        return pairs[: int(np.searchsorted(pairs[:, 0], np.uint64(edge), side="left"))]

    def _around(self, wanted: U64) -> U64:
        """Every pair whose key is among the sorted `wanted`, in order, and others of their pages."""
        if self._file is None:
            return self._held
        # A key that begins a page may also end the one before.
        first = np.maximum(np.searchsorted(self.fences, wanted, side="left") - 1, 0)
        last = np.maximum(np.searchsorted(self.fences, wanted, side="right") - 1, 0)
        apart = np.flatnonzero(first[1:] > last[:-1] + 1)
        starts = first[np.concatenate(([0], apart + 1))] * _PAGE
        stops = np.minimum((last[np.concatenate((apart, [len(last) - 1]))] + 1) * _PAGE, self.rows)
        return self._read(zip(starts.tolist(), stops.tolist(), strict=True))

    def _read(self, spans: Iterable[tuple[int, int]]) -> U64:
        if self._file is None:
            return np.concatenate([_NO_PAIRS, *(self._held[start:stop] for start, stop in spans)])
        return self._file.read((self._first + start, self._first + stop) for start, stop in spans)


_NO_PAIRS: U64 = np.empty((0, 2), dtype=np.uint64)
NO_TABLE = PairTable(0, _NO_PAIRS)


@dataclass
class PairCollector:
    """Collects (key, payload); `finish` gives them sorted by key, then payload, without repeats."""

    limit: int = PAIRS_IN_MEMORY
    _parts: list[U64] = field(default_factory=list)
    _held: int = 0
    _files: list[PairFile] = field(default_factory=list)
    _runs: list[PairTable] = field(default_factory=list)

    def add(self, keys: U64, payloads: U64) -> None:
        self._parts.append(np.column_stack((keys, payloads)))
        self._held += len(keys)
        if self._held > self.limit:
            self._parts = [self._merged()]
            self._held = len(self._parts[0])
            if self._held > self.limit // 2:
                self._spill()

    def finish(self) -> PairTable:
        """The table of all that was added, good until `close`; the collector is spent."""
        if not self._runs:
            pairs = self._merged()
            self._parts.clear()
            return PairTable(len(pairs), pairs)
        self._spill()
        table = PairTable.written(self._file(), self._ranges())
        self._files.pop(0).close()
        self._runs.clear()
        return table

    def close(self) -> None:
        """Give the disk space back."""
        for file in self._files:
            file.close()
        self._files.clear()
        self._parts.clear()

    def _file(self) -> PairFile:
        self._files.append(PairFile())
        return self._files[-1]

    def _merged(self) -> U64:
        return _distinct(np.concatenate([_NO_PAIRS, *self._parts]))

    def _spill(self) -> None:
        file = self._files[0] if self._files else self._file()
        self._runs.append(PairTable.written(file, [self._merged()]))
        self._parts, self._held = [], 0

    def _ranges(self) -> Iterator[U64]:
        """The pairs of all runs, range by range of keys, none with many more than `limit`."""
        fences = np.sort(np.concatenate([run.fences for run in self._runs]))
        step = max(1, self.limit // _PAGE)
        done = [0] * len(self._runs)
        for edge in [*np.unique(fences[step::step]).tolist(), None]:
            parts = [run.before(edge, at) for run, at in zip(self._runs, done, strict=True)]
            done = [at + len(part) for at, part in zip(done, parts, strict=True)]
            yield _distinct(np.concatenate(parts))


def _distinct(pairs: U64) -> U64:
    """The rows of an (n, 2) array in order, each once. Sorting by both columns would take twice as long."""
    pairs = pairs[np.argsort(pairs[:, 0])]
    same = pairs[1:, 0] == pairs[:-1, 0]
    if not same.any():
        return pairs
    tied = np.zeros(len(pairs), dtype=bool)
    tied[1:] |= same
    tied[:-1] |= same
    group = pairs[tied]
    pairs[tied] = group[np.lexsort((group[:, 1], group[:, 0]))]
    fresh = np.ones(len(pairs), dtype=bool)
    fresh[1:] = ~same | (pairs[1:, 1] != pairs[:-1, 1])
    return pairs[fresh]
