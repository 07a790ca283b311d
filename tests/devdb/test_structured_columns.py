"""Columns masked part by part: what was to stay in a composite, an array or a document is no sign of a forgotten mask."""

from __future__ import annotations

from tests.conftest import MakeDatabase
from tests.devdb.conftest import MakeFolder

# In two of three rows nothing was to change: the path is NULL or empty, the document holds a kept leaf alone.
ROWS = """
SELECT n AS id, o AS file, ARRAY[o, NULL, o] AS files, ARRAY[j, '{}'] AS documents, ROW('order', j, n % 7, '{""}')::entry AS entry
FROM (
    SELECT n, ROW('invoices', CASE n % 3 WHEN 0 THEN 'customers/zebulon "q" ' || n || '/a.pdf' WHEN 1 THEN '' END, 'eu-west-1')::s3_object AS o,
        CASE WHEN n % 3 = 0 THEN jsonb_build_object('by', 'zebulon (' || n || ')', 'kind', 'x, y') ELSE '{"kind": "x, y", "note": ""}' END AS j
    FROM generate_series(1, 200) n
) AS v
"""
SOURCE = f"""
CREATE TYPE s3_object AS (bucket text, path text, region text);
CREATE TYPE entry AS (kind text, body jsonb, level int, tags text[]);
CREATE TABLE invoice (id int PRIMARY KEY, file s3_object, files s3_object[], documents jsonb[], entry entry);
INSERT INTO invoice {ROWS};
ANALYZE;
"""
MASKS = """
[public.invoice.file]
mask = "composite"
fields = { bucket = "keep", path = "path", region = { mask = "constant", value = "eu-west-1" } }
[public.invoice.files]
mask = "array"
element = { mask = "composite", fields = { bucket = "keep", path = "path", region = "keep" } }
[public.invoice.documents]
mask = "array"
element = { mask = "json", paths = { "$.kind" = "keep" } }
[public.invoice.entry]
mask = "composite"
fields = { kind = "keep", body = { mask = "json", paths = { "$.kind" = "keep" } }, level = "integer" }
"""


def test_a_copy_whose_structured_values_mostly_stay_is_proved_and_a_forgotten_mask_in_any_is_seen(
    make_database: MakeDatabase, make_folder: MakeFolder
) -> None:
    folder = make_folder(make_database(SOURCE), 'keep = ["public.invoice"]', MASKS)
    created = folder.run("dev", "create", "small")
    assert created.code == 0, created.err
    made = folder.made
    assert made.value("SELECT count(*) FROM invoice t WHERE t::text LIKE '%zebulon%'") == 0
    assert made.value("SELECT count(*) FROM invoice WHERE (file).bucket = 'invoices'") == 200
    columns = ("file", "files", "documents", "entry")
    put_back = ", ".join(f"{column} = o.{column}" for column in columns)
    made.execute(f"UPDATE invoice i SET {put_back} FROM ({ROWS}) o WHERE o.id = i.id")
    verified = folder.run("dev", "verify", "small", "--json")
    assert verified.code == 1
    tests = {t["column"].rpartition(".")[2]: t for t in verified.json["leaks"]["tests"]}
    assert [(tests[c]["status"], tests[c]["rows"], tests[c]["equal"]) for c in columns] == [
        ("failed", 66, 66)
    ] * 4


CONTACTS = """
CREATE TYPE contact AS (kind text, mail text);
CREATE TABLE person (id int PRIMARY KEY, js jsonb, many jsonb[], who contact, loose jsonb, note text);
INSERT INTO person SELECT i,
    jsonb_build_object('email', 'js.' || i || '@secret.example', 'plan', 'premium plan', 'ref', 'REF ' || i),
    ARRAY[jsonb_build_object('email', 'many.' || i || '@secret.example')],
    ROW('private contact', 'who.' || i || '@secret.example')::contact,
    jsonb_build_object('cc', 'loose.' || i || '@secret.example', 'state', 'on its way', 'ref', 'REF ' || i),
    'premium plan, private contact, on its way, REF ' || i
FROM generate_series(1, 200) AS i;
ANALYZE;
"""
CONTACT_MASKS = """
[public.person]
js = { mask = "json", paths = { "$.email" = "email", "$.plan" = "keep", "$.ref" = "keep" } }
many = { mask = "array", element = { mask = "json", paths = { "$.email" = "email" } } }
who = { mask = "composite", fields = { kind = "keep", mail = "email" } }
loose = "json"
note = "keep"
"""


def test_fresh_parts_of_structured_values_are_searched_for_in_all_the_copy(
    make_database: MakeDatabase, make_folder: MakeFolder
) -> None:
    folder = make_folder(make_database(CONTACTS), 'keep = ["public.person"]', CONTACT_MASKS)
    created = folder.run("dev", "create", "small")
    assert created.code == 0, created.err
    clean = folder.run("dev", "verify", "small", "--json").json["leaks"]
    for column in ("js", "many", "who", "loose"):
        tests = [t for t in clean["tests"] if t["column"] == f"public.person.{column}"]
        assert [(t["test"], t["status"]) for t in tests] == [("absence", "ok"), ("aligned rows", "ok")]
        assert tests[0]["searched"] == 200
    for i, column in enumerate(("js", "many", "who", "loose"), 1):
        folder.made.execute(f"UPDATE person SET note = 'ask {column}.{i}@Secret.example' WHERE id = {i}")
    verified = folder.run("dev", "verify", "small", "--json")
    assert verified.code == 1
    leaks = {(f["origin"], f["place"], f["values"]) for f in verified.json["leaks"]["leaks"]}
    assert leaks == {
        (f"public.person.{column}", "public.person.note", 1) for column in ("js", "many", "who", "loose")
    }


def test_documents_of_staff_stay_real_with_the_addresses_in_them(
    make_database: MakeDatabase, make_folder: MakeFolder
) -> None:
    real = 'keep = ["public.person"]\n[[devdb.small.real]]\ntable = "public.person"\nwhere = "id <= 3"'
    folder = make_folder(make_database(CONTACTS), real, CONTACT_MASKS)
    created = folder.run("dev", "create", "small")
    assert created.code == 0, created.err
    assert folder.made.value("SELECT count(*) FROM person WHERE loose::text LIKE '%secret.example%'") == 3
