"""What is recognised in documents and notes has the pseudonym of its column, also where the column has options."""

from __future__ import annotations

from tests.conftest import MakeDatabase
from tests.devdb.conftest import Folder, MakeFolder

SOURCE = """
CREATE TABLE person (id int PRIMARY KEY, email varchar(60) NOT NULL, also text[]);
CREATE TABLE event (id int PRIMARY KEY, named jsonb, unnamed jsonb, keyed jsonb, line text, note text);
INSERT INTO person SELECT n, m, ARRAY[m, NULL] FROM (SELECT n, 'Quarter' || n || '@maine.test' FROM generate_series(1, 50) n) AS v(n, m);
INSERT INTO event SELECT id, jsonb_build_object('by', email), jsonb_build_object('a', jsonb_build_array(email, 'door ' || id)),
    jsonb_build_object(upper(email), id), jsonb_build_object('by', email)::text, 'call ' || email || ' soon' FROM person;
ANALYZE;
"""
DEVDB = 'keep = ["public.person", "public.event"]'
KEEP_DOMAIN = '{ mask = "email", keep_domain = true }'
MASKS = """
[public.person]
email = { mask = "email", keep_domain = true }
also = ALSO
[public.event]
named = { mask = "json", paths = { "$.by" = { mask = "email", keep_domain = true } } }
unnamed = "json"
keyed = "json"
line = "json"
note = { mask = "free_text", rest = "keep" }
"""
PLACES = {
    "array": "p.also[1]",
    "path": "e.named ->> 'by'",
    "leaf": "e.unnamed -> 'a' ->> 0",
    "text": "e.line::jsonb ->> 'by'",
    "key": "(SELECT jsonb_object_keys(e.keyed))",
    "note": "split_part(e.note, ' ', 2)",
}


def other_pseudonyms(folder: Folder) -> dict[str, int]:
    """By place: the people who are not called there what their column calls them."""
    counts = ", ".join(f"count(*) FILTER (WHERE {place} <> p.email)" for place in PLACES.values())
    (row,) = folder.made.rows(f"SELECT {counts} FROM person p JOIN event e USING (id)")
    return dict(zip(PLACES, row, strict=True))


def test_an_email_is_one_pseudonym_in_columns_arrays_documents_and_notes_that_keep_its_domain(
    make_database: MakeDatabase, make_folder: MakeFolder
) -> None:
    folder = make_folder(make_database(SOURCE), DEVDB, MASKS.replace("ALSO", KEEP_DOMAIN))
    created = folder.run("dev", "create", "small")
    assert created.code == 0, created.err
    assert other_pseudonyms(folder) == dict.fromkeys(PLACES, 0)
    assert folder.made.value("SELECT count(*) FROM person WHERE email ~ '^[0-9a-z-]+@maine.test$'") == 50


def test_where_the_columns_disagree_the_plan_warns_and_the_defaults_hold(
    make_database: MakeDatabase, make_folder: MakeFolder
) -> None:
    folder = make_folder(make_database(SOURCE), DEVDB, MASKS.replace("ALSO", '"email"'))
    warned = [w for w in folder.run("dev", "plan", "small", "--json").json["warnings"] if "pseudonyms" in w]
    assert len(warned) == 1
    assert warned[0].startswith("public.event.named: the mask 'email' has other options")
    assert "than in public.person.also" in warned[0]
    assert folder.run("dev", "create", "small").code == 0
    assert other_pseudonyms(folder) == dict.fromkeys(PLACES, 50) | {"path": 0}
