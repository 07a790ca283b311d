"""array: element by element."""

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.catalog.types import Family
from penstock.errors import MaskError
from penstock.masks.build import build
from penstock.masks.contract import Codomain, Input, Site, Uniqueness
from penstock.masks.parts.literals import array_elements
from tests.masks.sites import SITES, array_literal, text_values
from tests.masks.standing import KEY, masked


def arrays(values, spec="array", site=SITES["text[]"]):
    return build(spec, site, KEY).mask(pa.array(values)).to_pylist()


@given(st.lists(st.lists(st.one_of(st.none(), text_values), min_size=1), max_size=6))
def test_elements_are_what_the_inner_mask_makes_of_them(lists):
    expected = [array_literal(masked("text", elements)) for elements in lists]
    assert arrays([array_literal(elements) for elements in lists]) == expected


@given(st.lists(text_values))
def test_elements_are_read_as_postgresql_wrote_them(elements):
    assert array_elements(pa.array([array_literal(elements)])).contents.to_pylist() == elements


@pytest.mark.parametrize(
    ("literal", "shape"),
    [
        ("{}", "{{}}"),
        ("{a,NULL}", "{{{a},NULL}}"),
        ("[0:1]={a,b}", "[0:1]={{{a},{b}}}"),
        ("[-1:0][2:2]={{a},{b}}", "[-1:0][2:2]={{{{{a}}},{{{b}}}}}"),
        ('{{a,"b"},{"NULL",""}}', '{{{{{a},{b}}},{{{null},""}}}}'),
    ],
)
def test_dimensions_bounds_and_null_elements_stay(literal, shape):
    a, b, null = masked("text", ["a", "b", "NULL"])
    assert arrays([literal]) == [shape.format(a=a, b=b, null=null)]


def test_a_masked_element_is_quoted_where_it_must_be():
    spec = {"mask": "array", "element": {"mask": "constant", "value": 'a "b", c\\'}}
    assert arrays(["{x}"], spec) == ['{"a \\"b\\", c\\\\"}']
    assert arrays(["{x}"], {"mask": "array", "element": {"mask": "constant", "value": "null"}}) == [
        '{"null"}'
    ]
    assert arrays(["{x,y}"], {"mask": "array", "element": "null"}) == ["{NULL,NULL}"]


def test_the_promise_is_that_of_the_elements():
    inner = build("array", SITES["text[]"], KEY).contract()
    assert (inner.uniqueness, inner.codomain) == (Uniqueness.LIKELY, Codomain.FRESH)
    numbers = build("array", SITES["integer[]"], KEY)
    assert numbers.contract().codomain is Codomain.PERMUTATION
    assert "123456789" not in numbers.mask(pa.array(["{123456789}"]))[0].as_py()


def test_an_inner_mask_sees_the_inputs_of_its_row():
    dates = Site(Family.ARRAY, type_name="date[]", element=Site(Family.DATE))
    mask = build({"mask": "date_shift", "identity": "id"}, dates, KEY)
    whose = {Input("id"): pa.array(["1", "2", "2"])}
    first, second, third = mask.mask(
        pa.array(["{2001-02-03,2001-02-04}", "{2001-02-03}", "{2001-02-03}"]), whose
    ).to_pylist()
    assert second == third
    assert second[1:-1] not in first


def test_elements_nobody_can_mask_are_refused():
    shapes = Site(
        Family.ARRAY, type_name="line[]", element=Site(Family.GEOMETRY, nullable=False, type_name="line")
    )
    with pytest.raises(MaskError, match="line"):
        build("array", shapes, KEY)


def test_boxes_are_separated_by_semicolons():
    boxes = Site(Family.ARRAY, type_name="box[]", element=Site(Family.GEOMETRY, type_name="box"))
    assert build("array", boxes, KEY).mask(pa.array(["{(1,1),(0,0);(2,2),(0,0)}"])).to_pylist() == [
        "{NULL;NULL}"
    ]
