"""What could fetch production's rows from inside the copy, or holds its passwords, stays behind and is named."""

from __future__ import annotations

import subprocess

import pytest

from penstock.engines.postgres.clients import find_client_tools
from tests.conftest import MakeDatabase
from tests.devdb.conftest import Folder, MakeFolder
from tests.devdb.small_shop import DEVDB, MASKS, SHOP
from tests.servers import Database

CRM = """
CREATE TABLE public.people (id int PRIMARY KEY, email text);
INSERT INTO public.people SELECT n, 'live' || n || '@crm.example' FROM generate_series(1, 50) n;
"""
SECRET = "tr0ub4dor"
FOREIGN = """
CREATE EXTENSION postgres_fdw;
CREATE SERVER crm FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host '{host}', port '{port}', dbname '{name}');
CREATE USER MAPPING FOR PUBLIC SERVER crm OPTIONS (user '{user}', password '{password}');
CREATE USER MAPPING FOR pg_monitor SERVER crm OPTIONS (user 'other', password 'tr0ub4dor');
CREATE FOREIGN TABLE public.crm_people (id int, email text) SERVER crm OPTIONS (schema_name 'public', table_name 'people');
CREATE VIEW public.crm_names AS SELECT id, split_part(email, '@', 1) AS name FROM public.crm_people;
CREATE MATERIALIZED VIEW public.mv_foreign AS SELECT * FROM public.crm_names;
COMMENT ON VIEW public.crm_names IS 'who they are';
CREATE INDEX mv_foreign_id ON public.mv_foreign (id);
CREATE TABLE public.contact (id int, email text);
CREATE FOREIGN TABLE public.contact_far () INHERITS (public.contact) SERVER crm OPTIONS (schema_name 'public', table_name 'people');
CREATE MATERIALIZED VIEW public.mv_inherited AS SELECT count(*) AS n FROM public.contact;
"""
FOREIGN_MASKS = MASKS + '[public.contact]\nemail = "text"\n'
DBLINK = """
CREATE EXTENSION dblink;
CREATE MATERIALIZED VIEW public.mvc AS
    SELECT * FROM dblink('host={host} port={port} dbname={name} user={user} password={password}',
                         'select id, email from people') AS t(id int, email text);
CREATE INDEX mvc_id ON public.mvc (id);
CREATE VIEW public.on_mvc AS SELECT id FROM public.mvc;
CREATE FUNCTION public.conninfo() RETURNS text LANGUAGE sql AS $$ SELECT 'crm' $$;
CREATE SERVER link FOREIGN DATA WRAPPER dblink_fdw OPTIONS (host '{host}', port '{port}', dbname '{name}');
CREATE USER MAPPING FOR PUBLIC SERVER link OPTIONS (user '{user}', password '{password}');
CREATE MATERIALIZED VIEW public.mv_link AS
    SELECT * FROM dblink('link', 'select id, email from people') AS t(id int, email text);
CREATE MATERIALIZED VIEW public.mv_above AS SELECT count(*) AS n FROM public.mv_link;
CREATE FUNCTION public.fetched() RETURNS bigint LANGUAGE plpgsql AS
    $$ BEGIN RETURN (SELECT n FROM public.dblink('link', 'select count(*) from people') AS t(n bigint)); END $$;
CREATE MATERIALIZED VIEW public.mv_function AS SELECT public.fetched() AS n;
"""
# Aggregates, types and functions of the server and of a trusted extension: nothing of it reaches anywhere.
INWARD = """
CREATE EXTENSION pg_trgm;
CREATE DOMAIN public.whole AS int CHECK (VALUE >= 0);
CREATE VIEW public.likeness AS SELECT id, similarity(country, 'AT') AS s FROM public.customer;
CREATE MATERIALIZED VIEW public.mv_safe AS
    SELECT country, count(*)::int::public.whole AS n, max(s) AS s FROM public.customer JOIN public.likeness USING (id) GROUP BY 1;
CREATE MATERIALIZED VIEW public.mv_safe_too AS SELECT sum(n) AS n FROM public.mv_safe;
"""
NEVER = """
CREATE PUBLICATION everything FOR ALL TABLES;
CREATE SUBSCRIPTION pt_subscribed CONNECTION 'host=nowhere password=tr0ub4dor' PUBLICATION p WITH (connect = false, slot_name = NONE);
SELECT lo_from_bytea(0, 'a scan of a passport');
CREATE FUNCTION public.never() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN END $$;
CREATE EVENT TRIGGER never ON sql_drop EXECUTE FUNCTION public.never();
COMMENT ON EVENT TRIGGER never IS 'said of it';
"""
NOT_A_SUBSCRIBER = "ALTER SUBSCRIPTION pt_subscribed DISABLE; DROP SUBSCRIPTION pt_subscribed"


@pytest.fixture
def crm(make_database: MakeDatabase) -> Database:
    return make_database(CRM)


def _to(crm: Database, script: str) -> str:
    server = crm.server
    places = {"host": server.host, "port": server.port, "name": crm.name, "user": server.user}
    for key, value in {**places, "password": server.password or "none"}.items():
        script = script.replace("{" + key + "}", str(value))
    return script


