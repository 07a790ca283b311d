"""After a scrub the server's files hold nothing of what was masked: searched byte by byte, the server stopped."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import asyncpg
import pytest

from tests.devdb.clones import Clone, make_clone
from tests.devdb.processes import wait_until
from tests.servers import Database, Server, throw_away_server, unique_name, usable_programs

SECRETS = [f"zq{hashlib.md5(str(n).encode()).hexdigest()}" for n in range(1020)]
_SECRET = re.compile(rb"zq[0-9a-f]{32}")
_IN_A_TREE = re.compile(
    rb"\b122 113(?: \d+){32}"
)  # a constant in a stored expression: the numbers of its bytes

# Nothing is compressed. 0-699 live in the table, 700-799 were updated away, 800-899 deleted; 900-949 are in an unmasked
# table's dead rows and dropped column, 950-999 in TOAST alone; the others are passwords and
# addresses in catalogs, and values that columns were added with.
VAULT = f"""
CREATE FUNCTION public.secret(n int) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT 'zq' || md5(n::text) $$;
CREATE TABLE public.person (
    id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, secret text NOT NULL, boss text, note text
);
ALTER TABLE public.person ALTER secret SET STORAGE PLAIN, ALTER note SET STORAGE EXTERNAL;
ALTER TABLE public.person ALTER secret SET STATISTICS 20;
CREATE UNIQUE INDEX person_secret ON public.person (secret);
CREATE INDEX person_marked ON public.person ((secret || '!'));
CREATE STATISTICS public.person_both (mcv) ON boss, (boss || '!') FROM public.person;
INSERT INTO public.person (secret, boss, note)
    SELECT secret(n), secret(n % 5), CASE WHEN n < 50 THEN repeat('x', 4000) || secret(950 + n) || repeat('y', 4000) END
      FROM generate_series(0, 899) n WHERE n < 700 OR n >= 800;
