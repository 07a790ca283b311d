"""Sources that are busy, read-only, oddly set up or full of odd data: the copy is the same, or the refusal is clear."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable

import asyncpg
import pytest

from tests.conftest import MakeDatabase
from tests.devdb.conftest import MakeFolder
from tests.devdb.small_shop import DEVDB, MASKS, SHOP, created, rows
from tests.servers import Database, Server

# Values whose text depends on the settings of the session that prints them.
DEPENDENT = """
CREATE TYPE public.spot AS (at timestamptz, since interval, weight float8);
CREATE TABLE public.measure (
    id int PRIMARY KEY,
    day date, moment timestamp, moment_zoned timestamptz, hour timetz, span interval,
    f4 float4, f8 float8, exact numeric, price money, raw bytea,
    days date[], spans interval[], floats float8[], during tstzrange, spot public.spot, spots public.spot[],
    note text, doc xml, flags bit varying(8), mail text
);
INSERT INTO public.measure VALUES
    (1, '2020-02-01', '2020-02-01 03:04:05.678901', '2020-02-01 03:04:05.6+05:45', '03:04:05+05:45', '1 year 2 months -3 days 04:05:06.7',
     0.1, 0.1::float8 + 0.2, 1.50, 12.5::numeric::money, '\\x00ff5c0a', '{2020-02-01,2020-11-12}', '{"1 mon -1 day",00:00:01}',
     '{0.30000000000000004,1e-300}', '[2020-02-01 00:00+00,2020-03-01 00:00+00)', ('2020-02-01 00:00+00', '-1 day', 0.1),
     ARRAY[('2020-02-01 00:00+00', '1 day 1 sec', 1e22)::public.spot], 'plain', '<a>1</a>', '101', 'zeb@example.com'),
    (2, 'infinity', '-infinity', 'infinity', '24:00:00+14', '-00:00:00.000001', 'NaN', '-Infinity', 'NaN', '-0.01'::numeric::money, '', '{}',
     '{NULL}', '{NaN,Infinity,-0}', 'empty', NULL, '{}', E'tab\\there \\\\N and \\\\. and "quotes"\\nnewline', NULL, '', 'a@b'),
    (3, '0044-03-15 BC', '4713-01-01 00:00:00 BC', '294276-12-31 23:59:59.999999+00', '00:00:00-12', '178000000 years', 3.4e38, 5e-324,
     1e100, NULL, NULL, ARRAY['0001-01-01 BC'::date], NULL, NULL, '(,)', (NULL, NULL, NULL), NULL, E'\\\\N', NULL, NULL, NULL);
