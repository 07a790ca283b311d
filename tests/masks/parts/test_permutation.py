"""Keyed permutations of numbers and digit strings."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.masks.parts.decimals import DigitPermutation
from penstock.masks.parts.permutation import TABLE_LIMIT, Permutation
from tests.masks.standing import KEY, OTHER_KEY


def permutation(size, key=KEY, purpose="test"):
    return Permutation(key, "domain", purpose, size)


@pytest.mark.parametrize("size", [1, 2, 3, 10, 999, 1000, 65_537, TABLE_LIMIT, TABLE_LIMIT + 1, 1_048_583])
def test_every_value_is_hit_exactly_once(size):
    images = permutation(size)(np.arange(size, dtype=np.uint64))
    assert np.array_equal(np.sort(images), np.arange(size, dtype=np.uint64))


@given(
    st.integers(TABLE_LIMIT + 1, 2**64).flatmap(
        lambda n: st.tuples(st.just(n), st.lists(st.integers(0, n - 1), unique=True, max_size=50))
    )
)
def test_large_domains_keep_values_apart_and_inside(case):
    size, places = case
    images = permutation(size)(np.array(places, np.uint64)).tolist()
    assert len(set(images)) == len(places)
    assert all(image < size for image in images)


@pytest.mark.parametrize("size", [1000, TABLE_LIMIT + 1, 2**40])
def test_key_and_purpose_make_another_permutation(size):
    places = np.arange(1000, dtype=np.uint64)
    first = permutation(size)(places)
    for other in (permutation(size, OTHER_KEY), permutation(size, purpose="other")):
        assert np.count_nonzero(other(places) == first) < 20  # by chance about one in `size`


@pytest.mark.parametrize("size", [10_000, 2**32])
def test_images_are_spread_evenly(size):
    images = permutation(size)(np.arange(10_000, dtype=np.uint64)).astype(np.float64) / size
    counts, _ = np.histogram(images, bins=20, range=(0, 1))
    assert counts.min() > 350  # 500 expected, standard deviation 22
    assert counts.max() < 650


@pytest.mark.parametrize("length", [1, 2, 3, 5])
def test_short_digit_strings_are_permuted_among_all_of_their_length(length):
    rows = np.array([[int(c) for c in f"{i:0{length}d}"] for i in range(10**length)], np.uint8)
    images = {tuple(row) for row in DigitPermutation(KEY, "d")(rows).tolist()}
    assert len(images) == 10**length


@given(
    st.integers(7, 60).flatmap(
        lambda n: st.lists(
            st.lists(st.integers(0, 9), min_size=n, max_size=n), min_size=1, max_size=20, unique_by=tuple
        )
    )
)
def test_long_digit_strings_stay_apart(rows):
    images = DigitPermutation(KEY, "d")(np.array(rows, np.uint8)).tolist()
    assert len({tuple(row) for row in images}) == len(rows)
    assert all(0 <= digit <= 9 for row in images for digit in row)
