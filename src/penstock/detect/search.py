"""Where a text holds the values of its own row: the customer's name in the customer's note.

Each text is searched for another value, so no pattern can be compiled. All texts lie end to end; every byte pair is
compared with the first two bytes of its row's value, and what is left is compared in full: about 2 ns a byte.
"""

from __future__ import annotations

import sys
import unicodedata
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from penstock.detect.spans import I64, U8, Flags, Spans, Texts, standing_alone

LEAST = 2  # characters a value must have to be looked for
_CHUNK = 1 << 18  # positions compared at once: the working set stays in the cache


def folded(values: pa.Array) -> tuple[Texts, Texts]:
    """`values` in Unicode form NFC (NULL as ''), and the same without letter case, byte for byte in the same places.

    Where a text's lower case has letters in other places (İ, ẞ, Ⱥ …), both are the lower case.
    """
    base = Texts.of(values)
    if len(base.data) == 0 or base.data.max() < 128:
        return base, Texts.of(pc.ascii_lower(base.array))
    base = Texts.of(pc.utf8_normalize(base.array, form="NFC"))
    lower = Texts.of(pc.utf8_lower(base.array))
    moved = np.diff(base.offsets) != np.diff(lower.offsets)
    level = pa.array(~moved)
    one, other = Texts.of(base.array.filter(level)), Texts.of(lower.array.filter(level))
    # Places agree where the same bytes continue a character.
    differs = np.flatnonzero((one.data & 0xC0 == 0x80) != (other.data & 0xC0 == 0x80))
    moved[np.flatnonzero(~moved)[one.rows(differs)]] = True
    if moved.any():
        base = Texts.of(pc.if_else(pa.array(moved), lower.array, base.array))
    return base, lower


def needles(values: pa.Array) -> pa.Array:
    """Values as `find_own` looks for them: NFC, no case, no blanks around; '' for NULL and what is too short."""
    array = pc.utf8_trim_whitespace(pc.utf8_normalize(Texts.of(values).array, form="NFC"))
    return pc.if_else(pc.greater_equal(pc.utf8_length(array), LEAST), pc.utf8_lower(array), "").cast(
        pa.large_string()
    )


@dataclass(frozen=True, slots=True, eq=False)
class Unaccented:
    """Texts without the accents of their letters, and the way back: character i is character i of the original."""

    texts: Texts
    _inner: I64  # where characters of more than a byte go on: in `texts`, in the original
    _inner_before: I64

    @classmethod
    def of(cls, original: Texts) -> Unaccented:
        before = _inner(original.data)
        if len(before) == 0:
            return cls(original, before, before)
        points = np.frombuffer(original.data.tobytes().decode().encode("utf-32-le"), "<u4")
        data = np.frombuffer(_letters()[points].tobytes().decode("utf-32-le").encode(), np.uint8)
        inner = _inner(data)
        return cls(Texts(data, _same_place(original.offsets, before, inner)), inner, before)

    def back(self, spans: Spans) -> Spans:
        """Spans of `texts` as spans of the original."""
        starts, ends = (_same_place(p, self._inner, self._inner_before) for p in (spans.starts, spans.ends))
        return Spans(starts, ends)


def _inner(data: U8) -> I64:
    return np.flatnonzero((data & 0xC0) == 0x80)


def _same_place(places: I64, inner: I64, other_inner: I64) -> I64:
    """Starts of characters among bytes of which `inner` go on, as starts of the same characters in the other bytes."""
    characters = places - np.searchsorted(inner, places)
    return characters + np.searchsorted(other_inner - np.arange(1, len(other_inner) + 1), characters)


@cache
def _letters() -> npt.NDArray[np.uint32]:
    """For each code point the letter it is without its accents."""
    table = np.arange(sys.maxunicode + 1, dtype="<u4")
    for point in range(128, 0x2000):  # the letters that Unicode composes with accents
        letter, *marks = list(unicodedata.normalize("NFD", chr(point)))
        if marks and all(unicodedata.combining(mark) for mark in marks):
            table[point] = ord(letter)
    for letter, bare in zip("øłđħŧı", "oldhti", strict=True):  # strokes are no accents to Unicode
        table[ord(letter)] = ord(bare)
    return table


def find_own(lower: Texts, wanted: pa.Array) -> tuple[Spans, I64]:
    """Where each of the `lower` texts holds its own value of `wanted` (from `needles`), as words of their own.

    Returns the spans and the text each stands in.
    """
    sought = Texts.of(wanted)
    lengths = np.diff(sought.offsets)
    candidates = _candidates(lower, sought, lengths >= LEAST)
    rows = lower.rows(candidates)
    fits = candidates + lengths[rows] <= lower.offsets[rows + 1]
    candidates, rows = candidates[fits], rows[fits]
    if len(candidates):
        same = pc.equal(
            lower.slices(candidates, candidates + lengths[rows]), sought.array.take(pa.array(rows))
        )
        chosen = same.to_numpy(zero_copy_only=False)
        candidates, rows = candidates[chosen], rows[chosen]
    spans = Spans(candidates, candidates + lengths[rows])
    alone = standing_alone(lower, spans)
    return spans.where(alone), rows[alone]


def _candidates(lower: Texts, sought: Texts, searched: Flags) -> I64:
    """The positions where the first two bytes of the row's value stand."""
    if len(lower.data) < LEAST or not searched.any():
        return np.empty(0, np.int64)
    pairs = np.ndarray(shape=(len(lower.data) - 1,), dtype=np.uint16, buffer=lower.data, strides=(1,))
    # 0xFFFF is no pair of bytes of UTF-8: it stands for "nothing".
    starts = np.concatenate([sought.data, np.zeros(2, np.uint8)])
    first = np.where(
        searched,
        starts[sought.offsets[:-1]].astype(np.uint16)
        | (starts[sought.offsets[:-1] + 1].astype(np.uint16) << 8),
        0xFFFF,
    ).astype("<u2")
    found = []
    for begin in range(0, len(pairs), _CHUNK):
        end = min(begin + _CHUNK, len(pairs))
        low, high = lower.rows(np.array([begin, end - 1]))
        bounds = np.clip(lower.offsets[low : high + 2], begin, end)
        found.append(
            np.flatnonzero(pairs[begin:end] == np.repeat(first[low : high + 1], np.diff(bounds))) + begin
        )
    return np.concatenate(found).astype(np.int64)
