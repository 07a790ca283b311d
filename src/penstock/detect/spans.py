"""Where something stands in many texts at once: spans of bytes over strings laid end to end.

An Arrow string array already holds its texts end to end in one buffer. A span is a start and an end in that buffer, so
finding, comparing, cutting and replacing work on whole columns, and a cut is an array of offsets over the same bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

U8 = npt.NDArray[np.uint8]
I64 = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

# Scripts written without blanks between words (Thai, Lao, Khmer, CJK, kana, hangul …) begin here.
_UNSPACED = 0x0E00


def string_array(data: U8 | pa.Buffer, offsets: I64) -> pa.Array:
    """The large_string array of `len(offsets) - 1` texts over `data`, without a copy."""
    buffers = [None, pa.py_buffer(np.ascontiguousarray(offsets)), pa.py_buffer(data)]
    return pa.Array.from_buffers(pa.large_string(), len(offsets) - 1, buffers)


@dataclass(frozen=True, slots=True, eq=False)
class Texts:
    """The texts of an array end to end: text i is `data[offsets[i]:offsets[i + 1]]`, UTF-8. A NULL is an empty text."""

    data: U8
    offsets: I64

    @classmethod
    def of(cls, values: pa.Array) -> Texts:
        """The texts of a string array; no copy of its bytes where it is large_string and without NULL."""
        if isinstance(values, pa.ChunkedArray):
            values = values.combine_chunks()
        if not pa.types.is_large_string(values.type):
            values = values.cast(pa.large_string())
        if values.null_count:
            values = values.fill_null("")
        _, offset_buffer, data_buffer = values.buffers()
        if len(values) == 0 or data_buffer is None:
            return cls(np.empty(0, np.uint8), np.zeros(len(values) + 1, np.int64))
        offsets = np.frombuffer(offset_buffer, np.int64)[values.offset : values.offset + len(values) + 1]
        data = np.frombuffer(data_buffer, np.uint8)[offsets[0] : offsets[-1]]
        return cls(data, offsets - offsets[0])

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def array(self) -> pa.Array:
        return string_array(self.data, self.offsets)

    def rows(self, positions: I64) -> I64:
        """The text each byte position belongs to."""
        return np.searchsorted(self.offsets, positions, side="right") - 1

    def slices(self, starts: I64, ends: I64) -> pa.Array:
        """The texts between starts and ends, copied; they may overlap and come in any order."""
        if len(starts) and (ends[:-1] <= starts[1:]).all():
            # Every other piece of the same bytes: no index per byte, whose pages cost more than the copy.
            pieces = np.empty(2 * len(starts) + 1, np.int64)
            pieces[0:-1:2], pieces[1::2], pieces[-1] = starts, ends, ends[-1]
            every_other = pa.array(np.arange(0, 2 * len(starts), 2))
            return string_array(self.data, pieces).take(every_other)
        offsets = np.concatenate([[0], np.cumsum(ends - starts)]).astype(np.int64)
        gather = np.arange(offsets[-1]) + np.repeat(starts - offsets[:-1], ends - starts)
        return string_array(self.data[gather], offsets)


@dataclass(frozen=True, slots=True, eq=False)
class Spans:
    """What was found: span i is bytes `starts[i]` to `ends[i]` of `Texts.of(values).data`, within one text."""

    starts: I64
    ends: I64

    @classmethod
    def none(cls) -> Spans:
        return cls(np.empty(0, np.int64), np.empty(0, np.int64))

    def __len__(self) -> int:
        return len(self.starts)

    def where(self, chosen: Flags | I64) -> Spans:
        return Spans(self.starts[chosen], self.ends[chosen])


def regex_spans(texts: Texts, pattern: str, *, having: str = "") -> Spans:
    """The leftmost, not overlapping matches of an RE2 `pattern` that never matches the empty string.

    Arrow replaces but does not tell where: each match is framed by two control characters, whose places in the result
    give the spans. `having`: only texts that contain this substring are searched.
    """
    if having:
        rows = np.flatnonzero(pc.match_substring(texts.array, having).to_numpy(zero_copy_only=False))
        if len(rows) == 0:
            return Spans.none()
        if len(rows) < len(texts):
            part = Texts.of(texts.array.take(pa.array(rows)))
            found = regex_spans(part, pattern)
            shift = (texts.offsets[rows] - part.offsets[:-1])[part.rows(found.starts)]
            return Spans(found.starts + shift, found.ends + shift)
    data = texts.data
    framing = (data == 1) | (data == 2)
    if framing.any():
        data = np.where(framing, np.uint8(3), data)
    marked = pc.replace_substring_regex(
        string_array(data, texts.offsets), pattern=f"({pattern})", replacement="\x01\\1\x02"
    )
    marks = Texts.of(marked).data
    before = 2 * np.arange(int(np.count_nonzero(marks == 1)), dtype=np.int64)
    return Spans(np.flatnonzero(marks == 1) - before, np.flatnonzero(marks == 2) - before - 1)


def located(texts: Texts, candidates: Spans, locate: Callable[[str], Sequence[tuple[int, int]]]) -> Spans:
    """The parts of ASCII `candidates` that `locate` accepts: exact checks that no vectorised kernel does.

    `locate` runs once per distinct candidate, and says which (start, end) of it are the real thing.
    """
    if len(candidates) == 0:
        return candidates
    encoded = texts.slices(candidates.starts, candidates.ends).dictionary_encode()
    parts = [locate(candidate) for candidate in encoded.dictionary.to_pylist()]
    codes = encoded.indices.to_numpy()
    counts = np.array([len(p) for p in parts], np.int64)[codes]
    flat = np.array([part for parts_of_one in parts for part in parts_of_one], np.int64).reshape(-1, 2)
    first = np.concatenate([[0], np.cumsum([len(p) for p in parts])]).astype(np.int64)[codes]
    within = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    chosen = flat[np.repeat(first, counts) + within]
    base = np.repeat(candidates.starts, counts)
    return Spans(base + chosen[:, 0], base + chosen[:, 1])


def standing_alone(texts: Texts, spans: Spans) -> Flags:
    """Which spans are not the inside of a longer word: no letter or digit touches a letter or digit of theirs.

    In scripts without blanks between words every place is a boundary.
    """
    if len(spans) == 0:
        return np.zeros(0, np.bool_)
    rows = texts.rows(spans.starts)
    blocked_left = _touches(texts, spans.starts, texts.offsets[rows], texts.offsets[rows + 1])
    blocked_right = _touches(texts, spans.ends, texts.offsets[rows], texts.offsets[rows + 1])
    alone: Flags = ~(blocked_left | blocked_right)
    return alone


_ALNUM = np.array([chr(i).isalnum() for i in range(128)] + [False] * 128)


def _touches(texts: Texts, positions: I64, low: I64, high: I64) -> Flags:
    """Whether letters or digits of spaced scripts stand on both sides of each position."""
    inner = (positions > low) & (positions < high)
    data = np.concatenate([texts.data, np.zeros(1, np.uint8)])
    before, after = data[positions - 1], data[positions]
    touching: Flags = inner & _ALNUM[before] & _ALNUM[after]
    for i in np.flatnonzero(inner & ((before >= 128) | (after >= 128))):
        position = positions[i]
        left = texts.data[max(low[i], position - 4) : position].tobytes().decode(errors="ignore")
        right = texts.data[position : position + 4].tobytes().decode(errors="ignore")
        touching[i] = all(c and c[0].isalnum() and ord(c[0]) < _UNSPACED for c in (left[-1:], right[:1]))
    return touching


def united(groups: Sequence[Spans]) -> tuple[Spans, I64]:
    """The spans of all groups, overlapping ones united, in the order of the texts; and the longest member of each.

    Members are numbered through the groups (the first of the second group follows the last of the first). Where two
    are equally long, the earlier group wins. Uniting, not choosing, leaves no rest of a dropped span behind.
    """
    starts = np.concatenate([g.starts for g in groups])
    ends = np.concatenate([g.ends for g in groups])
    if len(starts) == 0:
        return Spans.none(), np.empty(0, np.int64)
    order = np.argsort(starts, kind="stable")
    reach = np.maximum.accumulate(ends[order])
    opens = np.concatenate([[True], starts[order][1:] >= reach[:-1]])
    cluster = np.cumsum(opens) - 1
    best = np.lexsort((order, -(ends - starts)[order], cluster))
    heads = np.concatenate([[True], np.diff(cluster[best]) > 0])
    last = np.concatenate([np.flatnonzero(opens)[1:] - 1, [len(order) - 1]])
    return Spans(starts[order][opens], reach[last]), order[best][heads]


@dataclass(frozen=True, slots=True, eq=False)
class Cut:
    """Texts cut at sorted spans that do not overlap: pieces outside, span, outside, span, …, outside for each text."""

    pieces: pa.Array
    offsets: I64  # of each text's pieces
    inside: I64  # the indices of the pieces that are the spans, in their order

    @property
    def outside(self) -> Flags:
        """Which pieces lie between spans."""
        flags = np.ones(len(self.pieces), np.bool_)
        flags[self.inside] = False
        return flags

    def joined(self, pieces: pa.Array) -> pa.Array:
        """The texts again, with other pieces in the same places: they lie end to end already."""
        laid = Texts.of(pieces)
        return string_array(laid.data, laid.offsets[self.offsets])


def cut(texts: Texts, spans: Spans) -> Cut:
    """Cut `texts` at `spans` without copying a byte."""
    counts = np.bincount(texts.rows(spans.starts), minlength=len(texts)).astype(np.int64)
    piece_offsets = np.concatenate([[0], np.cumsum(2 * counts + 1)]).astype(np.int64)
    # Where piece p begins: the first of a text at the text's start, then at every span's start and end in turn.
    begins = np.empty(piece_offsets[-1] + 1, np.int64)
    begins[piece_offsets] = texts.offsets
    inside = np.arange(len(spans)) * 2 + 1 + np.repeat(np.arange(len(texts)), counts)
    begins[inside] = spans.starts
    begins[inside + 1] = spans.ends
    # The last entry of `begins` is the end of the last text, which is the start of the text after the last.
    begins[-1] = texts.offsets[-1]
    return Cut(string_array(texts.data, begins), piece_offsets, inside)


def replaced(texts: Texts, spans: Spans, by: pa.Array) -> pa.Array:
    """`texts` with each of the sorted, not overlapping `spans` replaced by the value of `by` at its place."""
    parts = cut(texts, spans)
    if len(spans) == 0:
        return texts.array
    return parts.joined(
        pc.replace_with_mask(parts.pieces, pa.array(~parts.outside), by.cast(pa.large_string()))
    )


def whole(values: pa.Array, spans: Spans) -> pa.Array:
    """Which values are one span from end to end, surrounding blanks aside; NULL for NULL."""
    texts = Texts.of(values)
    found = np.zeros(len(texts), np.bool_)
    rows = texts.rows(spans.starts)
    trimmed = pc.binary_length(pc.utf8_trim_whitespace(texts.array)).to_numpy()
    found[rows[(spans.ends - spans.starts) == trimmed[rows]]] = True
    return pc.if_else(pc.is_valid(values), pa.array(found), pa.scalar(None, pa.bool_()))
