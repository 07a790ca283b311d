"""What a manifest says of conditions: their shape, and none of the values they look for."""

from __future__ import annotations

import pytest

from penstock.devdb.manifest import without_literals


@pytest.mark.parametrize(
    ("condition", "said"),
    [
        ("email = 'a@b.example' AND id < 40", "email = '…' AND id < 40"),
        ("id < 40 /* ask a@b.example */ AND x", "id < 40 /*…*/ AND x"),
        ("id < 40 /* one /* two */ a@b.example */ AND x", "id < 40 /*…*/ AND x"),
        ("id < 40 /* a@b.example", "id < 40 /*…*/"),
        ("id < 40 -- a@b.example\n AND x", "id < 40 --…\n AND x"),
        ("a = '/* ' AND b = 'a@b.example */'", "a = '…' AND b = '…'"),
        ("a /* ' */ = 'a@b.example'", "a /*…*/ = '…'"),
        ('"a--b" = "c/*d" -- a@b.example', '"a--b" = "c/*d" --…'),
        (r"a LIKE'x\' AND b = 'a@b.example'", "a LIKE'…' AND b = '…'"),
        ("tel = 5551234567 OR a = $q$a@b.example$q$", "tel = '…' OR a = '…'"),
    ],
)
def test_a_condition_is_written_without_its_literals_and_comments(condition: str, said: str) -> None:
    assert without_literals({"where": [condition]}) == {"where": [said]}
