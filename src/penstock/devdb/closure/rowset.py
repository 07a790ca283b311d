"""Sets of rows by their physical address (ctid) within one snapshot: exact, compact, for tables without keys too.

A row id is a `uint64`: leaf << 48 | block << 16 | offset, where *leaf* numbers the storage tables (partitions) of
one logical table. A set is a bitmap of *positions*: ids without their unused offset bits. It is in memory (`chunks`)
until it and others take more there than their `budget`; then the largest go to disk (`segments`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from penstock.devdb.closure.budget import MemoryBudget
from penstock.devdb.closure.chunks import (
    CHUNK_BITS,
    Bits,
    Chunks,
    Flags,
    Positions,
    count_set,
    firsts,
    spans,
)
from penstock.devdb.closure.segments import SegmentFile, Segments, nbytes_on_disk

RowIds = npt.NDArray[np.uint64]

_BATCH_ROWS = 1 << 16
NO_ROWS: RowIds = np.empty(0, dtype=np.uint64)
_BLOCK_BITS = 32
OFFSET_BITS = 9  # a page of 8 kB holds at most 291 rows


def row_ids(leaf: npt.NDArray[Any] | int, block: npt.NDArray[Any], offset: npt.NDArray[Any]) -> RowIds:
    """Row ids from parts."""
    high: RowIds = np.asarray(leaf, dtype=np.uint64) << np.uint64(48)
    middle: RowIds = block.astype(np.uint64) << np.uint64(16)
    ids: RowIds = high | middle | offset.astype(np.uint64)
    return ids


def leaves_of(ids: RowIds) -> npt.NDArray[np.intp]:
    return (ids >> np.uint64(48)).astype(np.intp)


def blocks_of(ids: RowIds) -> npt.NDArray[np.uint32]:
    return ((ids >> np.uint64(16)) & np.uint64(0xFFFFFFFF)).astype(np.uint32)


def offsets_of(ids: RowIds) -> npt.NDArray[np.uint16]:
    return (ids & np.uint64(0xFFFF)).astype(np.uint16)


def distinct(ids: RowIds, *, in_place: bool = False) -> RowIds:
    """The ids ascending, each once. `np.unique` hashes, and takes ten times as long. `in_place`: `ids` are sorted, too."""
    if in_place:
        ids.sort()
    else:
        ids = np.sort(ids)
    return ids[firsts(ids)]


class RowSet:
    """A growing set of row ids. `offset_bits`: 9 for pages of 8 kB, 10 for 16 kB, 11 for 32 kB."""

    __slots__ = ("__weakref__", "_bitmap", "_budget", "count", "leaf_counts", "offset_bits")

    def __init__(self, budget: MemoryBudget, offset_bits: int = OFFSET_BITS) -> None:
        self._budget = budget
        self.offset_bits = offset_bits
        self._bitmap: Chunks | Segments = Chunks(_BLOCK_BITS + offset_bits)
        self.count = 0
        self.leaf_counts: dict[int, int] = {}  # rows per leaf, for leaves that have any
        budget.join(self)

    def __len__(self) -> int:
        return self.count

    def empty(self) -> RowSet:
        """A new set for rows of the same database, under the same budget."""
        return RowSet(self._budget, self.offset_bits)

    def add(self, ids: RowIds) -> RowIds:
        """Add rows (any order, repeats allowed); returns those that were not in the set, sorted, each once.

        Raises NoSpace.
        """
        if len(ids) == 0:
            return NO_ROWS
        ids = distinct(ids)
        before = self._bitmap.nbytes
        ids = ids[self._bitmap.add(self._positions(ids))]
        self.count += len(ids)
        leaves = leaves_of(ids)
        for start, stop in spans(leaves):
            leaf = int(leaves[start])
            self.leaf_counts[leaf] = self.leaf_counts.get(leaf, 0) + stop - start
        self._budget.grown(self._bitmap.nbytes - before)
        return ids

    def contains(self, ids: RowIds) -> Flags:
        """For each id, in the order given, whether it is in the set."""
        parts = [self._which(ids[at : at + _BATCH_ROWS]) for at in range(0, len(ids), _BATCH_ROWS)]
        return parts[0] if len(parts) == 1 else np.concatenate([np.empty(0, dtype=bool), *parts])

    def blocks(self, size: int = _BATCH_ROWS, leaf: int | None = None) -> Iterator[RowIds]:
        """All rows (of one leaf), ascending, as arrays of `size` ids; only the last may be shorter.

        Not while rows are added.
        """
        keys = self._bitmap.keys(leaf)
        return _regrouped((self._ids(self._bitmap.chunk(int(key))) for key in keys), size)

    def chunks(self, leaf: int) -> Iterator[tuple[int, Bits]]:
        """The chunks of a leaf as bits, for `put` of another set."""
        for key in self._bitmap.keys(leaf).tolist():
            yield key, self._bitmap.bits(key)

    def put(self, key: int, bits: Bits) -> None:
        """Add the rows of a chunk that has none here. Raises NoSpace."""
        before = self._bitmap.nbytes
        self._bitmap.put(key, bits)
        leaf, count = key >> (_BLOCK_BITS + self.offset_bits - CHUNK_BITS), count_set(bits)
        self.count += count
        self.leaf_counts[leaf] = self.leaf_counts.get(leaf, 0) + count
        self._budget.grown(self._bitmap.nbytes - before)

    def to_array(self) -> RowIds:
        """All rows, ascending: 8 bytes each, so for sets known to be small."""
        return np.concatenate([NO_ROWS, *self.blocks()])

    def to_disk(self, file: SegmentFile) -> int:
        """Leave memory, for good; returns by how much `nbytes` has grown. Raises NoSpace."""
        if isinstance(self._bitmap, Segments):
            return 0
        before, segments = self._bitmap.nbytes, Segments(file, _BLOCK_BITS + self.offset_bits)
        for key, bits in self._bitmap.drain():
            segments.put(key, bits)
        self._bitmap = segments
        return segments.nbytes - before

    @property
    def nbytes(self) -> int:
        """Memory held."""
        return self._bitmap.nbytes

    @property
    def nbytes_on_disk(self) -> int:
        """Memory held after `to_disk`."""
        if isinstance(self._bitmap, Segments):
            return self._bitmap.nbytes
        return nbytes_on_disk(self._bitmap.keys(), len(self.leaf_counts))

    def _which(self, ids: RowIds) -> Flags:
        if len(ids) < 2 or bool(np.all(ids[1:] >= ids[:-1])):
            return self._bitmap.contains(self._positions(ids))
        order = np.argsort(ids, kind="stable")
        found = np.empty(len(ids), dtype=bool)
        found[order] = self._bitmap.contains(self._positions(ids[order]))
        return found

    def _positions(self, ids: RowIds) -> Positions:
        positions: Positions = ((ids >> np.uint64(16)) << np.uint64(self.offset_bits)) | (
            ids & np.uint64(0xFFFF)
        )
        return positions

    def _ids(self, positions: Positions) -> RowIds:
        offsets = positions & np.uint64((1 << self.offset_bits) - 1)
        ids: RowIds = ((positions >> np.uint64(self.offset_bits)) << np.uint64(16)) | offsets
        return ids


def _regrouped(arrays: Iterable[RowIds], size: int) -> Iterator[RowIds]:
    """The same ids in arrays of `size`: thousands of small chunks would cost their reader more than their rows."""
    waiting: list[RowIds] = []
    length = 0
    for array in arrays:
        waiting.append(array)
        length += len(array)
        if length >= size:
            joined = np.concatenate(waiting)
            full = length - length % size
            yield from (joined[start : start + size] for start in range(0, full, size))
            waiting, length = [joined[full:]], length - full
    if length:
        yield np.concatenate(waiting)
