"""company: a made-up firm, short where the column is."""

from penstock.pools.load import pool
from tests.masks.standing import masked


def test_a_company_has_a_word_a_business_and_a_form():
    (firm,) = masked("company", ["Meier & Sons KG"])
    word, business, form = firm.split(" ", 2)
    assert word in pool("company_words").to_pylist()
    assert business in pool("company_sectors").to_pylist()
    assert form in pool("company_forms").to_pylist()


def test_a_short_column_gets_a_short_company():
    values = [f"Firm {i}" for i in range(300)]
    for room in (3, 8, 12, 20):
        assert max(map(len, masked("company", values, max_length=room))) <= room
