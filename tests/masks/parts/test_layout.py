"""What all masks that keep a layout promise: it stays, and no two values become one."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.masks.contract import Uniqueness
from tests.masks.standing import OTHER_KEY, masked, standing

LAYOUTS = ["phone", "credit_card", "iban", "postal_code", "code"]
digits = st.text("0123456789", min_size=1, max_size=20)
anything = st.text(st.characters(codec="utf-8") | st.sampled_from("0123456789+- ()ABCabcx."), max_size=24)


def shape(value):
    """ASCII digits as 9, letters as a or A, the rest as it is."""
    return re.sub("[0-9]", "9", re.sub("[a-z]", "a", re.sub("[A-Z]", "A", value)))


@pytest.mark.parametrize("name", LAYOUTS)
def test_all_codes_of_a_letter_and_two_digits_are_permuted_among_themselves(name):
    values = [f"{c}{i:02d}" for c in "ABCDEFGHIJKLMNOPQRSTUVWXYZ" for i in range(100)]
    assert sorted(masked(name, values)) == values


@pytest.mark.parametrize("name", LAYOUTS)
@given(values=st.lists(anything, unique=True, max_size=12))
def test_whatever_comes_no_two_values_become_one_and_nothing_grows(name, values):
    out = masked(name, values)
    assert len(set(out)) == len(values)
    assert [len(v) for v in out] == [len(v) for v in values]
    assert [shape(v) for v in out if v.isascii()] == [
        shape(v) for v in values if v.isascii()
    ] or name == "phone"


@pytest.mark.parametrize("name", LAYOUTS)
@given(values=st.lists(st.text("012+ x", max_size=4), unique=True, max_size=40))
def test_short_values_full_of_marks_stay_apart(name, values):
    assert len(set(masked(name, values))) == len(values)


@pytest.mark.parametrize("name", LAYOUTS)
@given(value=st.text("0123456789ABCDEFabc é王", min_size=30, max_size=200))
def test_a_value_longer_than_any_number_is_masked_in_its_layout(name, value):
    (out,) = masked(name, [value])
    assert len(out) == len(value)


@pytest.mark.parametrize("name", LAYOUTS)
def test_layout_masks_promise_injectivity(name):
    contract = standing(name).contract()
    assert contract.uniqueness is Uniqueness.INJECTIVE
    assert contract.keeps_length


@pytest.mark.parametrize("name", LAYOUTS)
def test_another_key_gives_other_numbers(name):
    values = [f"DE{i:020d}" for i in range(100)] + [f"+49 {i:09d}" for i in range(100, 200)]
    ours, theirs = masked(name, values), masked(name, values, keys=OTHER_KEY)
    assert sum(a == b for a, b in zip(ours, theirs, strict=True)) < 5
