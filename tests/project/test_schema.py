"""The schema editors use says what the loader does."""

from __future__ import annotations

import dataclasses
import tomllib

import penstock.devdb.config
from penstock.project.connections import ConnectionTable
from penstock.project.loader import key_of
from penstock.project.schema import project_schema


def test_every_field_that_is_read_is_in_the_schema() -> None:
    properties = project_schema()["properties"]
    for kind, table in (
        (ConnectionTable, properties["connections"]["additionalProperties"]),
        (penstock.devdb.config.DevdbSettings, properties["devdb"]["additionalProperties"]),
    ):
        assert set(table["properties"]) == {key_of(field) for field in dataclasses.fields(kind)}
        assert table["additionalProperties"] is False


def test_nested_tables_choices_and_required_keys_are_in_it() -> None:
    devdb = project_schema()["properties"]["devdb"]["additionalProperties"]["properties"]
    assert devdb["root"]["items"]["required"] == ["table"]
    assert "from" in devdb["edge"]["items"]["properties"]
    assert set(devdb["unclassified"]["enum"]) == {"refuse", "mask"}


def test_an_example_names_only_keys_of_the_schema() -> None:
    document = tomllib.loads('[devdb.s]\nkeep=["a"]\n[[devdb.s.root]]\ntable="t"\n')
    devdb = project_schema()["properties"]["devdb"]["additionalProperties"]["properties"]
    assert set(document["devdb"]["s"]) <= set(devdb)
