"""Whatever a table is called, its folder is one name, its own, and below the data set."""

from __future__ import annotations

import unicodedata
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from penstock.catalog.model import TableName
from penstock.lake.names import folder_names

NAMES = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=63)


@given(st.sets(st.tuples(NAMES, NAMES), max_size=8))
def test_every_folder_is_a_single_harmless_name_that_no_other_table_has(pairs: set[tuple[str, str]]) -> None:
    tables = [TableName(*pair) for pair in sorted(pairs)]
    found = folder_names(tables)
    assert list(found) == tables
    as_one = {unicodedata.normalize("NFC", name).casefold() for name in found.values()}
    assert len(as_one) == len(tables)
    for name in found.values():
        assert Path(name).name == name
        assert len(name.encode()) <= 255
        assert not name.startswith((".", "/"))
        assert not set(name) & set('\\/*?[]{}"<>|: \n\t\x7f')


def test_plain_names_stay_readable() -> None:
    tables = [
        TableName("public", "orders"),
        TableName("Verkäufe", "Größe-2"),
        TableName("a.b", "c"),
        TableName("a", "b.c"),
    ]
    assert list(folder_names(tables).values()) == ["public.orders", "Verkäufe.Größe-2", "a%2Eb.c", "a.b%2Ec"]