ANALYZE;
"""
DEPENDENT_DEVDB = 'keep = ["public.measure"]\n'
DEPENDENT_MASKS = "[public.measure]\n" + "".join(
    f'{column} = "keep"\n'
    for column in ("day hour raw days spans floats during spot spots note doc flags moment span "
                   "moment_zoned f4 f8 exact price").split()
) + 'mail = "text"\n[evil.pg_database]\ndatname = "keep"\n'  # fmt: skip

EVIL = """
CREATE SCHEMA evil;
CREATE FUNCTION evil.wrong(int, int) RETURNS boolean LANGUAGE sql AS 'SELECT false';
CREATE OPERATOR evil.= (LEFTARG = int, RIGHTARG = int, FUNCTION = evil.wrong);
CREATE FUNCTION evil.text_wrong(text, text) RETURNS boolean LANGUAGE sql AS 'SELECT false';
CREATE OPERATOR evil.= (LEFTARG = text, RIGHTARG = text, FUNCTION = evil.text_wrong);
CREATE FUNCTION evil.name_wrong(name, name) RETURNS boolean LANGUAGE sql AS 'SELECT false';
CREATE OPERATOR evil.= (LEFTARG = name, RIGHTARG = name, FUNCTION = evil.name_wrong);
CREATE FUNCTION evil.oid_wrong(oid, oid) RETURNS boolean LANGUAGE sql AS 'SELECT false';
CREATE OPERATOR evil.= (LEFTARG = oid, RIGHTARG = oid, FUNCTION = evil.oid_wrong);
CREATE FUNCTION evil.current_setting(text) RETURNS text LANGUAGE sql AS $$SELECT 'evil'$$;
CREATE FUNCTION evil.format(text, VARIADIC text[]) RETURNS text LANGUAGE sql AS $$SELECT 'evil'$$;
CREATE FUNCTION evil.to_regclass(text) RETURNS regclass LANGUAGE sql AS $$SELECT NULL::pg_catalog.regclass$$;
CREATE FUNCTION evil.unnest(text[]) RETURNS SETOF text LANGUAGE sql AS $$SELECT 'evil'$$;
CREATE FUNCTION evil.substr(text, int) RETURNS text LANGUAGE sql AS $$SELECT 'evil'$$;
CREATE TABLE evil.pg_class (oid oid);
CREATE TABLE evil.pg_database (datname name);
"""

HOSTILE = {
    "DateStyle": "'SQL, DMY'",
    "IntervalStyle": "'sql_standard'",
    "extra_float_digits": "0",
    "TimeZone": "'Asia/Kathmandu'",
    "bytea_output": "'escape'",
    "xmlbinary": "'hex'",
    "xmloption": "'document'",
    "lc_monetary": "'C.UTF-8'",
    "default_transaction_read_only": "on",
    "default_transaction_isolation": "'serializable'",
    "statement_timeout": "'60s'",
    "idle_in_transaction_session_timeout": "'60s'",
    "synchronize_seqscans": "on",
    "transform_null_equals": "on",
    "quote_all_identifiers": "on",
    "standard_conforming_strings": "off",
    "backslash_quote": "on",
    "escape_string_warning": "off",
    "client_min_messages": "'debug1'",
    "timezone_abbreviations": "'India'",
    "search_path": "evil, public, pg_catalog",
}


def test_settings_of_the_source_change_nothing(make_database: MakeDatabase, make_folder: MakeFolder) -> None:
    source = make_database(DEPENDENT)
    plain = created(make_folder(source, DEPENDENT_DEVDB, DEPENDENT_MASKS))
    assert list(rows(source)["measure"]) == [
        row.rsplit(",", 1)[0] + "," + original.rsplit(",", 1)[1]
        for row, original in zip(plain["measure"], rows(source)["measure"], strict=True)
    ], "all but the masked last column is as in the source"
    hostile = make_database(EVIL, template=source.name)
    for name, value in HOSTILE.items():
        hostile.server.maintenance.execute(f'ALTER DATABASE "{hostile.name}" SET {name} = {value}')
    assert hostile.value("SELECT '2020-02-01'::date::text") == "01/02/2020", "the settings are in force"
    folder = make_folder(hostile, DEPENDENT_DEVDB, DEPENDENT_MASKS)
    assert folder.run("dev", "create", "small").code == 0
    folder.target.maintenance.execute(
        f'ALTER DATABASE "{folder.database}" RESET ALL'
    )  # some of them come along
    assert rows(folder.made) == plain


def test_settings_of_the_target_change_nothing(
    make_database: MakeDatabase, make_folder: MakeFolder, make_role: Callable[[str], tuple[str, str]]
) -> None:
    source = make_database(DEPENDENT)
    plain = created(make_folder(source, DEPENDENT_DEVDB, DEPENDENT_MASKS))
    user, password = make_role("CREATEDB")
    for name, value in HOSTILE.items():
        if name not in ("search_path", "default_transaction_read_only"):
            source.server.maintenance.execute(f"ALTER ROLE {user} SET {name} = {value}")
    folder = make_folder(source, DEPENDENT_DEVDB, DEPENDENT_MASKS)
    folder.log_in_as("dev", user, password)
    assert created(folder) == plain


LATIN = """
CREATE TABLE public.person (id int PRIMARY KEY, name text UNIQUE, city text);
INSERT INTO public.person VALUES (1, 'Zoë Müller', 'Ærøskøbing'), (2, 'José Nuñez', 'Besançon'), (3, '¿Qué? ½ ÿ', NULL);
ANALYZE;
"""


def test_a_latin1_source_gives_the_same_copy(make_database: MakeDatabase, make_folder: MakeFolder) -> None:
    devdb, masks = 'keep = ["public.person"]\n', '[public.person]\nname = "text"\ncity = "keep"\n'
    utf8 = make_database(LATIN)
    latin = make_database(LATIN, clause="ENCODING 'LATIN1' LOCALE 'C'")
    plain = created(make_folder(utf8, devdb, masks))
    assert created(make_folder(latin, devdb, masks)) == plain
    assert "Ærøskøbing" in plain["person"][0]


def test_a_source_without_an_encoding_is_refused(
    make_database: MakeDatabase, make_folder: MakeFolder
) -> None:
    source = make_database(SHOP, clause="ENCODING 'SQL_ASCII' LOCALE 'C'")
    folder = make_folder(source, DEVDB, MASKS)
    done = folder.run("dev", "create", "small")
    assert done.code == 4, done.err
    assert "SQL_ASCII" in done.err
    assert "PEN-4500" in done.err
    assert "hint: " in done.err
    assert folder.names() == []


def test_a_hot_standby_is_as_good_a_source(
    primary: Server,
    standby: Server,
    catch_up: Callable[[], None],
    make_database: MakeDatabase,
    make_folder: MakeFolder,
) -> None:
    original = make_database(SHOP, server=primary)
    catch_up()
    from_primary = created(make_folder(original, DEVDB, MASKS))
    assert created(make_folder(standby.database(original.name), DEVDB, MASKS)) == from_primary


CONCURRENT = """
CREATE TABLE public.parent (id serial PRIMARY KEY, name text NOT NULL, children int NOT NULL DEFAULT 0);
CREATE TABLE public.child (id serial PRIMARY KEY, parent_id int NOT NULL REFERENCES public.parent, name text NOT NULL);
CREATE TABLE public.toy (id serial PRIMARY KEY, child_id int NOT NULL REFERENCES public.child ON DELETE CASCADE);
INSERT INTO public.parent (name, children) SELECT 'parent of many ' || n, 5 FROM generate_series(1, 300) n;
INSERT INTO public.child (parent_id, name) SELECT 1 + n % 300, 'child number ' || n FROM generate_series(1, 1500) n;
INSERT INTO public.toy (child_id) SELECT n FROM generate_series(1, 1500) n;
ANALYZE;
"""
CONCURRENT_DEVDB = '[[devdb.small.root]]\ntable = "public.parent"\n'
CONCURRENT_MASKS = '[public.parent]\nname = "text"\n[public.child]\nname = "text"\n'

# Each keeps the promise that `children` counts the children.
WRITES = (
    "WITH p AS (INSERT INTO parent (name, children) VALUES ('new parent here', 1) RETURNING id), "
    "c AS (INSERT INTO child (parent_id, name) SELECT id, 'new child here' FROM p RETURNING id) "
    "INSERT INTO toy (child_id) SELECT id FROM c",
    "WITH gone AS (DELETE FROM child WHERE id = (SELECT id FROM child ORDER BY random() LIMIT 1) RETURNING parent_id) "
    "UPDATE parent SET children = children - 1 FROM gone WHERE id = gone.parent_id",
    "WITH moved AS (SELECT c.id, c.parent_id AS old, (SELECT id FROM parent WHERE id <> c.parent_id ORDER BY random() LIMIT 1) AS new "
    "FROM child c ORDER BY random() LIMIT 1), "
    "u AS (UPDATE child SET parent_id = moved.new FROM moved WHERE child.id = moved.id) "
    "UPDATE parent SET children = children + CASE WHEN parent.id = moved.new THEN 1 ELSE -1 END FROM moved "
    "WHERE parent.id IN (moved.old, moved.new)",
    "DELETE FROM parent WHERE children = 0 AND NOT EXISTS (SELECT FROM child WHERE parent_id = parent.id)",
)


def test_writers_at_work_do_not_disturb_the_copy(
    make_database: MakeDatabase, make_folder: MakeFolder
) -> None:
    source = make_database(CONCURRENT)
    folder = make_folder(source, CONCURRENT_DEVDB, CONCURRENT_MASKS)
    stop = threading.Event()
    written: list[int] = []

    async def write() -> None:
        connection = await source.connect()
        done = 0
        try:
            while not stop.is_set():
                for statement in WRITES:
                    try:
                        await connection.execute(statement)
                        done += 1
                    except (asyncpg.ForeignKeyViolationError, asyncpg.DeadlockDetectedError):
                        continue  # another writer was quicker
        finally:
            written.append(done)
            await connection.close()

    writers = [threading.Thread(target=lambda: asyncio.run(write())) for _ in range(2)]
    for writer in writers:
        writer.start()
    try:
        done = folder.run("dev", "create", "small")
    finally:
        stop.set()
        for writer in writers:
            writer.join()
    assert done.code == 0, done.err + done.out
    assert sum(written) > 20, "they did work meanwhile"
    dev = folder.made
    assert dev.value("SELECT count(*) FROM public.parent") > 0
    assert (
        dev.rows(
            "SELECT p.id FROM public.parent p WHERE p.children <> (SELECT count(*) FROM public.child c WHERE c.parent_id = p.id)"
        )
        == []
    ), "every row is of one moment"
    assert dev.value("SELECT count(*) FROM pg_constraint WHERE contype = 'f' AND NOT convalidated") == 0


@pytest.mark.parametrize("sample", ["northwind", "chinook"])
def test_every_row_of_a_sample_survives_a_copy_without_masks(
    sample: str, request: pytest.FixtureRequest, make_folder: MakeFolder
) -> None:
    """Nothing masked: the pump alone, on real data, with every table whole."""
    source: Database = request.getfixturevalue(sample)
    columns = source.rows(
        "SELECT table_schema::text, table_name::text, column_name::text FROM information_schema.columns c "
        "JOIN information_schema.tables t USING (table_schema, table_name) "
        "WHERE table_schema = 'public' AND table_type = 'BASE TABLE' ORDER BY 1, 2"
    )
    by_table: dict[str, list[str]] = {}
    for _, table, column in columns:
        by_table.setdefault(table, []).append(column)
    lines = [
        f'[public."{t}"]\n' + "".join(f'"{c}" = "keep"\n' for c in names) for t, names in by_table.items()
    ]
    folder = make_folder(source, 'keep = ["*"]\n', "".join(lines))
    assert created(folder) == rows(source)


def test_a_copy_can_be_the_source_of_another(make_database: MakeDatabase, make_folder: MakeFolder) -> None:
    first = make_folder(make_database(SHOP), DEVDB, MASKS)
    created(first)
    second = make_folder(first.made, DEVDB.replace("limit = 5", "limit = 2"), MASKS)
    assert len(created(second)["customer"]) == 2
    assert second.made.value("SELECT count(*) FROM penstock.manifest") == 1
    for command in (
        ("verify", "small"),
        ("add", "small", "--root", "public.customer:true"),
        ("refresh", "small"),
    ):
        done = second.run("dev", *command)
        assert done.code == 0, done.err + done.out
        assert "not made by Penstock" not in done.out
    assert second.made.value("SELECT count(*) FROM penstock.manifest") == 1


OWN_SCHEMA = """
CREATE SCHEMA penstock;
COMMENT ON SCHEMA penstock IS 'the stock of pens';
CREATE TABLE penstock.pen (id serial PRIMARY KEY, owner text, customer_id int REFERENCES customer);
INSERT INTO penstock.pen (owner, customer_id) VALUES ('Zebulon Quartermaine 1', 1);
CREATE FUNCTION penstock.pens() RETURNS bigint LANGUAGE sql AS 'SELECT count(*) FROM penstock.pen';
CREATE VIEW penstock.inked AS SELECT id FROM penstock.pen;
"""


def test_a_schema_of_the_sources_own_called_penstock_is_copied_like_any(
    make_database: MakeDatabase, make_folder: MakeFolder
) -> None:
    source = make_database(SHOP + OWN_SCHEMA)
    folder = make_folder(source, DEVDB, MASKS)
    undecided = folder.run("dev", "create", "small")
    assert undecided.code == 4
    assert "penstock.pen.owner" in undecided.err
    folder.write(masks=MASKS + '[penstock.pen]\nowner = "text"\n')
    done = folder.run("dev", "create", "small")
    assert done.code == 0, done.err + done.out
    assert folder.made.value("SELECT penstock.pens()") == 1
    assert "Quartermaine" not in folder.made.value("SELECT owner FROM penstock.pen")
    assert folder.made.value("SELECT obj_description('penstock'::regnamespace)") == "the stock of pens"
    for command in (("verify", "small"), ("refresh", "small")):
        done = folder.run("dev", *command)
        assert done.code == 0, done.err + done.out
        assert "not made by Penstock" not in done.out


def test_a_manifest_of_the_sources_own_is_in_the_way(
    make_database: MakeDatabase, make_folder: MakeFolder
) -> None:
    source = make_database(
        SHOP + "CREATE SCHEMA penstock; CREATE TABLE penstock.manifest (id int PRIMARY KEY);"
    )
    folder = make_folder(source, DEVDB, MASKS)
    for command in ("plan", "create"):
        refused = folder.run("dev", command, "small")
        assert refused.code == 4
        assert "the source has a penstock.manifest of its own" in refused.out + refused.err
    assert folder.names() == []
    folder.write(devdb='skip = ["penstock.manifest"]\n' + DEVDB)
    assert folder.run("dev", "create", "small").code == 0
    assert folder.run("dev", "verify", "small").code == 0
    assert folder.run("dev", "list", "--json").json["databases"][0]["state"] == "ready"
    folder.target.drop(folder.database)
    folder.target.create(folder.database)
    folder.made.execute("CREATE SCHEMA penstock", "CREATE TABLE penstock.manifest (id int)")
    assert folder.run("dev", "list", "--json").json["databases"][0]["state"] == "foreign"
