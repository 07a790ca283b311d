"""Parquet files hold what the database holds, to the last bit, and others read them."""

from __future__ import annotations

import datetime as dt
import json
import math
from decimal import Decimal
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from tests.conftest import MakeDatabase
from tests.devdb.conftest import Folder
from tests.devdb.files.conftest import Export, contents

UTC = dt.UTC


def table(folder: Path, name: str) -> pa.Table:
    return pq.read_table(folder / name)


def manifest(folder: Path) -> dict[str, object]:
    return json.loads((folder / "manifest.json").read_text())


def test_every_type_is_typed_where_it_is_exact_and_text_where_it_is_not(
    hostile: Folder, export: Export
) -> None:
    found = table(export(hostile), "public.everything")
    text = pa.string()
    assert {field.name: field.type for field in found.schema} == {
        "id": pa.int32(), "small": pa.int16(), "big": pa.int64(), "address": pa.int64(), "yes": pa.bool_(),
        "single": pa.float32(), "double": pa.float64(), "exact": pa.decimal128(38, 10), "money2": pa.decimal128(12, 2),
        "wide": text, "free": text, "rounded": pa.decimal128(5, 0), "priced": pa.decimal128(8, 3), "cash": text,
        "day": pa.date32(), "moment": pa.timestamp("us"), "moment_tz": pa.timestamp("us", "UTC"), "hour": pa.time64("us"),
        "hour_tz": text, "span": text, "moment3": pa.timestamp("us"), "key": pa.uuid(), "words": text, "code": text,
        "letter": text, "short": text, "blob": pa.binary(), "flags": text, "doc": text, "docb": text, "tags": text,
        "numbers": text, "mood": text, "pair": text, "range": text, "net": text, "point": text, "vector": text,
        "doubled": pa.int32(),
    }  # fmt: skip
    types = {field.name: field.metadata[b"postgresql.type"].decode() for field in found.schema}
    assert (types["code"], types["money2"], types["priced"]) == (
        "character(6)",
        "numeric(12,2)",
        "public.price",
    )
    assert found.schema.field("docb").metadata[b"logical"] == b"json"
    assert found.schema.field("doubled").metadata[b"postgresql.generated"] == b"true"


def test_every_value_is_the_one_the_database_holds(hostile: Folder, export: Export) -> None:
    first, second, third, fourth, fifth = table(export(hostile), "public.everything").to_pylist()
    assert (first["small"], first["big"], first["address"]) == (-(2**15), -(2**63), 2**32 - 1)
    assert math.isnan(first["single"])
    assert math.isnan(first["double"])
    assert first["exact"] == Decimal("-9999999999999999999999999999.9999999999")
    assert (first["wide"], first["free"], second["free"]) == ("12345678901234567890.12", "NaN", "1.10")
    assert first["cash"] == "-$92,233,720,368,547,758.08"
    assert (first["day"], second["day"]) == (dt.date(1, 1, 1), dt.date(9999, 12, 31))
    assert first["moment"] == dt.datetime.fromisoformat("0001-01-01 00:00:00.000001")
    assert first["moment_tz"] == dt.datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)
    assert third["moment"] == dt.datetime.fromisoformat("1969-12-31 23:59:59.900000")
    assert third["moment_tz"] == dt.datetime(2020, 1, 1, 10, 0, tzinfo=UTC)
    assert (first["hour"], second["hour"]) == (dt.time(0), dt.time(23, 59, 59, 999999))
    assert (first["words"], third["words"], fourth["moment"]) == ("", "\\N", None)
    assert second["words"] == "quote ' back\\slash \" \\N"
    assert (first["code"], second["code"], first["short"]) == ("ab    ", "      ", "tab\ttab")
    assert (first["blob"], second["blob"], fourth["blob"]) == (b"", b"\x00\xff\\N\n\t", None)
    assert fifth["blob"] == b"\x00\xff" * 600_000
    assert len(fifth["words"]) == 32 * 40_000
    assert (second["tags"], first["numbers"], first["pair"]) == (
        '{"a,b","NULL",NULL,"\\""}',
        "{1,NULL}",
        '(1,"a,b")',
    )
    assert first["doc"] == '{"a" : 1}'
    assert (math.copysign(1, second["double"]), third["double"], fourth["double"]) == (-1, 5e-324, -math.inf)
    assert third["single"] == 1.401298464324817e-45
    assert str(third["key"]) == "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"
    assert fourth["words"] == "ünï 🐘 \ufeff"
    assert (first["doubled"], fourth["doubled"]) == (-65536, None)


