"""Values that compare equal are spelled alike before they are masked."""

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.catalog.types import Family
from penstock.masks.canonical import Comparison, canonical


def spelled(values, family=Family.TEXT, **how):
    return canonical(Comparison(family, **how), pa.array(values, pa.large_string())).to_pylist()


@pytest.mark.parametrize(
    ("family", "how", "equal"),
    [
        (Family.NUMERIC, {}, ["1.5", "1.50", "1.500"]),
        (Family.NUMERIC, {}, ["100", "100.0", "100."]),
        (Family.NUMERIC, {}, ["0", "-0", "0.00", "-0.0"]),
        (Family.INTEGER, {}, ["7", "7.00"]),
        (Family.TIMESTAMP, {}, ["2001-02-03", "2001-02-03 00:00:00", "2001-02-03 00:00:00+00"]),
        (Family.TIMESTAMP, {}, ["0044-03-15 BC", "0044-03-15 00:00:00 BC"]),
        (Family.NETWORK, {}, ["192.0.2.7", "192.0.2.7/32"]),
        (Family.NETWORK, {}, ["2001:db8::1", "2001:db8::1/128"]),
        (Family.TEXT, {"padded": True}, ["a", "a ", "a   "]),
        (Family.TEXT, {"case_insensitive": True}, ["Ana", "ANA", "ana"]),
        (Family.TEXT, {"case_insensitive": True}, ["\u00c9", "e\u0301", "\u00e9"]),
        (Family.TEXT, {"case_insensitive": True, "padded": True}, ["a", "A  "]),
    ],
)
def test_equal_values_are_spelled_alike(family, how, equal):
    assert len(set(spelled(equal, family, **how))) == 1


@pytest.mark.parametrize(
    ("family", "values"),
    [
        (Family.NUMERIC, ["1.5", "1.05", "15", "150", "-1.5", "0.5", "NaN", "Infinity", "1e+20"]),
        (Family.TIMESTAMP, ["2001-02-03", "2001-02-03 00:00:01", "2001-02-03 BC", "infinity"]),
        (Family.NETWORK, ["192.0.2.7", "192.0.2.7/31", "192.0.2.0/24", "::/0", "::1/12"]),
        (Family.TEXT, ["a", "A", "a ", " a", "1.50", "1.5"]),
    ],
)
def test_different_values_stay_different(family, values):
    assert len(set(spelled(values, family))) == len(values)


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]))))
def test_letter_case_is_ignored_whatever_the_neighbours(values):
    together = spelled(values, case_insensitive=True)
    assert together == [spelled([v], case_insensitive=True)[0] for v in values]
    assert together == spelled(together, case_insensitive=True)
