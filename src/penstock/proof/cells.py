"""Blocks of COPY text cut into cells, and what a cell says once its escapes are undone.

Written for the proof alone and shared with nothing that masks or moves rows. Everything is folded to lower case
first, by simple case mapping character by character, so that a survivor is found however it is spelt.

A *cell* of a block is a range of its bytes. A cell with an escape has *readings*: the same text with the escapes of
COPY, of JSON and array literals, of composite literals, of bytea, of URLs or of HTML and XML undone, level by level.
"""

from __future__ import annotations

import html
import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice
from typing import AnyStr

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from penstock.proof.hashing import I64, U8, padded

BLOCK_BYTES = 4 << 20
_PART_BYTES = BLOCK_BYTES // 4  # of a long text, looked at together
_LONG_BYTES = 2 * BLOCK_BYTES  # readings longer than this are not gathered any further
_PART_ESCAPES = 1 << 16  # undone together in a long text: each is an object or two meanwhile
_TAB, _NEWLINE, _BACKSLASH, _QUOTE, _PERCENT, _AMPERSAND, _APOSTROPHE = b"\t\n\\\"%&'"
_DEPTH = 6  # how often escapes may nest: JSON in JSON in an array in a composite is 4

_COPY_ESCAPE = re.compile(rb"\\(.)", re.DOTALL)
_COPY_MEANING = {b"b": b"\b", b"f": b"\f", b"n": b"\n", b"r": b"\r", b"t": b"\t", b"v": b"\v"}
_BACKSLASHED = re.compile(r"\\(u[0-9a-fA-F]{4}(?:\\u[dD][c-fC-F][0-9a-fA-F]{2})?|.)", re.DOTALL)
_BACKSLASH_MEANING = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
_PERCENT_CODED = re.compile(r"(?:%[0-9a-fA-F]{2})++")
_BYTEA = re.compile(r"\\x([0-9a-f]{10,})")
_ENTITY = re.compile(r"&#?[^\t\n\f <&#;]*+;?")  # that or less of it is one
_MANY_DIGITS = re.compile(r"&#([0-9]{8,})")


class Spelling(StrEnum):
    """How a column's type doubles quotes in its text."""

    PLAIN = "plain"
    NESTED = "nested"  # composites, arrays of them, whatever we do not know: "" stands for "
    SEARCH = "search"  # tsvector: '' stands for '


@dataclass(frozen=True, slots=True)
class Cells:
    """Byte ranges of a padded buffer. `row` and `column` say where each was read; `reading` marks decoded ones."""

    buffer: U8
    starts: I64
    ends: I64
    row: I64
    column: I64
    opaque: npt.NDArray[
        np.bool_
    ]  # raw cells whose escapes make the raw spelling untrue: hits in them do not count


def fold(text: bytes) -> bytes:
    """UTF-8 in lower case, character by character."""
    if text.isascii():
        return text.lower()
    folded: bytes = pc.utf8_lower(pa.scalar(text.decode(), pa.large_string())).as_buffer().to_pybytes()
    return folded


def whole_rows(blocks: Iterable[bytes], size: int = BLOCK_BYTES) -> Iterator[bytes]:
    """The same stream in blocks of about `size` bytes that end with a row. A longer row is a block of its own."""
    held: list[bytes] = []
    length = 0
    for block in blocks:
        held.append(block)
        length += len(block)
        if length < size or b"\n" not in block:
            continue
        text = b"".join(held)
        end = text.rindex(b"\n") + 1
        yield text[:end]
        held, length = [text[end:]], len(text) - end
    if length:
        yield b"".join(held)


def cut(block: bytes, columns: int) -> tuple[bytes, U8, I64, I64]:
    """(folded text, padded buffer, starts, ends): the cells of a block of whole rows, row by row."""
    text = fold(block)
    buffer = padded(text)
    body = buffer[: len(text)]
    ends = _places(body, _TAB, _NEWLINE)
    if len(ends) % columns:
        raise ValueError("a block of COPY text does not hold whole rows")
    starts = np.empty_like(ends)
    starts[:1] = 0
    starts[1:] = ends[:-1] + 1
    return text, buffer, starts, ends


