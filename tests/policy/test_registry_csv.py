"""The registry through a spreadsheet and back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.catalog.model import ColumnName, TableName
from penstock.errors import MaskError, RegistryError
from penstock.policy.registry_csv import from_csv, to_csv
from penstock.policy.registry_file import Line, Registry, parse

MASKS = """
[public.customer]
name = "person_name"
email = { mask = "email", keep_domain = true, by = "review", why = "colleagues, \\"twice\\"" }

["odd.schema"."ta,ble"]
"a\\"b" = "null"
"""


def test_a_plain_decision_is_the_name_of_its_mask():
    assert to_csv(parse('[public.customer]\nname = "text"\n')) == (
        "schema_name,table_name,column_name,scrubbing_action\npublic,customer,name,text\n"
    )


def test_export_and_import_lose_nothing():
    registry = parse(MASKS)
    assert from_csv(to_csv(registry)) == list(registry)


text = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), min_size=1, max_size=10)


@given(text, text, text, text)
def test_any_name_and_any_option_comes_back(schema: str, table: str, column: str, value: str):
    name = ColumnName(TableName(schema, table), column)
    line = Line(name, "constant", {"value": value})
    assert from_csv(to_csv(Registry({name: line}))) == [line]


def test_a_spreadsheet_may_reorder_columns_add_some_and_leave_actions_empty():
    lines = from_csv(
        "\ufeffnote,column_name,scrubbing_action,table_name,schema_name\r\nx,email, email ,customer,public\r\n,id,,customer,public\r\n"
    )
    assert [(str(found.column), found.mask) for found in lines] == [("public.customer.email", "email")]


def test_columns_without_a_decision_are_exported_with_an_empty_action():
    registry = parse('[public.b]\nx = "keep"\n')
    columns = [ColumnName(TableName("public", "a"), "x"), ColumnName(TableName("public", "b"), "x")]
    assert to_csv(registry, columns).splitlines()[1:] == ["public,a,x,", "public,b,x,keep"]


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("public,customer,email,email\npublic,customer,email,text\n", "two actions"),
        ("public,customer,,email\n", "a name is empty"),
        ("public,customer,email,{ mask = \n", "cannot be read"),
        ("public,customer,email,{ keep_domain = true }\n", "not a mask"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_line(body: str, says: str):
    with pytest.raises(RegistryError, match=says) as caught:
        from_csv("schema_name,table_name,column_name,scrubbing_action\n" + body)
    assert "line" in caught.value.what


def test_a_missing_column_and_an_unknown_mask_are_refused():
    with pytest.raises(RegistryError, match="no column 'scrubbing_action'"):
        from_csv("schema_name,table_name,column_name\n")
    with pytest.raises(MaskError, match="there is no mask 'emial'"):
        from_csv("schema_name,table_name,column_name,scrubbing_action\npublic,c,email,emial\n")
