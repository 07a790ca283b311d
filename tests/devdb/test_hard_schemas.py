"""Hard schemas, the whole way: planned, copied, masked where they hold text, verified.

Which rows belong to a closure is worked out by hand in `test_closure.py`; here every table is a root, so the copy must equal the
source row by row wherever nothing is masked.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import MakeDatabase
from tests.devdb.conftest import MakeFolder
from tests.servers import Database, Server

SCHEMAS = sorted((Path(__file__).parent / "closure" / "schemas").glob("*.sql"))

TABLES = """
SELECT format('%I.%I', n.nspname, c.relname), n.nspname || '.' || c.relname,
       coalesce((SELECT string_agg(format('%I', a.attname), ', ' ORDER BY a.attnum) FROM pg_attribute a
                  WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
                    AND a.atttypid NOT IN ('text'::regtype, 'varchar'::regtype, 'bpchar'::regtype, 'jsonb'::regtype, 'date'::regtype, 'daterange'::regtype)
                    AND format_type(a.atttypid, NULL) <> 'citext'), '')
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition
   AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'penstock') ORDER BY 1
"""


def quoted(name: str) -> str:
    """A TOML basic string."""
    return '"' + name.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


def content(database: Database) -> dict[str, list[tuple[object, ...]]]:
    """Every table's unmasked columns, sorted."""
    return {
        table: sorted(
            database.rows(f"SELECT ROW({columns})::text FROM ONLY {table}")
            if columns
            else [(database.value(f"SELECT count(*) FROM ONLY {table}"),)]
        )
        for table, _, columns in database.rows(TABLES)
    }


@pytest.mark.parametrize("strategy", ["subset", "clone"])
@pytest.mark.parametrize("schema", SCHEMAS, ids=lambda path: path.stem)
def test_a_whole_copy_equals_its_source_where_nothing_is_masked(
    schema: Path, strategy: str, postgres: Server, make_database: MakeDatabase, make_folder: MakeFolder
) -> None:
    if schema.stem == "collations" and postgres.major >= 18:
        pytest.skip("PostgreSQL 18 refuses a foreign key between these collations")
    source = make_database(schema.read_text(encoding="utf-8"))
    roots = "\n".join(f"[[devdb.small.root]]\ntable = {quoted(name)}" for _, name, _ in source.rows(TABLES))
    chosen = roots if strategy == "subset" else ""
    folder = make_folder(source, f'strategy = "{strategy}"\nunclassified = "mask"\n{chosen}')
    made = folder.project.create_dev("small")
    assert made.verification.passed
    assert content(folder.made) == content(source)


EMAIL_KEY = """
CREATE TABLE account (email text PRIMARY KEY, name text NOT NULL);
CREATE TABLE invoice (id int PRIMARY KEY, payer text NOT NULL REFERENCES account, memo text);
CREATE TABLE reminder (id int PRIMARY KEY, invoice int REFERENCES invoice, sent_to text REFERENCES account ON UPDATE CASCADE);
CREATE TABLE audit (id bigint PRIMARY KEY, invoice int REFERENCES invoice, old_row jsonb, tags text[]);
INSERT INTO account SELECT 'person' || i || '@mail.example', 'Jo Doe ' || i FROM generate_series(1, 50) i;
INSERT INTO invoice SELECT i, 'person' || i || '@mail.example', 'please bill person' || i || '@mail.example, thanks' FROM generate_series(1, 50) i;
INSERT INTO reminder SELECT i, i, 'person' || (51 - i) || '@mail.example' FROM generate_series(1, 50) i;
INSERT INTO audit SELECT i, i, jsonb_build_object('payer', 'person' || i || '@mail.example', 'deep', jsonb_build_array('PERSON' || i || '@mail.example', i)),
                         ARRAY['vip', 'person' || i || '@mail.example'] FROM generate_series(1, 50) i;
"""

EMAIL_KEY_MASKS = """
[public.account]
email = "email"
name = "person_name"
[public.invoice]
memo = { mask = "free_text", rest = "keep" }
[public.audit]
old_row = { mask = "json", paths = { "$.payer" = "email", "$.deep[*]" = "email" } }
tags = { mask = "array", element = "email" }
"""


def test_an_email_key_has_one_pseudonym_in_keys_json_arrays_and_prose(
    make_database: MakeDatabase, make_folder: MakeFolder
) -> None:
    source = make_database(EMAIL_KEY)
    folder = make_folder(
        source, '[[devdb.small.root]]\ntable = "public.account"\nlimit = 10\n', EMAIL_KEY_MASKS
    )
    made = folder.project.create_dev("small")
    assert made.verification.passed
    dev = folder.made
    assert dev.value("SELECT count(*) FROM invoice") == 20  # ten of the roots', ten their reminders remind of
    wrong = """
        SELECT count(*) FROM invoice i JOIN audit a ON a.invoice = i.id
         WHERE a.old_row ->> 'payer' <> i.payer OR a.old_row -> 'deep' ->> 0 <> i.payer
            OR a.tags[2] <> i.payer OR position(i.payer IN i.memo) = 0 OR i.payer LIKE 'person%'
    """
    assert dev.value(wrong) == 0
    assert dev.value("SELECT count(*) FROM invoice i JOIN audit a ON a.invoice = i.id") == 10


