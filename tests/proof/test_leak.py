"""The leak check on real databases: what was planted is found, and what is clean passes."""

from __future__ import annotations

import json

from tests.proof.conftest import leaks, planted


def test_a_clean_target_passes(source, make_database, prove):
    report = prove(source, planted(make_database, ""), fresh="person.email", same="person.id person.note")
    assert report.status == "ok"
    assert report.findings == ()
    (test,) = report.tests
    assert (test.test, test.status, test.rows, test.searched) == ("absence", "ok", 300, 300)
    assert (report.coverage.columns, report.coverage.columns_of) == (3, 3)
    assert (report.coverage.rows, report.coverage.cells) == (300, 900)


def test_a_forgotten_mask_is_found_in_every_row(source, prove):
    report = prove(source, source, fresh="person.email", same="person.id person.note")
    assert report.status == "failed"
    assert leaks(report) == {("person.email", "person.email", 300)}
    (finding,) = report.leaks
    assert (finding.values, finding.whole_cells, len(finding.fingerprints)) == (300, 300, 5)


def test_whole_numbers_count_as_tokens_and_not_inside_longer_ones(make_database, prove):
    source = make_database("CREATE TABLE s (v bigint); INSERT INTO s VALUES (1234567), (-7654321), (123456);")
    target = make_database(
        "CREATE TABLE hit (a bigint, b text, c jsonb, d numeric(12, 2));"
        "INSERT INTO hit VALUES (1234567, 'no. 1234567!', '{\"n\": 7654321}', 7654321), (-7654321, 'x-1234567', '[1234567]', NULL);"
        "CREATE TABLE miss (a bigint, b text, c uuid, d float8);"
        "INSERT INTO miss VALUES (91234567, 'a1234567', '01234567-1234-1234-1234-123456789012', 0.1234567), (12345670, '1234567_', NULL, 1234567.5), (123456, '123456', NULL, 123456);"
    )
    report = prove(source, target, fresh="s.v")
    assert leaks(report) == {
        ("s.v", f"hit.{name}", rows) for name, rows in (("a", 2), ("b", 2), ("c", 2), ("d", 1))
    }
    (test,) = report.tests
    assert (test.searched, test.too_short) == (2, 1)


def test_digits_that_happen_to_be_a_group_of_a_uuid_are_no_number(make_database, prove):
    source = make_database("CREATE TABLE s (v bigint); INSERT INTO s VALUES (12345678), (123456789012);")
    target = make_database(
        "CREATE TABLE t (v uuid, w text); INSERT INTO t VALUES ('12345678-aaaa-4aaa-8aaa-123456789012', 'id 12345678-aaaa-4aaa-8aaa-123456789012.');"
    )
    assert prove(source, target, fresh="s.v").status == "ok"


def test_values_too_short_to_tell_are_counted_and_not_searched_for(make_database, prove):
    source = make_database(
        "CREATE TABLE s (v text); INSERT INTO s VALUES ('Anna'), ('Anna'), ('12.50'), (''), (NULL), ('Brian');"
    )
    target = make_database("CREATE TABLE t (v text); INSERT INTO t VALUES ('Anna 12.50');")
    report = prove(source, target, fresh="s.v")
    assert report.status == "ok"
    (test,) = report.tests
    assert (test.rows, test.searched, test.too_short, test.fractions) == (6, 1, 3, 1)


def test_a_city_of_a_nomenclature_table_is_listed_apart(make_database, prove):
    cities = "CREATE TABLE city (name text); INSERT INTO city VALUES ('Hamburg'), ('Bremen');"
    source = make_database(cities + "CREATE TABLE person (town text); INSERT INTO person VALUES ('Hamburg');")
    target = make_database(cities + "CREATE TABLE person (town text); INSERT INTO person VALUES ('x');")
    report = prove(source, target, fresh="person.town", same="city.name", nomenclature="city")
    assert report.status == "ok"
    (finding,) = report.findings
    assert (finding.place, finding.verdict, finding.values) == ("public.city.name", "apart", 1)
    # The same without anybody's word that the table is a nomenclature: three rows make no category.
    assert prove(source, target, fresh="person.town", same="city.name").status == "failed"
    # And with that word, but not for a column that was to be masked.
    assert prove(source, target, fresh="person.town city.name", nomenclature="city").status == "failed"


