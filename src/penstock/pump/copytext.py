"""PostgreSQL's COPY text format, by the block and without touching rows.

Inside a value, tab, newline, carriage return and backslash are always escaped, so a row has exactly *columns - 1* tab
bytes and one newline. The separators of a block, found with numpy, therefore reshape to a (rows x columns) matrix, and
the same bytes plus an array of offsets *are* an Arrow string array of any column, or of all columns from some point
on (the *tail*), which is never parsed.

Format: https://www.postgresql.org/docs/current/sql-copy.html, "Text Format".
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

I64 = npt.NDArray[np.int64]

_TAB, _NEWLINE, _BACKSLASH, _RETURN = 9, 10, 92, 13
NULL = b"\\N"
_PART_BYTES = 1 << 18


class RowBlocks:
    """Cuts a stream of arbitrary pieces into blocks of whole rows of at least `target_bytes` (the last one less).

    A row longer than that makes a longer block; nothing else does, so memory is bounded by the target plus the
    longest row.
    """

    def __init__(self, target_bytes: int = 1 << 20) -> None:
        self._target = target_bytes
        self._pieces: list[bytes] = []
        self._size = 0

    def push(self, piece: bytes) -> bytes | None:
        """Take the next piece; returns a block of whole rows when enough has come."""
        self._pieces.append(piece)
        self._size += len(piece)
        if self._size < self._target:
            return None
        cut = piece.rfind(b"\n") + 1
        if cut == 0:  # a row longer than the target goes on
            return None
        block = b"".join((*self._pieces[:-1], piece[:cut]))
        rest = piece[cut:]
        self._pieces = [rest] if rest else []
        self._size = len(rest)
        return block

    def finish(self) -> bytes:
        """What is left: whole rows, or nothing."""
        block = b"".join(self._pieces)
        self._pieces, self._size = [], 0
        return block


@dataclass(frozen=True, slots=True)
class Block:
    """A block of whole rows, with the place of every separator."""

    data: npt.NDArray[np.uint8]
    ends: I64  # (rows, columns): where each field ends; the last column's end is the newline
    starts: I64  # (rows, columns)

    @property
    def rows(self) -> int:
        return len(self.ends)

    def field(self, column: int) -> pa.Array:
        """The raw bytes of one column, still escaped, as binary."""
        return self._gather(self.starts[:, column], self.ends[:, column])

    def tail(self, column: int) -> pa.Array:
        """From the start of `column` to the end of the row, newline included, untouched. From past the last
        column it is just the newline."""
        starts = self.starts[:, column] if column < self.ends.shape[1] else self.ends[:, -1]
        return self._gather(starts, self.ends[:, -1] + 1)

    def _gather(self, starts: I64, ends: I64) -> pa.Array:
        """The segments data[start:end] as an array: the block itself with offsets start, end, start, end, …, of which
        every other element is taken."""
        offsets = np.empty(2 * len(starts) + 1, dtype=np.int64)
        offsets[0:-1:2] = starts
        offsets[1::2] = ends
        offsets[-1] = ends[-1] if len(ends) else 0
        buffers = [None, pa.py_buffer(offsets), pa.py_buffer(self.data)]
        segments = pa.Array.from_buffers(pa.large_binary(), 2 * len(starts), buffers)
        return segments.take(_indices(np.arange(0, 2 * len(starts), 2, dtype=np.int64)))

    def select(self, rows: npt.NDArray[np.bool_]) -> Block:
        """Only the rows where `rows` is true."""
        return Block(self.data, self.ends[rows], self.starts[rows])


def _indices(numbers: I64) -> pa.Array:
    """`pa.array(numbers)`, without its look for pandas at every call."""
    return pa.Array.from_buffers(pa.int64(), len(numbers), [None, pa.py_buffer(numbers)])


def parse(block: bytes, columns: int) -> Block:
    """Find the separators of a block of whole rows of `columns` >= 1 fields.

    Raises ValueError where a row has another number of fields (a bug or a broken stream, never data).
    """
    data = np.frombuffer(block, dtype=np.uint8)
    separators = _separators(data)
    if len(separators) % columns:
        raise ValueError("the stream's rows do not have the expected number of fields")
    ends = separators.reshape(-1, columns)
    if not (data[ends[:, -1]] == _NEWLINE).all():
        raise ValueError("the stream's rows do not have the expected number of fields")
    starts = np.empty_like(ends)
    flat = starts.reshape(-1)
    if len(flat):
        flat[0] = 0
        flat[1:] = separators[:-1] + 1
    return Block(data, ends, starts)


def _separators(data: npt.NDArray[np.uint8]) -> I64:
    """Where tabs and newlines are, found part by part: an array as long as a block is new pages each time, which costs
    three times the search, and one as long as a gigantic row would double it."""
    found = [np.empty(0, dtype=np.int64)]
    for start in range(0, len(data), _PART_BYTES):
        part = data[start : start + _PART_BYTES]
        places = np.flatnonzero((part == _TAB) | (part == _NEWLINE))
        places += start
        found.append(places)
    return np.concatenate(found)


def decode(raw: pa.Array) -> pa.Array:
    r"""Escaped field bytes to text values: `\N` to NULL, escapes resolved. Binary in, large_string out.

    The server sends UTF-8 (the session is pinned), so bytes become text without another look at them.
    """
    if not (_bytes_of(raw) == _BACKSLASH).any():  # neither an escape nor a NULL
        return _relabelled(raw, pa.large_string())
    null = pc.equal(raw, pa.scalar(NULL, raw.type))
    if pc.any(null).as_py():
        raw = pc.if_else(null, pa.scalar(None, raw.type), raw)
    return _unescape(_relabelled(raw, pa.large_string()))


def encode(values: pa.Array) -> pa.Array:
    r"""Text values to escaped field bytes, NULL to `\N`. String in, large_binary out."""
    text = values.cast(pa.large_string()) if not pa.types.is_large_string(values.type) else values
    data = _bytes_of(text)
    if (data <= _RETURN).any() or (data == _BACKSLASH).any():  # tab, newline and return are below 14
        for plain, escaped in (("\\", "\\\\"), ("\t", "\\t"), ("\n", "\\n"), ("\r", "\\r")):
            text = pc.replace_substring(text, plain, escaped)
    raw = _relabelled(text, pa.large_binary())
    return raw.fill_null(NULL) if raw.null_count else raw


def _relabelled(array: pa.Array, kind: pa.DataType) -> pa.Array:
    """The same buffers under another type: text and bytes of 64-bit offsets are laid out alike."""
    return pa.Array.from_buffers(kind, len(array), array.buffers(), array.null_count, array.offset)


def join(fields: Sequence[pa.Array], tail: pa.Array) -> memoryview:
    """The outgoing block: encoded fields, then the tail, tab between them."""
    if not fields:
        return _data_of(tail)
    return _data_of(pc.binary_join_element_wise(*fields, tail, pa.scalar(b"\t", pa.large_binary())))


def _data_of(array: pa.Array) -> memoryview:
    offsets, data = array.buffers()[1:]
    if data is None:
        return memoryview(b"")
    bounds = np.frombuffer(offsets, dtype=np.int64)
    return memoryview(data)[int(bounds[array.offset]) : int(bounds[array.offset + len(array)])]


def _bytes_of(array: pa.Array) -> npt.NDArray[np.uint8]:
    return np.frombuffer(_data_of(array), dtype=np.uint8)


_SIMPLE = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}


def _unescape(text: pa.Array) -> pa.Array:
    # COPY TO writes \b \f \n \r \t \v and \\ only. A doubled backslash must not start an escape, so it steps aside
    # as a byte that no text holds: PostgreSQL's text never contains NUL.
    text = pc.replace_substring(text, "\\\\", "\x00")
    for letter, character in _SIMPLE.items():
        text = pc.replace_substring(text, "\\" + letter, character)
    return pc.replace_substring(text, "\x00", "\\")


def lines(blocks: Iterator[bytes], target_bytes: int = 1 << 20) -> Iterator[bytes]:
    """Blocks of whole rows from a stream of pieces."""
    cutter = RowBlocks(target_bytes)
    for piece in blocks:
        block = cutter.push(piece)
        if block is not None:
            yield block
    rest = cutter.finish()
    if rest:
        yield rest
