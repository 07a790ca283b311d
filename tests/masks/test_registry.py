"""Masks are found by their files."""

import pytest

from penstock.errors import MaskError
from penstock.masks import registry

PROMISED = [
    "keep",
    "null",
    "constant",
    "uuid",
    "text",
    "email",
    "path",
    "url",
    "first_name",
    "last_name",
    "person_name",
    "company",
    "street_address",
    "city",
    "postal_code",
    "phone",
    "digits",
    "integer",
    "date_shift",
    "ip",
    "mac",
    "user_agent",
    "credit_card",
    "iban",
    "json",
    "composite",
    "array",
    "free_text",
]


def test_every_promised_mask_is_there_under_its_own_file():
    assert set(PROMISED) <= set(registry.masks())
    assert all(kind.__module__ == f"penstock.masks.{name}" for name, kind in registry.masks().items())


def test_an_unknown_name_without_a_close_one_points_to_the_list():
    with pytest.raises(MaskError) as caught:
        registry.get("zzzzzz")
    assert "masks list" in caught.value.hint
