"""email: an address nobody has, as long as the column allows."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.errors import MaskError
from tests.masks.standing import masked, standing

UUID = "[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"


def test_a_long_column_gets_uuid_at_uuid_under_a_reserved_domain():
    [out] = masked("email", ["ana@shop.example"])
    assert re.fullmatch(rf"{UUID}@{UUID}\.example", out)


def test_one_person_in_several_spellings_is_one():
    outs = masked("email", ["ana@shop.example", " Ana@Shop.Example\t", "ANA@SHOP.EXAMPLE"])
    assert len(set(outs)) == 1


def test_letter_case_counts_where_asked():
    outs = masked("email", ["ana@shop.example", "Ana@shop.example"], options={"ignore_case": False})
    assert len(set(outs)) == 2


def test_colleagues_stay_colleagues():
    ana, bo, eve = masked("email", ["ana@shop.example", "bo@shop.example", "ana@other.example"])
    assert ana.split("@")[1] == bo.split("@")[1] != eve.split("@")[1]
    assert ana.split("@")[0] != eve.split("@")[0]


def test_the_domain_stays_where_asked():
    [out] = masked("email", ["ana@shop.example"], options={"keep_domain": True})
    assert re.fullmatch(rf"{UUID}@shop\.example", out)


@pytest.mark.parametrize(
    "value",
    [
        "ana",
        "ana@",
        "call ana@x.example or 912 345 678",
        "Ana <ana@x.example>",
        "ana@912345678",
        "ana@192.0.2.7",
    ],
)
def test_what_follows_the_at_is_not_kept_where_it_is_no_domain(value):
    [out] = masked("email", [value], options={"keep_domain": True})
    assert re.fullmatch(rf"{UUID}@{UUID}\.example", out)


@given(
    st.integers(18, 120),
    st.booleans(),
    st.lists(st.emails() | st.text(st.characters(exclude_categories=["Cs"]), max_size=90), max_size=8),
)
def test_no_address_is_longer_than_its_column(length, keep_domain, values):
    outs = masked(
        "email", [v[:length] for v in values], max_length=length, options={"keep_domain": keep_domain}
    )
    assert all(len(out) <= length for out in outs)
    assert all(re.fullmatch(r"[0-9a-z-]{8,}@[^@]+", out) for out in outs if out)


def test_a_column_too_short_for_an_address_is_refused():
    standing("email", max_length=18)
    with pytest.raises(MaskError) as caught:
        standing("email", max_length=17)
    assert "text" in caught.value.hint
    assert "18 characters" in caught.value.what


def test_another_top_level_domain_may_be_asked_for():
    [out] = masked("email", ["ana@shop.example"], options={"tld": "test"})
    assert out.endswith(".test")
