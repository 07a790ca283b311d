"""Made-up strings for the formats that CHECKs ask for."""

from __future__ import annotations

import re

import pytest

from penstock.policy.pattern_samples import matching


@pytest.mark.parametrize(
    "pattern",
    [
        "^[A-Z]{3}-[0-9]{5}$",
        r"^\d{4}-\d{3}$",
        "^(PT|ES)[0-9]{9}$",
        "^[a-z0-9]+(?:-[a-z0-9]+)*$",
        r"^[^@\s]+@[^@\s]+\.[a-z]+$",
        "^[A-Za-z]{2,5}_?x*$",
        r"^\+[1-9]\d{1,14}$",
        "^[-a-z]{2}[]x]$",
    ],
)
def test_what_is_made_up_matches(pattern: str):
    made = matching(pattern)
    assert made
    assert all(re.fullmatch(pattern, text) for text in made)


def test_posix_classes_are_known():
    assert all(re.fullmatch("[A-Z][0-9]{2}", text) for text in matching("^[[:upper:]][[:digit:]]{2}$"))


@pytest.mark.parametrize("pattern", [r"^(?=x)", r"\bx", "(", "[a", r"a\1", "x{a}"])
def test_what_is_not_understood_gives_nothing(pattern: str):
    assert matching(pattern) == ()