def read_block(block: bytes, spellings: tuple[Spelling, ...]) -> tuple[Cells, Iterator[Cells]]:
    """The cells of one block of rows: as they stand, and then the readings of those that have others."""
    text, buffer, starts, ends = cut(block, len(spellings))
    index = np.arange(len(starts), dtype=np.int64)
    body = buffer[: len(text)]
    escaped = _cells_with(_places_in_parts(body, _BACKSLASH), starts)
    opaque = escaped.copy()
    escaped |= _cells_with(_percent_coded(body), starts)
    escaped |= _cells_with(_entities(body), starts)
    column = index % len(spellings)
    kinds = np.array([s in (Spelling.NESTED, Spelling.SEARCH) for s in spellings])
    if kinds.any():
        for mark in (_QUOTE, _APOSTROPHE):
            doubled = (at[body[at + 1] == mark] for at in _places_in_parts(body[:-1], mark))
            escaped |= _cells_with(doubled, starts) & kinds[column]
    # NULL is \n once folded; nothing to read there.
    lengths = ends - starts
    null = (lengths == 2) & (buffer[starts] == _BACKSLASH)
    raw = Cells(buffer, starts, ends, index // len(spellings), column, opaque)
    return raw, _readings(raw, np.flatnonzero(escaped & ~null), spellings)


def _readings(raw: Cells, found: I64, spellings: tuple[Spelling, ...]) -> Iterator[Cells]:
    """All readings of the cells `found`, together unless they are long."""
    pieces: list[bytes] = []
    origin: list[int] = []
    waiting = 0
    columns = raw.column[found].tolist()
    spans = zip(found.tolist(), columns, raw.starts[found].tolist(), raw.ends[found].tolist(), strict=True)
    for cell, column, start, end in spans:
        for reading in readings(unescape_copy(raw.buffer[start:end].tobytes()), spellings[column]):
            pieces.append(reading)
            origin.append(cell)
            waiting += len(reading)
            del reading  # nothing but `pieces` holds it
            if waiting > _LONG_BYTES:
                yield _of_cells(raw, origin, pieces)
                waiting = 0
    if pieces:
        yield _of_cells(raw, origin, pieces)


def _of_cells(raw: Cells, origin: list[int], pieces: list[bytes]) -> Cells:
    """These readings of these cells. Both lists are empty afterwards: the next reading is made without them."""
    cells = np.array(origin, dtype=np.int64)
    read = joined(pieces, raw.row[cells], raw.column[cells])
    origin.clear()
    pieces.clear()
    return read


def joined(pieces: list[bytes], row: I64, column: I64) -> Cells:
    """Cells from texts at hand, already folded and without escapes that hide anything."""
    lengths = np.array([len(p) for p in pieces], dtype=np.int64)
    ends = np.cumsum(lengths + 1) - 1
    return Cells(
        padded(b"\n".join(pieces)), ends - lengths, ends, row, column, np.zeros(len(pieces), dtype=bool)
    )


def readings(value: bytes, spelling: Spelling) -> Iterator[bytes]:
    """What a folded value says: as the database prints it, then with what is nested inside undone, step by step.

    Everything comes out folded.
    """
    yield value
    text = value.decode()
    for _ in range(_DEPTH):
        before = text
        for step in (_undo_bytea, _undo_quoting, _undo_percent, _undo_entities):
            after = step(text, spelling)
            if after == text:
                continue
            try:
                yield fold(after.encode())
            except (
                UnicodeEncodeError
            ):  # octets that are no text as a whole; what is ASCII in them is still found
                yield after.encode("utf-8", "surrogateescape").lower()
                return
            text = after
        if text == before:
            return


def unescape_copy(cell: bytes) -> bytes:
    """The value behind a cell of COPY text that is not NULL."""
    if _BACKSLASH not in cell:
        return cell
    return _undo(_COPY_ESCAPE, lambda m: _COPY_MEANING.get(m[1], m[1]), cell)


def _undo(escape: re.Pattern[AnyStr], meaning: Callable[[re.Match[AnyStr]], AnyStr], text: AnyStr) -> AnyStr:
    """`text` with the meaning of each escape; a long one in parts, so that there are never millions of pieces."""
    if len(text) <= _PART_BYTES:
        return escape.sub(meaning, text)
    parts = []
    at = 0
    while last := deque(islice(escape.finditer(text, at), _PART_ESCAPES), maxlen=1):
        end = last[0].end()  # a part ends with an escape: none is cut
        parts.append(escape.sub(meaning, text[at:end]))
        at = end
    parts.append(text[at:])
    return text[:0].join(parts)


def _undo_bytea(text: str, _: Spelling) -> str:
    """Hexadecimal bytea, anywhere, as what it says; octets that are not UTF-8 become lone surrogates."""
    if "\\x" not in text:
        return text
    return _undo(_BYTEA, _bytea_meaning, text)


def _undo_quoting(text: str, spelling: Spelling) -> str:
    """Backslashes as in JSON and array literals, doubled quotes as in composites and tsvector."""
    if "\\" in text:
        text = _undo(_BACKSLASHED, _backslash_meaning, text)
    if spelling is Spelling.NESTED:
        return text.replace('""', '"')
    if spelling is Spelling.SEARCH:
        return text.replace("''", "'")
    return text


def _undo_percent(text: str, _: Spelling) -> str:
    return _undo(_PERCENT_CODED, _percent_meaning, text) if "%" in text else text


def _undo_entities(text: str, _: Spelling) -> str:
    return _undo(_ENTITY, _entity_meaning, text) if "&" in text else text


def _entity_meaning(match: re.Match[str]) -> str:
    """Digits beyond those of any character change nothing, but Python reads no number of 4,300."""
    return html.unescape(_MANY_DIGITS.sub(lambda m: f"&#{(m[1].lstrip('0') or '0')[:8]}", match[0]))


def _bytea_meaning(match: re.Match[str]) -> str:
    """Whole octets; an odd digit after them stays."""
    whole = len(match[1]) & ~1
    return bytes.fromhex(match[1][:whole]).decode("utf-8", "surrogateescape") + match[1][whole:]


def _percent_meaning(match: re.Match[str]) -> str:
    return bytes.fromhex(match[0].replace("%", "")).decode("utf-8", "replace")


def _backslash_meaning(match: re.Match[str]) -> str:
    code = match[1]
    if code[0] != "u" or len(code) == 1:
        return _BACKSLASH_MEANING.get(code, code)
    if len(code) == 11:  # uXXXX and a low surrogate
        high, low = int(code[1:5], 16), int(code[7:], 16)
        if 0xD800 <= high < 0xDC00:
            return chr(0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00))
        return "\ufffd" + "\ufffd"
    one = int(code[1:], 16)
    return "\ufffd" if 0xD800 <= one < 0xE000 else chr(one)


