"""credit_card: another number of the same kind that checks."""

import re

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from penstock.detect import credit_card as detected_card
from tests.masks.standing import masked

digits = st.text("0123456789", min_size=1, max_size=20)


def shape(value):
    """ASCII digits as 9, letters as a or A, the rest as it is."""
    return re.sub("[0-9]", "9", re.sub("[a-z]", "a", re.sub("[A-Z]", "A", value)))


@given(digits.filter(lambda d: len(d) >= 11))
def test_a_valid_card_stays_valid_and_an_invalid_one_invalid(body):
    every = [body + c for c in "0123456789"]

    def valid(numbers):
        return (detected_card.luhn_sums(detected_card.Texts.of(pa.array(numbers))) == 0).tolist()

    assert valid(masked("credit_card", every)) == valid(every)


def test_a_card_keeps_kind_and_groups():
    values = ["4111 1111 1111 1111", "378282246310005", "5500-0000-0000-0004"]
    out = masked("credit_card", values)
    assert [shape(v) for v in out] == [shape(v) for v in values]
    assert [v[0] for v in out] == ["4", "3", "5"]
    assert detected_card.matches(pa.array(out)).to_pylist() == [True] * 3
    assert not set(out) & set(values)


def test_one_card_in_two_groupings_is_one_card():
    one, other = masked("credit_card", ["4111 1111 1111 1111", "4111111111111111"])
    assert one.replace(" ", "") == other