def _dumped(database: Database) -> str:
    """All that a dump of the copy says: definitions and rows."""
    command = [str(find_client_tools(database.server.major).pg_dump), "--no-password"]
    done = subprocess.run(command, env=database.environment, capture_output=True, text=True, check=True)
    return done.stdout


def _create(folder: Folder) -> str:
    done = folder.run("dev", "create", "small")
    assert done.code == 0, done.err + done.out
    again = folder.run("dev", "verify", "small")
    assert again.code == 0, again.err + again.out
    return done.out


def _populated(database: Database) -> dict[str, bool]:
    return dict(database.rows("SELECT relname::text, relispopulated FROM pg_class WHERE relkind = 'm'"))


def test_a_materialised_view_that_reaches_elsewhere_arrives_empty_and_is_named(
    crm: Database, make_database: MakeDatabase, make_folder: MakeFolder
) -> None:
    source = make_database(SHOP + INWARD + _to(crm, DBLINK))
    assert source.value("SELECT count(*) FROM public.mvc") == 50
    folder = make_folder(source, DEVDB, MASKS)
    said = _create(folder)
    assert _populated(folder.made) == {
        "mv_safe": True,
        "mv_safe_too": True,
        "mv_link": False,
        "mv_above": False,
        "mv_function": False,
    }
    for line in (
        "left out: view public.mvc: its query quotes a password or a token",
        "left out: view public.on_mvc: depends on what is left out",
        "left out: rows of the materialised view public.mv_link: its query uses the function public.dblink of the extension dblink",
        "left out: rows of the materialised view public.mv_above: its query uses the function public.dblink of the extension dblink",
        "left out: rows of the materialised view public.mv_function: "
        "its query uses the function public.fetched, which could use the extension dblink",
    ):
        assert line in said
    dump = _dumped(folder.made)
    assert "crm.example" not in dump
    assert (crm.server.password or "none") not in dump


def test_materialised_views_of_functions_are_filled_where_nothing_leads_out(
    make_database: MakeDatabase, make_folder: MakeFolder
) -> None:
    of_function = """
        CREATE FUNCTION public.half(int) RETURNS int LANGUAGE plpgsql AS $$ BEGIN RETURN $1 / 2; END $$;
        CREATE MATERIALIZED VIEW public.mv_function AS SELECT public.half(id) AS id FROM public.customer;
    """
    folder = make_folder(make_database(SHOP + INWARD + of_function), DEVDB, MASKS)
    assert "left out" not in _create(folder)
    assert _populated(folder.made) == {"mv_safe": True, "mv_safe_too": True, "mv_function": True}
    assert folder.made.value("SELECT count(*) FROM public.mv_function") == 5


