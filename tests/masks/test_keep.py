"""keep: the value itself."""

import pyarrow as pa
import pytest

from penstock.catalog.types import Family
from penstock.masks.build import build
from penstock.masks.contract import Site
from tests.masks.standing import KEY, OTHER_KEY, masked


def test_keep_keeps_the_spelling():
    mask = build("keep", Site(Family.TEXT, case_insensitive=True), KEY)
    assert mask.mask(pa.array(["Ana", "ÀNA "])).to_pylist() == ["Ana", "ÀNA "]


@pytest.mark.parametrize("family", Family)
def test_keep_keeps_every_type_whatever_the_key(family):
    for key in (KEY, OTHER_KEY):
        assert masked("keep", ["7", "", None], family=family, keys=key) == ["7", "", None]
