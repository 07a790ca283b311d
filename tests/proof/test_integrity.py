"""The integrity check against targets that were broken on purpose."""

from __future__ import annotations

from contextlib import closing

import pytest

from penstock.catalog.model import ColumnName, TableName
from penstock.engines.postgres.reflect import reflect
from penstock.proof.integrity import check_integrity
from tests.proof.conftest import open_snapshot
from tests.servers import unique_name

SHOP = """
CREATE TYPE state AS ENUM ('open', 'closed');
CREATE DOMAIN code AS text CHECK (VALUE <> '');
CREATE TYPE pair AS (a int, b text);
CREATE TABLE country (code code PRIMARY KEY, name text UNIQUE);
CREATE TABLE customer (
    id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, country code REFERENCES country, email text NOT NULL DEFAULT 'none',
    total numeric CHECK (total >= 0), doubled numeric GENERATED ALWAYS AS (total * 2) STORED, words tsvector, s state, p pair);
CREATE INDEX by_email ON customer (lower(email));
CREATE TABLE line (a int, b int, c int, PRIMARY KEY (a, b));
CREATE TABLE part (x int, y int, z int, FOREIGN KEY (y, x) REFERENCES line (b, a) MATCH FULL, FOREIGN KEY (z) REFERENCES customer);
CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TRIGGER g BEFORE INSERT ON part FOR EACH ROW EXECUTE FUNCTION f();
CREATE VIEW v AS SELECT id FROM customer;
CREATE TABLE event (at date, who int REFERENCES customer) PARTITION BY RANGE (at);
CREATE TABLE event_2020 PARTITION OF event FOR VALUES FROM ('2020-01-01') TO ('2021-01-01');
INSERT INTO country VALUES ('de', 'Deutschland'), ('fr', 'France');
INSERT INTO customer (country, total, words) SELECT CASE i % 2 WHEN 0 THEN 'de' ELSE 'fr' END, i, 'a'::tsvector FROM generate_series(1, 20) AS i;
INSERT INTO line VALUES (1, 2, 3);
INSERT INTO part VALUES (1, 2, 1), (NULL, NULL, 2), (1, 2, NULL);
INSERT INTO event SELECT '2020-05-01', i FROM generate_series(1, 5) AS i;
"""
ROWS = {"country": 2, "customer": 20, "line": 1, "part": 3, "event": 5}
LAX = "SET session_replication_role = replica;"


@pytest.fixture(scope="module")
def shop(postgres):
    """The untouched source, shared by all tests here: read only."""
    database = postgres.create(unique_name("shop"))
    database.psql(SHOP)
    yield database
    postgres.drop(database.name)


@pytest.fixture
def check(make_database, shop):
    """`check(sql)`: the shop as source, the shop changed by `sql` as target; the report."""

    def run(sql="", *, in_source="", rows=None, **options):
        source = make_database(SHOP + in_source) if in_source else shop
        target = make_database(SHOP + sql)
        expected = {TableName("public", name): n for name, n in (ROWS if rows is None else rows).items()}
        with closing(open_snapshot(source)) as here, closing(open_snapshot(target)) as there:
            return check_integrity(there, reflect(there), reflect(here), expected, source=here, **options)

    return run


def problems(report):
    return {(c.kind, c.subject.replace("public.", ""), c.status.value, c.count) for c in report.problems}


def test_a_whole_target_passes(check):
    report = check()
    assert report.status == "ok"
    assert {kind: n["ok"] for kind, n in report.coverage.items()} == {
        "foreign key": 4, "row count": 5, "sequence": 1, "generated column": 1, "search column": 1, "structure": 14,
    }  # fmt: skip
    assert report.as_dict()["problems"] == []


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("UPDATE customer SET country = 'xx' WHERE id <= 3;", ("foreign key", "customer customer_country_fkey", "failed", 3)),
        ("INSERT INTO part VALUES (2, 1, 1);", ("foreign key", "part part_y_x_fkey", "failed", 1)),
        ("INSERT INTO part VALUES (1, NULL, 1), (NULL, 2, 1);", ("foreign key", "part part_y_x_fkey", "failed", 2)),
        ("INSERT INTO event VALUES ('2020-02-01', 99);", ("foreign key", "event event_who_fkey", "failed", 1)),
    ],
    ids=["simple", "composite in another order", "MATCH FULL half NULL", "partitioned"],
)  # fmt: skip
def test_a_row_that_refers_to_nothing_fails(sql, expected, check):
    rows = ROWS | {
        "part": 3 + sql.count("), (") + sql.count("INTO part"),
        "event": 5 + sql.count("INTO event"),
    }
    assert problems(check(LAX + sql, rows=rows)) == {expected}