def test_foreign_tables_arrive_as_structure_and_reach_nothing(
    crm: Database, make_database: MakeDatabase, make_folder: MakeFolder
) -> None:
    source = make_database(SHOP + _to(crm, FOREIGN))
    assert source.value("SELECT count(*) FROM public.mv_foreign") == 50
    folder = make_folder(source, DEVDB, FOREIGN_MASKS)
    said = _create(folder)
    made = folder.made
    assert _populated(made) == {"mv_foreign": False, "mv_inherited": False}
    assert made.value("SELECT to_regclass('public.crm_names') IS NOT NULL")
    with pytest.raises(Exception, match="user mapping not found"):
        made.rows("SELECT * FROM public.crm_names")
    assert made.value("SELECT count(*) FROM pg_user_mappings") == 0
    for line in (
        "left out: rows of the foreign table public.crm_people: they live on another server",
        "left out: user mapping of public on the server crm: it may hold a password",
        "left out: user mapping of pg_monitor on the server crm: it may hold a password",
        "left out: rows of the materialised view public.mv_foreign: its query uses the foreign table public.crm_people",
        "left out: rows of the materialised view public.mv_inherited: its query uses the foreign table public.contact_far",
    ):
        assert line in said
    schema = subprocess.run(
        [str(find_client_tools(made.server.major).pg_dump), "--schema-only"],
        env=made.environment, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    assert "CREATE FOREIGN TABLE public.crm_people" in schema
    assert SECRET not in schema + said
    assert (
        "left out: dbname, host, port of the server crm: the copy must not reach what production reaches"
        in said
    )
    assert made.rows("SELECT srvname::text, srvoptions::text[] FROM pg_foreign_server") == [("crm", None)]
    assert (crm.server.password or "none") not in schema + said
    assert folder.run("dev", "refresh", "small").code == 0


OUT_BY_THEMSELVES = """
CREATE EXTENSION file_fdw;
CREATE SERVER files FOREIGN DATA WRAPPER file_fdw;
CREATE FOREIGN TABLE public.passwd (line text) SERVER files OPTIONS (program 'curl https://live.example', format 'csv');
CREATE VIEW public.users AS SELECT split_part(line, ':', 1) AS name FROM public.passwd;
CREATE MATERIALIZED VIEW public.mv_users AS SELECT name FROM public.users WITH NO DATA;
CREATE FOREIGN DATA WRAPPER wild OPTIONS (endpoint 'https://live.example');
CREATE SERVER wild FOREIGN DATA WRAPPER wild OPTIONS (host 'live.example', fetch_size '10');
CREATE FOREIGN TABLE public.far (id int OPTIONS (column_name 'ID')) SERVER wild OPTIONS (table_name 'x');
CREATE FOREIGN TABLE public.farther (id int OPTIONS (path 's3://live')) SERVER wild;
"""


def test_a_foreign_table_that_needs_no_server_to_lead_out_stays_behind(
    make_database: MakeDatabase, make_folder: MakeFolder
) -> None:
    source = make_database(SHOP + OUT_BY_THEMSELVES)
    folder = make_folder(source, DEVDB, MASKS)
    said = _create(folder)
    tables = "SELECT relname::text FROM pg_class WHERE relkind = 'f' ORDER BY 1"
    options = "SELECT coalesce(srvoptions, '{}') || coalesce(fdwoptions, '{}') FROM pg_foreign_server JOIN pg_foreign_data_wrapper f ON f.oid = srvfdw WHERE srvname = 'wild'"
    assert folder.made.rows(tables) == [("far",)]
    assert folder.made.value(options) == ["fetch_size=10"]
    for line in (
        "foreign table public.passwd: its option program may lead out of the copy",
        "foreign table public.farther: its option path may lead out of the copy",
        "view public.users: depends on what is left out",
        "view public.mv_users: depends on what is left out",
        "endpoint of the foreign data wrapper wild: the copy must not reach what production reaches",
        "host of the server wild: the copy must not reach what production reaches",
    ):
        assert f"left out: {line}" in said
    assert "live.example" not in _dumped(folder.made)
    folder.write(devdb=f"disarm = false\n{DEVDB}")
    assert folder.run("dev", "refresh", "small").code == 0
    assert folder.made.rows(tables) == source.rows(tables)
    assert sorted(folder.made.value(options)) == sorted(source.value(options))


@pytest.mark.parametrize(
    "skip", ['"public.crm_people", "public.contact_far"', '"public.crm_*", "public.contact_*"']
)
def test_skip_takes_foreign_tables_and_what_stands_on_them_away(
    skip: str, crm: Database, make_database: MakeDatabase, make_folder: MakeFolder
) -> None:
    folder = make_folder(make_database(SHOP + _to(crm, FOREIGN)), f"skip = [{skip}]\n{DEVDB}", FOREIGN_MASKS)
    said = _create(folder)
    there = "SELECT count(*) FROM pg_class WHERE relkind = 'f' OR relname IN ('crm_names', 'mv_foreign')"
    assert folder.made.value(there) == 0
    assert _populated(folder.made) == {"mv_inherited": False}
    assert "left out: foreign table public.crm_people: listed in `skip`" in said
    assert "left out: view public.crm_names: depends on what is left out" in said
    assert "rows of the materialised view public.mv_foreign" not in said


def test_where_a_foreign_table_cannot_stand_the_answer_is_a_sentence(
    crm: Database, make_database: MakeDatabase, make_folder: MakeFolder
) -> None:
    split = """
        CREATE TABLE public.split (id int, email text) PARTITION BY RANGE (id);
        CREATE FOREIGN TABLE public.split_far PARTITION OF public.split FOR VALUES FROM (0) TO (9) SERVER crm;
    """
    source = make_database(SHOP + _to(crm, FOREIGN) + split)
    folder = make_folder(source, f'skip = ["public.split"]\n{DEVDB}', FOREIGN_MASKS)
    assert folder.run("dev", "plan", "small").code == 0
    folder.write(devdb=f'skip = ["public.split"]\nacknowledged = ["public.crm_people.email"]\n{DEVDB}')
    refused = folder.run("dev", "plan", "small")
    assert refused.code == 2
    assert "is a foreign table" in refused.err
    assert "neither copied nor searched" in refused.err
    folder.write(devdb=DEVDB)
    refused = folder.run("dev", "plan", "small")
    assert refused.code == 2
    assert "public.split_far, a partition of public.split, is a foreign table" in refused.err
    assert "put public.split in `skip`" in refused.err


def test_whatever_no_copy_has_is_listed(make_database: MakeDatabase, make_folder: MakeFolder) -> None:
    source = make_database(SHOP + NEVER)
    folder = make_folder(source, DEVDB, MASKS)
    try:
        said = _create(folder)
    finally:
        source.psql(NOT_A_SUBSCRIBER)  # else its database could not be dropped
    for line in (
        "left out: event trigger never: event triggers are never copied",
        "left out: publication everything: publications are never copied",
        "left out: subscription pt_subscribed: subscriptions are never copied",
        "left out: 1 large objects: nothing looks into them",
    ):
        assert line in said
    assert SECRET not in said + _dumped(folder.made)
    kinds = ("pg_event_trigger", "pg_publication", "pg_largeobject_metadata")
    assert [folder.made.value(f"SELECT count(*) FROM {kind}") for kind in kinds] == [0, 0, 0]
