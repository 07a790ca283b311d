"""The source's values in a form that can be searched for and cannot be read.

Every value becomes keyed hashes (see `hashing`). A text of eight bytes or more has an *anchor*: the rarest of its
8-byte windows, stirred one-to-one by a secret multiplier, with where it sits and how long the text is. A shorter text
(five to seven bytes) is its own anchor. A whole number has no anchor: it is looked up token by token.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from penstock.proof.cells import fold
from penstock.proof.hashing import I64, LOW_BYTES, U8, U64, HashKey, keyed_hash, padded, windows
from penstock.proof.sieve import Sieve, sieve_bits
from penstock.proof.spill import PAIRS_IN_MEMORY, PairCollector, PairTable

MINIMUM_CHARACTERS = 5
MINIMUM_DIGITS = 7
_TEXTS = 1 << 12  # whose windows are compared together: at most 64 of each
_COUNTER_BITS = 20  # the table of how often windows occur among the needles
_BLANK = ord(" ")


def offset_and_length(shapes: U64) -> tuple[I64, I64]:
    """The two halves of a packed shape: bytes before the anchor, bytes in all."""
    return (shapes >> np.uint64(32)).astype(np.int64), (shapes & np.uint64(0xFFFFFFFF)).astype(np.int64)


@dataclass(frozen=True, slots=True)
class NeedleIndex:
    """What is searched for. The tables may lie on disk; the sieves are in memory."""

    key: HashKey
    anchors: PairTable  # (stirred anchor, packed shape)
    texts: PairTable  # (hash, number of the column it came from)
    numbers: PairTable  # the same
    long: Sieve  # of the anchors of long texts
    short: Sieve  # of the stirred first five bytes of short ones
    digits: Sieve  # of the hashes of numbers
    short_lengths: tuple[int, ...]

    @property
    def is_empty(self) -> bool:
        return not self.texts.rows and not self.numbers.rows

    def values_by_origin(self, origins: int) -> I64:
        """How many distinct values of each column are searched for."""
        counts = np.zeros(origins, dtype=np.int64)
        for table in (self.texts, self.numbers):
            for pairs in table.parts():
                counts += np.bincount(pairs[:, 1].astype(np.int64), minlength=origins)
        return counts


@dataclass
class Tally:
    """What became of one column's values."""

    rows: int = 0
    too_short: int = 0  # rows whose value, or leaf, is below the minimum
    fractions: int = 0  # numbers that are not whole: not searched
    accepted: int = 0  # distinct values that may stay


@dataclass
class NeedleCollector:
    """Takes the values of one column after the other, then builds the index."""

    key: HashKey
    pairs_in_memory: int = PAIRS_IN_MEMORY
    _anchors: PairCollector = field(init=False)
    _texts: PairCollector = field(init=False)
    _numbers: PairCollector = field(init=False)
    _seen: npt.NDArray[np.uint32] = field(init=False)
    _short_lengths: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._anchors, self._texts, self._numbers = (PairCollector(self.pairs_in_memory) for _ in range(3))
        self._seen = np.zeros(1 << _COUNTER_BITS, dtype=np.uint32)

    def add(self, origin: int, buffer: U8, starts: I64, ends: I64, accepted: U64, tally: Tally) -> U64:
        """Take folded values (byte ranges of a padded buffer). Returns the hashes of those that were accepted."""
        starts, ends = trimmed(buffer, starts, ends)
        signless, lengths, kind = _without_sign(buffer, starts, ends - starts)
        tally.too_short += int(np.count_nonzero(kind == _SHORT))
        tally.fractions += int(np.count_nonzero(kind == _FRACTION))
        wanted = np.flatnonzero((kind == _TEXT) | (kind == _NUMBER))
        starts, lengths, kind = signless[wanted], lengths[wanted], kind[wanted]
        hashes, first = np.unique(keyed_hash(self.key, buffer, starts, lengths), return_index=True)
        starts, lengths, kind = starts[first], lengths[first], kind[first]
        allowed = contained(accepted, hashes)
        keep = ~allowed
        self._add_numbers(origin, hashes[keep & (kind == _NUMBER)])
        of_text = keep & (kind == _TEXT)
        self._add_texts(origin, buffer, starts[of_text], lengths[of_text], hashes[of_text])
        return hashes[allowed]

    def _add_numbers(self, origin: int, hashes: U64) -> None:
        self._numbers.add(hashes, np.full(len(hashes), origin, dtype=np.uint64))

    def _add_texts(self, origin: int, buffer: U8, starts: I64, lengths: I64, hashes: U64) -> None:
        if not len(hashes):
            return
        self._texts.add(hashes, np.full(len(hashes), origin, dtype=np.uint64))
        words = windows(buffer)
        short = np.flatnonzero(lengths < 8)
        self._short_lengths.update(np.unique(lengths[short]).tolist())
        anchors = (words[starts[short]] & LOW_BYTES[lengths[short]]) * self.key.multiplier
        self._anchors.add(anchors, lengths[short].astype(np.uint64))
        long = np.flatnonzero(lengths >= 8)
        for at in range(0, len(long), _TEXTS):
            some = long[at : at + _TEXTS]
            offsets = self._rarest_windows(words, starts[some], lengths[some])
            anchors = words[starts[some] + offsets] * self.key.multiplier
            packed = (offsets.astype(np.uint64) << np.uint64(32)) | lengths[some].astype(np.uint64)
            self._anchors.add(anchors, packed)

    def _rarest_windows(self, words: U64, starts: I64, lengths: I64) -> I64:
        """Per text the offset of the window met least often so far, of its first 64 windows.

        `https://` would be a poor anchor for a million addresses.
        """
        counts = np.minimum(lengths - 7, 64)
        ends = np.cumsum(counts)
        firsts = ends - counts
        offsets = np.arange(int(ends[-1]), dtype=np.int64) - np.repeat(firsts, counts)
        stirred = words[np.repeat(starts, counts) + offsets] * self.key.multiplier
        slots = (stirred >> np.uint64(64 - _COUNTER_BITS)).astype(np.int64)
        np.add.at(self._seen, slots, np.uint32(1))
        rank = (self._seen[slots].astype(np.int64) << 6) | offsets
        rarest: I64 = np.minimum.reduceat(rank, firsts) & 63
        return rarest

    def build(self) -> NeedleIndex:
        """The index of all that was added, good until `close`; the collector is spent."""
        anchors, texts, numbers = self._anchors.finish(), self._texts.finish(), self._numbers.finish()
        short = sum(int(np.count_nonzero(_is_short(pairs))) for pairs in anchors.parts())
        bits = sieve_bits((anchors.rows - short, short, numbers.rows))
        return NeedleIndex(
            self.key,
            anchors,
            texts,
            numbers,
            Sieve.of(bits[0], (pairs[~_is_short(pairs), 0] for pairs in anchors.parts())),
            Sieve.of(bits[1], (self._prefixes(pairs[_is_short(pairs), 0]) for pairs in anchors.parts())),
            Sieve.of(bits[2], (pairs[:, 0] for pairs in numbers.parts())),
            tuple(sorted(self._short_lengths)),
        )

    def _prefixes(self, stirred: U64) -> U64:
        """Of the anchors of short texts the first five bytes, stirred as the search stirs those of the target."""
        back = np.uint64(pow(int(self.key.multiplier), -1, 1 << 64))
        prefixes: U64 = (stirred * back & LOW_BYTES[5]) * self.key.multiplier
        return prefixes

    def close(self) -> None:
        for pairs in (self._anchors, self._texts, self._numbers):
            pairs.close()


