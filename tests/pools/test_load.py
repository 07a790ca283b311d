"""The pools are frozen: a changed line would change pseudonyms everywhere."""

import hashlib

import pytest

from penstock.pools.load import NAMES, content, pool

FROZEN = {
    "cities": "7fb113a33a1a7cfd42fc924ce5ec4a6a68eecf3ad6d9a6d66f8b97b8b7e10e07",
    "company_forms": "300fb5865fbfa4b55eaeeb2fb0c23368aa071ecd83e196af05527ec1b1c7fe6c",
    "company_sectors": "9f4c0b7b2f6c996d2d3c6711a35d5a87ddde779d1f92e7f958798d1ac3c854a5",
    "company_words": "6a8ff4bcde219696ea721b73620a6f5ed6f963f738b7cd7150b89204ba6267d2",
    "first_names": "f5001ce85a5d6befa271127b0f46edd2331286bb7f2c8303d5a80a8253c7ad38",
    "last_names": "1e85dbe6f366d93303687726bfb4c9783e443132535d9b4c8a750d9e954e97a2",
    "lorem": "5d680f32fdbe5fc14b2a5f7329753b86978f2b946ac71f9839b5f9e3a58f6b52",
    "streets": "1966429fc5e4825aaaf7e8abf346b1cd612bab9dbc2c8be4d6f4f7d3c109f0cc",
    "user_agents": "22883ac7d0e30fc75be41c2a1f70becb4c69cb52dc93cdb5c3b76bc21617cdcc",
}


@pytest.mark.parametrize("name", NAMES)
def test_a_pool_is_the_file_it_has_always_been(name):
    assert hashlib.sha256(content(name)).hexdigest() == FROZEN[name], (
        f"the pool {name} is frozen: put new values into a new file under a new name"
    )


@pytest.mark.parametrize("name", sorted(set(NAMES) - {"lorem"}))
def test_a_pool_holds_each_value_once(name):
    values = pool(name).to_pylist()
    assert len(set(values)) == len(values)


@pytest.mark.parametrize("name", NAMES)
def test_pool_values_fit_every_encoding_and_need_no_trimming(name):
    for value in pool(name).to_pylist():
        assert value.isascii()
        assert value.isprintable()
        assert value == value.strip() != ""


@pytest.mark.parametrize("name", ["first_names", "last_names"])
def test_a_name_is_one_word_of_letters(name):
    assert all(value.isalpha() for value in pool(name).to_pylist())


@pytest.mark.parametrize(
    ("name", "least"), [("first_names", 1000), ("last_names", 1000), ("streets", 400), ("cities", 400)]
)
def test_pools_are_large_enough_to_look_like_a_population(name, least):
    assert len(pool(name)) >= least


def test_an_unknown_pool_is_an_error():
    with pytest.raises(KeyError):
        content("presidents")
