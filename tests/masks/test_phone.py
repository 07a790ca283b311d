"""phone: another number in the same country and layout."""

import re

import pytest
from hypothesis import strategies as st

from tests.masks.standing import masked

digits = st.text("0123456789", min_size=1, max_size=20)


def shape(value):
    """ASCII digits as 9, letters as a or A, the rest as it is."""
    return re.sub("[0-9]", "9", re.sub("[a-z]", "a", re.sub("[A-Z]", "A", value)))


def test_a_phone_number_keeps_its_country_and_layout():
    values = ["+44 20 7946 0018", "0044 20 79460018", "+351 912-345-678", "(555) 123-4567 ext. 12"]
    out = masked("phone", values)
    assert [shape(v) for v in out[:3]] == [shape(v) for v in values[:3]]
    assert out[0].startswith("+44 ")
    assert out[1].startswith("0044 ")
    assert out[2].startswith("+351 ")
    assert re.fullmatch(r"\([0-9]{3}\) [0-9]{3}-[0-9]{4} ext\. [0-9]{2}", out[3])
    assert all(a != b for a, b in zip(values, out, strict=True))


def test_one_phone_number_in_four_layouts_is_one_number():
    values = ["+44 20 7946 0018", "020 7946 0018", "(020) 79460018", "0044 2079460018", "2079460018"]
    subscribers = {re.sub(r"\D", "", v)[-10:] for v in masked("phone", values)}
    assert len(subscribers) == 1


@pytest.mark.parametrize("code", ["1", "7", "20", "44", "351", "972"])
def test_a_country_code_stays(code):
    values = [f"+{code}{n}" for n in range(612345600, 612345700)]
    assert all(v.startswith(f"+{code}") for v in masked("phone", values))


@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_all_short_phone_numbers_are_permuted_among_themselves(count):
    values = [f"{i:0{count}d}" for i in range(10**count)]
    assert sorted(masked("phone", values)) == values


def test_changing_one_digit_changes_many():
    (one,), (other,) = masked("phone", ["+351 912345678"]), masked("phone", ["+351 912345679"])
    assert sum(a != b for a, b in zip(one, other, strict=True)) >= 4
