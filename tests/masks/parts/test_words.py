"""What all masks of names promise."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.errors import MaskError
from penstock.masks.contract import Uniqueness
from penstock.pools.load import pool
from tests.masks.standing import OTHER_KEY, masked, standing

FIRST, LAST = set(pool("first_names").to_pylist()), set(pool("last_names").to_pylist())
NAMES = ["first_name", "last_name", "person_name"]


@pytest.mark.parametrize("name", NAMES)
@given(value=st.text(max_size=60), room=st.integers(3, 30))
def test_a_name_always_fits_its_column(name, value, room):
    (out,) = masked(name, [value[:room]], max_length=room)
    assert len(out) <= room
    assert "\x00" not in out or "\x00" in value


@pytest.mark.parametrize("name", NAMES)
def test_a_column_too_short_for_any_name_is_refused(name):
    with pytest.raises(MaskError) as refused:
        standing(name, max_length=1)
    assert "text" in refused.value.hint


@pytest.mark.parametrize("name", NAMES)
def test_a_unique_column_stays_unique(name):
    mask = standing(name, unique=True, max_length=40)
    assert mask.contract().uniqueness is Uniqueness.LIKELY
    values = [f"{f} {n}" for f in ("Ana", "ANA", "ana", "Rui") for n in (*sorted(LAST)[:200], "x", "")]
    out = masked(name, values, unique=True, max_length=40)
    assert len(set(out)) == len(set(values))
    assert max(map(len, out)) <= 40


@pytest.mark.parametrize("name", NAMES)
def test_a_shared_column_promises_no_uniqueness(name):
    assert standing(name).contract().uniqueness is Uniqueness.LOSSY


@pytest.mark.parametrize("name", NAMES)
def test_another_key_gives_other_people(name):
    values = sorted(LAST)[:200]
    same = [
        a for a, b in zip(masked(name, values), masked(name, values, keys=OTHER_KEY), strict=True) if a == b
    ]
    assert len(same) < 5
