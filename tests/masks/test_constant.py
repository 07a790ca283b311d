"""constant: the same for every row."""

import pytest

from penstock.catalog.types import Family
from penstock.errors import MaskError
from penstock.masks.build import build
from penstock.masks.contract import Site
from tests.masks.sites import SITES
from tests.masks.standing import KEY, masked


def test_a_constant_replaces_everything_but_null():
    assert masked("constant", ["Ana", "", None], options={"value": "x"}) == ["x", "x", None]


def test_a_constant_replaces_null_where_asked():
    assert masked("constant", [None], options={"value": "x", "keep_null": False}) == ["x"]


@pytest.mark.parametrize(("value", "written"), [(True, "t"), (7, "7"), (1.5, "1.5"), ("é", "é")])
def test_a_constant_is_written_as_postgresql_writes_it(value, written):
    assert masked("constant", ["Ana"], options={"value": value}) == [written]


@pytest.mark.parametrize(
    ("value", "site"),
    [
        ("abc", Site(Family.TEXT, max_length=2)),
        ("abc", SITES["integer"]),
        (40_000, SITES["smallint"]),
        ("green", Site(Family.ENUM, labels=("red", "blue"))),
        ([1], SITES["text"]),
    ],
)
def test_a_constant_the_column_cannot_hold_is_refused(value, site):
    with pytest.raises(MaskError):
        build({"mask": "constant", "value": value}, site, KEY)
