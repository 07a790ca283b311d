"""Sets of rows by their physical address (ctid) within one snapshot: exact, compact, for tables without keys too.

A row id is a `uint64`: leaf << 48 | block << 16 | offset, where *leaf* numbers the storage tables (partitions) of
one logical table. A set is a two-level bitmap as in Roaring (Chambi, Lemire et al., 2016): the id without its unused
offset bits, cut into chunks of 2²⁰ positions; a chunk with few rows is a sorted array, a fuller one 128 kB of bits. So a
set costs at most 4 bytes per row, and at most 64 bytes per 8 kB page of the table.
"""

from __future__ import annotations

from collections.abc import Iterator

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


def row_ids(
    leaf: npt.NDArray[np.integer] | int, block: npt.NDArray[np.integer], offset: npt.NDArray[np.integer]
) -> RowIds:
    """Row ids from parts."""
    shifted = np.asarray(leaf, dtype=np.uint64) << np.uint64(48)
    return shifted | (block.astype(np.uint64) << np.uint64(16)) | offset.astype(np.uint64)


def leaves_of(ids: RowIds) -> npt.NDArray[np.intp]:
    return (ids >> np.uint64(48)).astype(np.intp)


def blocks_of(ids: RowIds) -> npt.NDArray[np.uint32]:
    return ((ids >> np.uint64(16)) & np.uint64(0xFFFFFFFF)).astype(np.uint32)


def offsets_of(ids: RowIds) -> npt.NDArray[np.uint16]:
    return (ids & np.uint64(0xFFFF)).astype(np.uint16)


class RowSet:
    """A growing set of row ids. `offset_bits`: 9 for pages of 8 kB, 10 for 16 kB, 11 for 32 kB."""

    __slots__ = ("_chunks", "_offset_bits", "count")

    def __init__(self, offset_bits: int = OFFSET_BITS) -> None:
        self._offset_bits = offset_bits
        self._chunks: dict[int, Sparse | Bits] = {}
        self.count = 0

    def __len__(self) -> int:
        return self.count

    def add(self, ids: RowIds) -> RowIds:
        """Add rows (any order, repeats allowed); returns those that were not in the set, sorted, each once."""
        if len(ids) == 0:
            return NO_ROWS
        ids = np.unique(ids)
        new = ~self._look_up(ids)
        ids = ids[new]
        for key, low in self._by_chunk(ids):
            self._chunks[key] = _merged(self._chunks.get(key), low)
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

    def blocks(self, size: int = 1 << 16) -> Iterator[RowIds]:
        """All rows, ascending (leaf, block, offset), as arrays of at most `size` ids."""
        for key in sorted(self._chunks):
            chunk = self._chunks[key]
            low = (
                chunk if chunk.dtype == np.uint32 else np.flatnonzero(np.unpackbits(chunk, bitorder="little"))
            )
            compact = (np.uint64(key) << np.uint64(_CHUNK_BITS)) | low.astype(np.uint64)
            ids = self._expand(compact)
            for start in range(0, len(ids), size):
                yield ids[start : start + size]

    def to_array(self) -> RowIds:
        """All rows, ascending: 8 bytes each, so for sets known to be small."""
        return np.concatenate([NO_ROWS, *self.blocks()])

    def leaf(self, number: int, size: int = 1 << 16) -> Iterator[RowIds]:
        """The rows of one leaf, ascending, as arrays of at most `size` ids."""
        for ids in self.blocks(size):
            of_leaf = ids[leaves_of(ids) == number]
            if len(of_leaf):
                yield of_leaf

    def leaf_counts(self) -> dict[int, int]:
        """Rows per leaf, for leaves that have any."""
        counts: dict[int, int] = {}
        for ids in self.blocks():
            numbers, amounts = np.unique(leaves_of(ids), return_counts=True)
            for number, amount in zip(numbers.tolist(), amounts.tolist(), strict=True):
                counts[number] = counts.get(number, 0) + amount
        return counts

    @property
    def nbytes(self) -> int:
        """Memory held."""
        return sum(chunk.nbytes for chunk in self._chunks.values())

    def _compact(self, ids: RowIds) -> RowIds:
        bits = np.uint64(self._offset_bits)
        return ((ids >> np.uint64(16)) << bits) | (ids & np.uint64(0xFFFF))

    def _expand(self, compact: RowIds) -> RowIds:
        bits = np.uint64(self._offset_bits)
        return ((compact >> bits) << np.uint64(16)) | (compact & np.uint64((1 << self._offset_bits) - 1))

    def _by_chunk(self, ids: RowIds) -> Iterator[tuple[int, Sparse]]:
        """Sorted ids cut into (chunk, positions in it)."""
        compact = self._compact(ids)
        keys = compact >> np.uint64(_CHUNK_BITS)
        low = (compact & _LOW).astype(np.uint32)
        cuts = [0, *(np.flatnonzero(keys[1:] != keys[:-1]) + 1).tolist(), len(keys)] if len(keys) else [0]
        for start, stop in zip(cuts[:-1], cuts[1:], strict=True):
            yield int(keys[start]), low[start:stop]

    def _look_up(self, ids: RowIds) -> npt.NDArray[np.bool_]:
        """`contains` for ascending ids."""
        found = np.zeros(len(ids), dtype=bool)
        at = 0
        for key, low in self._by_chunk(ids):
            chunk = self._chunks.get(key)
            if chunk is None:
                pass
            elif chunk.dtype == np.uint32:
                place = np.minimum(np.searchsorted(chunk, low), len(chunk) - 1)
                found[at : at + len(low)] = chunk[place] == low
            else:
                found[at : at + len(low)] = (chunk[low >> 3] >> (low & 7).astype(np.uint8)) & 1
            at += len(low)
        return found


def _merged(chunk: Sparse | Bits | None, new: Sparse) -> Sparse | Bits:
    """A chunk with the ascending positions `new` added; none of them is in it yet."""
    if chunk is not None and chunk.dtype == np.uint8:
        np.bitwise_or.at(chunk, new >> 3, (1 << (new & 7)).astype(np.uint8))
        return chunk
    if chunk is not None:
        new = np.insert(chunk, np.searchsorted(chunk, new), new)
    if len(new) < _SPARSE_ROWS:
        return new.astype(np.uint32)
    whole = np.zeros(1 << _CHUNK_BITS, dtype=bool)
    whole[new] = True
    return np.packbits(whole, bitorder="little")
