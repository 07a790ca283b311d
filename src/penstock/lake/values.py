"""Columns of PostgreSQL's text, made typed: whole Arrow arrays in, whole Arrow arrays out.

Nothing is guessed and nothing is rounded: a text that does not fit its type raises ValueError, without the text.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from penstock.lake.spelling import Kind, Spelling

_NO_DIGIT = 255
_DIGITS = np.full(256, _NO_DIGIT, dtype=np.uint8)
for _place, _digit in enumerate(b"0123456789abcdef"):
    _DIGITS[_digit] = _place


def typed(texts: pa.Array, chosen: Spelling) -> pa.Array:
    """`texts` (large_string, PostgreSQL's pinned spelling) as an array of `chosen.arrow`. Raises ValueError."""
    try:
        return _typed(texts, chosen)
    except pa.ArrowException:
        raise ValueError(f"a value does not fit {chosen.arrow}") from None


def _typed(texts: pa.Array, chosen: Spelling) -> pa.Array:
    match chosen.kind:
        case Kind.BOOLEAN:
            yes, no = (pc.equal(texts, pa.scalar(letter, texts.type)) for letter in ("t", "f"))
            if pc.any(pc.equal(yes, no)).as_py():
                raise ValueError("a value is neither t nor f")
            return yes
        case Kind.TIME:
            moments = pc.binary_join_element_wise(
                pa.scalar("1970-01-01", texts.type), texts, pa.scalar(" ", texts.type)
            )
            return moments.cast(pa.timestamp("us")).view(pa.int64()).view(chosen.arrow)
        case Kind.UUID:
            dense = pc.replace_substring(texts, "-", "")
            octets = _unhex(dense, skip=0, length=16)
            return pa.ExtensionArray.from_storage(chosen.arrow, octets)
        case Kind.BINARY:
            return _unhex(texts, skip=2)
    return texts.cast(chosen.arrow)


def _unhex(texts: pa.Array, *, skip: int, length: int | None = None) -> pa.Array:
    r"""Hexadecimal texts as bytes; `skip` characters lead each (`\x`). All of `length` bytes, if it is given."""
    texts = texts.take(pa.array(np.arange(len(texts), dtype=np.int64))) if texts.offset else texts
    filled = texts.fill_null("\\x"[:skip] + "0" * (2 * (length or 0)))
    _, offsets_buffer, data_buffer = filled.buffers()
    offsets = np.frombuffer(offsets_buffer, dtype=np.int64)[filled.offset : filled.offset + len(filled) + 1]
    data = np.frombuffer(data_buffer or b"", dtype=np.uint8)[offsets[0] : offsets[-1]]
    starts = offsets - offsets[0]
    sizes = np.diff(starts) - skip
    if skip:
        keep = np.ones(len(data), dtype=bool)
        for place in range(skip):
            keep[starts[:-1] + place] = False
        data = data[keep]
    digits = _DIGITS[data]
    if (sizes % 2).any() or (digits == _NO_DIGIT).any():
        raise ValueError("a value is not hexadecimal")
    if length is not None and (sizes != 2 * length).any():
        raise ValueError(f"a value has not {length} bytes")
    octets = (digits[0::2] << 4) | digits[1::2]
    present = _validity(texts)
    if length is not None:
        return pa.Array.from_buffers(pa.binary(length), len(texts), [present, pa.py_buffer(octets)])
    ends = np.zeros(len(texts) + 1, dtype=np.int32)
    np.cumsum(sizes // 2, out=ends[1:])
    return pa.Array.from_buffers(pa.binary(), len(texts), [present, pa.py_buffer(ends), pa.py_buffer(octets)])


def _validity(array: pa.Array) -> pa.Buffer | None:
    """The bitmap of what is not NULL, from bit 0."""
    if not array.null_count:
        return None
    valid = array.is_valid().to_numpy(zero_copy_only=False)
    return pa.py_buffer(np.packbits(valid, bitorder="little"))
