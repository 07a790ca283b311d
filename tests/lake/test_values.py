"""Texts become typed values exactly, or are refused; what is compared in the proof comes from elsewhere and agrees."""

from __future__ import annotations

import datetime as dt
import struct
import uuid
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.catalog.types import ColumnType, Family
from penstock.lake.physical import held_by_file
from penstock.lake.spelling import Kind, Spelling, spelling
from penstock.lake.values import typed


def of(typname: str, precision: int | None = None, scale: int | None = None) -> Spelling:
    return spelling(ColumnType(typname, Family.OTHER, typname=typname, precision=precision, scale=scale))


def texts(*values: str | None) -> pa.Array:
    return pa.array(values, pa.large_string())


def maybe(strategy: Any) -> Any:
    return st.lists(st.none() | strategy, max_size=20)


def spelled(values: list[Any], write: Any) -> pa.Array:
    """The texts, cut out of the middle of a longer array: offsets do not begin at 0."""
    padded = [None, *values, None]
    return texts(*(None if v is None else write(v) for v in padded)).slice(1, len(values))


@given(maybe(st.binary(max_size=9)))
def test_bytes(values: list[bytes | None]) -> None:
    found = typed(spelled(values, lambda v: "\\x" + v.hex()), of("bytea"))
    found.validate(full=True)
    assert found.to_pylist() == values
    assert held_by_file(found, of("bytea")).to_pylist() == [None if v is None else v.hex() for v in values]


@given(maybe(st.uuids()))
def test_uuids(values: list[uuid.UUID | None]) -> None:
    found = typed(spelled(values, str), of("uuid"))
    assert found.to_pylist() == values
    assert held_by_file(found, of("uuid")).to_pylist() == [None if v is None else v.hex for v in values]


@given(
    maybe(
        st.decimals(
            allow_nan=False, allow_infinity=False, places=10, min_value=-(10**28) + 1, max_value=10**28 - 1
        )
    )
)
def test_decimals(values: list[Decimal | None]) -> None:
    found = typed(spelled(values, lambda v: f"{v:.10f}"), of("numeric", 38, 10))
    assert found.to_pylist() == values
    whole = [None if v is None else str(int(f"{v:.10f}".replace(".", ""))) for v in values]
    assert held_by_file(found, of("numeric", 38, 10)).to_pylist() == whole


@given(maybe(st.floats()))
def test_floats_to_their_bits(values: list[float | None]) -> None:
    found = typed(
        spelled(values, lambda v: repr(v).replace("inf", "Infinity").replace("nan", "NaN")), of("float8")
    )
    bits = [
        None if v is None else struct.unpack("<q", struct.pack("<d", v if v == v else float("nan")))[0]
        for v in values
    ]
    assert held_by_file(found, of("float8")).to_pylist() == bits


@given(maybe(st.datetimes()))
def test_timestamps(values: list[dt.datetime | None]) -> None:
    def write(v: dt.datetime) -> str:
        text = v.isoformat(" ", "microseconds" if v.microsecond else "seconds")
        return text.rstrip("0") if v.microsecond else text

    found = typed(spelled(values, write), of("timestamp"))
    assert found.to_pylist() == values
    zoned = typed(spelled(values, lambda v: write(v) + "+00"), of("timestamptz"))
    assert zoned.cast(pa.timestamp("us")).to_pylist() == values
    times = typed(spelled(values, lambda v: write(v)[11:]), of("time"))
    assert times.to_pylist() == [None if v is None else v.time() for v in values]


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (of("bool"), "true"), (of("int2"), "32768"), (of("int4"), "1.0"), (of("int8"), ""), (of("uuid"), "123"),
        (of("bytea"), "abc"), (of("bytea"), "\\xabc"), (of("bytea"), "\\xgg"), (of("date"), "infinity"),
        (of("date"), "0044-03-15 BC"), (of("time"), "24:00:00"), (of("timestamp"), "10000-01-01 00:00:00"),
        (of("numeric", 5, 2), "NaN"), (of("numeric", 5, 2), "1.234"), (of("numeric", 5, 2), "12345.00"),
        (of("timestamptz"), "2020-01-01 00:00:00"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused_without_being_quoted(kind: Spelling, text: str) -> None:
    with pytest.raises(ValueError) as refused:
        typed(texts("1" if kind.kind is Kind.INTEGER else None, text), kind)
    assert not text or text not in str(refused.value)


def test_what_has_no_exact_place_stands_as_text() -> None:
    inexact = [of("numeric"), of("numeric", 39, 0), of("numeric", 2, 5), of("numeric", 5, -2), of("interval"),
               of("timetz"), of("money"), of("bit"), of("jsonb"), of("unheard_of")]  # fmt: skip
    assert {kind.kind for kind in inexact} == {Kind.TEXT}
    own = spelling(ColumnType("shop.uuid", Family.OTHER, schema="shop", typname="uuid"))
    assert own.kind is Kind.TEXT
