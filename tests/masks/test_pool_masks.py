"""What all masks that pick from a pool promise."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.errors import MaskError
from penstock.masks.contract import Uniqueness
from tests.masks.standing import OTHER_KEY, masked, standing

POOLED = ["company", "street_address", "city", "user_agent"]


@pytest.mark.parametrize("name", POOLED)
@given(value=st.text(max_size=80), room=st.integers(12, 40), unique=st.booleans())
def test_a_pooled_value_always_fits_its_column(name, value, room, unique):
    if unique:
        room += 16
    (out,) = masked(name, [value[:room]], max_length=room, unique=unique)
    assert len(out) <= room


@pytest.mark.parametrize("name", POOLED)
def test_a_column_too_short_for_the_pool_is_refused(name):
    with pytest.raises(MaskError):
        standing(name, max_length=2)


@pytest.mark.parametrize("name", POOLED)
def test_a_unique_column_stays_unique(name):
    values = [f"{i} Value" for i in range(3000)] + [f"{i} VALUE" for i in range(100)]
    assert len(set(masked(name, values, unique=True, max_length=60))) == len(values)
    assert standing(name, unique=True).contract().uniqueness is Uniqueness.LIKELY


@pytest.mark.parametrize("name", POOLED)
def test_another_key_gives_other_values(name):
    values = [f"Value {i}" for i in range(200)]
    same = [
        a for a, b in zip(masked(name, values), masked(name, values, keys=OTHER_KEY), strict=True) if a == b
    ]
    assert len(same) < 20
