"""text: a pseudonym as long as the column allows."""

import re

import pytest
from hypothesis import given

from penstock.masks.contract import Codomain
from tests.masks.sites import text_values
from tests.masks.standing import KEY, OTHER_KEY, masked, standing


@given(text_values.filter(bool))
def test_any_text_becomes_sixteen_letters_and_digits(value):
    [out] = masked("text", [value])
    assert re.fullmatch("[a-z2-7]{16}", out)


def test_a_short_column_gets_the_beginning_of_the_same_pseudonym():
    [long] = masked("text", ["Ana"])
    assert masked("text", ["Ana"], max_length=5) == [long[:5]]


def test_the_domain_and_the_key_decide_not_the_place():
    assert masked("text", ["Ana"], unique=True) == masked("text", ["Ana"])
    assert masked("text", ["Ana"], domain="a") != masked("text", ["Ana"], domain="b")
    assert masked("text", ["Ana"], keys=KEY) != masked("text", ["Ana"], keys=OTHER_KEY)


def test_case_counts_unless_the_column_ignores_it():
    assert len(set(masked("text", ["Ana", "ANA"]))) == 2
    assert len(set(masked("text", ["Ana", "ANA"], case_insensitive=True))) == 1
    assert len(set(masked("text", ["Ana", "Ana  "], max_length=20, padded=True))) == 1


@pytest.mark.parametrize(
    ("length", "codomain"), [(None, Codomain.FRESH), (8, Codomain.FRESH), (7, Codomain.PERMUTATION)]
)
def test_only_a_pseudonym_of_enough_bits_is_nobodys_value(length, codomain):
    promised = standing("text", max_length=length).contract()
    assert promised.codomain is codomain
    assert promised.collision_bits == 5 * (length or 16)


def test_a_long_value_is_not_confused_with_its_beginning():
    outs = masked("text", ["x" * n for n in (511, 512, 513, 514, 10_000)])
    assert len(set(outs)) == 5
