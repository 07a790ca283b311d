"""street_address: a street, and the number on its side."""

import re

from penstock.pools.load import pool
from tests.masks.standing import masked


def test_a_house_number_stays_on_its_side():
    before, after, none, capitals = masked(
        "street_address", ["12 Main St", "Hauptstr. 7a", "Church Lane", "12 MAIN ST"]
    )
    streets = pool("streets").to_pylist()
    number, street = before.split(" ", 1)
    assert number.isdigit()
    assert street in streets
    street, number = after.rsplit(" ", 1)
    assert number.isdigit()
    assert street in streets
    assert none in streets
    assert capitals == before.upper()


def test_nothing_else_of_an_address_survives():
    (address,) = masked("street_address", ["Rua do Ouro 5, third floor\nring at Silva"])
    assert re.fullmatch(r"[A-Za-z ]+ \d{1,3}", address)
    assert "Silva" not in address