MASKED_PARTITION_KEY = """
CREATE TABLE visit (person text NOT NULL, at date NOT NULL, PRIMARY KEY (person, at)) PARTITION BY HASH (person);
CREATE TABLE visit_0 PARTITION OF visit FOR VALUES WITH (MODULUS 3, REMAINDER 0);
CREATE TABLE visit_1 PARTITION OF visit FOR VALUES WITH (MODULUS 3, REMAINDER 1);
CREATE TABLE visit_2 PARTITION OF visit FOR VALUES WITH (MODULUS 3, REMAINDER 2);
INSERT INTO visit SELECT 'person ' || i, date '2026-01-01' + i FROM generate_series(1, 300) i;
"""


@pytest.mark.parametrize("devdb", ['[[devdb.small.root]]\ntable = "public.visit"\n', 'strategy = "clone"\n'])
def test_a_masked_partition_key_moves_rows_to_the_partition_they_now_belong_to(
    make_database: MakeDatabase, make_folder: MakeFolder, devdb: str
) -> None:
    source = make_database(MASKED_PARTITION_KEY)
    folder = make_folder(
        source,
        devdb,
        '[public.visit]\nperson = "text"\nat = "keep"\n',
    )
    assert folder.project.create_dev("small").verification.passed
    spread = "SELECT tableoid::regclass::text, count(*) FROM visit GROUP BY 1 ORDER BY 1"
    assert folder.made.value("SELECT count(*) FROM visit") == 300
    assert folder.made.rows(spread) != source.rows(spread)


def test_rows_that_stay_real_agree_in_every_table(
    make_database: MakeDatabase, make_folder: MakeFolder
) -> None:
    source = make_database(EMAIL_KEY)
    devdb = """
[[devdb.small.root]]
table = "public.account"
limit = 10
[[devdb.small.real]]
table = "public.account"
where = "email = 'person10@mail.example'"
"""
    folder = make_folder(source, devdb, EMAIL_KEY_MASKS)
    made = folder.project.create_dev("small")
    assert made.verification.passed
    assert folder.made.rows("SELECT payer FROM invoice WHERE payer LIKE 'person%'") == [
        ("person10@mail.example",)
    ]
    assert folder.made.value("SELECT name FROM account WHERE email = 'person10@mail.example'") == "Jo Doe 10"
    assert made.manifest.document["real"] == ["public.account: 1 rows stay real (email = '…')"]


AROUND = """
CREATE TABLE person (id int PRIMARY KEY, email text);
CREATE TABLE logs (id int PRIMARY KEY, line text);
CREATE TABLE visit (id int PRIMARY KEY, person_id int REFERENCES person, note text);
CREATE TABLE event (id int, at date) PARTITION BY RANGE (at);
CREATE TABLE event_2026 PARTITION OF event FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
CREATE VIEW recent AS SELECT * FROM logs;
CREATE VIEW newest AS SELECT max(id) FROM recent;
INSERT INTO person SELECT i, 'person' || i || '@mail.example' FROM generate_series(1, 20) i;
INSERT INTO logs SELECT i, 'line ' || i FROM generate_series(1, 20) i;
INSERT INTO visit SELECT i, i, 'note ' || i FROM generate_series(1, 20) i;
INSERT INTO event SELECT i, '2026-05-05' FROM generate_series(1, 20) i;
"""


@pytest.mark.parametrize(
    ("setting", "gone"),
    [
        ('empty = ["public.logs", "public.visit"]', []),
        ('skip = ["public.logs"]', ["logs", "recent", "newest"]),
        ('skip = ["public.event"]', ["event", "event_2026"]),
    ],
    ids=["empty", "skip below views", "skip a partitioned table"],
)
def test_what_is_left_out_is_left_out_whole_and_the_rest_is_verified(
    setting: str, gone: list[str], make_database: MakeDatabase, make_folder: MakeFolder
) -> None:
    source = make_database(AROUND)
    folder = make_folder(
        source,
        f'unclassified = "mask"\n{setting}\n[[devdb.small.root]]\ntable = "public.person"\nlimit = 5\n',
        '[public.event]\nat = "keep"\n',
    )
    assert folder.project.create_dev("small").verification.passed
    names = {
        name
        for (name,) in source.rows(
            "SELECT relname::text FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'v')"
        )
    }
    there = {
        name
        for (name,) in folder.made.rows(
            "SELECT relname::text FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'v')"
        )
    }
    assert names - there == set(gone)
    assert folder.made.value("SELECT count(*) FROM person") == 5


