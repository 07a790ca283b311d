"""null: nothing at all."""

import pytest

from penstock.catalog.types import Family
from tests.masks.standing import masked, standing


def test_null_replaces_everything():
    assert masked("null", ["Ana", "", None]) == [None, None, None]


@pytest.mark.parametrize("family", Family)
def test_null_stands_on_every_type_and_says_what_it_writes(family):
    assert masked("null", ["7"], family=family) == [None]
    assert standing("null", family=family).contract().makes_null
