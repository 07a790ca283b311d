"""json: leaf by leaf, by path."""

import json
import re
from dataclasses import replace
from functools import reduce

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.catalog.types import Family
from penstock.detect import email
from penstock.errors import MaskError
from penstock.masks.build import build
from penstock.masks.contract import Site
from penstock.masks.parts.json_paths import Decisions, Step, parse_path
from tests.masks.sites import json_values
from tests.masks.standing import KEY, masked

JSONB = Site(Family.JSON, type_name="jsonb")


def through(values, site=JSONB, **options):
    return build({"mask": "json", **options}, site, KEY).mask(pa.array(values, pa.string())).to_pylist()


def shape(value):
    """The value with every leaf replaced by its type, keys and order kept."""
    if isinstance(value, dict):
        return [(key, shape(inner)) for key, inner in value.items()]
    if isinstance(value, list):
        return [shape(inner) for inner in value]
    return value if value is None or isinstance(value, bool) else type(value).__name__


@given(st.lists(json_values, max_size=5), st.booleans())
def test_structure_types_and_keys_stay(values, ascii_only):
    outs = through([json.dumps(v, ensure_ascii=ascii_only) for v in values], keys="keep")
    assert [shape(json.loads(out)) for out in outs] == [shape(v) for v in values]


@given(st.lists(json_values, max_size=5))
def test_strings_become_pseudonyms_of_texts_or_addresses_wherever_they_stand(values):
    def strings(value):
        if isinstance(value, str):
            yield value
        elif isinstance(value, dict | list):
            for inner in value.values() if isinstance(value, dict) else value:
                yield from strings(inner)

    outs = through([json.dumps(v) for v in values])
    for before, after in zip(values, outs, strict=True):
        assert [masked(_mask_of(s), [s])[0] for s in strings(before)] == list(strings(json.loads(after)))


@given(json_values, st.sampled_from([None, 2]))
def test_what_is_kept_stays_to_the_byte(value, indent):
    text = json.dumps(value, indent=indent)
    assert through([text], paths={"$.**": "keep"}) == [text]


def test_paths_decide_and_everything_else_stays_as_it_is_spelled():
    text = '{ "customer": {"email" :"Ana@shop.example", "vip":true},\t"items":[{"sku":1.50e+2},{"sku":"k\\u00e9"}], "x":null }'
    [mail] = masked("email", ["ana@shop.example"])
    paths = {"$.customer.email": "email", "$.items[*].sku": "keep"}
    assert through([text], paths=paths) == [text.replace("Ana@shop.example", mail)]


def test_duplicate_keys_stay_both():
    [out] = through(['{"a":"x","a":"y"}'])
    assert re.fullmatch(r'\{"a":"\w{16}","a":"\w{16}"\}', out)


@pytest.mark.parametrize(
    "literal", ["0", "-0", "0.0", "0e5", "7", "-12", "100", "0.25", "12.50", "1e10", "-7.5E-3", "9" * 40]
)
def test_a_number_becomes_a_number_of_the_same_form(literal):
    [out] = through([literal])
    json.loads(out)
    assert re.sub("[0-9]", "9", out) == re.sub("[0-9]", "9", literal)
    assert (float(out) == 0) == (float(literal) == 0)
    if len(literal) > 6:
        assert out != literal


def test_numbers_at_a_path_of_text_stay_numbers():
    [out] = through(['{"a":12,"b":"12"}'], paths={"$.a": "text", "$.b": "text"})
    said = json.loads(out)
    assert isinstance(said["a"], int)
    assert [said["b"]] == masked("text", ["12"])


def test_a_mask_of_whole_numbers_takes_whole_numbers_and_strings_of_them():
    said = json.loads(through(['{"id":48213,"ids":["48213","x",1.5]}'], paths={"$.**": "integer"})[0])
    assert str(said["id"]) == said["ids"][0]
    assert len(said["ids"][1]) == 16
    assert isinstance(said["ids"][2], float)


def test_null_at_a_path_empties_scalars_of_every_type():
    assert through(['{"a":"x","b":1,"c":true}'], paths={"$.*": "null"}) == ['{"a":null,"b":null,"c":null}']


def test_an_object_where_a_leaf_was_kept_is_masked_inside():
    [out] = through(['{"note":{"by":"Ana"}}'], paths={"$.note": "keep"})
    assert "Ana" not in out


def test_keys_are_masked_where_asked_but_not_those_of_the_paths():
    text = '{"people":{"Ana Silva":{"age":7}},"note":"x"}'
    [out] = through([text], keys="mask", paths={"$.people.*.age": "keep"})
    said = json.loads(out)
    assert next(iter(said)) == "people"
    [who] = said["people"]
    assert [who] == masked("text", ["Ana Silva"])
    assert said["people"][who] == {"age": 7}
    assert "note" not in said


