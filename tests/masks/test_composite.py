"""composite: field by field. The S3 triple (bucket, path, region) is the case it was made for."""

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.catalog.types import Family
from penstock.errors import MaskError
from penstock.masks.build import build
from penstock.masks.contract import Codomain, Site
from penstock.masks.parts.literals import record_fields
from tests.masks.sites import SITES, TEXT, array_literal, record_literal, text_values
from tests.masks.standing import KEY, masked

S3 = Site(
    Family.COMPOSITE, type_name="s3_object", fields=(("bucket", TEXT), ("path", TEXT), ("region", TEXT))
)
OPTIONS = {"mask": "composite", "fields": {"bucket": "keep", "path": "path", "region": "keep"}}
maybe_text = st.one_of(st.none(), text_values)


def composites(values, spec=OPTIONS, site=S3):
    return build(spec, site, KEY).mask(pa.array(values, pa.string())).to_pylist()


@given(st.lists(st.tuples(maybe_text, maybe_text, maybe_text), max_size=6))
def test_the_s3_triple_keeps_bucket_and_region_while_its_path_is_masked(triples):
    paths = masked("path", [path for _, path, _ in triples])
    expected = [record_literal([b, path, r]) for (b, _, r), path in zip(triples, paths, strict=True)]
    assert composites([record_literal(list(triple)) for triple in triples]) == expected


@given(st.lists(maybe_text, min_size=2, max_size=2))
def test_fields_are_read_as_postgresql_wrote_them(fields):
    parts = record_fields(pa.array([record_literal(fields)]), 2)
    read = dict(zip(parts.places.tolist(), parts.contents.to_pylist(), strict=True))
    assert [read.get(0), read.get(1)] == fields


def test_a_null_field_stays_null_and_an_empty_one_empty():
    assert composites(['(,"",)', "(,,)", None]) == ['(,"",)', "(,,)", None]


def test_fields_nobody_listed_are_masked_by_their_type():
    [out] = composites(["(b,p,7)"], "composite", SITES["composite"])
    bucket, path, size = out[1:-1].split(",")
    assert [bucket, path] == masked("text", ["b", "p"])
    assert [size] == masked("integer", ["7"])


def test_a_composite_within_an_array_within_a_composite_is_masked_inside():
    many = Site(Family.ARRAY, type_name="s3_object[]", element=S3)
    outer = Site(Family.COMPOSITE, type_name="upload", fields=(("who", TEXT), ("files", many)))
    spec = {"mask": "composite", "fields": {"who": "keep", "files": {"mask": "array", "element": OPTIONS}}}
    inner = ["b", "a,b/c d.pdf", "eu"]
    literal = record_literal(["ana", array_literal([record_literal(inner), None])])
    [path] = masked("path", [inner[1]])
    expected = record_literal(["ana", array_literal([record_literal(["b", path, "eu"]), None])])
    assert composites([literal], spec, outer) == [expected]


def test_an_unknown_field_names_the_close_one():
    with pytest.raises(MaskError) as caught:
        build({"mask": "composite", "fields": {"bukket": "keep"}}, S3, KEY)
    assert "bucket" in caught.value.hint


def test_fields_nobody_can_mask_are_listed():
    odd = Site(
        Family.COMPOSITE,
        type_name="place",
        fields=(("at", Site(Family.GEOMETRY, nullable=False)), ("doc", Site(Family.XML, nullable=False))),
    )
    with pytest.raises(MaskError, match="at, doc"):
        build("composite", odd, KEY)


@pytest.mark.parametrize("value", ["(a,b)", "(a,b,c,d)", '("a,b,c)', "not one"])
def test_a_record_of_another_type_is_an_error_that_does_not_show_it(value):
    with pytest.raises(MaskError, match="no record of 3 fields") as caught:
        composites([value])
    assert value not in str(caught.value.as_dict())


def test_it_is_fresh_only_where_every_field_is():
    assert build("composite", S3, KEY).contract().codomain is Codomain.FRESH
    assert build(OPTIONS, S3, KEY).contract().codomain is Codomain.PERMUTATION
