"""Small vectorised steps that masks share: keyed bits to characters, NULL and '' restored, few distinct values once."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Flags = npt.NDArray[np.bool_]
U8 = npt.NDArray[np.uint8]
I64 = npt.NDArray[np.int64]
U64 = npt.NDArray[np.uint64]

BASE32 = np.frombuffer(b"abcdefghijklmnopqrstuvwxyz234567", dtype=np.uint8)
_BASE32_PAIRS = np.stack([BASE32.repeat(32), np.tile(BASE32, 32)], axis=1).view(np.uint16).reshape(1024)
_HEX = np.frombuffer(b"0123456789abcdef", dtype=np.uint8)
_HEX_PAIRS = np.stack([_HEX.repeat(16), np.tile(_HEX, 16)], axis=1).view(np.uint16).reshape(256)


def contiguous(values: pa.Array | pa.ChunkedArray) -> pa.Array:
    """One array, whatever came."""
    return values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values


def octets_of(values: pa.Array) -> tuple[I64, U8]:
    """Offsets (n + 1, from 0) and bytes of n strings laid end to end; a NULL has no bytes."""
    values = strings(values)
    if values.null_count:
        values = values.fill_null("")
    _, offset_buffer, data_buffer = values.buffers()
    if len(values) == 0 or data_buffer is None:
        return np.zeros(len(values) + 1, np.int64), np.empty(0, np.uint8)
    offsets = np.frombuffer(offset_buffer, np.int64)[values.offset : values.offset + len(values) + 1]
    return offsets - offsets[0], np.frombuffer(data_buffer, np.uint8)[offsets[0] : offsets[-1]]


def by_count(offsets: I64, positions: I64) -> list[tuple[I64, I64]]:
    """Group texts by how many of the sorted `positions` they hold: (texts (n,), their positions (n, count)) each."""
    first = np.searchsorted(positions, offsets)
    counts = np.diff(first)
    groups = []
    for count in np.unique(counts[counts > 0]).tolist():
        rows = np.flatnonzero(counts == count)
        groups.append((rows, positions[first[rows][:, None] + np.arange(count)]))
    return groups


def strings_from_matrix(characters: U8) -> pa.Array:
    """An (n, width) matrix of ASCII codes as an Arrow array of n strings of `width` characters."""
    n, width = characters.shape
    offsets = np.arange(n + 1, dtype=np.int64) * width
    buffers = [None, pa.py_buffer(offsets), pa.py_buffer(np.ascontiguousarray(characters))]
    return pa.Array.from_buffers(pa.large_string(), n, buffers)


def base32(digest: U64, width: int) -> U8:
    """(n, width) base32 characters (RFC 4648 alphabet, lower case) of (n, 2) digests; at most 25 of them."""
    if width > 25:
        raise ValueError("128 bits make at most 25 characters of five bits")
    high, low = digest.view(">u8").astype(np.uint64).T
    # Two characters at a time, from a table: 12 from the first 60 bits, 12 from the next 60, one from the rest.
    words = (high.copy(), (high << np.uint64(60)) | (low >> np.uint64(4)), low << np.uint64(56))
    out = np.empty((len(digest), 26), dtype=np.uint8)
    pairs = out.view(np.uint16)
    for pair in range((width + 1) // 2):
        place = words[pair // 6] >> np.uint64(54 - 10 * (pair % 6))
        place &= np.uint64(1023)
        pairs[:, pair] = _BASE32_PAIRS.take(place.view(np.int64))
    return out[:, :width]


def hexadecimal(octets: U8) -> U8:
    """(n, 2·k) hexadecimal characters of (n, k) octets."""
    return _HEX_PAIRS.take(octets).view(np.uint8)


def strings(values: pa.Array | pa.ChunkedArray | Iterable[str | None]) -> pa.Array:
    """Any strings as one large_string array: what every mask works on."""
    if not isinstance(values, pa.Array | pa.ChunkedArray):
        return pa.array(values, pa.large_string())
    values = contiguous(values)
    return values if pa.types.is_large_string(values.type) else values.cast(pa.large_string())


def keep_null_and_empty(
    original: pa.Array, masked: pa.Array, *, null: bool = True, empty: bool = True
) -> pa.Array:
    """`masked`, with NULL and '' where `original` has them (of each only if asked)."""
    if empty:
        # A bare 0 would make Arrow look for pandas at every call: 40 µs a column and block.
        is_empty = pc.equal(pc.binary_length(original), pa.scalar(0, pa.int64()))
        if pc.any(is_empty).as_py():
            is_empty = is_empty.fill_null(pa.scalar(False))
            masked = pc.if_else(is_empty, pa.scalar("", masked.type), masked)
    if null and original.null_count:
        masked = pc.if_else(pc.is_valid(original), masked, pa.scalar(None, masked.type))
    return masked


def through_distinct(values: pa.Array, mask: Callable[[pa.Array], pa.Array]) -> pa.Array:
    """Apply `mask` once per distinct value. For masks that cost more than a dictionary look-up."""
    encoded = contiguous(values).dictionary_encode()
    return mask(encoded.dictionary).take(encoded.indices)
