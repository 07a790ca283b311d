"""Sets of rows by their physical address (ctid) within one snapshot: exact, compact, for tables without keys too.

A row id is a `uint64`: leaf << 48 | block << 16 | offset, where *leaf* numbers the storage tables (partitions) of
one logical table. A set is a bitmap of *positions*: ids without their unused offset bits. It is in memory (`chunks`)
until the sets of a run take more there than their `Allowance`; then the largest go to disk (`pages`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any
from weakref import WeakSet

import numpy as np
import numpy.typing as npt

from penstock.devdb.closure.chunks import CHUNK_BITS, Chunks, Positions
from penstock.devdb.closure.pages import PageFile, Pages

RowIds = npt.NDArray[np.uint64]

_MOST_BYTES = 96 << 20
_AT_ONCE = 1 << 16  # rows
NO_ROWS: RowIds = np.empty(0, dtype=np.uint64)
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
    first = np.ones(len(ids), dtype=bool)
    np.not_equal(ids[1:], ids[:-1], out=first[1:])
    return ids[first]


class Allowance:
    """The memory that the row sets of a run share. Not counted: some 20 MB for a batch while it is added."""

    __slots__ = ("_file", "_grown", "_most", "_sets")

    def __init__(self, most_bytes: int = _MOST_BYTES) -> None:
        self._most = most_bytes
        self._grown = 0
        self._sets: WeakSet[RowSet] = WeakSet()
        self._file: PageFile | None = None

    def join(self, rows: RowSet) -> None:
        self._sets.add(rows)

    def grown(self, count: int) -> None:
        """A set takes so many bytes more. What all take is looked at now and then."""
        self._grown += count
        if self._grown > self._most >> 6:
            self._grown = 0
            self._make_room()

    def _make_room(self) -> None:
        total = sum(rows.nbytes for rows in self._sets)
        if total <= self._most:
            return
        self._file = self._file or PageFile()
        for rows in sorted(self._sets, key=lambda rows: rows.nbytes, reverse=True):
            total += rows.to_disk(self._file)
            if total <= self._most:
                return


class RowSet:
    """A growing set of row ids. `offset_bits`: 9 for pages of 8 kB, 10 for 16 kB, 11 for 32 kB."""

    __slots__ = ("__weakref__", "_allowance", "_bitmap", "_offset_bits", "count", "leaf_counts")

    def __init__(self, offset_bits: int = OFFSET_BITS, allowance: Allowance | None = None) -> None:
        self._offset_bits = offset_bits
        self._allowance = allowance or Allowance()
        self._allowance.join(self)
        self._bitmap: Chunks | Pages = Chunks()
        self.count = 0
        self.leaf_counts: dict[int, int] = {}  # rows per leaf, for leaves that have any

    def __len__(self) -> int:
        return self.count

    def empty(self) -> RowSet:
        """A new set for rows of the same database."""
        return RowSet(self._offset_bits, self._allowance)

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
        starts = np.flatnonzero(np.diff(leaves, prepend=-1))
        for leaf, count in zip(
            leaves[starts].tolist(), np.diff(starts, append=len(ids)).tolist(), strict=True
        ):
            self.leaf_counts[leaf] = self.leaf_counts.get(leaf, 0) + count
        self._allowance.grown(self._bitmap.nbytes - before)
        return ids

    def contains(self, ids: RowIds) -> npt.NDArray[np.bool_]:
        """For each id, in the order given, whether it is in the set."""
        parts = [self._which(ids[at : at + _AT_ONCE]) for at in range(0, len(ids), _AT_ONCE)]
        return parts[0] if len(parts) == 1 else np.concatenate([np.empty(0, dtype=bool), *parts])

    def blocks(self, size: int = _AT_ONCE, leaf: int | None = None) -> Iterator[RowIds]:
        """All rows (of one leaf), ascending, as arrays of `size` ids; only the last may be shorter.

        Not while rows are added.
        """
        keys = self._bitmap.keys()
        if leaf is not None:
            keys = keys[keys >> np.uint64(32 + self._offset_bits - CHUNK_BITS) == leaf]
        return _regrouped((self._ids(self._bitmap.chunk(int(key))) for key in keys), size)

    def to_array(self) -> RowIds:
        """All rows, ascending: 8 bytes each, so for sets known to be small."""
        return np.concatenate([NO_ROWS, *self.blocks()])

    def to_disk(self, file: PageFile) -> int:
        """Leave memory, for good; returns by how much `nbytes` has grown (it shrinks). Raises NoSpace."""
        if isinstance(self._bitmap, Pages):
            return 0
        before, pages = self._bitmap.nbytes, Pages(file)
        for key, bits in self._bitmap.drain():
            pages.put(key, bits)
        self._bitmap = pages
        return pages.nbytes - before

    @property
    def nbytes(self) -> int:
        """Memory held."""
        return self._bitmap.nbytes

    def _which(self, ids: RowIds) -> npt.NDArray[np.bool_]:
        if len(ids) < 2 or bool(np.all(ids[1:] >= ids[:-1])):
            return self._bitmap.contains(self._positions(ids))
        order = np.argsort(ids, kind="stable")
        found = np.empty(len(ids), dtype=bool)
        found[order] = self._bitmap.contains(self._positions(ids[order]))
        return found

    def _positions(self, ids: RowIds) -> Positions:
        positions: Positions = ((ids >> np.uint64(16)) << np.uint64(self._offset_bits)) | (
            ids & np.uint64(0xFFFF)
        )
        return positions

    def _ids(self, positions: Positions) -> RowIds:
        offsets = positions & np.uint64((1 << self._offset_bits) - 1)
        ids: RowIds = ((positions >> np.uint64(self._offset_bits)) << np.uint64(16)) | offsets
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
