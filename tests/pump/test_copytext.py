"""The COPY text codec: what one PostgreSQL prints, another parses, whatever lies in between."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.pump import copytext

# PostgreSQL's text holds any character but NUL; surrogates are no characters.
texts = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=20)
values = st.none() | texts
rows = st.integers(1, 4).flatmap(
    lambda n: st.lists(st.lists(values, min_size=n, max_size=n), min_size=1, max_size=12)
)


def escaped(value: str | None) -> str:
    """A field as COPY TO writes it, by the letter of the manual."""
    if value is None:
        return r"\N"
    table = {"\\": "\\\\", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\v": "\\v"}
    return "".join(table.get(c, c) for c in value)


def block_of(given_rows: list[list[str | None]]) -> bytes:
    return "".join("\t".join(map(escaped, row)) + "\n" for row in given_rows).encode()


@pytest.mark.parametrize("part", [1, 7, 1 << 22])
def test_every_field_is_read_as_it_was_written(part: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        copytext, "_PART_BYTES", part
    )  # the separators of a gigantic row are found part by part

    @given(rows)
    def check(given_rows: list[list[str | None]]) -> None:
        block = copytext.parse(block_of(given_rows), len(given_rows[0]))
        for column in range(len(given_rows[0])):
            assert copytext.decode(block.field(column)).to_pylist() == [row[column] for row in given_rows]

    check()


@given(st.lists(values, min_size=1))
def test_encoding_and_decoding_are_inverse(given_values: list[str | None]) -> None:
    encoded = copytext.encode(pa.array(given_values, pa.large_string()))
    raw = encoded.to_pylist()
    assert all(not set(b"\t\n\r") & set(field) for field in raw)
    assert copytext.decode(encoded).to_pylist() == given_values


@given(rows, st.data())
def test_the_tail_passes_untouched(given_rows: list[list[str | None]], data: st.DataObject) -> None:
    columns = len(given_rows[0])
    first = data.draw(st.integers(0, columns))
    block = copytext.parse(block_of(given_rows), columns)
    fields = [block.field(i) for i in range(first)]
    if first == columns:
        return
    assert bytes(copytext.join(fields, block.tail(first))) == block_of(given_rows)


@given(rows, st.integers(1, 40), st.integers(1, 60))
def test_cutting_a_stream_anywhere_changes_nothing(
    given_rows: list[list[str | None]], piece_bytes: int, target_bytes: int
) -> None:
    stream = block_of(given_rows)
    pieces = [stream[i : i + piece_bytes] for i in range(0, len(stream), piece_bytes)]
    blocks = list(copytext.lines(iter(pieces), target_bytes))
    assert b"".join(blocks) == stream
    assert all(block.endswith(b"\n") for block in blocks)


def test_a_row_longer_than_a_block_makes_one_longer_block() -> None:
    long_row = b"x" * 5_000_000 + b"\n"
    pieces = [long_row[i : i + 65_536] for i in range(0, len(long_row), 65_536)]
    assert list(copytext.lines(iter([*pieces, b"short\n"]), 1 << 20)) == [long_row, b"short\n"]


def test_an_empty_stream_has_no_blocks() -> None:
    assert list(copytext.lines(iter([]))) == []


def test_a_row_with_a_field_too_few_is_noticed() -> None:
    with pytest.raises(ValueError, match="number of fields"):
        copytext.parse(b"a\tb\nc\n", 2)


def test_selecting_rows_keeps_fields_and_tail_together() -> None:
    block = copytext.parse(b"1\ta\tx\n2\tb\ty\n3\tc\tz\n", 3)
    import numpy as np

    kept = block.select(np.array([True, False, True]))
    assert kept.field(1).to_pylist() == [b"a", b"c"]
    assert kept.tail(1).to_pylist() == [b"a\tx\n", b"c\tz\n"]
