"""Bit maps that tell of most 64-bit numbers that they are not in a set, of which little is in memory (Bloom, 1970)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from penstock.proof.hashing import I64, U8, U64

_BYTES = 129 << 20  # of all sieves of an index together: a large one and small ones
_FEWEST_BITS, _MOST_BITS = 17, 29
_MIXER = np.uint64(0x9E3779B97F4A7C15)


@dataclass(frozen=True, slots=True)
class Sieve:
    """Two maps of 2^bits bits: one bit per number in the first, which is asked of all, three in the second.

    With 15 bits of each per number (9 million numbers) one in 2,400 others passes, with 5 bits (100 million) one in 70.
    """

    bits: int
    first: U8
    second: U8

    @classmethod
    def of(cls, bits: int, parts: Iterable[U64]) -> Sieve:
        """The sieve of a set whose numbers have well spread high bits."""
        made = cls(bits, *(np.zeros(1 << (bits - 3), dtype=np.uint8) for _ in range(2)))
        for part in parts:
            _mark(made.first, made._slots(part))
            for slots in made._more_slots(part):
                _mark(made.second, slots)
        return made

    def passing(self, numbers: U64) -> I64:
        """The places of the numbers that may be in the set: of all that are, and of few others."""
        found = np.flatnonzero(_marked(self.first, self._slots(numbers)))
        kept = np.ones(len(found), dtype=bool)
        for slots in self._more_slots(numbers[found]):
            kept &= _marked(self.second, slots)
        return found[kept]

    def _slots(self, numbers: U64) -> I64:
        return (numbers >> np.uint64(64 - self.bits)).view(np.int64)

    def _more_slots(self, numbers: U64) -> Iterator[I64]:
        """Three slots of each number, by double hashing."""
        mixed = (numbers ^ (numbers >> np.uint64(32))) * _MIXER
        slot, step = mixed >> np.uint64(32), mixed | np.uint64(1)
        for _ in range(3):
            yield (slot & np.uint64((1 << self.bits) - 1)).view(np.int64)
            slot = slot + step


def sieve_bits(counts: Sequence[int]) -> list[int]:
    """For sets of these sizes the bits of their sieves; the largest are made smaller until memory holds all."""
    bits = [min(_MOST_BITS, max(_FEWEST_BITS, count.bit_length() + 3)) for count in counts]
    while sum(2 << (b - 3) for b in bits) > _BYTES:
        bits[bits.index(max(bits))] -= 1
    return bits


def _mark(bitmap: U8, slots: I64) -> None:
    np.bitwise_or.at(bitmap, slots >> 3, np.uint8(1) << (slots & 7).astype(np.uint8))


def _marked(bitmap: U8, slots: I64) -> npt.NDArray[np.bool_]:
    return ((bitmap.take(slots >> 3) >> (slots & 7).astype(np.uint8)) & np.uint8(1)).view(np.bool_)
