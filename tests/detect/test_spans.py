"""Spans over many texts at once agree with what a loop over single texts finds."""

import re

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from penstock.detect.spans import Spans, Texts, cut, regex_spans, replaced, standing_alone, united

texts_of_anything = st.lists(st.none() | st.text(max_size=12), max_size=8)
small_alphabet = st.lists(st.none() | st.text("ab1 é\x01\x02王", max_size=12), max_size=8)


def one_by_one(values, spans):
    """The spans as (row, text) pairs."""
    texts = Texts.of(values)
    rows = texts.rows(spans.starts)
    return list(zip(rows.tolist(), texts.slices(spans.starts, spans.ends).to_pylist(), strict=True))


@given(texts_of_anything, st.integers(0, 3))
def test_texts_are_the_values_wherever_a_slice_begins(values, skipped):
    array = pa.array(values, pa.string()).slice(skipped)
    assert Texts.of(array).array.to_pylist() == [v or "" for v in values[skipped:]]


@given(small_alphabet)
def test_a_pattern_is_found_where_python_finds_it(values):
    found = one_by_one(
        pa.array(values, pa.string()), regex_spans(Texts.of(pa.array(values, pa.string())), "a+1?")
    )
    assert found == [(i, m) for i, v in enumerate(values) for m in re.findall("a+1?", v or "")]


@given(small_alphabet)
def test_searching_only_texts_with_a_substring_finds_the_same(values):
    texts = Texts.of(pa.array(values, pa.string()))
    everywhere, some = regex_spans(texts, "[ab]*1"), regex_spans(texts, "[ab]*1", having="1")
    assert everywhere.starts.tolist() == some.starts.tolist()
    assert everywhere.ends.tolist() == some.ends.tolist()


@given(small_alphabet)
def test_replacing_spans_is_what_python_does(values):
    array = pa.array(values, pa.string())
    texts = Texts.of(array)
    spans = regex_spans(texts, "[a王]+")
    masked = replaced(texts, spans, pa.array([f"<{i}>" for i in range(len(spans))], pa.large_string()))
    numbers = iter(range(len(spans)))
    assert masked.to_pylist() == [re.sub("[a王]+", lambda _: f"<{next(numbers)}>", v or "") for v in values]


@given(texts_of_anything)
def test_pieces_joined_again_are_the_text(values):
    texts = Texts.of(pa.array(values, pa.string()))
    parts = cut(texts, regex_spans(texts, r"\pL+"))
    assert parts.joined(parts.pieces).to_pylist() == texts.array.to_pylist()


def test_a_span_stands_alone_unless_letters_of_one_word_touch():
    values = pa.array(["Mary Marys 2Mary «Mary» éMary _Mary Mary様 王小明先生"])
    texts = Texts.of(values)
    spans = regex_spans(texts, "Mary|王小明")
    alone = standing_alone(texts, spans).tolist()
    assert alone == [True, False, False, True, False, True, True, True]


def test_overlapping_spans_unite_and_the_longest_names_them():
    first = Spans(np.array([0, 10, 30]), np.array([5, 14, 33]))
    second = Spans(np.array([3, 10, 20]), np.array([12, 14, 25]))
    together, longest = united([first, second])
    assert list(zip(together.starts.tolist(), together.ends.tolist(), strict=True)) == [
        (0, 14),
        (20, 25),
        (30, 33),
    ]
    assert longest.tolist() == [3, 5, 2]


def test_spans_that_only_touch_stay_apart():
    together, longest = united([Spans(np.array([0, 5]), np.array([5, 7]))])
    assert together.starts.tolist() == [0, 5]
    assert longest.tolist() == [0, 1]
