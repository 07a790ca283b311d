"""Searching without a database: against brute force, and with values planted anywhere."""

from __future__ import annotations

import html
import json
import re
import subprocess
import sys
from urllib.parse import unquote

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.proof import cells
from penstock.proof.cells import Spelling, read_block, whole_rows
from penstock.proof.hashing import HashKey
from penstock.proof.needles import NeedleCollector, Tally
from penstock.proof.search import search

KEY = HashKey(bytes(range(16)))
ESCAPES = {"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r", "\b": "\\b", "\f": "\\f", "\v": "\\v"}


def copy_cell(text: str) -> str:
    """`text` as COPY writes it."""
    return "".join(ESCAPES.get(c, c) for c in text)


def found(values: list[str], cells: list[str], spelling: Spelling = Spelling.PLAIN) -> set[tuple[int, int]]:
    """(cell, value) of every occurrence, by their places in the lists."""
    from penstock.proof.cells import fold
    from penstock.proof.hashing import padded

    collector = NeedleCollector(KEY)
    nothing = np.empty(0, dtype=np.uint64)
    for origin, value in enumerate(values):
        text = fold(value.encode())
        start, end = np.array([0]), np.array([len(text)])
        collector.add(origin, padded(text), start, end, nothing, Tally())
    index = collector.build()
    block = "".join(copy_cell(cell) + "\n" for cell in cells).encode()
    out = set()
    raw, others = read_block(block, (spelling,))
    for read in (raw, *others):
        hits = search(index, read)
        out |= set(zip(read.row[hits.cell].tolist(), hits.origin.tolist(), strict=True))
    return out


def test_a_character_reference_of_any_length_is_read():
    for reference in ("&#0000000097;", "&#97;", "&#" + "0" * 9000 + "97;"):
        assert found(["anna5"], [f"{reference}nna5"]) == {(0, 0)}
    assert found(["anna5"], ["&#" + "9" * 9000 + "; anna5"]) == {(0, 0)}


@pytest.mark.parametrize("part", [1, 7, 64])
def test_the_parts_a_gigantic_row_is_read_in_change_nothing(part, monkeypatch):
    monkeypatch.setattr("penstock.proof.cells._PART_BYTES", part)
    cells = [
        "quartermaine@first.example",
        r"a\tb\\c 4711000 zebulon",
        "%41nnabel &amp; co",
        "x" * 200 + " zebulon",
    ]
    values = ["quartermaine@first.example", "4711000", "zebulon", "annabel"]
    block = "".join(f"{cell}\t{i}\n" for i, cell in enumerate(cells)).encode()
    raw, others = read_block(block, (Spelling.PLAIN, Spelling.PLAIN))
    assert (raw.row.tolist(), raw.column.tolist()) == ([0, 0, 1, 1, 2, 2, 3, 3], [0, 1] * 4)
    assert raw.ends[-1] == len(block) - 1
    assert {row for read in others for row in read.row.tolist()} == {1, 2}
    assert {(2, 3), (0, 0), (3, 2)} <= found(values, cells)


# Every escape there is, whole and broken off, beside one another.
escaped = st.lists(
    st.sampled_from(
        [
            *"\\uxdcD83e%4&;#é\U0001f600\n",
            '""',
            "''",
            *r"\\ \u00e9 \ud83d\ude00 %c3 %a9 %41 \x 68616e73207765 ff &amp &amp; &#65; &#x41 &notin".split(),
        ]
    ),
    max_size=40,
).map("".join)


@given(escaped, st.sampled_from(Spelling), st.integers(0, 9), st.integers(1, 3))
def test_a_long_cell_says_the_same_whatever_parts_it_is_undone_in(text, spelling, part, escapes):
    cell = copy_cell(text).encode()
    value = cells.unescape_copy(cell)
    assert value == text.encode()
    whole = list(cells.readings(value, spelling))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cells, "_PART_BYTES", part)
        patch.setattr(cells, "_PART_ESCAPES", escapes)
        assert cells.unescape_copy(cell) == value
        assert list(cells.readings(value, spelling)) == whole


@given(escaped)
def test_percent_codes_and_entities_mean_what_the_standard_library_says(text):
    assert cells._undo_percent(text, Spelling.PLAIN) == unquote(text)
    assert cells._undo_entities(text, Spelling.PLAIN) == html.unescape(text)


@given(st.text("0123456789abcdef", max_size=15), st.sampled_from(["", "g", "\\x", " \\x00"]))
def test_bytea_is_read_in_whole_octets_and_an_odd_digit_stays(digits, after):
    pairs = re.compile(r"\\x((?:[0-9a-f]{2}){5,})")
    expected = pairs.sub(
        lambda m: bytes.fromhex(m[1]).decode("utf-8", "surrogateescape"), "a\\x" + digits + after
    )
    assert cells._undo_bytea("a\\x" + digits + after, Spelling.PLAIN) == expected


