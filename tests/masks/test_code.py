"""code: another code of the same layout, for keys that people made up."""

from __future__ import annotations

from itertools import product
from string import ascii_uppercase

from tests.masks.standing import masked


def test_a_code_without_digits_does_not_pass_as_it_is():
    values = ["ALFKI", "ANATR", "WELLI"]
    assert not set(masked("code", values)) & set(values)


def test_all_codes_of_a_layout_are_only_permuted():
    values = [f"{a}{b}{n}" for a, b, n in product(ascii_uppercase, ascii_uppercase, range(10))]
    out = masked("code", values)
    assert sorted(out) == sorted(values)
    assert (
        sum(a == b for a, b in zip(values, out, strict=True)) < 10
    )  # chance alone leaves about one in place


def test_accented_letters_become_accented_letters_of_their_case():
    out = masked("code", ["kÄ1", "Ñandu-7", "über"])
    assert all(c.isprintable() for value in out for c in value)
    assert [value[1].isupper() for value in out[:1]] == [True]
    assert out[2][0].islower()
