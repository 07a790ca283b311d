from __future__ import annotations

import numpy as np
import pytest

from penstock.proof.sieve import Sieve, sieve_bits

RANDOM = np.random.default_rng(11)


@pytest.mark.parametrize(("bits", "at_most"), [(17, 0.12), (20, 0.0002)])
def test_all_of_the_set_pass_and_few_others(bits, at_most):
    members = RANDOM.integers(0, 2**64, 50_000, dtype=np.uint64)
    others = RANDOM.integers(0, 2**64, 200_000, dtype=np.uint64)
    sieve = Sieve.of(bits, np.array_split(members, 7))
    assert sieve.passing(members).tolist() == list(range(len(members)))
    assert len(sieve.passing(others)) < at_most * len(others)


@pytest.mark.parametrize("counts", [(0, 0, 0), (9_000_000, 5, 9_000_000), (10**9, 10**9, 10**9)])
def test_the_sieves_of_an_index_take_no_more_than_their_memory(counts):
    assert sum(2 << (bits - 3) for bits in sieve_bits(counts)) <= 129 << 20


def test_a_hundred_million_numbers_alone_take_it_all():
    assert sieve_bits((10**8, 0, 0))[0] == 29