READ_ONE_ROW = """
import sys
from penstock.proof.cells import Spelling, read_block
once, mb = sys.argv[1].encode(), 16
def peak():
    return next(int(line.split()[1]) // 1024 for line in open("/proc/self/status") if line.startswith("VmHWM"))
read_block(b"warm\\\\\\\\n up\\n", (Spelling.PLAIN,))
block = b"\\\\\\\\x" * (once == b"68616e7320") + once * ((mb << 20) // len(once)) + b"\\n"
before = peak()
raw, others = read_block(block, (Spelling.PLAIN,))
assert sum(len(read.buffer) for read in others) > mb << 20
print((peak() - before) / mb)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the peak is read from /proc")
@pytest.mark.parametrize(
    "once", ["68616e7320", r'quoted \\" and \\\\\\\\ words ', "%41 and &amp; "], ids=["bytea", "json", "web"]
)
def test_a_long_cell_takes_less_than_ten_times_its_length(once):
    done = subprocess.run(
        [sys.executable, "-c", READ_ONE_ROW, once], capture_output=True, text=True, check=True, timeout=120
    )
    assert float(done.stdout) < 10


def lower(text: str) -> str:
    return pc.utf8_lower(pa.scalar(text)).as_py()


# No surrogates (not UTF-8) and no NUL (not PostgreSQL).
anything = st.characters(exclude_categories=["Cs"], exclude_characters="\x00")
values = st.text(anything, min_size=5, max_size=40).filter(
    lambda v: len(v.strip(" ")) >= 5 and not re.fullmatch(r"[+-]?\d*\.?\d*", v.strip(" "))
)
around = st.text(anything, max_size=60)


@given(
    st.lists(st.text("abAB é", min_size=5, max_size=12), max_size=30),
    st.lists(st.text("abAB é", max_size=40), min_size=1),
)
def test_exactly_what_brute_force_finds_is_found(needles, cells):
    needles = [n for n in needles if len(n.strip(" ")) >= 5]
    expected = {
        (at, number)
        for at, cell in enumerate(cells)
        for number, needle in enumerate(needles)
        if lower(needle.strip(" ")) in lower(cell)
    }
    assert found(needles, cells) == expected


@given(
    st.lists(st.text("an\nt\t", min_size=5, max_size=9), max_size=10),
    st.lists(st.text("an\nt\t", max_size=20), min_size=2),
)
def test_what_copy_escapes_is_neither_missed_nor_made_up(needles, cells):
    expected = {
        (at, number)
        for at, cell in enumerate(cells)
        for number, needle in enumerate(needles)
        if needle in cell
    }
    assert found(needles, cells) == expected


@given(
    st.lists(st.integers(1_000_000, 1_000_020), max_size=5),
    st.lists(st.text("01 a-_", max_size=30), min_size=1),
)
def test_exactly_the_numbers_that_stand_alone_are_found(needles, cells):
    cells = [cell + str(needle) for cell in cells for needle in (needles or [7])]
    expected = {
        (at, number)
        for at, cell in enumerate(cells)
        for number, needle in enumerate(needles)
        if re.search(rf"(?<![\w]){needle}(?![\w])", cell)
    }
    assert found([str(n) for n in needles], cells) == expected


@given(values, around, around)
def test_a_value_planted_in_text_is_found(value, before, after):
    assert found([value], ["", before + value + after, "x"]) == {(1, 0)}


@given(values, around, st.booleans(), st.integers(1, 3))
def test_a_value_planted_in_json_is_found_however_deep(value, before, ascii_only, depth):
    cell = before + value
    for _ in range(depth):
        cell = json.dumps({"k": ["x", cell]}, ensure_ascii=ascii_only)
    assert (0, 0) in found([value], [cell])


@given(values, around)
def test_a_value_planted_in_an_array_is_found(value, before):
    element = (before + value).replace("\\", "\\\\").replace('"', '\\"')
    assert (0, 0) in found([value], ['{1,"' + element + '"}'], Spelling.NESTED)


@given(values, around)
def test_a_value_planted_in_an_array_of_composites_is_found(value, before):
    inner = '"' + (before + value).replace("\\", "\\\\").replace('"', '""') + '"'
    element = f"(1,{inner})".replace("\\", "\\\\").replace('"', '\\"')
    assert (0, 0) in found([value], ['{"' + element + '"}'], Spelling.NESTED)


@given(values, st.binary(max_size=40))
def test_a_value_planted_in_bytea_is_found(value, before):
    ascii_value = value.encode("ascii", "replace").decode()
    if len(ascii_value.strip(" ")) < 5 or re.fullmatch(r"[+-]?\d*\.?\d*", ascii_value.strip(" ")):
        return
    assert (0, 0) in found([ascii_value], ["\\x" + (before + ascii_value.encode()).hex()])


@given(
    st.lists(st.text(anything, max_size=30), min_size=1, max_size=20),
    st.integers(1, 200),
    st.integers(1, 100),
)
def test_blocks_end_with_rows_and_lose_nothing(rows, network, size):
    stream = "".join(copy_cell(row) + "\n" for row in rows).encode()
    pieces = [stream[at : at + network] for at in range(0, len(stream), network)]
    blocks = list(whole_rows(pieces, size))
    assert b"".join(blocks) == stream
    assert all(block.endswith(b"\n") for block in blocks)


def test_a_value_is_not_found_across_two_cells():
    assert found(["abcdef ghi"], ["abcdef", "ghi"]) == set()
    assert found(["abcdef\nghi"], ["abcdef", "ghi"]) == set()


def test_the_letter_of_an_escape_is_no_letter_of_the_value():
    assert found(["ttttt"], ["a\ttttt"]) == set()
    assert found(["ttttt"], ["a\tttttt"]) == {(0, 0)}


def test_values_with_a_common_beginning_do_not_make_the_search_slow():
    """A million addresses that begin with https:// must not share one anchor."""
    urls = [f"https://www.shop.example/customers/{i}/profile" for i in range(2000)]
    collector = NeedleCollector(KEY)
    buffer = np.frombuffer("".join(urls).encode() + bytes(8), dtype=np.uint8)
    ends = np.cumsum([len(u) for u in urls])
    starts = ends - [len(u) for u in urls]
    collector.add(0, buffer.copy(), starts, ends, np.empty(0, dtype=np.uint64), Tally())
    index = collector.build()
    anchors = np.concatenate([pairs[:, 0] for pairs in index.anchors.parts()])
    _, shared = np.unique(anchors, return_counts=True)
    assert shared.max() < 50
