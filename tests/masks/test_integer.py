"""integer: another whole number of the same kind."""

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.catalog.types import Family
from penstock.errors import MaskError
from penstock.masks.build import build
from penstock.masks.contract import Site
from tests.masks.sites import SITES
from tests.masks.standing import KEY


def masked(values, place="integer", **options):
    mask = build({"mask": "integer", **options}, SITES[place], KEY)
    return [int(v) for v in mask.mask(pa.array([str(v) for v in values])).to_pylist()]


def test_all_small_numbers_are_permuted_among_themselves():
    assert sorted(masked(range(1, 10_000))) == list(range(1, 10_000))


def test_a_whole_smallint_column_stays_a_smallint_column():
    everything = range(-(2**15), 2**15)
    assert sorted(masked(everything, "smallint")) == list(everything)


@given(st.lists(st.integers(-(2**63), 2**63 - 1), unique=True))
def test_sign_zero_and_number_of_digits_stay(values):
    for before, after in zip(values, masked(values, "bigint"), strict=True):
        assert (before > 0) == (after > 0)
        assert (before == 0) == (after == 0)
        assert len(str(abs(before))) == len(str(abs(after))) or abs(before) < 10_000 > abs(after)


@given(st.lists(st.integers(-(2**31), 2**31 - 1), unique=True))
def test_values_inside_and_outside_a_given_range_stay_on_their_side(values):
    out = masked(values, minimum=18, maximum=9_000)
    assert len(set(out)) == len(values)
    assert all((18 <= a <= 9_000) == (18 <= b <= 9_000) for a, b in zip(values, out, strict=True))


def test_a_child_with_a_numeric_key_joins_its_parent():
    [parent] = masked([48_213])
    mask = build("integer", SITES["integer"], KEY)
    assert mask.mask(pa.array(["48213.00"])).to_pylist() == [str(parent)]


def test_few_values_are_warned_about():
    assert build({"mask": "integer", "minimum": 1, "maximum": 5}, SITES["integer"], KEY).contract().warnings
    assert not build("integer", SITES["integer"], KEY).contract().warnings


@pytest.mark.parametrize(
    "options", [{"minimum": 5, "maximum": 1}, {"maximum": 2**40}, {"minimum": "one"}, {"minimum": 1.5}]
)
def test_a_range_that_makes_no_sense_is_refused(options):
    with pytest.raises(MaskError):
        masked([1], **options)


def test_fractions_are_refused_before_a_run():
    with pytest.raises(MaskError, match="whole numbers"):
        build("integer", Site(Family.NUMERIC, precision=9, scale=2, type_name="numeric(9,2)"), KEY)


def test_an_error_about_a_value_does_not_show_it():
    with pytest.raises(MaskError) as caught:
        masked([99_999_999_999])
    assert "99999" not in str(caught.value.as_dict())