def test_the_constraints_own_operators_decide(check):
    ci = "CREATE EXTENSION citext; CREATE TABLE k (v citext PRIMARY KEY); CREATE TABLE r (v citext REFERENCES k); INSERT INTO k VALUES ('ABC'); INSERT INTO r VALUES ('abc');"
    rows = ROWS | {"k": 1, "r": 1}
    assert check(ci, in_source=ci, rows=rows).status == "ok"


NOT_VALID = "INSERT INTO line VALUES (7, 7, 999), (8, 8, 998); ALTER TABLE line ADD FOREIGN KEY (c) REFERENCES customer NOT VALID; "


def test_a_not_valid_constraint_that_the_source_breaks_as_well_is_known(check):
    report = check(NOT_VALID, in_source=NOT_VALID, rows=ROWS | {"line": 3})
    assert report.status == "ok"
    assert problems(report) == {("foreign key", "line line_c_fkey", "known violation", 2)}


def test_a_not_valid_constraint_that_only_the_target_breaks_fails(check):
    report = check(NOT_VALID, in_source=NOT_VALID + "DELETE FROM line WHERE a > 1;", rows=ROWS | {"line": 3})
    assert problems(report) == {("foreign key", "line line_c_fkey", "failed", 2)}


def test_a_validated_constraint_is_never_known(check):
    same = LAX + "UPDATE customer SET country = 'xx' WHERE id = 1;"
    assert problems(check(same, in_source=same)) == {
        ("foreign key", "customer customer_country_fkey", "failed", 1)
    }


@pytest.mark.parametrize(
    ("sql", "subject", "count"),
    [("DELETE FROM part WHERE x IS NULL;", "part", 2), ("DELETE FROM event;", "event", 0)],
)
def test_another_number_of_rows_fails(sql, subject, count, check):
    assert problems(check(sql)) == {("row count", subject, "failed", count)}


def test_a_table_nobody_counted_is_skipped_and_no_pass(check):
    report = check(rows={k: v for k, v in ROWS.items() if k != "line"})
    assert report.status == "incomplete"
    assert problems(report) == {("row count", "line", "skipped", 0)}


def test_a_sequence_behind_its_column_fails(check):
    report = check("SELECT setval('customer_id_seq', 19);")
    assert problems(report) == {("sequence", "customer_id_seq for customer.id", "failed", 1)}
    assert check("SELECT setval('customer_id_seq', 21, false);").status == "ok"
    assert check("SELECT setval('customer_id_seq', 20, false);").status == "failed"


def test_a_tsvector_that_was_not_rebuilt_fails_unless_it_is_empty_on_purpose(check):
    emptied = "UPDATE customer SET words = NULL;"
    assert problems(check(emptied)) == {("search column", "customer.words", "failed", 0)}
    assert (
        check(emptied, emptied=frozenset({ColumnName(TableName("public", "customer"), "words")})).status
        == "ok"
    )
    assert check(emptied, in_source=emptied).status == "ok"


CHANGES = {
    "DROP INDEX by_email": ("table customer", "index by_email is missing"),
    "ALTER TABLE country DROP CONSTRAINT country_name_key": ("table country", "key country_name_key is missing; index country_name_key is missing"),
    "ALTER TABLE customer DROP CONSTRAINT customer_total_check": ("table customer", "check customer_total_check is missing"),
    "ALTER TABLE customer DROP CONSTRAINT customer_country_fkey": ("table customer", "foreign key customer_country_fkey is missing"),
    "ALTER TABLE customer DROP CONSTRAINT customer_country_fkey; ALTER TABLE customer ADD FOREIGN KEY (country) REFERENCES country NOT VALID": ("table customer", "foreign key customer_country_fkey is NOT VALID"),
    "ALTER TABLE customer ALTER email DROP DEFAULT": ("table customer", "column email: default differs"),
    "ALTER TABLE customer ALTER email DROP NOT NULL": ("table customer", "column email: NOT NULL differs"),
    "ALTER TABLE customer ALTER email TYPE varchar(99)": ("table customer", "column email: type differs; index by_email differs"),
    "ALTER TABLE customer ADD extra int": ("table customer", "column extra is not expected"),
    "DROP TRIGGER g ON part": ("table part", "trigger g is missing"),
    "ALTER TABLE part DISABLE TRIGGER g": ("table part", "trigger g differs"),
    "DROP VIEW v": ("view v", "is missing"),
    "CREATE OR REPLACE VIEW v AS SELECT id FROM customer WHERE id > 0": ("view v", "definition differs"),
    "ALTER TYPE state ADD VALUE 'lost'": ("enum state", "its definition differs"),
    "ALTER SEQUENCE customer_id_seq INCREMENT 5": ("sequence customer_id_seq", "increment differs"),
    "CREATE TABLE extra (a int)": ("only what the source has", "extra is not expected"),
    "DROP TABLE event": ("table event", "is missing"),
}  # fmt: skip