INSERT INTO public.person (secret) SELECT secret(n) FROM generate_series(700, 799) n;
CREATE TABLE public.log (id int PRIMARY KEY, line text, old text);
ALTER TABLE public.log ALTER line SET STORAGE PLAIN, ALTER old SET STORAGE PLAIN;
INSERT INTO public.log SELECT n, 'seen', secret(925 + n) FROM generate_series(0, 24) n;
INSERT INTO public.log SELECT 100 + n, secret(900 + n) FROM generate_series(0, 24) n;
CREATE TABLE public.queue (id int PRIMARY KEY, job text);
CREATE TABLE public.guest (id int, name text NOT NULL) PARTITION BY LIST (id);
CREATE TABLE public.guest_1 (id int);
INSERT INTO public.guest_1 VALUES (1), (1);
ALTER TABLE public.guest_1 ADD name text NOT NULL DEFAULT '{SECRETS[1006]}', ADD old text DEFAULT '{SECRETS[1007]}';
ALTER TABLE public.guest_1 ALTER name DROP DEFAULT, DROP old;
ALTER TABLE public.guest ATTACH PARTITION public.guest_1 FOR VALUES IN (1);
INSERT INTO public.queue SELECT n, secret(n) FROM generate_series(0, 19) n;
CREATE MATERIALIZED VIEW public.people AS SELECT secret FROM public.person;
COMMENT ON TABLE public.log IS '{SECRETS[0]}';
ANALYZE;
UPDATE public.person SET secret = 'was ' || id WHERE secret >= 'zq' AND secret IN (SELECT secret(n) FROM generate_series(700, 799) n);
DELETE FROM public.person WHERE secret IN (SELECT secret(n) FROM generate_series(800, 899) n);
DELETE FROM public.log WHERE id >= 100;
DELETE FROM public.queue;
ALTER TABLE public.log DROP COLUMN old;
COMMENT ON TABLE public.log IS 'what happened';
CREATE FOREIGN DATA WRAPPER far;
CREATE SERVER crm FOREIGN DATA WRAPPER far OPTIONS (host '{SECRETS[1000]}');
CREATE USER MAPPING FOR PUBLIC SERVER crm OPTIONS (password '{SECRETS[1001]}');
CREATE USER MAPPING FOR CURRENT_USER SERVER crm OPTIONS (password '{SECRETS[1002]}');
ALTER USER MAPPING FOR CURRENT_USER SERVER crm OPTIONS (SET password '{SECRETS[1003]}');
CREATE SUBSCRIPTION news CONNECTION 'host=127.0.0.1 password={SECRETS[1004]}' PUBLICATION p WITH (connect = false);
ALTER SUBSCRIPTION news CONNECTION 'host=127.0.0.1 password={SECRETS[1005]}';
"""
# What was changed or dropped before, or is dropped by the scrub: dead rows of catalogs.
DEAD = f"""
CREATE FOREIGN TABLE public.far (id int) SERVER crm OPTIONS (name '{SECRETS[1008]}');
DROP FOREIGN TABLE public.far;
CREATE FUNCTION public.said() RETURNS text LANGUAGE sql AS $$ SELECT '{SECRETS[1009]}' $$;
CREATE OR REPLACE FUNCTION public.said() RETURNS text LANGUAGE sql AS $$ SELECT 'nothing' $$;
CREATE AGGREGATE public.joined(text) (SFUNC = textcat, STYPE = text, INITCOND = '{SECRETS[1010]}');
DROP AGGREGATE public.joined(text);
ALTER TABLE public.log ADD CONSTRAINT other CHECK (line <> '{SECRETS[1011]}');
ALTER TABLE public.log DROP CONSTRAINT other;
CREATE TYPE public.mood AS ENUM ('fine', '{SECRETS[1012]}');
ALTER TYPE public.mood RENAME VALUE '{SECRETS[1012]}' TO 'low';
ALTER TABLE public.log ALTER line SET DEFAULT '{SECRETS[1013]}';
ALTER TABLE public.log ALTER line DROP DEFAULT;
CREATE INDEX log_some ON public.log (id) WHERE line <> '{SECRETS[1014]}';
DROP INDEX public.log_some;
CREATE POLICY hidden ON public.log USING (line <> '{SECRETS[1015]}');
DROP POLICY hidden ON public.log;
CREATE SCHEMA {SECRETS[1016]};
DROP SCHEMA {SECRETS[1016]};
CREATE TRIGGER told BEFORE UPDATE ON public.log FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger('{SECRETS[1017]}');
DROP TRIGGER told ON public.log;
"""
SINCE_15 = f"CREATE PUBLICATION lines FOR TABLE public.log WHERE (line <> '{SECRETS[1018]}')"
LARGE_OBJECT = f"SELECT lo_from_bytea(0, convert_to('{SECRETS[1]}', 'UTF8'))"
MASKS = """
[public.person]
secret = "text"
boss = "text"
note = "text"
[public.log]
line = "keep"
[public.queue]
job = "text"
[public.guest]
name = "text"
"""


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    programs = usable_programs()
    watched = any(programs.parent.rglob("pg_stat_statements.so"))
    options = {"shared_preload_libraries": "pg_stat_statements"} if watched else {}
    with throw_away_server(programs, options=options) as server:
        yield server


def clone_of(server: Server, path: Path) -> Clone:
    source, clone = server.create(unique_name("source")), server.create(unique_name("clone"))
    clone.execute(VAULT, LARGE_OBJECT)
    clone.execute(DEAD)
    if server.major >= 15:
        clone.execute(SINCE_15)
    else:
        clone.execute(f"COMMENT ON SCHEMA public IS '{SECRETS[1018]}'", "COMMENT ON SCHEMA public IS NULL")
    clone.psql(f"COMMENT ON DATABASE \"{clone.name}\" IS '{SECRETS[1019]}'")
    clone.psql(f'COMMENT ON DATABASE "{clone.name}" IS NULL')
    return make_clone(path, source, clone, MASKS)


def planted(server: Server, database: Database) -> dict[str, set[str]]:
    """The planted secrets that the stopped server's files hold, by file: those of the database and the shared ones."""
    oid = database.value("SELECT oid::int8 FROM pg_database WHERE datname = current_database()")
    server.maintenance.execute("CHECKPOINT")
    embedded = server.embedded
    assert embedded is not None
    embedded.stop()
    found = {}
    wanted = set(SECRETS)
    for folder in (embedded.data / "base" / str(oid), embedded.data / "global"):
        for file in folder.iterdir():
            content = file.read_bytes()
            here = {s.decode() for s in _SECRET.findall(content)} & wanted
            here |= {bytes(map(int, s.split())).decode() for s in _IN_A_TREE.findall(content)} & wanted
            if here:
                found[file.name] = here
    embedded.start()
    return found


