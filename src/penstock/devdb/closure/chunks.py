"""A two-level bitmap in memory, as in Roaring (Chambi, Lemire et al., 2016): chunks of 2²⁰ positions, of which one with
few is a sorted array, a fuller one 128 kB of bits.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import numpy.typing as npt

Positions = npt.NDArray[np.uint64]  # ascending
Bits = npt.NDArray[np.uint8]
Sparse = npt.NDArray[np.uint32]
Mask = npt.NDArray[np.bool_]

CHUNK_BITS = 20
_CHUNK_BYTES = 1 << (CHUNK_BITS - 3)
_LOW = np.uint64((1 << CHUNK_BITS) - 1)
_SPARSE_ROWS = _CHUNK_BYTES // 4  # from here on the bits are smaller than the array
_OVERHEAD = 256  # of a chunk: what Python and numpy take for a small array in a dictionary


class Chunks:
    """Positions at 4 bytes each, but at most 128 kB for 2²⁰ in a row, and 256 bytes for each chunk that has any."""

    __slots__ = ("_dense", "_sparse", "nbytes")

    def __init__(self) -> None:
        self._sparse: dict[int, Sparse] = {}
        self._dense: dict[int, Bits] = {}
        self.nbytes = 0

    def add(self, positions: Positions) -> Mask:
        """Add distinct positions; which of them were not there."""
        new = np.empty(len(positions), dtype=bool)
        at = 0
        for key, low in _by_chunk(positions):
            new[at : at + len(low)] = self._merge(key, low)
            at += len(low)
        return new

    def contains(self, positions: Positions) -> Mask:
        found = np.zeros(len(positions), dtype=bool)
        at = 0
        for key, low in _by_chunk(positions):
            dense, sparse = self._dense.get(key), self._sparse.get(key)
            if dense is not None:
                found[at : at + len(low)] = _bits_at(dense, low)
            elif sparse is not None:
                found[at : at + len(low)] = sparse.take(np.searchsorted(sparse, low), mode="clip") == low
            at += len(low)
        return found

    def keys(self) -> npt.NDArray[np.uint64]:
        """The chunks that have positions, ascending."""
        return np.sort(np.array([*self._sparse, *self._dense], dtype=np.uint64))

    def chunk(self, key: int) -> Positions:
        """The positions of one chunk."""
        dense = self._dense.get(key)
        low = self._sparse[key] if dense is None else np.flatnonzero(np.unpackbits(dense, bitorder="little"))
        return np.uint64(key << CHUNK_BITS) | low.astype(np.uint64)

    def drain(self) -> Iterator[tuple[int, Bits]]:
        """Every chunk as bits; each is forgotten as it is given."""
        for key in self.keys().tolist():
            sparse = self._sparse.pop(key, None)
            yield key, self._dense.pop(key) if sparse is None else _as_bits(sparse)
        self.nbytes = 0

    def _merge(self, key: int, low: Sparse) -> Mask:
        dense = self._dense.get(key)
        if dense is not None:
            new: Mask = _bits_at(dense, low) == 0
            _set_bits(dense, low)
            return new
        sparse = self._sparse.get(key)
        if sparse is None:
            new, whole = np.ones(len(low), dtype=bool), low.copy()
            self.nbytes += _OVERHEAD
        else:
            place = np.searchsorted(sparse, low)
            new = sparse.take(place, mode="clip") != low
            whole = np.insert(sparse, place[new], low[new])
            self.nbytes -= sparse.nbytes
        if len(whole) < _SPARSE_ROWS:
            self._sparse[key] = whole
            self.nbytes += whole.nbytes
        else:
            self._sparse.pop(key, None)
            self._dense[key] = _as_bits(whole)
            self.nbytes += _CHUNK_BYTES
        return new


def _by_chunk(positions: Positions) -> Iterator[tuple[int, Sparse]]:
    """Ascending positions cut into (chunk, positions in it)."""
    if len(positions) == 0:
        return
    keys = positions >> np.uint64(CHUNK_BITS)
    low = (positions & _LOW).astype(np.uint32)
    for start, stop in pairwise([0, *(np.flatnonzero(keys[1:] != keys[:-1]) + 1).tolist(), len(keys)]):
        yield int(keys[start]), low[start:stop]


def _as_bits(low: Sparse) -> Bits:
    bits = np.zeros(_CHUNK_BYTES, dtype=np.uint8)
    _set_bits(bits, low)
    return bits


def _bits_at(bits: Bits, low: Sparse) -> npt.NDArray[np.uint8]:
    """0 or 1 for each position."""
    found: npt.NDArray[np.uint8] = (bits[low >> 3] >> (low & 7).astype(np.uint8)) & np.uint8(1)
    return found


def _set_bits(bits: Bits, low: Sparse) -> None:
    np.bitwise_or.at(bits, low >> 3, (1 << (low & 7)).astype(np.uint8))