@pytest.mark.parametrize(("sql", "expected"), CHANGES.items(), ids=CHANGES)
def test_a_changed_schema_fails_by_name(sql, expected, check):
    report = check(sql + ";")
    assert report.status == "failed"
    found = {
        (c.subject.replace("public.", ""), c.detail.replace("public.", ""))
        for c in report.problems
        if c.kind == "structure"
    }
    assert expected in found


OWN_WORK = """
CREATE SCHEMA mine;
CREATE TYPE mine.mood AS ENUM ('good');
CREATE SEQUENCE mine.numbers;
CREATE TABLE mine.notes (id serial PRIMARY KEY, who int REFERENCES customer, a int, at date) PARTITION BY RANGE (id);
CREATE TABLE mine.lost (who int);
INSERT INTO mine.lost VALUES (0);
ALTER TABLE mine.lost ADD FOREIGN KEY (who) REFERENCES customer NOT VALID;
CREATE VIEW seen AS SELECT id FROM customer;
CREATE FUNCTION f(int) RETURNS int LANGUAGE sql AS 'SELECT 1';
CREATE INDEX mine_too ON customer (total);
"""


def test_what_people_made_in_a_copy_is_named_and_no_loss(check):
    report = check(OWN_WORK, in_use=True)
    assert report.status == "ok"
    (extra,) = report.problems
    assert (extra.kind, extra.status.value, extra.count) == ("structure", "extra", 6)
    assert extra.detail == (
        "not made by Penstock: mine.lost, mine.notes, public.seen, sequence mine.numbers, enum mine.mood, "
        "function public.f(integer)"
    )
    many = check("".join(f"CREATE TABLE mine_{n} ();" for n in range(10, 23)), in_use=True)
    assert many.problems[0].detail.endswith("public.mine_19, and 3 more")


@pytest.mark.parametrize("sql", [sql for sql in CHANGES if "CREATE TABLE extra" not in sql])
def test_what_is_missing_or_changed_is_a_loss_where_people_work_too(sql, check):
    report = check(f"{sql}; CREATE TABLE extra ();", in_use=True)
    assert report.status == "failed"
    assert {c.status.value for c in report.problems if c.subject == "only what the source has"} == {"extra"}


def test_skipped_tables_and_what_hangs_on_them_are_not_expected(check):
    sql = "DROP TABLE event; ALTER TABLE part DROP CONSTRAINT part_z_fkey; DROP VIEW v;"
    skipped = frozenset(TableName("public", n) for n in ("event", "event_2020", "v"))
    report = check(sql, rows={k: v for k, v in ROWS.items() if k != "event"}, skipped=skipped)
    assert [(c.subject, c.detail) for c in report.problems] == [
        ("table public.part", "foreign key part_z_fkey is missing")
    ]


def test_what_cannot_be_asked_is_skipped_and_no_pass(check, make_database):
    """A check whose statement fails says so; the others of its batch are still done."""
    same = (
        "CREATE FUNCTION bad(int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS 'BEGIN IF current_setting(''transaction_read_only'') = ''on'' THEN RAISE ''no''; END IF; RETURN 1; END';"
        "CREATE TABLE odd (a int, b int GENERATED ALWAYS AS (bad(a)) STORED); INSERT INTO odd VALUES (1);"
    )
    report = check(same, in_source=same, rows=ROWS | {"odd": 1})
    assert report.status == "incomplete"
    assert {(c.kind, c.subject, c.status.value) for c in report.problems} == {
        ("generated column", "public.odd.b", "skipped")
    }
    assert report.coverage["generated column"]["ok"] == 1
