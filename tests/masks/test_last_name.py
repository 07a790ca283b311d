"""last_name: family names, their particles and their domain."""

from penstock.pools.load import pool
from tests.masks.standing import masked

FIRST, LAST = set(pool("first_names").to_pylist()), set(pool("last_names").to_pylist())


def test_a_particle_that_is_the_whole_name_is_masked():
    assert masked("last_name", ["Le"])[0] in LAST
    assert masked("first_name", ["Al"])[0] in FIRST


def test_a_domain_of_its_own_gives_other_people():
    values = sorted(LAST)[:200]
    same = [
        a
        for a, b in zip(
            masked("last_name", values), masked("last_name", values, domain="patient"), strict=True
        )
        if a == b
    ]
    assert len(same) < 5
