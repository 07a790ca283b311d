"""PostgreSQL's array and record literals: where their parts stand, what they say, and how a part is written.

Arrays: `{a,"b c",NULL}`, `{{1,2},{3,4}}`, `[0:1]={a,b}`. Records: `(a,"b c",)`, where an empty field is NULL and `""` is
the empty string. Values without quotes are found with numpy; only quoted ones are read one by one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from penstock.detect.spans import Spans, Texts, replaced
from penstock.errors import MaskError
from penstock.masks.parts.arrays import I64, Flags

_QUOTE, _BACKSLASH, _COMMA = ord('"'), ord("\\"), ord(",")
_HINT = 'choose "null" or "constant" for this column in masks.toml, and please report the type that writes its values so'


@dataclass(frozen=True, slots=True, eq=False)
class Parts:
    """The parts of literals that are not NULL: span, row, place within the row, and text without quotes."""

    texts: Texts
    spans: Spans
    rows: I64
    places: I64  # which field of a record; 0 in arrays
    contents: pa.Array

    def written(self, parts: pa.Array) -> pa.Array:
        """The literals with other parts, written as they must stand."""
        return replaced(self.texts, self.spans, parts)


@dataclass(slots=True)
class _Found:
    """Parts found one by one."""

    starts: list[int]
    ends: list[int]
    places: list[int]
    contents: list[bytes]

    def add(self, start: int, end: int, place: int, content: bytes) -> None:
        self.starts.append(start)
        self.ends.append(end)
        self.places.append(place)
        self.contents.append(content)


def array_elements(values: pa.Array, delimiter: str = ",") -> Parts:
    """The elements of array literals that are not NULL, whatever the dimensions."""
    texts = Texts.of(values)
    separators = np.isin(texts.data, np.frombuffer(b"{}" + delimiter.encode(), np.uint8))
    slow = _rows_with(texts, (texts.data == _QUOTE) | (texts.data == _BACKSLASH))
    first = np.append(texts.data, np.uint8(0))[texts.offsets[:-1]]
    slow |= (first == ord("[")) & (np.diff(texts.offsets) > 0)
    inside = ~separators & ~np.repeat(slow, np.diff(texts.offsets))
    edge = np.diff(np.concatenate([[False], inside, [False]]).astype(np.int8))
    starts, ends = np.flatnonzero(edge == 1), np.flatnonzero(edge == -1)
    fast = texts.slices(starts, ends)
    is_null = pc.equal(pc.ascii_upper(fast), "NULL").to_numpy(zero_copy_only=False)
    spans = Spans(starts[~is_null], ends[~is_null])
    found = _Found([], [], [], [])
    pattern = re.compile(rb'"((?:[^"\\]|\\.)*)"|[^{}"' + re.escape(delimiter.encode()) + rb"]+", re.DOTALL)
    for row in np.flatnonzero(slow).tolist():
        _scan_array(texts, row, pattern, found)
    return _merged(texts, spans, np.zeros(len(spans), np.int64), fast.filter(pa.array(~is_null)), found)


def _scan_array(texts: Texts, row: int, pattern: re.Pattern[bytes], found: _Found) -> None:
    base, stop = int(texts.offsets[row]), int(texts.offsets[row + 1])
    literal = texts.data[base:stop].tobytes()
    opening = literal.find(b"{")  # behind the bounds, if there are any
    if opening < 0:
        raise MaskError("a value is no array literal", hint=_HINT)
    for match in pattern.finditer(literal, opening):
        quoted = match.group(1)
        if quoted is not None:
            content = re.sub(rb"\\(.)", rb"\1", quoted, flags=re.DOTALL) if b"\\" in quoted else quoted
        else:
            content = match.group()
            if content.upper() == b"NULL":
                continue
        found.add(base + match.start(), base + match.end(), 0, content)


def record_fields(values: pa.Array, count: int) -> Parts:
    """The fields of record literals that are not NULL. Raises `MaskError` where a record has not `count` fields."""
    texts = Texts.of(values)
    lengths = np.diff(texts.offsets)
    slow = _rows_with(texts, (texts.data == _QUOTE) | (texts.data == _BACKSLASH))
    fast_rows = np.flatnonzero(~slow & (lengths > 0))
    commas = np.flatnonzero((texts.data == _COMMA) & ~np.repeat(slow, lengths))
    if len(commas) != len(fast_rows) * (count - 1) or not np.array_equal(
        texts.rows(commas), np.repeat(fast_rows, count - 1)
    ):
        raise MaskError(f"a value is no record of {count} fields", hint=_HINT)
    # The opening parenthesis, the commas and the closing one bound the fields.
    bounds = np.column_stack(
        [texts.offsets[fast_rows], commas.reshape(-1, count - 1), texts.offsets[fast_rows + 1] - 1]
    )
    starts, ends = (bounds[:, :-1] + 1).ravel(), bounds[:, 1:].ravel()
    valid = ends > starts
    spans = Spans(starts[valid], ends[valid])
    places = np.tile(np.arange(count), len(fast_rows))[valid]
    found = _Found([], [], [], [])
    for row in np.flatnonzero(slow).tolist():
        _scan_record(texts, row, count, found)
    return _merged(texts, spans, places, texts.slices(spans.starts, spans.ends), found)


_FIELD = re.compile(rb'"((?:[^"\\]|\\.|"")*)"|([^,()"\\]*)', re.DOTALL)


def _scan_record(texts: Texts, row: int, count: int, found: _Found) -> None:
    base, stop = int(texts.offsets[row]), int(texts.offsets[row + 1])
    record = texts.data[base:stop].tobytes()
    position = 1
    for place in range(count):
        match = _FIELD.match(record, position)
        closing = b")" if place == count - 1 else b","
        if match is None or record[match.end() : match.end() + 1] != closing:
            raise MaskError(f"a value is no record of {count} fields", hint=_HINT)
        quoted = match.group(1)
        if quoted is not None:
            content = re.sub(rb'\\(.)|"(")', rb"\1\2", quoted, flags=re.DOTALL)
            found.add(base + match.start(), base + match.end(), place, content)
        elif match.group(2):
            found.add(base + match.start(), base + match.end(), place, match.group(2))
        position = match.end() + 1


def _rows_with(texts: Texts, flags: Flags) -> Flags:
    """Which texts hold a flagged byte."""
    rows = np.zeros(len(texts), np.bool_)
    rows[texts.rows(np.flatnonzero(flags))] = True
    return rows


def _merged(texts: Texts, spans: Spans, places: I64, contents: pa.Array, found: _Found) -> Parts:
    """Parts found both ways, in the order of the texts."""
    if found.starts:
        starts = np.concatenate([spans.starts, np.array(found.starts, np.int64)])
        ends = np.concatenate([spans.ends, np.array(found.ends, np.int64)])
        places = np.concatenate([places, np.array(found.places, np.int64)])
        slow = pa.array(found.contents, pa.large_binary()).cast(pa.large_string())
        order = np.argsort(starts, kind="stable")
        spans, places = Spans(starts[order], ends[order]), places[order]
        contents = pa.concat_arrays([contents, slow]).take(pa.array(order))
    return Parts(texts, spans, texts.rows(spans.starts), places, contents)


def written_element(elements: pa.Array, delimiter: str = ",") -> pa.Array:
    """Elements as an array literal spells them: quoted where they must be, NULL for NULL."""
    special = r'^$|[{}"\\\s\x0b' + re.escape(delimiter) + r"]|^(?i:null)$"
    return pc.fill_null(_quoted(elements, special, '\\"'), "NULL")


def written_field(fields: pa.Array) -> pa.Array:
    """Fields as a record literal spells them: quoted where they must be, nothing for NULL."""
    return pc.fill_null(_quoted(fields, r'^$|[(),"\\\s\x0b]', '""'), "")


def _quoted(values: pa.Array, special: str, quote: str) -> pa.Array:
    needed = pc.match_substring_regex(values, special)
    if not pc.any(needed).as_py():
        return values
    escaped = pc.replace_substring(pc.replace_substring(values, "\\", "\\\\"), '"', quote)
    mark, nothing = pa.scalar('"', values.type), pa.scalar("", values.type)
    return pc.if_else(needed, pc.binary_join_element_wise(mark, escaped, mark, nothing), values)
