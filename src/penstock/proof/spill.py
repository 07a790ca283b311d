"""Sorted, distinct pairs of 64-bit numbers, more of them than memory should hold.

Pairs are collected in memory; past `limit` they are dealt into files by their highest bits, each file is sorted alone,
and the whole is read through a memory map. Only keyed hashes ever come here, so the files tell nothing without the
process's key. They have no name on disk after the proof, whatever happens: they are unlinked when opened.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import IO

import numpy as np

from penstock.proof.hashing import U64

_BUCKETS = 64


@dataclass
class PairCollector:
    """Collects (key, payload); `finish` gives them sorted by key, then payload, without repeats."""

    limit: int = 1 << 21  # pairs in memory before they go to disk: 32 MB
    _parts: list[U64] = field(default_factory=list)
    _held: int = 0
    _files: list[IO[bytes]] = field(default_factory=list)
    _stack: ExitStack = field(default_factory=ExitStack)

    def add(self, keys: U64, payloads: U64) -> None:
        self._parts.append(np.column_stack((keys, payloads)))
        self._held += len(keys)
        if self._held > self.limit:
            self._compact()
            if self._held > self.limit // 2:
                self._spill()

    def finish(self) -> tuple[U64, U64]:
        """(keys, payloads), sorted and distinct; memory-mapped where they were too many."""
        if not self._files:
            merged = self._merged()
            return np.ascontiguousarray(merged[:, 0]), np.ascontiguousarray(merged[:, 1])
        self._spill()
        keys, payloads = self._file(), self._file()
        total = 0
        for part in self._sorted_buckets():
            np.ascontiguousarray(part[:, 0]).tofile(keys)
            np.ascontiguousarray(part[:, 1]).tofile(payloads)
            total += len(part)
        return (
            np.memmap(keys, dtype=np.uint64, mode="r", shape=(total,)),
            np.memmap(payloads, dtype=np.uint64, mode="r", shape=(total,)),
        )

    def close(self) -> None:
        """Give the disk space back."""
        self._parts.clear()
        self._files.clear()
        self._stack.close()

    def _file(self) -> IO[bytes]:
        return self._stack.enter_context(tempfile.TemporaryFile())

    def _merged(self) -> U64:
        parts = self._parts or [np.empty((0, 2), dtype=np.uint64)]
        return _distinct(np.concatenate(parts))

    def _compact(self) -> None:
        self._parts = [self._merged()]
        self._held = len(self._parts[0])

    def _spill(self) -> None:
        if not self._files:
            self._files = [self._file() for _ in range(_BUCKETS)]
        pairs = self._merged()
        edges = np.arange(_BUCKETS + 1, dtype=np.float64) * (2.0**64 / _BUCKETS)
        at = np.searchsorted(pairs[:, 0], edges[1:-1].astype(np.uint64))
        for file, part in zip(self._files, np.split(pairs, at), strict=True):
            part.tofile(file)
        self._parts, self._held = [], 0

    def _sorted_buckets(self) -> Iterator[U64]:
        for file in self._files:
            file.seek(0)
            yield _distinct(np.frombuffer(file.read(), dtype=np.uint64).reshape(-1, 2))


def _distinct(pairs: U64) -> U64:
    """The rows of an (n, 2) array in order, each once."""
    pairs = pairs[np.lexsort((pairs[:, 1], pairs[:, 0]))]
    if len(pairs) < 2:
        return pairs
    fresh = np.empty(len(pairs), dtype=bool)
    fresh[0] = True
    np.any(pairs[1:] != pairs[:-1], axis=1, out=fresh[1:])
    return pairs[fresh]
