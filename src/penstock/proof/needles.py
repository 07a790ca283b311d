"""The source's values in a form that can be searched for and cannot be read.

Every value becomes keyed hashes (see `hashing`). A text of eight bytes or more has an *anchor*: the rarest of its
8-byte windows, stirred one-to-one by a secret multiplier, with where it sits and how long the text is. A shorter text
(five to seven bytes) is its own anchor. A whole number has no anchor: it is looked up token by token.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from penstock.proof.cells import fold
from penstock.proof.hashing import I64, LOW_BYTES, U8, U64, HashKey, keyed_hash, padded, windows
from penstock.proof.spill import PairCollector

MINIMUM_CHARACTERS = 5
MINIMUM_DIGITS = 7
_COUNTER_BITS = 20  # the table of how often windows occur among the needles
_BLANK = ord(" ")


def offset_and_length(shapes: U64) -> tuple[I64, I64]:
    """The two halves of a packed shape: bytes before the anchor, bytes in all."""
    return (shapes >> np.uint64(32)).astype(np.int64), (shapes & np.uint64(0xFFFFFFFF)).astype(np.int64)


@dataclass(frozen=True, slots=True)
class NeedleIndex:
    """What is searched for. All arrays are sorted by their first name; origins are numbers of columns."""

    key: HashKey
    anchors: U64
    shapes: U64
    texts: U64
    text_origins: U64
    numbers: U64
    number_origins: U64
    bits: int
    bitmap: U8  # one bit per hashed anchor of long texts
    second_bitmap: (
        U8  # one more bit per anchor, from its next `bits` bits: with millions of needles one is not enough
    )
    short_bitmap: U8  # the same for the first five bytes of short ones
    short_lengths: tuple[int, ...]

    @property
    def is_empty(self) -> bool:
        return not len(self.texts) and not len(self.numbers)

    def values_by_origin(self, origins: int) -> I64:
        """How many distinct values of each column are searched for."""
        counts = np.zeros(origins, dtype=np.int64)
        for column in (self.text_origins, self.number_origins):
            for at in range(0, len(column), 1 << 20):
                counts += np.bincount(column[at : at + (1 << 20)].astype(np.int64), minlength=origins)
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
    pairs_in_memory: int = 1 << 21
    _anchors: PairCollector = field(init=False)
    _texts: PairCollector = field(init=False)
    _numbers: PairCollector = field(init=False)
    _seen: npt.NDArray[np.uint32] = field(init=False)
    _short_prefixes: list[U64] = field(default_factory=list)
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
        allowed = _contains(accepted, hashes)
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
        self._short_prefixes.append(np.unique(words[starts[short]] & LOW_BYTES[5]))
        long = np.flatnonzero(lengths >= 8)
        if len(long):
            offsets = self._rarest_windows(words, starts[long], lengths[long])
            anchors = words[starts[long] + offsets] * self.key.multiplier
            packed = (offsets.astype(np.uint64) << np.uint64(32)) | lengths[long].astype(np.uint64)
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
        """The index of all that was added; the collector is spent."""
        anchors, shapes = self._anchors.finish()
        texts, text_origins = self._texts.finish()
        numbers, number_origins = self._numbers.finish()
        bits = min(27, max(17, len(anchors).bit_length() + 6))
        prefixes = np.unique(np.concatenate([*self._short_prefixes, np.empty(0, dtype=np.uint64)]))
        return NeedleIndex(
            self.key,
            anchors,
            shapes,
            texts,
            text_origins,
            numbers,
            number_origins,
            bits,
            _bitmap(anchors, bits),
            _bitmap(anchors << np.uint64(bits), bits),
            _bitmap(prefixes * self.key.multiplier, bits),
            tuple(sorted(self._short_lengths)),
        )

    def close(self) -> None:
        for pairs in (self._anchors, self._texts, self._numbers):
            pairs.close()


_SHORT, _FRACTION, _NUMBER, _TEXT = range(4)


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
    total = np.zeros(len(mark) + 1, dtype=np.int64)
    np.cumsum(mark, out=total[1:])
    inside: I64 = total[ends] - total[starts]
    return inside


def _contains(haystack: U64, values: U64) -> npt.NDArray[np.bool_]:
    """Which of `values` are in the sorted `haystack`."""
    if not len(haystack):
        return np.zeros(len(values), dtype=bool)
    at = np.minimum(np.searchsorted(haystack, values), len(haystack) - 1)
    found: npt.NDArray[np.bool_] = haystack[at] == values
    return found


def _bitmap(stirred: U64, bits: int) -> U8:
    """A bit for the highest `bits` bits of every number."""
    out = np.zeros(1 << (bits - 3), dtype=np.uint8)
    for at in range(0, len(stirred), 1 << 20):
        slots = (stirred[at : at + (1 << 20)] >> np.uint64(64 - bits)).astype(np.int64)
        np.bitwise_or.at(out, slots >> 3, (np.uint8(1) << (slots & 7).astype(np.uint8)))
    return out
