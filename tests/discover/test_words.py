"""Names taken apart."""

from __future__ import annotations

import pytest

from penstock.discover.words import singular, words


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("customer_email", "customer email"),
        ("customerEmail2", "customer email"),
        ("CUST_EMAIL", "customer email"),
        ("HTTPServerIP", "http server ip"),
        ("billing.address.zip", "billing address postal code"),
        ("fname", "first name"),
        ("FirstNames", "first name"),
        ("dob", "birth date"),
        ("zip code", "postal code"),
        ("address_line_1", "address line"),
        ("Straße", "street"),
        ("date_naissance", "date naissance"),
        ("_", ""),
        ("2", ""),
    ],
)
def test_the_words_of_a_name(name: str, expected: str):
    assert " ".join(words(name)) == expected


@pytest.mark.parametrize(
    ("plural", "one"),
    [
        ("customers", "customer"), ("categories", "category"), ("addresses", "address"), ("boxes", "box"),
        ("people", "person"), ("status", "status"), ("analysis", "analysis"), ("sms", "sms"), ("bus", "bus"),
    ],
)  # fmt: skip
def test_tables_are_named_in_the_plural_and_understood_in_the_singular(plural: str, one: str):
    assert singular(plural) == one