def test_a_column_with_a_value_that_has_no_place_is_text_and_that_is_said(
    hostile: Folder, tmp_path: Path
) -> None:
    done = hostile.run("dev", "create", "small", "--to", str(tmp_path / "x"))
    assert done.code == 0, done.err
    rows = table(tmp_path / "x", "public.odd").to_pylist()
    assert rows[0] == {
        "id": 1, "day": "infinity", "moment": "-infinity", "moment_tz": "0044-03-15 00:00:00+00 BC", "hour": "24:00:00",
        "money2": "NaN", "plain": dt.date(2020, 1, 1),
    }  # fmt: skip
    assert (rows[1]["money2"], rows[2]["day"], rows[3]["day"]) == ("1.10", "10000-01-01", None)
    warnings = manifest(tmp_path / "x")["warnings"]
    assert [w.partition(" ")[0] for w in warnings] == [
        f"public.odd.{c}" for c in ("day", "moment", "moment_tz", "hour", "money2")
    ]
    assert all(f"warning: {warning}" in done.out for warning in warnings)


def test_duckdb_reads_every_table_with_as_many_rows_as_the_database_has(
    hostile: Folder, export: Export
) -> None:
    folder = export(hostile)
    assert hostile.run("dev", "create", "small").code == 0
    made = contents(hostile.made)
    told = {entry["table"]: entry for entry in manifest(folder)["tables"]}
    assert len(told) == len(made)
    for entry in told.values():
        if entry["files"]:
            files = [str(folder / name) for name in entry["files"]]
            assert duckdb.sql("SELECT count(*) FROM read_parquet($1)", params=[files]).fetchall() == [
                (entry["rows"],)
            ]
    assert sorted(entry["rows"] for entry in told.values()) == sorted(map(len, made.values()))
    assert (told["public.none"]["rows"], told["public.none"]["files"]) == (2, [])
    assert told["public.nobody"]["rows"] == 0
    assert duckdb.sql(f"SELECT * FROM '{folder}/public.nobody/*.parquet'").columns == ["id", "note"]
    assert duckdb.sql(f"SELECT id FROM '{folder}/public.parent/*.parquet'").fetchall() == [(1,)]
    typed = duckdb.sql(
        f"SELECT typeof(key), typeof(exact), typeof(moment_tz), typeof(blob), exact::text FROM '{folder}/public.everything/*.parquet' ORDER BY id"
    ).fetchall()[0]
    assert typed == (
        "UUID",
        "DECIMAL(38,10)",
        "TIMESTAMP WITH TIME ZONE",
        "BLOB",
        "-9999999999999999999999999999.9999999999",
    )


def test_names_of_any_kind_become_folders_below_the_data_set(hostile: Folder, export: Export) -> None:
    folder = export(hostile)
    names = {path.name for path in folder.iterdir()}
    assert "Wörter%20und%2F%2E%2E.a%20%22b%22%20%252F%2E%2E%2F%2A%2E%3F" in names
    assert {"public.Orders", "public.orders~2"} <= names
    assert table(folder, "public.Orders").to_pylist() == [{"t": 1}]
    assert table(folder, "public.orders~2").to_pylist() == [{"t": 2}]
    assert table(folder, "schema.sql~2").to_pylist() == [{"t": 3}]
    assert table(folder, "manifest.JSON~2").to_pylist() == [{"t": 4}]


def test_the_same_copy_makes_the_same_files(hostile: Folder, export: Export) -> None:
    one, other = (
        {file["path"]: file["sha256"] for file in manifest(export(hostile))["files"]} for _ in range(2)
    )
    assert one == other
    assert len(one) > 10


def test_schema_sql_makes_the_tables_the_files_fit(
    hostile: Folder, export: Export, make_database: MakeDatabase
) -> None:
    folder = export(hostile)
    database = make_database()
    database.psql((folder / "schema.sql").read_text())
    columns = [
        name
        for (name,) in database.rows(
            "SELECT attname::text FROM pg_attribute WHERE attrelid = 'public.everything'::regclass AND attnum > 0 ORDER BY attnum"
        )
    ]
    assert columns == table(folder, "public.everything").column_names
