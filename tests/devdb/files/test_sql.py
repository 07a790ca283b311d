"""The SQL script, loaded by psql for real, is the database that `dev create` makes."""

from __future__ import annotations

import gzip
import json
import subprocess

import pyarrow as pa
import pytest

from penstock.engines.postgres.clients import find_client_tools
from tests.conftest import MakeDatabase
from tests.devdb.conftest import Folder, MakeFolder
from tests.devdb.files.conftest import Export, contents
from tests.servers import Database, unique_name

ACKNOWLEDGED = {"chinook": 'acknowledged = ["public.album.title", "public.track.name", "public.genre.name"]'}
SEQUENCES = "SELECT schemaname::text, sequencename::text, last_value FROM pg_sequences WHERE schemaname <> 'penstock' ORDER BY 1, 2"


def load(script: bytes, into: Database) -> None:
    into.psql(script.decode())


def schema_of(database: Database) -> str:
    shown = subprocess.run(
        [
            find_client_tools(database.server.major).pg_dump,
            "--schema-only",
            "--exclude-schema=penstock",
            "--no-owner",
        ],
        env=database.environment,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    return "\n".join(line for line in shown.splitlines() if "restrict " not in line)


def test_psql_loads_every_type_and_name_and_finds_the_rows_of_the_created_database(
    hostile: Folder, export: Export, make_database: MakeDatabase
) -> None:
    folder = export(hostile, "--format", "sql")
    assert hostile.run("dev", "create", "small").code == 0
    loaded = make_database()
    load((folder / "database.sql").read_bytes(), loaded)
    assert contents(loaded) == contents(hostile.made)
    assert contents(loaded)["public.everything"]
    assert loaded.rows(SEQUENCES) == hostile.made.rows(SEQUENCES)
    assert schema_of(loaded) == schema_of(hostile.made)
    assert loaded.value("SELECT n FROM public.summed") == 5


@pytest.mark.parametrize("sample", ["pagila", "northwind", "chinook"])
def test_the_samples_load_as_they_were_created(
    sample: str, make_database: MakeDatabase, make_folder: MakeFolder, export: Export
) -> None:
    source = make_database(template=sample)
    root = {"pagila": "public.customer", "northwind": "public.customers", "chinook": "public.customer"}[
        sample
    ]
    folder = make_folder(
        source,
        f'unclassified = "mask"\n{ACKNOWLEDGED.get(sample, "")}\n[[devdb.small.root]]\ntable = "{root}"\nlimit = 10\n',
    )
    folder.run("discover")
    script = export(folder, "--format", "sql.gz") / "database.sql.gz"
    assert folder.run("dev", "create", "small").code == 0
    loaded = make_database()
    load(gzip.decompress(script.read_bytes()), loaded)
    assert contents(loaded) == contents(folder.made)
    assert sum(map(len, contents(loaded).values())) > 50
    assert loaded.rows(SEQUENCES) == folder.made.rows(SEQUENCES)


def test_the_same_copy_makes_the_same_bytes_whatever_they_are_packed_in(
    hostile: Folder, export: Export
) -> None:
    plain, again, zipped, packed = (
        export(hostile, "--format", form) for form in ("sql", "sql", "sql.gz", "sql.zst")
    )
    script = (plain / "database.sql").read_bytes()
    assert script == (again / "database.sql").read_bytes()
    assert script == gzip.decompress((zipped / "database.sql.gz").read_bytes())
    with pa.input_stream(str(packed / "database.sql.zst"), compression="zstd") as file:
        assert script == file.read()
    assert (zipped / "database.sql.gz").read_bytes() == (
        export(hostile, "--format", "sql.gz") / "database.sql.gz"
    ).read_bytes()
    head = script.split(b"\nCOPY ", 1)[0].decode()
    assert "transaction_timeout" not in head
    said = [line for line in script.decode().splitlines() if "restrict " in line]
    assert said == ["\\restrict abc", "\\unrestrict abc"]  # a function's own text stays as it is


def test_a_script_survives_a_reader_with_settings_of_its_own(
    hostile: Folder, export: Export, make_database: MakeDatabase
) -> None:
    script = (export(hostile, "--format", "sql") / "database.sql").read_bytes()
    plain, strange = make_database(), make_database()
    strange.execute(
        *(
            f'ALTER DATABASE "{strange.name}" SET {setting}'
            for setting in ("DateStyle = 'SQL, DMY'", "IntervalStyle = 'sql_standard'", "TimeZone = 'Asia/Kathmandu'",
                            "standard_conforming_strings = off", "array_nulls = off", "xmloption = document")
        )
    )  # fmt: skip
    for database in (plain, strange):
        load(script, database)
    strange.execute(f'ALTER DATABASE "{strange.name}" RESET ALL')
    assert contents(strange) == contents(plain)


def test_who_is_no_superuser_loads_it_and_what_only_some_servers_can_read_is_said(
    make_database: MakeDatabase, make_folder: MakeFolder, export: Export
) -> None:
    source = make_database(
        """
        CREATE TABLE public.closed (id int PRIMARY KEY, by regrole, kinds regtype[]);
        INSERT INTO public.closed SELECT n, 'pg_monitor', '{int4}' FROM generate_series(1, 3) n;
        CREATE MATERIALIZED VIEW public.counted AS SELECT count(*) AS n FROM public.closed;
        ALTER TABLE public.closed ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
        """
    )
    kept = '[public.closed]\nid = "keep"\nby = "keep"\nkinds = "keep"\n'
    place = export(make_folder(source, 'keep = ["public.closed"]\n', kept), "--format", "sql")
    said = " ".join(json.loads((place / "manifest.json").read_text())["warnings"])
    assert "public.closed.by holds names (regrole)" in said
    assert "public.closed.kinds holds names (regtype)" in said
    loaded, role = make_database(), unique_name("loader")
    try:
        loaded.execute(f"CREATE ROLE {role}", f"GRANT CREATE ON SCHEMA public TO {role}")
        load(f"SET SESSION AUTHORIZATION {role};\n".encode() + (place / "database.sql").read_bytes(), loaded)
        assert loaded.rows("SELECT n FROM public.counted") == [(3,)]
        assert loaded.value("SELECT relforcerowsecurity FROM pg_class WHERE relname = 'closed'")
    finally:
        loaded.execute(f"DROP OWNED BY {role}", f"DROP ROLE {role}")