def test_a_category_is_listed_apart_and_a_twin_column_is_not(make_database, prove):
    rows = "SELECT i, 'login' || i, CASE WHEN i % 2 = 0 THEN 'active' ELSE 'closed' END FROM generate_series(1, 200) AS i"
    table = "CREATE TABLE account (id int PRIMARY KEY, login text, state text, secret text);"
    source = make_database(table + f"INSERT INTO account SELECT *, 'login' || i FROM ({rows}) AS q(i);")
    source.psql("UPDATE account SET secret = 'active' WHERE id = 1")
    target = make_database(table + f"INSERT INTO account SELECT *, 'gone' FROM ({rows}) AS q(i);")
    report = prove(source, target, fresh="account.secret", same="account.id account.login account.state")
    assert leaks(report) == {("account.secret", "account.login", 199)}
    assert [(f.place, f.verdict, f.rows) for f in report.findings if f.verdict != "leak"] == [
        ("public.account.state", "apart", 100)
    ]


def test_a_nomenclature_value_that_the_source_does_not_hold_there_is_a_leak(make_database, prove):
    source = make_database(
        "CREATE TABLE city (name text); INSERT INTO city VALUES ('Bremen'); CREATE TABLE p (v text); INSERT INTO p VALUES ('Hamburg');"
    )
    target = make_database("CREATE TABLE city (name text); INSERT INTO city VALUES ('Hamburg');")
    assert prove(source, target, fresh="p.v", same="city.name", nomenclature="city").status == "failed"


def test_acknowledged_columns_are_listed_and_do_not_fail(source, make_database, prove):
    target = planted(make_database, "UPDATE person SET note = 'Erika.7@Mail.example' WHERE id = 1")
    report = prove(
        source, target, fresh="person.email", same="person.id person.note", acknowledged="person.note"
    )
    assert report.status == "ok"
    assert [(f.verdict, f.rows) for f in report.findings] == [("acknowledged", 1)]


def test_accepted_values_may_stay_and_are_counted(source, make_database, prove):
    target = planted(
        make_database,
        "UPDATE person SET email = 'erika.7@mail.example' WHERE id = 7; UPDATE person SET email = 'erika.8@mail.example' WHERE id = 8",
    )
    staff = frozenset({"Erika.7@Mail.example"})
    report = prove(source, target, fresh="person.email", accepted=staff)
    assert [(f.values, f.rows) for f in report.leaks] == [(1, 1)]
    (test,) = report.tests
    assert (test.accepted, test.searched) == (1, 299)


def test_a_column_that_cannot_be_scanned_makes_the_result_incomplete(source, make_database, prove):
    hidden = "CREATE TABLE f (v text); GRANT SELECT ON person TO pg_monitor; ALTER DATABASE :\"DBNAME\" SET role = 'pg_monitor';"
    report = prove(source, planted(make_database, hidden), fresh="person.email", same="person.id person.note")
    assert report.status == "incomplete"
    assert [(n.place, n.why) for n in report.coverage.not_scanned] == [("public.f.v", "no right to read it")]
    assert (report.coverage.columns, report.coverage.columns_of) == (3, 4)


def test_a_foreign_table_holds_no_rows_and_is_no_part_of_the_proof(source, make_database, prove):
    foreign = "CREATE EXTENSION postgres_fdw; CREATE SERVER s FOREIGN DATA WRAPPER postgres_fdw; CREATE FOREIGN TABLE f (v text) SERVER s;"
    report = prove(
        source, planted(make_database, foreign), fresh="person.email", same="person.id person.note"
    )
    assert report.status == "ok"
    assert (report.coverage.columns, report.coverage.columns_of) == (3, 3)
    assert any("foreign tables" in limit for limit in report.limits)


