"""What a value looks like, without what it says."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.detect.shape import LONGEST, shape


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("Ana.Silva1@example.org", "Aaa.Aaaaa9@aaaaaaa.aaa"),
        ("+351 912-345", "+999 999-999"),
        ("ÉÇá ß", "AAa a"),
        ("日本", "xx"),
        ("tab\there", "aaa aaaa"),
        ("🎉", "?"),
        ("", ""),
    ],
)
def test_letters_and_digits_become_signs_and_punctuation_stays(value: str, expected: str):
    assert shape(pa.array([value]))[0].as_py() == expected


def test_null_stays_null_and_long_values_are_cut():
    shapes = shape(pa.array([None, "a" * 500])).to_pylist()
    assert shapes == [None, "a" * LONGEST + "…"]


@given(st.text(max_size=80))
def test_no_letter_or_digit_of_the_value_is_told(value: str):
    told = shape(pa.array([value], pa.large_string()))[0].as_py()
    assert set(told) <= set("Aax9 ?…") | {chr(c) for c in range(33, 127) if not chr(c).isalnum()}
    assert len(told) <= min(len(value), LONGEST) + 1
