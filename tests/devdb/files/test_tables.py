"""The order in which rows are written."""

from __future__ import annotations

import pytest

from penstock.devdb.files.tables import expression, tables_of
from penstock.engines.postgres.reflect import reflect
from penstock.engines.postgres.session import Session
from tests.conftest import MakeDatabase


@pytest.mark.parametrize("body", ["RETURN 'same'", "RAISE EXCEPTION 'no'"])
def test_keys_are_ordered_as_they_are_written_whatever_their_casts_to_text_do(
    make_database: MakeDatabase, body: str
) -> None:
    database = make_database(
        f"""
        CREATE TYPE mood AS ENUM ('b', 'c', 'a');
        CREATE TYPE pair AS (a int, b text);
        CREATE FUNCTION said(mood) RETURNS text LANGUAGE plpgsql AS $$BEGIN {body}; END$$;
        CREATE FUNCTION said(pair) RETURNS text LANGUAGE plpgsql AS $$BEGIN {body}; END$$;
        CREATE CAST (mood AS text) WITH FUNCTION said(mood);
        CREATE CAST (pair AS text) WITH FUNCTION said(pair);
        CREATE TABLE keyed (x mood PRIMARY KEY);
        INSERT INTO keyed VALUES ('b'), ('c'), ('a');
        CREATE TABLE composed (x pair PRIMARY KEY);
        INSERT INTO composed VALUES ((2, 'b')), ((1, 'z')), ((1, NULL));
        CREATE TABLE keyless (x mood);
        INSERT INTO keyless VALUES ('b'), (NULL), ('a');
        """
    )
    with Session.open(database.settings, read_only=True) as session:
        written = {
            table.name.table: b"".join(session.copy_out(table.select([expression("x")]))).split()
            for table in tables_of(reflect(session))
        }
    assert written == {
        "keyed": [b"a", b"b", b"c"],
        "composed": [b"(1,)", b"(1,z)", b"(2,b)"],
        "keyless": [b"\\N", b"a", b"b"],
    }
