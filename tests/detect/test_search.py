"""Searching each text for its own row's value finds what a loop would find."""

import re
import unicodedata

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from penstock.detect import search
from penstock.detect.search import Unaccented, find_own, folded, needles
from penstock.detect.spans import Spans, Texts

letters = st.text("ab é王Aİ.", max_size=10)
pairs = st.lists(st.tuples(st.none() | letters, st.none() | st.text("abé王A ", max_size=3)), max_size=6)


def by_loop(text, value):
    """Where the folded value stands in the folded text, not inside a longer word."""
    spans = []
    for match in re.finditer(f"(?={re.escape(value)})", text):
        begin, end = match.start(), match.start() + len(value)
        sides = [(text[begin - 1 : begin], value[0]), (text[end : end + 1], value[-1])]
        if not any(all(c and c.isalnum() and ord(c) < 0x0E00 for c in side) for side in sides):
            spans.append((len(text[:begin].encode()), len(text[:end].encode())))
    return spans


@given(pairs)
@example([("Ana, ana and Anabel", "ANA")])
@example([("", "ab"), ("ab", ""), (None, "ab"), ("ab", "ab")])
def test_a_value_is_found_in_its_own_text_whatever_its_case(rows):
    values = pa.array([t for t, _ in rows], pa.string())
    wanted = needles(pa.array([v for _, v in rows], pa.string()))
    _, lower = folded(values)
    spans, found_in = find_own(lower, wanted)
    found = [
        (row, (int(s - lower.offsets[row]), int(e - lower.offsets[row])))
        for row, s, e in zip(found_in.tolist(), spans.starts, spans.ends, strict=True)
    ]
    expected = [
        (row, span)
        for row, (text, value) in enumerate(zip(lower.array.to_pylist(), wanted.to_pylist(), strict=True))
        if value
        for span in by_loop(text, value)
    ]
    assert sorted(found) == sorted(expected)


@given(
    st.lists(
        st.none() | st.text(st.characters(codec="utf-8") | st.sampled_from("İẞȺK"), max_size=8), max_size=6
    )
)
def test_folding_keeps_every_character_in_its_place(values):
    base, lower = folded(pa.array(values, pa.string()))
    assert base.offsets.tolist() == lower.offsets.tolist()
    for value, one, other in zip(values, base.array.to_pylist(), lower.array.to_pylist(), strict=True):
        assert len(one) == len(other)
        assert other == one.lower() or other in (
            lowered(one),
            lowered(unicodedata.normalize("NFC", value or "")),
        )


def lowered(text):
    """As Arrow lowers: each character by itself."""
    import pyarrow.compute as pc

    return pc.utf8_lower(pa.scalar(text)).as_py()


@given(st.lists(letters, max_size=6))
def test_a_text_is_folded_the_same_whoever_stands_beside_it(values):
    together, _ = folded(pa.array(values, pa.string()))
    alone = [folded(pa.array([v], pa.string()))[0].array[0].as_py() for v in values]
    assert together.array.to_pylist() == alone


def test_a_value_of_one_letter_is_not_looked_for():
    assert needles(pa.array(["a", " b ", "王", "Ab", None])).to_pylist() == ["", "", "", "ab", ""]


@pytest.mark.parametrize("chunk", [1, 2, 3, 7])
def test_where_the_positions_are_divided_makes_no_difference(chunk, monkeypatch):
    texts = pa.array(["", "ana and ana", None, "x", "rui, ana", "no"])
    wanted = needles(pa.array(["ana", "ana", "x", "xx", "rui", "no"]))
    _, lower = folded(texts)
    whole, rows = find_own(lower, wanted)
    monkeypatch.setattr(search, "_CHUNK", chunk)
    parts, same_rows = find_own(lower, wanted)
    assert parts.starts.tolist() == whole.starts.tolist()
    assert same_rows.tolist() == rows.tolist() == [1, 1, 4, 5]


def test_texts_of_no_rows_hold_nothing():
    none = pa.array([], pa.string())
    spans, rows = find_own(Texts.of(none), needles(none))
    assert len(spans) == len(rows) == 0


@given(
    st.lists(st.text(st.characters(codec="utf-8") | st.sampled_from("aéñøǖ王😀ệ"), max_size=8), min_size=1),
    st.data(),
)
def test_every_character_without_its_accent_leads_back_to_its_own(values, data):
    original = Texts.of(pa.array(values, pa.string()))
    bare = Unaccented.of(original)
    row = data.draw(st.integers(0, len(values) - 1))
    text, value = bare.texts.array[row].as_py(), values[row]
    assert len(text) == len(value)
    first = data.draw(st.integers(0, len(text)))
    last = data.draw(st.integers(first, len(text)))
    base = int(bare.texts.offsets[row])
    ends = [np.array([base + len(text[:at].encode())]) for at in (first, last)]
    back = bare.back(Spans(*ends))
    assert original.slices(back.starts, back.ends).to_pylist() == [value[first:last]]


def test_letters_lose_their_accents_and_nothing_else():
    bare = Unaccented.of(Texts.of(pa.array(["éñøǖệ", None, "a王😀한й", ""], pa.string())))
    assert bare.texts.array.to_pylist() == ["enoue", "", "a王😀한и", ""]
