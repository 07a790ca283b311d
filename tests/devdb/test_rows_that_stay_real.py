"""Staff stay real wherever they are named, everybody else nowhere, and the proof knows both."""

from __future__ import annotations

import json

from tests.conftest import MakeDatabase
from tests.devdb.conftest import Folder, MakeFolder

STAFF = [f"agent{n}@ourshop.example" for n in range(8)]

# Every other row of each table names somebody of the staff, the rest name customers.
SOURCE = """
CREATE TYPE contact AS (mail text, remark text);
CREATE TABLE users (id int PRIMARY KEY, email text NOT NULL UNIQUE, aliases text[]);
CREATE TABLE audit (id int PRIMARY KEY, entry jsonb, line text);
CREATE TABLE mailing (id int PRIMARY KEY, sent_to text[]);
CREATE TABLE ticket (id int PRIMARY KEY, opened_by contact, body text);
INSERT INTO users SELECT n, CASE WHEN n < 8 THEN 'agent' || n || '@ourshop.example' ELSE 'quarter' || n || '@maine.example' END,
    CASE WHEN n < 8 THEN ARRAY['alias' || n || '@ourshop.example'] ELSE ARRAY['alias' || n || '@maine.example'] END
    FROM generate_series(0, 199) n;
CREATE VIEW named AS SELECT n, CASE WHEN n % 2 = 0 THEN 'agent' || n / 2 % 8 || '@ourshop.example'
    ELSE 'quarter' || 8 + n % 192 || '@maine.example' END AS mail FROM generate_series(1, 400) n;
INSERT INTO audit SELECT n, entry, entry::text FROM (
    SELECT n, jsonb_build_object('by', mail, 'ok', n % 3 = 0, 'action', 'log in', 'count', n % 4) FROM named
) AS e(n, entry);
INSERT INTO mailing SELECT n, ARRAY[mail, NULL, 'quarter' || 8 + n % 192 || '@maine.example'] FROM named;
INSERT INTO ticket SELECT n, ROW(mail, 'door ' || n)::contact, 'written to ' || mail FROM named;
ANALYZE;
"""
DEVDB = """
keep = ["public.users", "public.audit", "public.mailing", "public.ticket"]
[[devdb.small.real]]
table = "public.users"
where = "email LIKE '%@ourshop.example'"
"""
MASKS = """
[public.users]
email = "email"
aliases = "email"
[public.audit]
entry = { mask = "json", paths = { "$.by" = "email", "$.action" = "keep", "$.count" = "keep" } }
line = { mask = "json", paths = { "$.by" = "email", "$.*" = "keep" } }
[public.mailing]
sent_to = "email"
[public.ticket]
opened_by = { mask = "composite", fields = { mail = "email" } }
body = { mask = "free_text", rest = "keep" }
"""


def created(make_database: MakeDatabase, make_folder: MakeFolder) -> Folder:
    folder = make_folder(make_database(SOURCE), DEVDB, MASKS)
    done = folder.run("dev", "create", "small", "--json")
    assert done.code == 0, done.out
    return folder


def test_staff_are_real_in_columns_documents_arrays_composites_and_notes(
    make_database: MakeDatabase, make_folder: MakeFolder
) -> None:
    made = created(make_database, make_folder).made
    for table, real in (("users", 8), ("audit", 200), ("mailing", 200), ("ticket", 200)):
        rows = [line for (line,) in made.rows(f"SELECT t::text FROM {table} t")]
        assert sum("@ourshop.example" in row for row in rows) == real, table
        assert not [row for row in rows if "maine.example" in row], table
    # One person, one value: what a table repeats is found in the users.
    for mails in (
        "SELECT entry ->> 'by' FROM audit",
        "SELECT unnest(sent_to) FROM mailing",
        "SELECT (opened_by).mail FROM ticket",
        "SELECT replace(body, 'written to ', '') FROM ticket",
    ):
        assert (
            made.value(
                f"SELECT count(*) FROM ({mails}) AS m(mail) WHERE mail NOT IN (SELECT email FROM users)"
            )
            == 0
        )
    aliases = made.rows("SELECT id FROM users WHERE aliases::text LIKE '{alias%@ourshop.example}'")
    assert aliases == [(n,) for n in range(8)]


def test_the_proof_accepts_staff_and_still_finds_a_customer(
    make_database: MakeDatabase, make_folder: MakeFolder
) -> None:
    folder = created(make_database, make_folder)
    assert folder.run("dev", "verify", "small").code == 0
    folder.made.execute(
        "UPDATE audit SET entry = jsonb_build_object('by', 'quarter9@maine.example') WHERE id = 7"
    )
    verified = folder.run("dev", "verify", "small", "--json")
    assert verified.code == 1
    assert "public.audit.entry" in json.dumps(verified.json)