HEIRS = """
CREATE TABLE par (id int PRIMARY KEY, email text);
CREATE TABLE kid (extra int) INHERITS (par);
INSERT INTO kid VALUES (1, 'kid@mail.example', 2);
"""


def test_a_skipped_table_that_others_inherit_from_is_refused_before_anything_is_copied(
    make_database: MakeDatabase, make_folder: MakeFolder
) -> None:
    folder = make_folder(
        make_database(HEIRS),
        'unclassified = "mask"\nskip = ["public.par"]\n[[devdb.small.root]]\ntable = "public.kid"\n',
    )
    refused = folder.run("dev", "create", "small")
    assert refused.code == 2
    assert "public.kid inherits from it" in refused.err


UNOWNED = """
CREATE SEQUENCE counter;
CREATE TABLE t (id int PRIMARY KEY DEFAULT nextval('counter'), email text);
INSERT INTO t (email) SELECT 'person' || i || '@mail.example' FROM generate_series(1, 30) i;
"""


def test_a_sequence_that_no_column_owns_continues_after_the_masked_keys(
    make_database: MakeDatabase, make_folder: MakeFolder
) -> None:
    folder = make_folder(
        make_database(UNOWNED),
        '[[devdb.small.root]]\ntable = "public.t"\n',
        '[public.t]\nid = "integer"\nemail = "email"\n',
    )
    assert folder.project.create_dev("small").verification.passed
    assert folder.made.value("SELECT nextval('counter') > (SELECT max(id) FROM t)")


KEPT_IN_JSON = """
CREATE TABLE a (id int PRIMARY KEY, email text, meta jsonb);
INSERT INTO a SELECT i, 'x' || i || '@corp.test', jsonb_build_object('mail', 'x' || i || '@corp.test', 'n', 1000000 + i)
  FROM generate_series(1, 30) i;
INSERT INTO a VALUES (31, 'x31@corp.test', '{"x31@corp.test": 1234567}');
"""


@pytest.mark.parametrize(
    "meta",
    ['{ mask = "json", paths = { "$.mail" = "keep" } }', '{ mask = "json", keys = "keep" }'],
    ids=["a kept path", "a kept key"],
)
def test_an_email_that_survives_inside_masked_json_fails_the_verification(
    meta: str, make_database: MakeDatabase, make_folder: MakeFolder
) -> None:
    folder = make_folder(
        make_database(KEPT_IN_JSON),
        '[[devdb.small.root]]\ntable = "public.a"\n',
        f'[public.a]\nid = "keep"\nemail = "email"\nmeta = {meta}\n',
    )
    found = folder.run("dev", "create", "small")
    assert found.code == 1
    assert "public.a.email occur in public.a.meta" in found.err
    assert folder.names() == []


def test_an_email_that_is_a_key_in_json_is_the_one_of_its_column(
    make_database: MakeDatabase, make_folder: MakeFolder
) -> None:
    folder = make_folder(
        make_database(KEPT_IN_JSON),
        '[[devdb.small.root]]\ntable = "public.a"\n',
        '[public.a]\nid = "keep"\nemail = "email"\nmeta = { mask = "json", paths = { "$.mail" = "email" } }\n',
    )
    assert folder.project.create_dev("small").verification.passed
    assert folder.made.value("SELECT count(*) FROM a WHERE meta ? email AND id = 31") == 1
    assert folder.made.value("SELECT count(*) FROM a WHERE meta ->> 'mail' = email") == 30


LITERAL_IN_A_VIEW = """
CREATE TABLE a (id int PRIMARY KEY, email text);
INSERT INTO a SELECT i, 'x' || i || '@corp.test' FROM generate_series(1, 9) i;
CREATE MATERIALIZED VIEW fixed AS SELECT 'x' || id || '@corp.test' AS email FROM a;
"""


def test_a_finding_in_a_materialised_view_can_be_acknowledged_and_a_wrong_name_is_said_in_the_plan(
    make_database: MakeDatabase, make_folder: MakeFolder
) -> None:
    source = make_database(LITERAL_IN_A_VIEW)
    root = '[[devdb.small.root]]\ntable = "public.a"\n'
    folder = make_folder(source, root, '[public.a]\nid = "keep"\nemail = "email"\n')
    assert folder.run("dev", "create", "small").code == 1
    folder.write(devdb=f'acknowledged = ["public.fixed.emial"]\n{root}')
    assert folder.run("dev", "plan", "small").code == 2
    folder.write(devdb=f'acknowledged = ["public.fixed.email"]\n{root}')
    assert folder.run("dev", "create", "small").code == 0