def answers(database: Database) -> bool:
    with suppress(asyncpg.PostgresError, OSError):
        return database.value("SELECT 1") == 1
    return False


def killed_while_it_wrote(database: Database) -> list[str]:
    """The files of a table that was being made when its backend was killed: in no catalog, and there for good."""
    embedded = database.server.embedded
    assert embedded is not None
    folder = (
        embedded.data
        / "base"
        / str(database.value("SELECT oid::int8 FROM pg_database WHERE datname = current_database()"))
    )
    before = set(folder.iterdir())
    with suppress(AssertionError):  # the connection is lost
        database.psql(
            "BEGIN; CREATE TABLE half AS SELECT secret FROM person; COPY (SELECT) TO PROGRAM 'kill -9 $PPID'"
        )
    wait_until(lambda: "reinitializing" in embedded.log.read_text(errors="replace"))
    wait_until(lambda: answers(database))
    return sorted(
        str(file.relative_to(embedded.data)) for file in {*folder.iterdir()} - before if file.stat().st_size
    )


def test_no_planted_secret_is_left_in_any_file_of_the_database(server: Server, tmp_path: Path) -> None:
    clone = clone_of(server, tmp_path / "project")
    before = planted(server, clone.made)
    assert set().union(*before.values()) == set(SECRETS)
    files = {
        str(node): name
        for name, node in clone.made.rows(
            "SELECT oid::regclass::text, pg_relation_filenode(oid)::int8 FROM pg_class WHERE pg_relation_filenode(oid) > 0"
        )
    }
    toast = clone.made.value("SELECT reltoastrelid::regclass::text FROM pg_class WHERE relname = 'person'")
    held = {files[name.partition(".")[0]] for name in before}
    assert held > {
        "person", "person_secret", "person_marked", "people", "log", "queue", toast,
        "pg_statistic", "pg_statistic_ext_data", "pg_largeobject", "pg_description",
        "pg_foreign_server", "pg_user_mapping", "pg_subscription", "pg_attribute",
        "pg_foreign_table", "pg_proc", "pg_aggregate", "pg_constraint", "pg_enum", "pg_enum_typid_label_index",
        "pg_attrdef", "pg_index", "pg_policy", "pg_namespace", "pg_trigger", "pg_shdescription",
    }  # fmt: skip
    if server.major >= 15:
        assert "pg_publication_rel" in held
    orphans = killed_while_it_wrote(clone.made)
    said = "count(*) FROM pg_stat_statements WHERE query LIKE '%zq%' AND dbid = (SELECT oid FROM pg_database WHERE datname = current_database())"
    watched = server.maintenance.value("SELECT current_setting('shared_preload_libraries')") != ""
    if watched:
        clone.made.execute(
            "CREATE EXTENSION pg_stat_statements", f"COMMENT ON SCHEMA public IS '{SECRETS[2]}'"
        )
        clone.made.execute("COMMENT ON SCHEMA public IS NULL")
        assert clone.made.value(f"SELECT {said}") > 0
    done = clone.scrub("--drop-large-objects", "--json")
    assert orphans
    assert (done.code, done.json["error"]["problems"]) == (1, orphans), done.err
    assert f"rm {orphans[0]}" in done.json["error"]["hint"]
    assert f"{clone.database} stays closed" in done.err
    assert server.embedded is not None
    for orphan in orphans:
        (server.embedded.data / orphan).unlink()
    done = clone.scrub("--json")
    assert done.code == 0, done.err
    assert any("pg_stat_statements forgot" in text for text in done.json["out_of_reach"]) is watched
    if watched:
        assert clone.made.value(f"SELECT {said}") == 0
    assert planted(server, clone.made) == {}
    assert clone.made.value("SELECT count(*) FROM pg_stats WHERE schemaname = 'public'") > 4
