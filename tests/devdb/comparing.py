"""Two databases compared from outside: every object as `pg_dump` words it, every row as PostgreSQL prints it.

What a copy is not meant to have is named here, as in docs/subsets.md ("What arrives and what does not").
"""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator, Mapping

from penstock.engines.postgres.clients import find_client_tools
from tests.servers import Database

Objects = Mapping[tuple[str, str, str], str]
"""(type, schema, name) of every entry of a dump, and its SQL."""

# Ways to copy everything there is: what stands in [devdb.small].
WHOLE = {"subset": 'keep = ["*.*"]\n', "clone": 'strategy = "clone"\n'}

_ENTRY = re.compile(r"^--\n-- Name: (.*); Type: ([A-Z ]+); Schema: (.*); Owner: .*\n--\n", re.MULTILINE)
_NEVER = {"EVENT TRIGGER", "PUBLICATION", "PUBLICATION TABLE", "PUBLICATION TABLES IN SCHEMA", "SUBSCRIPTION", "SUBSCRIPTION TABLE",
          "USER MAPPING", "SECURITY LABEL", "DEFAULT ACL"}  # fmt: skip


def objects(database: Database, *, grants: bool = True) -> Objects:
    """What `pg_dump --schema-only` says of a database, without what no copy has and without what is Penstock's."""
    tools = find_client_tools(database.server.major)
    dumped = subprocess.run(
        [str(tools.pg_dump), "--schema-only", "--no-password"],
        env=database.environment, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    _, *parts = _ENTRY.split(dumped)
    found: dict[tuple[str, str, str], str] = {}
    for name, kind, schema, sql in zip(parts[0::4], parts[1::4], parts[2::4], parts[3::4], strict=True):
        if kind in _NEVER or (kind == "ACL" and not grants) or schema == "penstock":
            continue
        if name in ("penstock", "SCHEMA penstock", "public", "SCHEMA public") or name.startswith(
            "EXTENSION "
        ):
            continue
        text = found.get((kind, schema, name), "") + _settings_apart(sql)
        found[kind, schema, name] = text
    return found


def _settings_apart(sql: str) -> str:
    """The SQL of one entry. SETs stand before whichever entry needs them first; the end of the dump is no part of the last."""
    lines = [line for line in sql.splitlines() if line and not line.startswith(("SET default_", "--", "\\"))]
    return "\n".join(lines) + "\n"


def differences(source: Objects, made: Objects) -> list[str]:
    """One line per object that only one side has or that is not the same."""
    found = [f"missing: {key}" for key in source if key not in made]
    found += [f"not expected: {key}" for key in made if key not in source]
    return found + [
        f"differs: {key}\n{sql}\n---\n{made[key]}" for key, sql in source.items() if made.get(key, sql) != sql
    ]


_NAMES = """
SELECT format('%I.%I', n.nspname, c.relname) AS name, c.relispopulated,
       (SELECT coalesce(string_agg(format('%I', a.attname), ', ' ORDER BY a.attname), '') FROM pg_attribute a
         WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped) AS columns
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind::text = ANY ($1::text[]) AND n.nspname !~ '^(pg_|penstock$|information_schema$)' ORDER BY 1
"""


def checksums(database: Database) -> dict[str, tuple[int, str]]:
    """How many rows every table, partition and filled materialised view has of its own, and a checksum of them in order.
    Columns are in the order of their names."""
    found: dict[str, tuple[int, str]] = {}
    filled = []
    for name, is_filled, columns in database.rows(_NAMES, ["r", "m"]):
        found[name] = (-1, "not filled")
        if is_filled:
            filled.append(
                f"SELECT {_literal(name)}, count(*), coalesce(md5(string_agg(h, '' ORDER BY h)), '') FROM "
                f'(SELECT md5(t::text) COLLATE "C" AS h FROM (SELECT {columns} FROM ONLY {name}) t) q'
            )
    for at in range(0, len(filled), 50):
        answers = database.rows(" UNION ALL ".join(filled[at : at + 50]))
        found |= {name: (rows, checksum) for name, rows, checksum in answers}
    return found


def sequences(database: Database) -> dict[str, tuple[int, bool]]:
    """Where each sequence stands."""
    found = {}
    names = [name for name, *_ in database.rows(_NAMES, ["S"])]
    for at in range(0, len(names), 100):
        queries = [
            f"SELECT {_literal(name)}, last_value, is_called FROM {name}" for name in names[at : at + 100]
        ]
        found |= {name: (last, called) for name, last, called in database.rows(" UNION ALL ".join(queries))}
    return found


def constraints(database: Database) -> list[tuple[object, ...]]:
    """Every constraint, and whether it is validated. Partitions' own copies of a foreign key are named by each server as it likes."""
    return database.rows(
        "SELECT coalesce(nullif(conrelid, 0)::regclass::text, contypid::regtype::text), contype::text, pg_get_constraintdef(oid), convalidated, "
        "       conislocal, coninhcount::int, contype = 'c' AND connoinherit "
        "  FROM pg_constraint WHERE connamespace::regnamespace::text !~ '^(pg_catalog|information_schema|penstock)$' ORDER BY 1, 2, 3, 4, 5, 6"
    )


def broken_indexes(database: Database) -> list[tuple[str]]:
    return database.rows(
        "SELECT indexrelid::regclass::text FROM pg_index WHERE NOT (indisvalid AND indisready AND indislive)"
    )


def keeping(database: Database) -> str:
    """A masks.toml that masks nothing."""
    tables = database.rows(
        "SELECT n.nspname::text, c.relname::text, array_agg(a.attname::text ORDER BY a.attnum) FROM pg_class c "
        "JOIN pg_attribute a ON a.attrelid = c.oid JOIN pg_namespace n ON n.oid = c.relnamespace "
        "WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND a.attnum > 0 AND NOT a.attisdropped "
        "AND n.nspname !~ '^(pg_|information_schema$)' GROUP BY 1, 2 ORDER BY 1, 2"
    )
    return "\n".join(_lines_of(tables))


def _lines_of(tables: list[tuple[str, str, list[str]]]) -> Iterator[str]:
    for schema, table, columns in tables:
        yield f"[{json.dumps(schema)}.{json.dumps(table)}]"
        yield from (f'{json.dumps(column)} = "keep"' for column in columns)


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