_SHORT, _FRACTION, _NUMBER, _TEXT = range(4)


def _is_short(pairs: U64) -> npt.NDArray[np.bool_]:
    """Which of these anchors are of texts below eight bytes."""
    return offset_and_length(pairs[:, 1])[1] < 8


def value_hashes(key: HashKey, buffer: U8, starts: I64, ends: I64) -> U64:
    """The hashes of folded values, sorted and distinct: without blanks around them, numbers without a sign."""
    starts, ends = trimmed(buffer, starts, ends)
    starts, lengths, _ = _without_sign(buffer, starts, ends - starts)
    return np.unique(keyed_hash(key, buffer, starts, lengths))


def hashes_of(key: HashKey, texts: Iterable[str]) -> U64:
    """The hashes of these values as an index knows them, sorted and distinct."""
    pieces = [fold(text.encode()) for text in texts]
    lengths = np.array([len(piece) for piece in pieces], dtype=np.int64)
    ends = np.cumsum(lengths)
    return value_hashes(key, padded(b"".join(pieces)), ends - lengths, ends)


def trimmed(buffer: U8, starts: I64, ends: I64) -> tuple[I64, I64]:
    """The ranges without blanks around them: char(n) pads, people type them."""
    starts, ends = starts.copy(), ends.copy()
    active = np.flatnonzero((ends > starts) & (buffer[starts] == _BLANK))
    while len(active):
        starts[active] += 1
        active = active[(ends[active] > starts[active]) & (buffer[starts[active]] == _BLANK)]
    active = np.flatnonzero((ends > starts) & (buffer[ends - 1] == _BLANK))
    while len(active):
        ends[active] -= 1
        active = active[(ends[active] > starts[active]) & (buffer[ends[active] - 1] == _BLANK)]
    return starts, ends


def _without_sign(buffer: U8, starts: I64, lengths: I64) -> tuple[I64, I64, npt.NDArray[np.int8]]:
    """(starts, lengths, kind) of values; numbers lose a leading sign."""
    ends = starts + lengths
    digit = (buffer >= ord("0")) & (buffer <= ord("9"))
    digits = counted(digit, starts, ends)
    points = counted(buffer == ord("."), starts, ends)
    characters = counted((buffer & 0xC0) != 0x80, starts, ends)
    first = buffer[starts]
    signed = (lengths > 0) & ((first == ord("-")) | (first == ord("+")))
    unsigned = lengths - signed
    kind = np.where(characters >= MINIMUM_CHARACTERS, _TEXT, _SHORT).astype(np.int8)
    whole = (digits == unsigned) & (digits > 0)
    kind[whole] = np.where(digits[whole] >= MINIMUM_DIGITS, _NUMBER, _SHORT)
    kind[(points == 1) & (digits == unsigned - 1) & (digits > 0)] = _FRACTION
    drop = (whole & signed).astype(np.int64)
    return starts + drop, lengths - drop, kind


def counted(mark: npt.NDArray[np.bool_], starts: I64, ends: I64) -> I64:
    """How many marked bytes each range holds."""
    narrow = len(mark) < 1 << 31  # all but the readings of a gigantic row
    total: npt.NDArray[Any] = np.zeros(len(mark) + 1, dtype=np.int32 if narrow else np.int64)
    np.cumsum(mark, dtype=total.dtype, out=total[1:])
    inside: I64 = (total[ends] - total[starts]).astype(np.int64)
    return inside


def contained(haystack: U64, values: U64) -> npt.NDArray[np.bool_]:
    """Which of `values` are in the sorted `haystack`."""
    if not len(haystack):
        return np.zeros(len(values), dtype=bool)
    at = np.minimum(np.searchsorted(haystack, values), len(haystack) - 1)
    found: npt.NDArray[np.bool_] = haystack[at] == values
    return found
