"""postal_code: another code of the same layout."""

import re

from hypothesis import strategies as st

from tests.masks.standing import masked

digits = st.text("0123456789", min_size=1, max_size=20)


def shape(value):
    """ASCII digits as 9, letters as a or A, the rest as it is."""
    return re.sub("[0-9]", "9", re.sub("[a-z]", "a", re.sub("[A-Z]", "A", value)))


def test_a_postal_code_keeps_digits_letters_and_case():
    values = ["SW1A 1aa", "12345-6789", "1000-205", "K1A 0B1"]
    out = masked("postal_code", values)
    assert [shape(v) for v in out] == [shape(v) for v in values]
    assert not set(out) & set(values)
