"""city: a town for a town."""

from penstock.pools.load import pool
from tests.masks.standing import masked


def test_a_city_is_a_city_of_the_pool_in_its_case():
    usual, capitals, spaced = masked("city", ["Porto Novo", "PORTO NOVO", " porto  novo"])
    assert usual in pool("cities").to_pylist()
    assert capitals == usual.upper()
    assert spaced == usual.lower()
