"""A function of the schema that raises for masked values: the error says whose it is, and not what it said."""

from __future__ import annotations

import subprocess

import pytest

from penstock.devdb.building import tools
from penstock.errors import SchemaToolError
from tests.conftest import MakeDatabase
from tests.devdb.conftest import MakeFolder

FUNCTION = """
CREATE FUNCTION public.fine(note text, kept text) RETURNS bool LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN
    IF note NOT LIKE 'stay%' THEN RAISE EXCEPTION 'no stay in %, says %', note, kept; END IF;
    RETURN true;
END $$;
CREATE TABLE public.visit (id int PRIMARY KEY, note text, kept text);
INSERT INTO public.visit VALUES (1, 'stay', 'quartermaine');
"""
MASKS = '[public.visit]\nnote = "text"\nkept = "keep"\n'


@pytest.mark.parametrize(
    ("added", "named"),
    [
        (
            "ALTER TABLE visit ADD CONSTRAINT early CHECK (fine(note, kept))",
            ("copying public.visit", "public.fine(text,text)"),
        ),
        (
            "ALTER TABLE visit ADD CONSTRAINT late CHECK (fine(note, kept)) NOT VALID; "
            "CREATE INDEX by_note ON visit ((fine(note, kept)))",
            ("(post-data)", "INDEX by_note"),
        ),
    ],
    ids=["a CHECK", "an index"],
)
def test_a_function_that_raises_in_the_copy_is_named_without_its_words(
    added: str, named: tuple[str, ...], make_database: MakeDatabase, make_folder: MakeFolder
) -> None:
    source = make_database(FUNCTION + added)
    folder = make_folder(source, '[[devdb.small.root]]\ntable = "public.visit"\n', MASKS)
    failed = folder.run("dev", "create", "small")
    assert failed.code == 3
    assert all(name in failed.err for name in named), failed.err
    assert "choose another mask for the columns it reads" in failed.err
    assert "quartermaine" not in failed.err
    assert "no stay" not in failed.err


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ('could not create unique index "t_pkey"', True),
        ('insert or update on table "t" violates foreign key constraint "t_fkey"', True),
        ('check constraint "late" of relation "t" is violated by some row', True),
        ("operator class gin_trgm_ops does not exist", True),
        ('invalid input syntax for type integer: "quartermaine"', False),
        ("quartermaine does not exist", False),
    ],
)
def test_of_what_reads_rows_only_the_servers_own_words_are_shown(said: str, *, shown: bool) -> None:
    told = (
        "pg_restore: from TOC entry 1; 2606 5 CONSTRAINT t t_pkey me\n"
        f"pg_restore: error: could not execute query: ERROR:  {said}\nDETAIL:  quartermaine\n"
    )
    (found,) = tools._errors(told)
    assert (said in found) is shown
    assert found.endswith(" (CONSTRAINT t t_pkey)")


def test_a_server_that_speaks_another_language_is_not_quoted() -> None:
    said = (
        "pg_restore: error: could not execute query: FEHLER:  kein Platz bei quartermaine\nDETAIL:  Schlüssel »(note)=(x)«\n"
        "Command was: CREATE INDEX by_note ON public.visit (note);\n"
    )
    result = subprocess.CompletedProcess(["pg_restore"], 1, "", said)
    with pytest.raises(SchemaToolError) as caught:
        tools.raise_for(result, "restoring the schema (post-data)")
    assert "quartermaine" not in str(caught.value.as_dict())
    assert "could not execute query: an error in another language" in caught.value.why
    assert "lc_messages" in caught.value.hint
