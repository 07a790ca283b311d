"""What a typed column physically holds, for the proof: whole numbers, hexadecimal digits, texts.

`values.py` makes typed columns out of PostgreSQL's text; nothing of it is used here.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from penstock.lake.spelling import Kind, Spelling

_HEX = np.frombuffer("".join(f"{octet:02x}" for octet in range(256)).encode(), dtype="<u2")
_NAN = {pa.float32(): 0x7FC00000, pa.float64(): 0x7FF8000000000000}


def said_by_database(column: str, chosen: Spelling) -> str:
    """SQL for the same thing, computed by the database from its own value."""
    match chosen.kind:
        case Kind.BOOLEAN:
            return f"{column}::int4"
        case Kind.INTEGER:
            return f"{column}::int8"
        case Kind.FLOAT:
            name, bits = ("float4", 32) if chosen.arrow == pa.float32() else ("float8", 64)
            whole = f"('x' || encode({name}send({column}), 'hex'))::bit({bits})::int{bits // 8}"
            return f"CASE WHEN {column} = 'NaN'::{name} THEN {_NAN[chosen.arrow]} ELSE {whole} END"
        case Kind.DECIMAL:
            return f"trim_scale({column} * '1e{chosen.arrow.scale}'::numeric)"
        case Kind.DATE:
            return f"{column} - date '1970-01-01'"
        case Kind.TIME | Kind.TIMESTAMP | Kind.TIMESTAMPTZ:
            return f"(extract(epoch FROM {column}) * 1000000)::int8"
        case Kind.UUID:
            return f"encode(uuid_send({column}), 'hex')"
        case Kind.BINARY:
            return f"encode({column}, 'hex')"
    return column


def held_by_file(values: pa.Array, chosen: Spelling) -> pa.Array:
    """int64 for what is counted, large_string for the rest."""
    match chosen.kind:
        case Kind.BOOLEAN | Kind.INTEGER:
            return values.cast(pa.int64())
        case Kind.FLOAT:
            bits = values.view(pa.int32() if chosen.arrow == pa.float32() else pa.int64()).cast(pa.int64())
            nan = pc.is_nan(values)
            return pc.if_else(nan, pa.scalar(_NAN[chosen.arrow], pa.int64()), bits)
        case Kind.DECIMAL:
            whole = pa.decimal128(values.type.precision, 0)  # the same digits without their point
            return values.view(whole).cast(pa.string()).cast(pa.large_string())
        case Kind.DATE:
            return values.view(pa.int32()).cast(pa.int64())
        case Kind.TIME | Kind.TIMESTAMP | Kind.TIMESTAMPTZ:
            return values.view(pa.int64())
        case Kind.UUID:
            return _hex(values.storage.cast(pa.binary()))
        case Kind.BINARY:
            return _hex(values)
    return values.cast(pa.large_string())


def as_said(texts: pa.Array, chosen: Spelling) -> pa.Array:
    """What the database said, in the type `held_by_file` returns."""
    counted = chosen.kind not in (Kind.TEXT, Kind.DECIMAL, Kind.UUID, Kind.BINARY)
    return texts.cast(pa.int64()) if counted else texts


def _octets(values: pa.Array) -> npt.NDArray[np.uint8]:
    """All bytes of an array without NULLs, one value behind the other."""
    _, offsets_buffer, data = values.buffers()
    offsets = np.frombuffer(offsets_buffer, dtype=np.int32)[values.offset : values.offset + len(values) + 1]
    return np.frombuffer(data or b"", dtype=np.uint8)[offsets[0] : offsets[-1]]


def _hex(values: pa.Array) -> pa.Array:
    lengths = pc.binary_length(values).fill_null(0).to_numpy(zero_copy_only=False).astype(np.int64)
    octets = _octets(values.drop_null())
    ends = np.zeros(len(values) + 1, dtype=np.int64)
    np.cumsum(2 * lengths, out=ends[1:])
    digits = pa.Array.from_buffers(
        pa.large_string(), len(values), [None, pa.py_buffer(ends), pa.py_buffer(_HEX[octets])]
    )
    return pc.if_else(values.is_valid(), digits, pa.scalar(None, pa.large_string()))
