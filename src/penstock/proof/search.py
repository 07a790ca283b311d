"""Where the needles are: one pass over the bytes of a block, whatever the number of needles.

Every 8-byte window of the text is stirred and sieved; what remains (well below 1 %) is looked up among the anchors,
and what still remains is hashed in the lengths that anchor occurs with.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from penstock.proof.cells import Cells
from penstock.proof.hashing import I64, LOW_BYTES, U64, keyed_hash, windows
from penstock.proof.needles import MINIMUM_DIGITS, NeedleIndex, counted, offset_and_length, trimmed
from penstock.proof.spill import PairTable

_CHUNK = 1 << 16  # windows looked at together: their arrays stay in the processor's cache
_WAITING = 1 << 18  # candidates looked up together
_LARGER = re.compile(rb"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}|[0-9]+[.][0-9]*[1-9][0-9]*")


@dataclass(frozen=True, slots=True)
class Hits:
    """Occurrences: which cell, which value (its hash), which column it came from, whether it fills the cell."""

    cell: I64
    value: U64
    origin: I64
    whole: npt.NDArray[np.bool_]
    word: npt.NDArray[np.bool_]  # the value is one word, letters only
    number: npt.NDArray[np.bool_]  # the value is digits only


def search(index: NeedleIndex, cells: Cells) -> Hits:
    """Every occurrence of a needle inside one cell. A value may be reported several times per cell."""
    parts = [*_texts(index, cells), *_numbers(index, cells)]
    if not parts:
        nothing = np.empty(0, dtype=np.int64)
        no = nothing.astype(bool)
        return Hits(nothing, nothing.astype(np.uint64), nothing, no, no, no)
    cell, start, length, value, origin = (np.concatenate(column) for column in zip(*parts, strict=True))
    true = ~cells.opaque[cell]
    cell, start, length, value, origin = cell[true], start[true], length[true], value[true], origin[true]
    first, last = trimmed(cells.buffer, cells.starts[cell], cells.ends[cell])
    sign = (cells.buffer[first] == ord("-")) | (cells.buffer[first] == ord("+"))
    whole = (start + length == last) & ((start == first) | (sign & (start == first + 1)))
    word = counted(_LETTER[cells.buffer], start, start + length) == length
    number = counted(_DIGIT[cells.buffer], start, start + length) == length
    return Hits(cell, value, origin, whole, word, number)


_Part = tuple[I64, I64, I64, U64, I64]  # cell, start, length, value, origin


def _texts(index: NeedleIndex, cells: Cells) -> Iterator[_Part]:
    """Occurrences of texts."""
    if not index.texts.rows:
        return
    words = windows(cells.buffer)[: len(cells.buffer) - 8]
    for start, length in _candidates(index, words):
        cell = np.searchsorted(cells.starts, start, side="right") - 1
        inside = np.flatnonzero((start >= 0) & (cell >= 0) & (start + length <= cells.ends[cell]))
        if len(inside):
            place = cell[inside], start[inside], length[inside]
            hashes = keyed_hash(index.key, cells.buffer, *place[1:])
            yield from _known(index.texts, *place, hashes)


def _candidates(index: NeedleIndex, words: U64) -> Iterator[tuple[I64, I64]]:
    """(starts, lengths) of texts that could be needles, by their anchors."""
    anchors: list[U64] = [np.empty(0, dtype=np.uint64)]
    positions: list[I64] = [np.empty(0, dtype=np.int64)]
    waiting = 0
    for anchor, position in _passing(index, words):
        anchors.append(anchor)
        positions.append(position)
        waiting += len(anchor)
        if waiting > _WAITING:  # looked up together: neighbours among the anchors lie on the same pages
            yield from _by_anchor(index, np.concatenate(anchors), np.concatenate(positions))
            anchors, positions, waiting = anchors[:1], positions[:1], 0
    yield from _by_anchor(index, np.concatenate(anchors), np.concatenate(positions))


def _passing(index: NeedleIndex, words: U64) -> Iterator[tuple[U64, I64]]:
    """(stirred windows, positions) of those that may be anchors."""
    stir = index.key.multiplier
    for at in range(0, len(words), _CHUNK):
        part = words[at : at + _CHUNK]
        stirred = part * stir
        hit = index.long.passing(stirred)
        if len(hit):
            yield stirred[hit], hit + at
        if not index.short_lengths:
            continue
        hit = index.short.passing((part & LOW_BYTES[5]) * stir)
        for length in index.short_lengths if len(hit) else ():
            yield (part[hit] & LOW_BYTES[length]) * stir, hit + at


def _by_anchor(index: NeedleIndex, stirred: U64, position: I64) -> Iterator[tuple[I64, I64]]:
    """All shapes the anchors at these positions occur with, in portions."""
    for which, shapes in index.anchors.find(stirred):
        offset, length = offset_and_length(shapes)
        yield position[which] - offset, length


def _numbers(index: NeedleIndex, cells: Cells) -> Iterator[_Part]:
    """Whole numbers that are a token of their own: no digit, letter or underscore beside them, not part of a UUID."""
    if not index.numbers.rows:
        return
    buffer = cells.buffer
    digit = np.zeros(len(buffer) + 1, dtype=bool)
    np.less_equal(buffer - np.uint8(ord("0")), 9, out=digit[1:])  # bytes below "0" wrap around to above 9
    start = np.flatnonzero(digit[1:] > digit[:-1])
    end = np.flatnonzero(digit[1:] < digit[:-1])
    enough = end - start >= MINIMUM_DIGITS
    start, end = start[enough], end[enough]
    alone = ~_WORD[buffer[end]] & ((start == 0) | ~_WORD[buffer[start - 1]])
    start, end = start[alone], end[alone]
    if not len(start):
        return
    cell = np.searchsorted(cells.starts, start, side="right") - 1
    hashes = keyed_hash(index.key, buffer, start, end - start)
    near = index.digits.passing(hashes)
    for found in _known(index.numbers, cell[near], start[near], (end - start)[near], hashes[near]):
        free = ~_in_something_larger(cells, *found[:3])
        yield tuple(column[free] for column in found)  # type: ignore[misc]


def _in_something_larger(cells: Cells, cell: I64, start: I64, length: I64) -> npt.NDArray[np.bool_]:
    """Which ranges are part of a UUID, whose groups may happen to be all digits, or of a decimal fraction."""
    out = np.zeros(len(start), dtype=bool)
    before, after = cells.buffer[start - 1], cells.buffer[start + length]
    for i in np.flatnonzero(_JOINT[before] | _JOINT[after]).tolist():
        low = max(int(cells.starts[cell[i]]), int(start[i]) - 36)
        high = min(int(cells.ends[cell[i]]), int(start[i] + length[i]) + 36)
        text = cells.buffer[low:high].tobytes()
        out[i] = any(m.start() <= start[i] - low < m.end() for m in _LARGER.finditer(text))
    return out


def _known(table: PairTable, cell: I64, start: I64, length: I64, hashes: U64) -> Iterator[_Part]:
    """Those whose hash is a needle's, once per column the needle came from."""
    for which, origin in table.find(hashes):
        yield cell[which], start[which], length[which], hashes[which], origin.astype(np.int64)


_WORD = np.zeros(256, dtype=bool)
_WORD[list(b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_")] = True
_WORD[0x80:] = True
_LETTER = _WORD.copy()
_LETTER[list(b"0123456789_")] = False
_DIGIT = np.zeros(256, dtype=bool)
_DIGIT[list(b"0123456789")] = True
_JOINT = np.zeros(256, dtype=bool)
_JOINT[list(b"-.")] = True
