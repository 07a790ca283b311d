"""Pool and permutation columns: rows laid beside their originals where the key allows it."""

from __future__ import annotations

import pytest

from tests.servers import unique_name

TABLE = "CREATE TABLE person (id int PRIMARY KEY, first text, code int);"
FIRST = "(ARRAY['Anna','Bert','Cleo','Dora','Emil','Fritz','Gerda','Hans','Ida','Jens'])"
ORIGINAL = f"INSERT INTO person SELECT i, {FIRST}[1 + i % 10], 1000 + i FROM generate_series(1, 1000) AS i;"


@pytest.fixture(scope="module")
def source(postgres):
    """Shared by all tests here: read only."""
    database = postgres.create(unique_name("source"))
    database.psql(TABLE + ORIGINAL)
    yield database
    postgres.drop(database.name)


def of(report, name):
    return next(test for test in report.tests if test.column.column == name)


def test_a_forgotten_mask_is_seen_in_aligned_rows(source, prove):
    report = prove(source, source, pool="person.first", permutation="person.code", same="person.id")
    assert report.status == "failed"
    assert [(t.test, t.status, t.rows, t.draws, t.equal) for t in report.tests] == [
        ("aligned rows", "failed", 1000, 10, 10),
        ("aligned rows", "failed", 1000, 1000, 1000),
    ]
    assert [t.expected for t in report.tests] == [0.0, 0.0], "nobody else was dealt one of these values"


def test_a_value_that_drew_itself_is_one_draw_however_many_rows_hold_it(source, make_database, prove):
    one = "INSERT INTO person SELECT id, CASE first WHEN 'Anna' THEN first ELSE 'Zoe ' || first END, code + 5000 FROM was;"
    was = TABLE.replace("person", "was") + ORIGINAL.replace("person", "was")
    target = make_database(was + TABLE + one + "DROP TABLE was;")
    report = prove(source, target, pool="person.first", permutation="person.code", same="person.id")
    first = of(report, "first")
    assert (first.status, first.rows, first.draws, first.equal) == ("ok", 1000, 10, 1)


@pytest.mark.parametrize(("left", "status"), [(2, "ok"), (3, "failed")])
def test_few_of_a_columns_values_may_draw_themselves_and_not_more(source, make_database, prove, left, status):
    some = f"INSERT INTO person SELECT i, CASE WHEN i % 10 < {left} THEN '' ELSE 'Zoe ' END || {FIRST}[1 + i % 10], 5000 + i FROM generate_series(1, 1000) AS i;"
    report = prove(
        source, make_database(TABLE + some), pool="person.first", permutation="person.code", same="person.id"
    )
    assert (of(report, "first").status, of(report, "first").equal) == (status, left)


def test_rows_left_as_they_were_among_masked_ones_of_the_same_value_are_seen(source, make_database, prove):
    some = f"INSERT INTO person SELECT i, CASE WHEN i % 20 = 0 THEN '' ELSE 'Zoe ' END || {FIRST}[1 + i % 10], 5000 + i FROM generate_series(1, 1000) AS i;"
    report = prove(
        source, make_database(TABLE + some), pool="person.first", permutation="person.code", same="person.id"
    )
    assert (of(report, "first").status, of(report, "first").equal) == ("failed", 50)


def test_names_dealt_anew_from_the_same_pool_pass(source, make_database, prove):
    dealt = f"INSERT INTO person SELECT i, {FIRST}[1 + abs(hashtext(i::text || 'salt')) % 10], 1000 + (i * 7) % 1000 FROM generate_series(1, 1000, 2) AS i;"
    report = prove(
        source, make_database(TABLE + dealt), pool="person.first", permutation="person.code", same="person.id"
    )
    assert report.status == "ok"
    assert [(t.status, t.rows) for t in report.tests] == [("ok", 500), ("ok", 500)]
    # By chance some names are still their own.
    assert 20 < of(report, "first").equal < 80


def test_some_rows_left_as_they_were_are_more_than_chance(source, make_database, prove):
    some = "INSERT INTO person SELECT i, 'Zoe' || i, CASE WHEN i % 20 = 0 THEN 1000 + i ELSE 5000 + i END FROM generate_series(1, 1000) AS i;"
    report = prove(
        source, make_database(TABLE + some), pool="person.first", permutation="person.code", same="person.id"
    )
    assert (of(report, "first").status, of(report, "code").status) == ("ok", "failed")
    assert of(report, "code").equal == 50


def test_rows_that_stay_real_do_not_count(make_database, prove):
    source = make_database(
        TABLE + "INSERT INTO person VALUES (1, 'Anna', 1), (2, 'Bert', 2), (3, 'Cleo', 3);"
    )
    target = make_database(
        TABLE + "INSERT INTO person VALUES (1, 'Anna', 1), (2, 'Cleo', 2), (3, 'Dora', 3);"
    )
    report = prove(
        source, target, pool="person.first", same="person.id person.code", accepted=frozenset({"anna"})
    )
    assert (of(report, "first").status, of(report, "first").rows, of(report, "first").equal) == ("ok", 2, 0)


def test_documents_that_hold_nothing_but_what_stays_real_do_not_count(make_database, prove):
    table = "CREATE TABLE log (id int PRIMARY KEY, entry jsonb, codes text[]);"
    rows = """INSERT INTO log SELECT i, jsonb_build_object('ok', i % 3 = 0, 'by', CASE WHEN i % 2 = 0 THEN 'Boss "B" Ä' ELSE {} END),
        CASE WHEN i % 2 = 0 THEN ARRAY['Boss "B" Ä', NULL] ELSE ARRAY[{}] END FROM generate_series(1, 400) AS i;"""
    source = make_database(table + rows.format("'customer ' || i", "'c' || i"))
    staff = {"pool": "log.entry log.codes", "same": "log.id", "accepted": frozenset({'Boss "B" Ä'})}
    masked = prove(source, make_database(table + rows.format("md5(i::text)", "md5(i::text)")), **staff)
    assert [(t.status, t.rows, t.equal) for t in masked.tests] == [("ok", 200, 0)] * 2
    forgotten = prove(source, source, **staff)
    assert [(t.status, t.equal) for t in forgotten.tests[:2]] == [("failed", 200)] * 2


@pytest.mark.parametrize(
    ("claims", "why"),
    [
        ({"pool": "person.first", "fresh": "person.id"}, "the primary key is masked"),
        ({"pool": "person.first"}, "the primary key is masked"),
        ({"pool": "heap.first"}, "the table has no primary key"),
        ({"pool": "nowhere.first"}, "the table is not in both databases"),
        ({"pool": "person.lost", "same": "person.id"}, "the column is not in both databases"),
    ],
)  # fmt: skip
def test_what_cannot_be_compared_says_why(claims, why, make_database, prove):
    database = make_database(TABLE + "CREATE TABLE heap (first text);")
    (test,) = [t for t in prove(database, database, **claims).tests if t.codomain == "pool"]
    assert (test.test, test.status, test.detail) == ("not tested", "not tested", why)


def test_no_more_rows_are_compared_than_memory_is_meant_for(source, prove, monkeypatch):
    monkeypatch.setattr("penstock.proof.aligned.HASHES_COMPARED", 300)
    report = prove(source, source, pool="person.first", permutation="person.code", same="person.id")
    assert [(t.status, t.rows, t.equal) for t in report.tests] == [("failed", 100, 10), ("failed", 100, 100)]
