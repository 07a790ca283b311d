"""What somebody wrote about an object is a part of it: it arrives by every way, and a copy without it is not whole."""

from __future__ import annotations

import pytest

from tests.conftest import MakeDatabase
from tests.devdb.comparing import WHOLE, differences, keeping, objects
from tests.devdb.conftest import MakeFolder

WAYS = WHOLE | {
    "prune": 'strategy = "prune"\n[[devdb.small.delete]]\ntable = "public.cm"\nwhere = "id = 2"\n'
}

# Of all that comes after the rows there is nothing but what workers build, and what is said of it.
KEYS = """
CREATE TABLE cm (id int PRIMARY KEY, u text UNIQUE, ex int4range, CONSTRAINT exc EXCLUDE USING gist (ex WITH &&));
INSERT INTO cm VALUES (1, 'a', '[1,2)'), (2, 'b', '[3,4)');
COMMENT ON CONSTRAINT cm_pkey ON cm IS 'of the primary key';
COMMENT ON CONSTRAINT cm_u_key ON cm IS 'of the unique key';
COMMENT ON CONSTRAINT exc ON cm IS 'of the exclusion';
COMMENT ON INDEX cm_pkey IS 'of the index below';
"""
INDEX = """
CREATE TABLE cm (id int, u text);
INSERT INTO cm VALUES (1, 'a'), (2, 'b');
CREATE INDEX cm_u ON cm (u);
COMMENT ON INDEX cm_u IS 'of the index';
"""
REFERENCE = """
CREATE TABLE cm (id int PRIMARY KEY, up int);
INSERT INTO cm VALUES (1, NULL), (2, 1);
ALTER TABLE cm ADD CONSTRAINT up FOREIGN KEY (up) REFERENCES cm;
COMMENT ON CONSTRAINT up ON cm IS 'of the foreign key';
"""


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("sql", [KEYS, INDEX, REFERENCE], ids=["keys", "an index", "a foreign key"])
def test_comments_on_what_is_built_after_the_rows_arrive_though_nothing_else_comes_after_them(
    sql: str, way: str, make_database: MakeDatabase, make_folder: MakeFolder
) -> None:
    source = make_database(sql)
    folder = make_folder(source, WAYS[way], keeping(source))
    done = folder.run("dev", "create", "small")
    assert done.code == 0, done.err + done.out
    found = objects(folder.made)
    assert any(kind == "COMMENT" for kind, *_ in found)
    assert differences(objects(source), found) == []


SAID_OF_ALL = """
CREATE SCHEMA app; COMMENT ON SCHEMA app IS 'a schema';
CREATE TYPE app.mood AS ENUM ('good'); COMMENT ON TYPE app.mood IS 'a type';
CREATE TYPE app.pair AS (a int, b int); COMMENT ON COLUMN app.pair.b IS 'an attribute';
CREATE DOMAIN app.nat AS int CONSTRAINT above CHECK (VALUE >= 0); COMMENT ON CONSTRAINT above ON DOMAIN app.nat IS 'of a domain';
CREATE SEQUENCE app.counter; COMMENT ON SEQUENCE app.counter IS 'a sequence';
CREATE FUNCTION app.nothing() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'; COMMENT ON FUNCTION app.nothing() IS 'a function';
CREATE TABLE app.t (id int PRIMARY KEY, u text CONSTRAINT filled CHECK (u <> ''));
COMMENT ON TABLE app.t IS 'a table'; COMMENT ON COLUMN app.t.u IS 'a column';
COMMENT ON CONSTRAINT t_pkey ON app.t IS 'a key'; COMMENT ON CONSTRAINT filled ON app.t IS 'a check';
CREATE INDEX t_u ON app.t (u); COMMENT ON INDEX app.t_u IS 'an index';
CREATE TRIGGER fires AFTER DELETE ON app.t EXECUTE FUNCTION app.nothing(); COMMENT ON TRIGGER fires ON app.t IS 'a trigger';
CREATE VIEW app.v AS SELECT id FROM app.t; COMMENT ON VIEW app.v IS 'a view'; COMMENT ON COLUMN app.v.id IS 'of a view';
CREATE POLICY own ON app.t USING (true); COMMENT ON POLICY own ON app.t IS 'a policy';
CREATE RULE quiet AS ON DELETE TO app.v DO INSTEAD NOTHING; COMMENT ON RULE quiet ON app.v IS 'a rule';
CREATE FUNCTION app.handler() RETURNS language_handler LANGUAGE c AS '$libdir/plpgsql', 'plpgsql_call_handler';
CREATE TRUSTED LANGUAGE other HANDLER app.handler; COMMENT ON LANGUAGE other IS 'a language';
CREATE CAST (app.pair AS text) WITH INOUT; COMMENT ON CAST (app.pair AS text) IS 'a cast';
CREATE FUNCTION app.of_pair(internal) RETURNS internal LANGUAGE internal IMMUTABLE STRICT AS 'prsd_lextype';
CREATE TRANSFORM FOR app.pair LANGUAGE plpgsql (FROM SQL WITH FUNCTION app.of_pair(internal)); COMMENT ON TRANSFORM FOR app.pair LANGUAGE plpgsql IS 'a transform';
CREATE TEXT SEARCH TEMPLATE app.tmpl (LEXIZE = dsimple_lexize); COMMENT ON TEXT SEARCH TEMPLATE app.tmpl IS 'a template';
CREATE STATISTICS app.s ON id, u FROM app.t; COMMENT ON STATISTICS app.s IS 'statistics';
"""


def test_a_copy_with_another_comment_on_any_object_is_not_whole(
    make_database: MakeDatabase, make_folder: MakeFolder
) -> None:
    source = make_database(SAID_OF_ALL)
    folder = make_folder(source, WHOLE["clone"], keeping(source))
    done = folder.run("dev", "create", "small")
    assert done.code == 0, done.err + done.out
    commented = [line.split(" IS ")[0] for line in SAID_OF_ALL.split("COMMENT ON ")[1:]]
    of_tables = [
        what for what in commented if what.startswith(("TABLE", "VIEW", "COLUMN app.t", "COLUMN app.v"))
    ]
    for number, what in enumerate(commented):
        folder.made.execute(f"COMMENT ON {what} IS {'NULL' if number % 2 else repr('another')}")
    again = folder.run("dev", "verify", "small", "--json")
    assert again.code == 1
    problems = {c["subject"]: c for c in again.json["integrity"]["problems"]}
    assert problems["comments"]["count"] == len(commented) - len(of_tables)
    assert "comment on schema app differs" in problems["comments"]["detail"]
    assert problems.keys() == {"comments", "table app.t", "view app.v"}
    assert problems["table app.t"]["count"] + problems["view app.v"]["count"] == len(of_tables)


def test_a_comment_stays_behind_with_what_it_is_about(
    make_database: MakeDatabase, make_folder: MakeFolder
) -> None:
    source = make_database(
        "CREATE TABLE gone (id int PRIMARY KEY);"
        "CREATE TABLE stays (id int PRIMARY KEY, gone int CONSTRAINT away REFERENCES gone);"
        "COMMENT ON CONSTRAINT away ON stays IS 'of the foreign key'; CREATE INDEX ON stays (gone);"
    )
    folder = make_folder(source, WHOLE["clone"] + 'skip = ["public.gone"]\n', keeping(source))
    done = folder.run("dev", "create", "small")
    assert done.code == 0, done.err + done.out
