"""What the proof takes for a leaf that was to change."""

from __future__ import annotations

import json

import pytest

from penstock.proof.paths import staying, to_change

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