_DATA = st.one_of(
    st.emails(),
    st.uuids().map(str),
    st.ip_addresses().map(str),
    st.dates().map(str),
    st.datetimes().map(str),
    st.integers(1_000, 10**15).map(str),
    st.integers(10**5, 10**12).map("user_{}".format),
    st.integers(10**8, 10**9).map("+351 {}".format),
    st.from_regex(r"[A-Z][a-z]+ [A-Z][a-z]+", fullmatch=True),
    st.from_regex(r"/home/[a-z]+", fullmatch=True),
    st.from_regex(r"PT50[0-9]{21}", fullmatch=True),
    st.from_regex(r"https?://[a-z]+\.example/", fullmatch=True),
)
_FIELDS = st.one_of(
    st.from_regex(r"[a-z]{1,9}(_[a-z]{1,9}){0,3}(_[0-9]{1,2})?", fullmatch=True),
    st.from_regex(r"[a-z]{1,9}([A-Z][a-z]{1,9}){0,3}", fullmatch=True),
    st.sampled_from(
        [
            "0",
            "12",
            "2fa",
            "sha256",
            "i18n",
            "xml:lang",
            "$ref",
            "Content-Type",
            "a.b.c",
            "_id",
            "straße",
            "ключ",
        ]
    ),
)


@given(st.lists(_DATA, unique=True, max_size=5), st.lists(_FIELDS, unique=True, max_size=5))
def test_keys_that_are_data_are_masked_and_names_of_fields_stay(data, fields):
    [out] = through([json.dumps({"people": dict.fromkeys([*data, *fields], 0)})])
    # Pairs, not a dict: two spellings of one address are one person, hence one key twice.
    [(_, pairs)] = json.loads(out, object_pairs_hook=list)
    said = [key for key, _ in pairs]
    assert said[len(data) :] == fields
    assert said[: len(data)] == [masked(_mask_of(key), [key])[0] for key in data]
    assert not set(said) & set(data)


def _mask_of(key):
    return "email" if pc.all(email.matches(pa.array([key]))).as_py() else "text"


def test_an_address_as_a_key_or_a_leaf_without_a_path_is_the_person_of_the_column():
    site = replace(JSONB, real={"person.email": frozenset({"boss@shop.example"})})
    text = '{"seen":{"Ana@Shop.example":1,"boss@shop.example":2}}'
    [mail] = masked("email", ["ana@shop.example"])
    assert json.loads(through([text], site)[0])["seen"].keys() == {mail, "boss@shop.example"}
    assert through(['["Ana@Shop.example", "boss@shop.example"]'], site) == [
        f'["{mail}", "boss@shop.example"]'
    ]
    assert mail in through([text], keys="mask")[0]
    assert "Ana@" in through([text], keys="keep")[0]


def test_a_key_that_a_path_names_stays_whatever_it_looks_like():
    [out] = through(['{"First name":"Ana","Last name":"Silva"}'], paths={"$['First name']": "first_name"})
    first, last = json.loads(out)
    assert first == "First name"
    assert [last] == masked("text", ["Last name"])


def test_text_that_is_no_json_is_masked_as_text():
    site = Site(Family.TEXT)
    values = ["Ana", "NaN", '{"a":1', "{'a': 1}"]
    assert through(values, site) == masked("text", values)
    assert json.loads(through(['{"a": "Ana"}'], site)[0]).keys() == {"a"}


def test_json_that_outgrows_a_text_column_is_masked_as_text():
    site = Site(Family.TEXT, max_length=20)
    assert through(['{"a":"Ana Silva"}'], site) == masked("text", ['{"a":"Ana Silva"}'], max_length=20)


def test_nested_json_is_masked_by_a_json_mask_inside():
    text = json.dumps({"payload": json.dumps({"email": "ana@shop.example"})})
    inner = {"mask": "json", "paths": {"$.email": "email"}}
    said = json.loads(json.loads(through([text], paths={"$.payload": inner})[0])["payload"])
    assert [said["email"]] == masked("email", ["ana@shop.example"])


def test_a_lone_surrogate_does_not_stop_the_column():
    [out] = through(['{"a":"\\ud800","b":"x"}'], paths={"$.a": "digits"})
    assert json.loads(out)["a"] == "?"


@pytest.mark.parametrize(
    ("pattern", "path", "fits"),
    [
        ("$.a.b", ["a", "b"], True),
        ("$.a", ["a", "b"], False),
        ("$.a.**", ["a", "b", "c"], True),
        ("$..b", ["x", "a", "b"], True),
        ("$..b", ["b"], True),
        ("$.*.b", ["a", "b"], True),
        ("$.*", [0], False),
        ("$.a[*].b", ["a", 0, "b"], True),
        ("$['a.b'][*]", ["a.b", 0], True),
        ("$", [], True),
    ],
)
def test_a_path_matches_what_it_says(pattern, path, fits):
    concrete = tuple(Step("key", step) if isinstance(step, str) else Step("[*]") for step in path)
    decisions = Decisions([parse_path(pattern)])
    assert (decisions.at(reduce(decisions.after, concrete, decisions.start)) == 0) is fits


def test_the_path_with_fewest_wildcards_wins():
    said = json.loads(
        through(['{"a":{"b":"x","c":"y"}}'], paths={"$.**": "null", "$.*.b": "null", "$.a.b": "keep"})[0]
    )
    assert said == {"a": {"b": "x", "c": None}}


@pytest.mark.parametrize("path", ["a.b", "$.a[0]", "$.", "$..", "$a", "$['a"])
def test_a_malformed_path_is_refused(path):
    with pytest.raises(MaskError):
        through(["1"], paths={path: "keep"})


def test_thousands_of_levels_are_no_trouble():
    text = "[" * 3000 + '"Ana"' + "]" * 3000
    [name] = masked("text", ["Ana"])
    assert through([text], paths={"$..email": "email"}) == [text.replace("Ana", name)]
