"""Where a subset starts: conditions, limits and percentages, each time the same rows."""

from __future__ import annotations

import pytest

from penstock.devdb.closure import RootRule
from penstock.errors import ConfigError, QueryError
from penstock.masks.keys import Keyring
from tests.devdb.closure.closures import close, table
from tests.servers import unique_name

PEOPLE = """
CREATE TABLE person (id int PRIMARY KEY, name text, born date);
INSERT INTO person SELECT n, 'name ' || n, date '1970-01-01' + n % 7 FROM generate_series(1, 2000) n ORDER BY md5(n::text);
"""


@pytest.fixture(scope="module")
def people(postgres):
    """2,000 people, shared by the tests: look, do not touch."""
    database = postgres.create(unique_name("people"))
    database.psql(PEOPLE)
    yield database
    postgres.drop(database.name)


def person(**rule):
    return RootRule(table("person"), **rule)


def test_a_condition_may_use_anything_of_the_table(people):
    found = close(people, person(where="person.id BETWEEN 5 AND 7 AND name LIKE '%6%' -- why not"))
    assert found.rows("person") == [6]


def test_a_condition_finds_functions_in_the_schema_of_its_table_and_in_public(make_database):
    database = make_database(
        "CREATE SCHEMA crm; CREATE TABLE crm.person (id int PRIMARY KEY); INSERT INTO crm.person VALUES (1), (2);"
        "CREATE FUNCTION crm.wanted(int) RETURNS bool LANGUAGE sql AS 'SELECT $1 = 2';"
        "CREATE FUNCTION public.twice(int) RETURNS int LANGUAGE sql AS 'SELECT 2 * $1';"
    )
    found = close(database, ("crm.person", "wanted(id) AND twice(id) = 4"))
    assert found.rows("crm.person") == [2]


def test_a_limit_takes_the_first_rows_by_primary_key(people):
    assert close(people, person(limit=5)).rows("person") == [1, 2, 3, 4, 5]
    assert close(people, person(limit=0)).rows("person") == []
    assert close(people, person(where="id > 100", limit=2)).rows("person") == [101, 102]


def test_a_limit_can_have_an_order_and_ties_are_broken_by_the_key(people):
    found = close(people, person(limit=3, order_by="born DESC"))
    assert found.rows("person") == [6, 13, 20]


def test_several_roots_may_start_from_one_table(people):
    assert close(people, person(where="id = 9"), person(limit=2)).rows("person") == [1, 2, 9]


def test_a_percentage_takes_about_that_many_rows_and_the_same_ones_again(people, make_database):
    first = close(people, person(percent=10)).rows("person")
    assert 140 < len(first) < 260
    assert close(people, person(percent=10)).rows("person") == first
    moved = make_database(PEOPLE.replace("ORDER BY md5(n::text)", "ORDER BY n DESC"))
    moved.execute("DELETE FROM person WHERE id > 1000", "INSERT INTO person VALUES (5000, 'new', NULL)")
    kept = [n for n in close(moved, person(percent=10)).rows("person") if n != 5000]
    assert kept == [n for n in first if n <= 1000]


def test_a_larger_percentage_contains_the_smaller_one(people):
    small = set(close(people, person(percent=5)).rows("person"))
    assert small < set(close(people, person(percent=20)).rows("person"))
    assert close(people, person(percent=100)).closure.count == 2000
    assert close(people, person(percent=0)).closure.count == 0


def test_another_key_draws_other_rows(people):
    first = close(people, person(percent=10)).rows("person")
    assert close(people, person(percent=10), keys=Keyring(bytes(32))).rows("person") != first


def test_a_percentage_does_not_depend_on_the_settings_of_the_source(make_database):
    script = (
        "CREATE TABLE t (at timestamptz, share float8, name text, n int, PRIMARY KEY (at, share, name));"
        "INSERT INTO t SELECT timestamptz '2020-02-01 00:00Z' + n * interval '1 hour', n / 3.0, 'größe ' || n, n FROM generate_series(1, 400) n"
    )
    plain = make_database(script)
    hostile = make_database(script, clause="ENCODING 'LATIN1' LOCALE 'C'")
    for setting in (
        "DateStyle = 'SQL, DMY'",
        "TimeZone = 'Asia/Tokyo'",
        "extra_float_digits = -5",
        "search_path = 'nowhere'",
    ):
        hostile.execute(f"ALTER DATABASE {hostile.name} SET {setting}")
    first = close(plain, RootRule(table("t"), percent=25)).rows("t", "n")
    assert 60 < len(first) < 140
    assert close(hostile, RootRule(table("t"), percent=25)).rows("t", "n") == first


