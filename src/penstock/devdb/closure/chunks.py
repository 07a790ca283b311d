"""A two-level bitmap in memory, as in Roaring (Chambi, Lemire et al., 2016): chunks of 2²⁰ positions, of which one with
few is a sorted array, a fuller one 128 kB of bits.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

Positions = npt.NDArray[np.uint64]  # ascending
Bits = npt.NDArray[np.uint8]  # 8 positions a byte, the lowest bit first
Places = npt.NDArray[np.uint32]  # positions counted from the start of some bits, ascending
Flags = npt.NDArray[np.bool_]

CHUNK_BITS = 20
_CHUNK_BYTES = 1 << (CHUNK_BITS - 3)
_LOW = np.uint64((1 << CHUNK_BITS) - 1)
_SPARSE_ROWS = _CHUNK_BYTES // 4  # from here on the bits are smaller than the array
ARRAY_BYTES = 256  # what Python and numpy take for a small array in a dictionary, beside its contents
LEAF_BYTES = 256  # what a list of a leaf's chunks takes


class Chunks:
    """Positions at 4 bytes each, but at most 128 kB for 2²⁰ in a row, and 256 bytes for each chunk and leaf that has any.

    A *leaf* is what positions have in common without their lowest `leaf_bits`.
    """

    __slots__ = ("_dense", "_held", "_leaf_shift", "_of_leaf", "_sparse")

    def __init__(self, leaf_bits: int) -> None:
        self._leaf_shift = leaf_bits - CHUNK_BITS
        self._sparse: dict[int, Places] = {}
        self._dense: dict[int, Bits] = {}
        self._of_leaf: dict[int, list[int]] = {}  # a leaf's chunks: there may be thousands of leaves
        self._held = 0

    @property
    def nbytes(self) -> int:
        """Memory held."""
        return self._held + len(self._of_leaf) * LEAF_BYTES

    def add(self, positions: Positions) -> Flags:
        """Add distinct positions; which of them were not there."""
        new = np.empty(len(positions), dtype=bool)
        for key, own, low in _by_chunk(positions):
            new[own] = self._merge(key, low)
        return new

    def contains(self, positions: Positions) -> Flags:
        found = np.zeros(len(positions), dtype=bool)
        for key, own, low in _by_chunk(positions):
            dense, sparse = self._dense.get(key), self._sparse.get(key)
            if dense is not None:
                found[own] = are_set(dense, low)
            elif sparse is not None:
                found[own] = sparse.take(np.searchsorted(sparse, low), mode="clip") == low
        return found

    def keys(self, leaf: int | None = None) -> npt.NDArray[np.uint64]:
        """The chunks (of one leaf) that have positions, ascending."""
        keys = [*self._sparse, *self._dense] if leaf is None else self._of_leaf.get(leaf, [])
        return np.sort(np.array(keys, dtype=np.uint64))

    def chunk(self, key: int) -> Positions:
        """The positions of one chunk."""
        dense = self._dense.get(key)
        return in_chunk(key, self._sparse[key] if dense is None else places_set(dense))

    def bits(self, key: int) -> Bits:
        """One chunk, as bits."""
        sparse = self._sparse.get(key)
        return self._dense[key] if sparse is None else _as_bits(sparse)

    def put(self, key: int, bits: Bits) -> None:
        """Take over the bits of a chunk that has none here."""
        self._of_leaf.setdefault(key >> self._leaf_shift, []).append(key)
        self._held += ARRAY_BYTES
        if count_set(bits) < _SPARSE_ROWS:
            self._sparse[key] = places_set(bits).astype(np.uint32)
            self._held += self._sparse[key].nbytes
        else:
            self._dense[key] = bits.copy()
            self._held += _CHUNK_BYTES

    def drain(self) -> Iterator[tuple[int, Bits]]:
        """Every chunk as bits; each is forgotten as it is given."""
        for key in self.keys().tolist():
            sparse = self._sparse.pop(key, None)
            yield key, self._dense.pop(key) if sparse is None else _as_bits(sparse)
        self._of_leaf.clear()
        self._held = 0

    def _merge(self, key: int, low: Places) -> Flags:
        dense = self._dense.get(key)
        if dense is not None:
            new = ~are_set(dense, low)
            set_bits(dense, low)
            return new
        sparse = self._sparse.get(key)
        if sparse is None:
            new, whole = np.ones(len(low), dtype=bool), low.copy()
            self._of_leaf.setdefault(key >> self._leaf_shift, []).append(key)
            self._held += ARRAY_BYTES
        else:
            place = np.searchsorted(sparse, low)
            new = sparse.take(place, mode="clip") != low
            whole = np.insert(sparse, place[new], low[new])
            self._held -= sparse.nbytes
        if len(whole) < _SPARSE_ROWS:
            self._sparse[key] = whole
            self._held += whole.nbytes
        else:
            self._sparse.pop(key, None)
            self._dense[key] = _as_bits(whole)
            self._held += _CHUNK_BYTES
        return new


def _by_chunk(positions: Positions) -> Iterator[tuple[int, slice, Places]]:
    """Ascending positions cut into (chunk, which of them, their places in it)."""
    keys = positions >> np.uint64(CHUNK_BITS)
    low = (positions & _LOW).astype(np.uint32)
    for start, stop in spans(keys):
        yield int(keys[start]), slice(start, stop), low[start:stop]


def _as_bits(low: Places) -> Bits:
    bits = np.zeros(_CHUNK_BYTES, dtype=np.uint8)
    set_bits(bits, low)
    return bits


def in_chunk(key: int, low: npt.NDArray[Any]) -> Positions:
    """The positions of places in a chunk."""
    positions: Positions = np.uint64(key << CHUNK_BITS) | low.astype(np.uint64)
    return positions


def are_set(bits: Bits, places: Places) -> Flags:
    """For each place, whether its bit is set."""
    found: Flags = bits[places >> 3] & _bit(places) != 0
    return found


def set_bits(bits: Bits, places: Places) -> None:
    np.bitwise_or.at(bits, places >> 3, _bit(places))


def count_set(bits: Bits) -> int:
    return int.from_bytes(bits.tobytes(), "little").bit_count()


def places_set(bits: Bits) -> npt.NDArray[np.intp]:
    return np.flatnonzero(np.unpackbits(bits, bitorder="little"))


def _bit(places: Places) -> Bits:
    return (1 << (places & 7)).astype(np.uint8)


def firsts(values: npt.NDArray[Any]) -> Flags:
    """For each value, whether it differs from the one before."""
    first = np.ones(len(values), dtype=bool)
    np.not_equal(values[1:], values[:-1], out=first[1:])
    return first


def spans(values: npt.NDArray[Any]) -> Iterator[tuple[int, int]]:
    """Where runs of equal values start and stop."""
    starts = np.flatnonzero(firsts(values)).tolist()
    return zip(starts, [*starts[1:], len(values)], strict=False)  # no values: no start, one stop
