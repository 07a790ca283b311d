"""Sets of rows by their physical address (ctid) within one snapshot: exact, compact, for tables without keys too.

A row id is a `uint64`: leaf << 48 | block << 16 | offset, where *leaf* numbers the storage tables (partitions) of
one logical table. A set is a two-level bitmap as in Roaring (Chambi, Lemire et al., 2016): the id without its unused
offset bits, cut into chunks of 2²⁰ positions; a chunk with few rows is a sorted array, a fuller one 128 kB of bits.
So a set costs at most 4 bytes per row, and at most 64 bytes per 8 kB page of the table.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

RowIds = npt.NDArray[np.uint64]
Bits = npt.NDArray[np.uint8]
Sparse = npt.NDArray[np.uint32]

_CHUNK_BITS = 20
_CHUNK_BYTES = 1 << (_CHUNK_BITS - 3)
_LOW = np.uint64((1 << _CHUNK_BITS) - 1)
_SPARSE_ROWS = _CHUNK_BYTES // 4  # from here on the bits are smaller than the array
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


def distinct(ids: RowIds) -> RowIds:
    """The ids ascending, each once. `np.unique` hashes, and takes ten times as long."""
    ids = np.sort(ids)
    first = np.ones(len(ids), dtype=bool)
    np.not_equal(ids[1:], ids[:-1], out=first[1:])
    return ids[first]


class RowSet:
    """A growing set of row ids. `offset_bits`: 9 for pages of 8 kB, 10 for 16 kB, 11 for 32 kB."""

    __slots__ = ("_dense", "_offset_bits", "_sparse", "count")

    def __init__(self, offset_bits: int = OFFSET_BITS) -> None:
        self._offset_bits = offset_bits
        self._sparse: dict[int, Sparse] = {}
        self._dense: dict[int, Bits] = {}
        self.count = 0

    def __len__(self) -> int:
        return self.count

    def empty(self) -> RowSet:
        """A new set for rows of the same database."""
        return RowSet(self._offset_bits)

    def add(self, ids: RowIds) -> RowIds:
        """Add rows (any order, repeats allowed); returns those that were not in the set, sorted, each once."""
        if len(ids) == 0:
            return NO_ROWS
        ids = distinct(ids)
        ids = ids[~self._look_up(ids)]
        for key, low in self._by_chunk(ids):
            self._merge(key, low)
        self.count += len(ids)
        return ids

    def contains(self, ids: RowIds) -> npt.NDArray[np.bool_]:
        """For each id, in the order given, whether it is in the set."""
        if len(ids) < 2 or bool(np.all(ids[1:] >= ids[:-1])):
            return self._look_up(ids)
        order = np.argsort(ids, kind="stable")
        found = np.empty(len(ids), dtype=bool)
        found[order] = self._look_up(ids[order])
        return found

    def blocks(self, size: int = 1 << 16, leaf: int | None = None) -> Iterator[RowIds]:
        """All rows (of one leaf), ascending, as arrays of `size` ids; only the last may be shorter."""
        keys = sorted([*self._sparse, *self._dense])
        if leaf is not None:
            keys = [key for key in keys if key >> self._leaf_shift == leaf]
        return _regrouped((self._rows_of(key) for key in keys), size)

    def to_array(self) -> RowIds:
        """All rows, ascending: 8 bytes each, so for sets known to be small."""
        return np.concatenate([NO_ROWS, *self.blocks()])

    @property
    def leaf_counts(self) -> dict[int, int]:
        """Rows per leaf, for leaves that have any."""
        counts: dict[int, int] = {}
        for key in sorted([*self._sparse, *self._dense]):
            leaf = key >> self._leaf_shift
            counts[leaf] = counts.get(leaf, 0) + len(self._rows_of(key))
        return counts

    @property
    def nbytes(self) -> int:
        """Memory held by the chunks."""
        return sum(c.nbytes for c in self._sparse.values()) + sum(c.nbytes for c in self._dense.values())

    @property
    def _leaf_shift(self) -> int:
        """A chunk's key without its block part is the leaf: block numbers have 32 bits."""
        return 32 + self._offset_bits - _CHUNK_BITS

    def _rows_of(self, key: int) -> RowIds:
        dense = self._dense.get(key)
        low = self._sparse[key] if dense is None else np.flatnonzero(np.unpackbits(dense, bitorder="little"))
        compact = (np.uint64(key) << np.uint64(_CHUNK_BITS)) | low.astype(np.uint64)
        bits = np.uint64(self._offset_bits)
        ids: RowIds = ((compact >> bits) << np.uint64(16)) | (
            compact & np.uint64((1 << self._offset_bits) - 1)
        )
        return ids

    def _by_chunk(self, ids: RowIds) -> Iterator[tuple[int, Sparse]]:
        """Ascending ids cut into (chunk, positions in it)."""
        if len(ids) == 0:
            return
        compact = ((ids >> np.uint64(16)) << np.uint64(self._offset_bits)) | (ids & np.uint64(0xFFFF))
        keys = compact >> np.uint64(_CHUNK_BITS)
        low = (compact & _LOW).astype(np.uint32)
        for start, stop in pairwise([0, *(np.flatnonzero(keys[1:] != keys[:-1]) + 1).tolist(), len(keys)]):
            yield int(keys[start]), low[start:stop]

    def _look_up(self, ids: RowIds) -> npt.NDArray[np.bool_]:
        """`contains` for ascending ids."""
        found = np.zeros(len(ids), dtype=bool)
        at = 0
        for key, low in self._by_chunk(ids):
            dense, sparse = self._dense.get(key), self._sparse.get(key)
            if dense is not None:
                found[at : at + len(low)] = (dense[low >> 3] >> (low & 7).astype(np.uint8)) & 1
            elif sparse is not None:
                place = np.minimum(np.searchsorted(sparse, low), len(sparse) - 1)
                found[at : at + len(low)] = sparse[place] == low
            at += len(low)
        return found

    def _merge(self, key: int, low: Sparse) -> None:
        """Add ascending positions, none of which is there yet, to a chunk."""
        dense = self._dense.get(key)
        if dense is None:
            sparse = self._sparse.pop(key, None)
            if sparse is not None:
                low = np.insert(sparse, np.searchsorted(sparse, low), low)
            if len(low) < _SPARSE_ROWS:
                self._sparse[key] = low.copy()
                return
            dense = self._dense[key] = np.zeros(_CHUNK_BYTES, dtype=np.uint8)
        np.bitwise_or.at(dense, low >> 3, (1 << (low & 7)).astype(np.uint8))


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
