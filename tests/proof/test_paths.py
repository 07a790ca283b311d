"""What the proof takes for a leaf that was to change."""

from __future__ import annotations

import json

import pytest

from penstock.proof.paths import changing, fresh, staying, to_change
from penstock.proof.report import Parts

DOCUMENT = {
    "by": "ana",
    "Kind": "login",
    "a.b": "dotted",
    "items": [{"sku": "blue", "n": 1234, "q": 7}],
    "note": {"text": "deep"},
    "inner": '{"x": "nested"}',
    "ok": True,
}


@pytest.mark.parametrize(
    ("paths", "left"),
    [
        ([], {"ana", "login", "dotted", "blue", "1234", "deep", "nested"}),
        ([("$.Kind", True), ("$.by", False)], {"ana", "dotted", "blue", "1234", "deep", "nested"}),
        ([("$['a.b']", True), ("$.items[*].sku", True)], {"ana", "login", "1234", "deep", "nested"}),
        ([("$.**", True), ("$.by", False)], {"ana"}),
        ([("$..text", True), ("$.items[*].*", True)], {"ana", "login", "dotted", "nested"}),
        ([("$.*", True), ("$.by", False), ("$.note", True)], {"ana", "blue", "1234", "deep"}),
        ([("$.note.**", True)], {"ana", "login", "dotted", "blue", "1234", "nested"}),
    ],
)
def test_leaves_under_paths_that_keep_are_none_of_them(paths: list[tuple[str, bool]], left: set[str]):
    folded = json.dumps(DOCUMENT).lower()
    assert set(to_change(folded, staying(paths))) == left


def test_a_text_that_is_no_document_was_to_change_as_a_whole():
    assert list(to_change("{ana", staying([("$.**", True)]))) == ["{ana"]


FIELDS = Parts(fields=(Parts(stays=True), Parts(), Parts(element=Parts(paths=(("$.a", True),)))))


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("(bucket,path,)", ["path"]),
        ("(bucket,,)", []),
        ('(bucket,"",{null})', []),
        ("(,7,)", []),
        ("(,-7.05,)", ["-7.05"]),
        (r'("a, (b","c ""d\\e""",)', [r'c "d\e"']),
        (r'(,,"{""{\\""a\\"": \\""x\\"", \\""b\\"": \\""y, z\\""}"",null}")', ["y, z"]),
        ("(a,b)", ["(a,b)"]),
    ],
)
def test_fields_of_a_composite_that_stay_are_none_of_them(text: str, left: list[str]):
    assert list(changing(FIELDS)(text)) == left


def test_elements_of_an_array_are_asked_one_by_one():
    assert list(changing(Parts(element=FIELDS))('{"(a,b,)",null,"(a,\\"c \\"\\"d\\",)"}')) == ["b", 'c "d']


FRESH = Parts(
    paths=(("$.mail", False), ("$.name", False), ("$.kind", True)), fresh_paths=frozenset({"$.mail"})
)


@pytest.mark.parametrize(
    ("document", "left"),
    [
        ({"mail": "Ana", "name": "bert", "kind": "c@d.example"}, ["Ana"]),
        ({"mail": 1234567, "cc": "a@b.example", "n": 1234567, "note": "to a@b.example"}, ["a@b.example"]),
        ({"mail": {"to": "x"}, "inner": '{"kind": "x", "cc": "a@b.example"}'}, ["a@b.example"]),
    ],
)
def test_of_a_document_fresh_paths_and_addresses_without_a_path_are_searched_for(document, left):
    assert list(fresh(FRESH)(json.dumps(document))) == left


def test_of_a_text_that_is_no_document_an_address_is_searched_for():
    assert [list(fresh(FRESH)(text)) for text in ("{ana", "a@b.example")] == [[], ["a@b.example"]]


def test_fresh_fields_and_elements_are_searched_for():
    parts = Parts(element=Parts(fields=(Parts(stays=True), Parts(fresh=True), Parts(), FRESH)))
    text = r'{"(kind,\"a b\",pool,\"{\"\"mail\"\": \"\"x y\"\"}\")"}'
    assert parts.has_fresh
    assert list(fresh(parts)(text)) == ["a b", "x y"]
