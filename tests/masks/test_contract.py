"""Every registered mask keeps its contract, on every site it accepts, whatever the values."""

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from penstock.catalog.types import ColumnType, Family
from penstock.errors import MaskError
from penstock.masks import registry
from penstock.masks.build import build
from penstock.masks.contract import Site
from tests.masks import contract_suite as suite
from tests.masks.sites import SITES, columns_of
from tests.masks.standing import KEY

DOCUMENTATION = Path(__file__).parents[2] / "docs" / "masks.md"
EVERYWHERE = suite.everywhere()
each = pytest.mark.parametrize(("name", "place"), EVERYWHERE, ids=[f"{n} on {p}" for n, p in EVERYWHERE])


@each
@settings(max_examples=settings.default.max_examples // 8)  # there are hundreds of places
@given(data=st.data())
def test_a_mask_keeps_its_contract(name, place, data):
    values = suite.column(data.draw(columns_of(SITES[place])))
    mask = suite.standing_at(name, place)
    suite.check_shape(mask, values)
    suite.check_uniqueness(mask, values)
    suite.check_chunks(mask, values)
    suite.check_travel(mask, values)
    suite.check_freshness(mask, values, suite.other_key(name, place))


@each
def test_a_second_instance_with_the_same_key_gives_the_same_bytes(name, place):
    values = suite.column([None, *EXAMPLES[SITES[place].family]])
    again = build({"mask": name, **suite.OPTIONS.get(name, {})}, SITES[place], KEY)
    suite.check_repetition(suite.standing_at(name, place), again, values)


@each
def test_real_values_stay_and_others_do_not_notice(name, place):
    site = SITES[place]
    staff, *others = EXAMPLES[site.family]
    length = site.max_length
    values = suite.column([v[:length] for v in (staff, *others)])
    real = {}
    for domain, staying in suite.standing_at(name, place).by_domain(values[:1]):
        real[domain] = real.get(domain, frozenset()) | set(staying.to_pylist())
    mask = build({"mask": name, **suite.OPTIONS.get(name, {})}, replace(site, real=real), KEY)
    out = suite.run(mask, values).to_pylist()
    assert out[0] == staff[:length]
    if site.family not in (
        Family.ARRAY,
        Family.COMPOSITE,
        Family.JSON,
    ):  # there real values stay inside others too
        without = suite.run(suite.standing_at(name, place), values).to_pylist()
        normal = mask.normalise(values).to_pylist()
        assert [o for o, n in zip(out, normal, strict=True) if n != normal[0]] == [
            w for w, n in zip(without, normal, strict=True) if n != normal[0]
        ]


EXAMPLES = {
    Family.TEXT: ["Ana Silva", "ana@shop.example", "/a/b.pdf", "192.0.2.7", '{"a": 1}'],
    Family.INTEGER: ["17", "0", "12345"],
    Family.NUMERIC: ["17", "0", "123456789"],
    Family.UUID: ["123e4567-e89b-12d3-a456-426614174000", "00000000-0000-4000-8000-000000000000"],
    Family.DATE: ["2001-02-03", "0044-03-15 BC", "infinity"],
    Family.TIMESTAMP: ["2001-02-03 04:05:06.7", "2001-02-03 00:00:00", "-infinity"],
    Family.NETWORK: ["192.0.2.7", "2001:db8::/32", "192.0.2.0/24"],
    Family.MAC: ["00:00:5e:00:53:01", "00:00:5e:00:53:02"],
    Family.BOOLEAN: ["t", "f"],
    Family.JSON: ['{"a": [1, "x"]}', "[]", '"x"'],
    Family.ARRAY: ["{1,NULL,2}", "{}"],
    Family.COMPOSITE: ["(a,b/c.txt,1)", "(,,)"],
}


@pytest.mark.parametrize("name", registry.masks())
def test_a_mask_is_documented_and_stands_somewhere(name):
    kind = registry.get(name)
    assert kind.summary
    assert len(kind.summary) <= 110
    assert len(kind.example) == 2
    assert kind.__doc__
    assert f"`{name}`" in DOCUMENTATION.read_text(encoding="utf-8")
    assert any(name == standing for standing, _ in EVERYWHERE)


@pytest.mark.parametrize("name", registry.masks())
def test_an_unknown_option_names_the_close_one(name):
    with pytest.raises(MaskError, match="no option"):
        build({"mask": name, "no_such_option": 1}, SITES["text"], KEY) if Family.TEXT in registry.get(
            name
        ).families else build({"mask": name, "no_such_option": 1}, _site_for(name), KEY)


def _site_for(name):
    return next(site for site in SITES.values() if site.family in registry.get(name).families)


@pytest.mark.parametrize(
    ("options", "place", "hint"),
    [
        ({"mask": "person_name", "order": "x"}, "text", 'order = "first last"'),
        ({"mask": "json", "keys": ["a"]}, "jsonb", 'keys = "fields"'),
        ({"mask": "json", "paths": ["$.a"]}, "jsonb", 'mask = "json"'),
        ({"mask": "json", "paths": {"$.a": 5}}, "jsonb", 'mask = "text"'),
        ({"mask": "composite", "fields": ["path"]}, "composite", 'mask = "composite"'),
        ({"mask": "integer", "minimum": 9, "maximum": 1}, "integer", "minimum = 1, maximum = 9"),
        ({"mask": "integer", "maximum": "x"}, "smallint", "maximum = 32767"),
    ],
)
def test_options_that_cannot_be_taken_are_refused_with_some_that_can(options, place, hint):
    with pytest.raises(MaskError) as caught:
        build(options, SITES[place], KEY)
    assert hint in caught.value.hint


def test_an_unknown_mask_is_refused_with_a_suggestion():
    with pytest.raises(MaskError) as caught:
        build("emial", SITES["text"], KEY)
    assert "email" in caught.value.hint


def test_a_mask_refuses_a_family_it_does_not_take():
    with pytest.raises(MaskError, match="does not take"):
        build("email", SITES["integer"], KEY)


def test_a_mask_of_elements_may_stand_on_an_array_directly():
    mask = build({"mask": "email", "keep_domain": True}, SITES["text[]"], KEY)
    [out] = suite.run(mask, suite.column(["{ana@shop.example,NULL}"])).to_pylist()
    assert out.endswith("@shop.example,NULL}")


def test_a_domain_in_the_decision_makes_two_masks_agree_or_differ():
    values = suite.column(["ana@shop.example"])

    def under(domain):
        return suite.run(build({"mask": "email", "domain": domain}, SITES["text"], KEY), values)

    assert under("staff").equals(under("staff"))
    assert not under("staff").equals(under("guests"))


def test_the_site_of_a_type_knows_bounds_lengths_elements_and_fields():
    small = ColumnType("smallint", Family.INTEGER, typname="int2")
    short = ColumnType("character(4)", Family.TEXT, typname="bpchar", length=4)
    whole = ColumnType("pair", Family.COMPOSITE, typname="pair", fields=(("a", small), ("b", short)))
    many = ColumnType("pair[]", Family.ARRAY, typname="_pair", element=whole)
    site = Site.of(many, unique=True)
    assert site.unique
    fields = dict(site.element.fields)
    assert (fields["a"].minimum, fields["a"].maximum) == (-32768, 32767)
    assert (fields["b"].max_length, fields["b"].padded) == (4, True)
    domain = ColumnType("tiny", Family.INTEGER, typname="tiny", base=small)
    assert Site.of(domain).maximum == 32767