def _places(body: U8, *marks: int) -> I64:
    """Positions of these bytes."""
    return np.concatenate([np.empty(0, dtype=np.int64), *_places_in_parts(body, *marks)])


def _places_in_parts(body: U8, *marks: int) -> Iterator[I64]:
    """Positions of these bytes, part by part, so that what is in between stays small for a gigantic row.

    The pump has the same, and shall not share it: who judges uses nothing of who is judged.
    """
    for start in range(0, len(body), _PART_BYTES):
        part = body[start : start + _PART_BYTES]
        marked = part == marks[0]
        for mark in marks[1:]:
            marked |= part == mark
        yield np.flatnonzero(marked) + start


def _cells_with(parts: Iterable[I64], starts: I64) -> npt.NDArray[np.bool_]:
    """Which cells hold one of these byte positions."""
    out = np.zeros(len(starts), dtype=bool)
    for positions in parts:
        out[np.searchsorted(starts, positions, side="right") - 1] = True
    return out


def _percent_coded(body: U8) -> Iterator[I64]:
    """Positions of % before two hexadecimal digits."""
    for at in _places_in_parts(body[:-2], _PERCENT):
        yield at[_HEXADECIMAL[body[at + 1]] & _HEXADECIMAL[body[at + 2]]]


def _entities(body: U8) -> Iterator[I64]:
    """Positions of & before a letter or #."""
    for at in _places_in_parts(body[:-1], _AMPERSAND):
        following = body[at + 1]
        yield at[((following >= ord("a")) & (following <= ord("z"))) | (following == ord("#"))]


_HEXADECIMAL = np.zeros(256, dtype=bool)
_HEXADECIMAL[list(b"0123456789abcdefABCDEF")] = True