def test_a_claim_on_a_column_the_source_does_not_have_makes_the_result_incomplete(
    source, make_database, prove
):
    report = prove(source, planted(make_database, ""), fresh="person.email person.gone lost.v")
    assert report.status == "incomplete"
    assert {str(t.column): t.status for t in report.tests} == {
        "public.person.email": "ok", "public.person.gone": "not tested", "public.lost.v": "not tested",
    }  # fmt: skip


def test_the_report_holds_no_value(source, prove):
    report = prove(source, source, fresh="person.email person.note", same="person.id")
    text = json.dumps(report.as_dict()) + repr(report)
    assert "erika" not in text.lower()
    assert "mail.example" not in text.lower()
    assert json.loads(json.dumps(report.as_dict()))["status"] == "failed"


def test_more_values_than_memory_may_hold_spill_and_are_still_found(make_database, prove):
    source = make_database(
        "CREATE TABLE s (v text, n bigint); INSERT INTO s SELECT 'value ' || md5(i::text), 10000000 + i FROM generate_series(1, 30000) AS i;"
    )
    target = make_database(
        "CREATE TABLE t (v text); INSERT INTO t SELECT 'about value ' || md5(i::text) || ' and ' || 10000000 + i FROM generate_series(29001, 31000) AS i;"
    )
    report = prove(source, target, fresh="s.v s.n", pairs_in_memory="5000")
    assert {(str(f.origin), f.values, f.rows) for f in report.leaks} == {
        ("public.s.v", 1000, 1000),
        ("public.s.n", 1000, 1000),
    }
    assert [t.searched for t in report.tests] == [30000, 30000]


def test_nothing_to_search_for_still_counts_what_the_target_holds(source, make_database, prove):
    report = prove(source, planted(make_database, ""), same="person.id person.email person.note")
    assert report.status == "ok"
    assert report.coverage.rows == 300


ORDERS = "CREATE TABLE orders (id int, state text DEFAULT 'pending' CHECK (state IN ('pending', 'shipped')), log text);"


def test_the_vocabulary_of_a_kept_category_is_apart_in_the_schema_and_in_what_derives_from_it(
    make_database, prove
):
    schema = (
        ORDERS
        + "CREATE VIEW waiting AS SELECT id FROM orders WHERE state = 'pending';"
        + "CREATE TABLE states (state text, again text GENERATED ALWAYS AS (state) STORED);"
    )
    rows = "INSERT INTO orders SELECT i, CASE i % 2 WHEN 0 THEN 'pending' ELSE 'shipped' END, {} FROM generate_series(1, 100) AS i;"
    derived = "INSERT INTO states VALUES ('shipped'); CREATE MATERIALIZED VIEW seen AS SELECT DISTINCT state FROM orders;"
    source = make_database(
        schema + rows.format("CASE WHEN i < 3 THEN 'Pending' ELSE 'Shipped' END") + derived
    )
    target = make_database(schema + rows.format("'x'") + derived)
    claims = {"fresh": "orders.log", "same": "orders.id orders.state states.state", "nomenclature": "states"}
    report = prove(source, target, **claims)
    assert report.status == "ok"
    assert {(f.place.replace("public.", ""), f.values) for f in report.findings} == {
        ("orders.state", 2), ("seen.state", 2), ("states.state", 1), ("states.again", 1),
        ("default orders.state", 1), ("constraint orders_state_check orders", 2), ("definition of the view waiting", 1),
    }  # fmt: skip
    # Without a kept category to speak for them the same words are leaks, in the schema too.
    without = prove(source, target, fresh="orders.log", same="orders.id")
    assert {f.place.replace("public.", "") for f in without.leaks} >= {
        "orders.state",
        "default orders.state",
        "seen.state",
    }


def test_ordinary_words_are_told_from_other_values(make_database, prove):
    source = make_database(
        "CREATE TABLE s (v text); INSERT INTO s VALUES ('Battle'), ('Forsythe'), ('B4ttle-77');"
    )
    target = make_database(
        "CREATE TABLE t (v text); INSERT INTO t VALUES ('a battle of forsythes, b4ttle-77');"
    )
    (finding,) = prove(source, target, fresh="s.v").leaks
    assert (finding.values, finding.plain_words) == (3, 2)