def test_a_percentage_with_a_limit_takes_the_first_of_the_drawn_rows(people):
    drawn = close(people, person(percent=10)).rows("person")
    assert close(people, person(percent=10, limit=7)).rows("person") == drawn[:7]


def test_a_percentage_of_a_table_without_key_lets_duplicates_share_their_fate(make_database):
    database = make_database(
        "CREATE TABLE log (what text, at int);"
        "INSERT INTO log SELECT E'tab\\t back\\\\slash\\n' || n, NULL FROM generate_series(1, 500) n, generate_series(1, 2);"
    )
    rows = close(database, RootRule(table("log"), percent=20)).rows("log", "what")
    assert 100 < len(rows) < 300
    assert rows[::2] == rows[1::2]


def test_a_percentage_works_on_composite_keys_and_partitions(make_database):
    database = make_database(
        "CREATE TABLE m (a int, b text, PRIMARY KEY (a, b)) PARTITION BY HASH (a);"
        "CREATE TABLE m0 PARTITION OF m FOR VALUES WITH (MODULUS 2, REMAINDER 0);"
        "CREATE TABLE m1 PARTITION OF m FOR VALUES WITH (MODULUS 2, REMAINDER 1);"
        "INSERT INTO m SELECT n, 'x, \"y\" ' || n FROM generate_series(1, 1000) n"
    )
    rows = close(database, RootRule(table("m"), percent=30)).rows("m", "a")
    assert 240 < len(rows) < 360
    assert rows == close(database, RootRule(table("m"), percent=30)).rows("m", "a")


@pytest.mark.parametrize(
    "where",
    ["nmae = 'Geheim'", "name = 'Geheim' AND", "id = 'Geheim'", "'Geheim'", "1 / (id - id) = 1"],
    ids=["unknown column", "unfinished", "not a number", "not a condition", "fails at run time"],
)
def test_a_condition_the_server_refuses_is_an_error_that_names_the_root_and_no_value(people, where):
    with pytest.raises(QueryError) as caught:
        close(people, person(where=where))
    assert "public.person" in caught.value.what
    assert caught.value.why
    assert caught.value.hint
    assert "Geheim" not in str(caught.value.as_dict())


@pytest.mark.parametrize(
    "where",
    [
        "true; DROP TABLE person",
        "true)) TO STDOUT; DROP TABLE person; COPY (SELECT 1 WHERE ((true",
        "true) LIMIT 0; COMMIT; DROP TABLE person; SELECT (1",
        "true /*",
    ],
)
def test_a_condition_is_never_more_than_one_statement(people, where):
    with pytest.raises(QueryError):
        close(people, person(where=where))
    assert people.value("SELECT count(*) FROM person") == 2000


@pytest.mark.parametrize(
    "where",
    [
        "false) OR (true",
        "false) OR (true --",
        "false) OR (true /* */",
        "name = ')') OR (name <> E'\\')' || $x$($x$",
        'true) OR ("id" = 1',
        "SELECT true",
    ],
)
def test_a_condition_does_not_reach_beyond_its_parentheses(people, where):
    with pytest.raises(ConfigError, match=r"`where` of the root public\.person"):
        close(people, person(where=where))


@pytest.mark.parametrize(
    "where",
    [
        "id = 7 -- and no more)",
        "id = 7 /* ) /* ( */ ) */",
        "id = 7 AND name <> '); --' AND name <> $x$)$x$ AND name <> E'\\'(' AND (true) IN ((true), (false))",
        "(id) = (SELECT 7)",
        "id BETWEEN 7 AND 7 OR id IS NULL",
        "false OR id = 7 ",
    ],
)
def test_a_condition_may_hold_quotes_comments_and_parentheses_of_its_own(people, where):
    assert close(people, person(where=where)).rows("person") == [7]


def test_an_order_the_server_refuses_is_an_error_too(people):
    with pytest.raises(QueryError, match="order_by"):
        close(people, person(limit=1, order_by="nobody"))


@pytest.mark.parametrize("rule", [{"limit": -1}, {"percent": 101}, {"percent": -0.5}])
def test_impossible_numbers_are_refused(people, rule):
    with pytest.raises(ConfigError, match=r"public\.person"):
        close(people, person(**rule))


def test_a_percentage_needs_the_project_key(people):
    with pytest.raises(ConfigError, match="project key"):
        close(people, person(percent=5), keys=None)


def test_a_percentage_of_a_table_without_a_key_takes_rows_of_megabytes_too(make_database):
    wide = make_database(
        "CREATE TABLE wide (body text); INSERT INTO wide SELECT repeat('x', 3000000) || n FROM generate_series(1, 4) n"
    )
    assert close(wide, RootRule(table("wide"), percent=100)).closure.rows[table("wide")].count == 4
