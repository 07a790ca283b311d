"""digits: other digits in the same places."""

import re

from hypothesis import given
from hypothesis import strategies as st

from tests.masks.sites import text_values
from tests.masks.standing import masked, standing


@given(st.lists(text_values, max_size=10, unique=True))
def test_everything_but_digits_stays_in_place(values):
    outs = masked("digits", values)
    assert [re.sub(r"\d", "9", v) for v in values] == [re.sub(r"\d", "9", o) for o in outs]
    assert len(set(outs)) == len(values)


def test_all_strings_of_three_digits_are_permuted_among_themselves():
    values = [f"{i:03d}" for i in range(1000)]
    assert sorted(masked("digits", values)) == values
    assert masked("digits", values) != values


def test_one_number_in_two_layouts_is_one_number():
    spaced, dashed = masked("digits", ["912 345 678", "912-345-678"])
    assert spaced.replace(" ", "") == dashed.replace("-", "")


def test_digits_of_other_scripts_are_replaced_within_their_script():
    [out] = masked("digits", ["\u0660\u0661\u0662\u0663\u0664\u0665\u0666"])
    assert re.fullmatch("[\u0660-\u0669]{7}", out)
    assert out != "\u0660\u0661\u0662\u0663\u0664\u0665\u0666"


def test_a_column_of_two_digits_is_warned_about():
    assert standing("digits", max_length=2).contract().warnings
    assert not standing("digits", max_length=9).contract().warnings


def test_values_that_differ_in_case_get_pseudonyms_that_differ_in_case():
    assert len({v.lower() for v in masked("digits", ["AB-1234", "ab-1234"], case_insensitive=True)}) == 1
