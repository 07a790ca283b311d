"""iban: another account of the same country that checks."""

import re

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from penstock.detect import iban as detected_iban
from tests.masks.standing import masked

digits = st.text("0123456789", min_size=1, max_size=20)


def shape(value):
    """ASCII digits as 9, letters as a or A, the rest as it is."""
    return re.sub("[0-9]", "9", re.sub("[a-z]", "a", re.sub("[A-Z]", "A", value)))


@given(st.sampled_from(["DE", "FR", "GB", "MT", "NO"]), st.data())
def test_a_valid_iban_becomes_a_valid_iban_of_its_country(country, data):
    length = detected_iban.LENGTHS[country]
    letters = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ" if country in ("FR", "MT", "GB") else "0123456789"
    bban = data.draw(st.text(letters, min_size=length - 4, max_size=length - 4))
    value = f"{country}{98 - detected_iban.checksum(f'{country}00{bban}'):02}{bban}"
    spaced = " ".join(value[i : i + 4] for i in range(0, len(value), 4))
    one, grouped, small = masked("iban", [value, spaced, value.lower()])
    assert detected_iban.matches(pa.array([one, grouped, small])).to_pylist() == [True] * 3
    assert one[:2] == country
    assert shape(one) == shape(value)
    assert grouped.replace(" ", "") == one
    assert small.upper() == one


def test_a_wrong_iban_does_not_become_a_right_one():
    values = [f"DE{c:02}370400440532013000" for c in range(100)]
    out = masked("iban", values)
    assert (
        detected_iban.matches(pa.array(out)).to_pylist()
        == detected_iban.matches(pa.array(values)).to_pylist()
    )
    assert len(set(out)) == 100
