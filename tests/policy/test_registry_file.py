"""masks.toml: what it may say and how it says what is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from penstock.catalog.model import ColumnName, TableName
from penstock.errors import MaskError, RegistryError
from penstock.policy.registry_file import load, parse
from tests.servers import REPOSITORY

CUSTOMER = TableName("public", "customer")


def test_a_line_is_a_mask_or_a_table_with_options_and_who_decided():
    registry = parse(
        """
        [public.customer]
        first_name = "first_name"
        email = { mask = "email", keep_domain = true, domain = "person.email", by = "review", when = 2026-11-21 }
        """
    )
    first, second = registry
    assert (first.mask, first.options, first.value) == ("first_name", {}, "first_name")
    assert (second.mask, dict(second.options), second.domain) == (
        "email",
        {"keep_domain": True},
        "person.email",
    )
    assert (second.by, second.when, second.who) == ("review", "2026-11-21", "")


def test_a_table_under_the_column_says_the_same_as_one_on_its_line():
    inline = parse('[public.customer]\nemail = { mask = "email", keep_domain = true }\n')
    below = parse('[public.customer.email]\nmask = "email"\nkeep_domain = true\n')
    assert inline.lines == below.lines


def test_names_with_dots_quotes_spaces_and_other_alphabets_are_taken_as_they_are():
    registry = parse('["my.schema"."ta\\"ble"]\n"Größe (cm)" = "keep"\n"列" = "text"\n')
    table = TableName("my.schema", 'ta"ble')
    assert list(registry.lines) == [ColumnName(table, "Größe (cm)"), ColumnName(table, "列")]


def test_no_file_is_an_empty_registry(tmp_path: Path):
    assert len(load(tmp_path / "masks.toml")) == 0


def test_a_line_as_text_reads_back_as_itself():
    text = '[public.customer]\n"odd name" = { mask = "constant", value = "a \\"b\\"\\n", why = "tests" }\n'
    (line,) = parse(text)
    (again,) = parse(f"[public.customer]\n{line.text}\n")
    assert again == line


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('[public.customer]\nemail = "email"\nemail = "text"\n', "no valid TOML"),
        ('[customer]\nemail = "email"\n', "names no table"),
        ('email = "email"\n', "outside of a table"),
        ("[public.customer]\nemail = 3\n", "is not a mask"),
        ("[public.customer]\nemail = { keep_domain = true }\n", "is not a mask"),
        ('[public.customer]\nemail = { mask = "email", by = 3 }\n', "is not a text"),
    ],
)
def test_a_malformed_file_is_refused(text: str, says: str):
    with pytest.raises(RegistryError, match=says):
        parse(text)


@pytest.mark.parametrize(
    ("value", "what", "hint"),
    [
        ('"emial"', "public.customer.email: there is no mask 'emial'", "did you mean 'email'?"),
        (
            '{ mask = "email", keep_domian = true }',
            "has no option 'keep_domian'",
            "did you mean 'keep_domain'?",
        ),
        ('{ mask = "rebuild", triger = "t" }', "has no option 'triger'", "trigger"),
    ],
)
def test_a_misspelt_mask_or_option_names_the_column_and_the_nearest_one(value: str, what: str, hint: str):
    with pytest.raises(MaskError) as caught:
        parse(f"[public.customer]\nemail = {value}\n")
    assert what in caught.value.what
    assert hint in caught.value.hint


def test_an_error_never_quotes_the_value_of_an_option():
    with pytest.raises((MaskError, RegistryError)) as caught:
        parse('[public.customer]\nemail = { mask = "constant", valeu = "s3cret-value" }\n')
    assert "s3cret" not in str(caught.value.as_dict())


def test_the_example_in_the_documentation_is_one():
    page = (REPOSITORY / "docs" / "masking.md").read_text(encoding="utf-8")
    example = page.split("```toml\n")[1].split("```")[0]
    assert [line.mask for line in parse(example)] == ["first_name", "email", "free_text", "keep"]
