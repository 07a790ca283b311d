"""A copy as one SQL script that `psql` loads into an empty database: schema, COPY blocks, sequences, constraints.

The same copy makes the same bytes: rows go in the order of their keys, and nothing in the script is random or tells
the time.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import pyarrow as pa

from penstock.catalog.model import TableName, quote_identifier, quote_literal
from penstock.catalog.types import ColumnType
from penstock.devdb.building.derived import ANALYZED_SQL, filled_views
from penstock.devdb.building.schema import SchemaArchive
from penstock.devdb.files.tables import FileTable, expression
from penstock.devdb.progress import Progress
from penstock.engines.postgres.session import PINNED, Session
from penstock.errors import Finding

COMPRESSION = {"sql": None, "sql.gz": "gzip", "sql.zst": "zstd"}
_READ_BYTES = 1 << 20
_HEAD = """\
-- A masked copy of a database, made by Penstock. Into an empty database:
--     psql -X -v ON_ERROR_STOP=1 -f database.sql
"""
_NAMING = (
    "regclass", "regcollation", "regconfig", "regdictionary", "regnamespace", "regoper", "regoperator", "regproc",
    "regprocedure", "regrole", "regtype",
)  # fmt: skip
_FORCED_SQL = """
SELECT pg_catalog.format('%I.%I', n.nspname, c.relname) AS name
  FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relrowsecurity AND c.relforcerowsecurity AND n.nspname NOT LIKE 'pg\\_%'
 ORDER BY n.nspname COLLATE "C", c.relname COLLATE "C"
"""
# What the text of values depends on when it is read.
_PINS = ("DateStyle", "IntervalStyle", "lc_monetary", "array_nulls", "standard_conforming_strings")


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of the script: the rows of one table, or what stands before the next one."""

    table: FileTable | None
    rows: int
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class SqlScript:
    """The script in its file."""

    path: Path
    compression: str | None
    parts: tuple[Part, ...]

    def as_dicts(self, draft: Path) -> list[dict[str, Any]]:
        """What the manifest says of every table."""
        return [
            {
                "table": str(part.table.name),
                "rows": part.rows,
                "files": [self.path.relative_to(draft).as_posix()],
                "columns": [
                    {"name": column.name, "type": column.type.name}
                    for column in part.table.table.stored_columns
                ],
            }
            for part in self.parts
            if part.table is not None
        ]


def write_script(
    copy: Session,
    tables: Sequence[FileTable],
    archive: SchemaArchive,
    path: Path,
    progress: Progress,
    *,
    grants: bool,
) -> SqlScript:
    """Write the script to `path`. The session is in a snapshot of the finished copy."""
    compression = COMPRESSION[path.name.partition(".")[2]]
    parts: list[Part] = []
    with pa.output_stream(str(path), compression=compression) as file:
        before = _HEAD + archive.script("pre-data", grants=grants) + _pins()
        for table in tables:
            target = f"{table.name.sql} ({_names(table)})" if _names(table) else table.name.sql
            parts.append(_text(file, f"{before}\nCOPY {target} FROM stdin;\n"))
            parts.append(_rows(copy, table, file, progress))
            before = "\\.\n"
        post = archive.script("post-data", grants=grants)
        parts.append(
            _text(file, f"{before}\n{''.join(_sequences(copy))}\n{post}\n{''.join(_settling(copy))}")
        )
    return SqlScript(path, compression, tuple(parts))


def warnings(tables: Sequence[FileTable]) -> Iterator[str]:
    """What may keep another server from loading the script, though it is whole."""
    for table in tables:
        for column in table.table.stored_columns:
            if kind := _naming(column.type):
                named = "roles" if kind == "regrole" else "objects"
                yield f"{table.name}.{column.name} holds names ({kind}), and loads only where the {named} are that they name"


def _naming(kind: ColumnType) -> str:
    """The type within this one, if any, whose values are names of what a server has."""
    if kind.schema == "pg_catalog" and kind.typname in _NAMING:
        return kind.typname
    within = (kind.element, kind.base, *(field for _, field in kind.fields))
    return next(filter(None, map(_naming, filter(None, within))), "")


def check_script(copy: Session, script: SqlScript, progress: Progress) -> None:
    """Read the file again and compare it with what was written, its rows with the database. Raises `Finding`."""
    with pa.input_stream(str(script.path), compression=script.compression) as file:
        for part in script.parts:
            found = hashlib.sha256()
            for piece in _pieces(file, part.bytes):
                found.update(piece)
            expected = part.sha256
            if part.table is not None:
                task = f"read back {part.table.name}"
                progress.start(task, part.rows)
                expected = _digest_of(copy, part.table)
                progress.finish(task)
            if not found.hexdigest() == expected == part.sha256:
                raise _differs(script, str(part.table.name) if part.table else "the schema")
        if file.read(1):
            raise _differs(script, "its end")


def _text(file: IO[bytes], text: str) -> Part:
    data = text.encode()
    file.write(data)
    return Part(None, 0, len(data), hashlib.sha256(data).hexdigest())


def _rows(copy: Session, table: FileTable, file: IO[bytes], progress: Progress) -> Part:
    task = f"write {table.name}"
    progress.start(task)
    found, size = hashlib.sha256(), 0
    for piece in copy.copy_out(_query(table)):
        file.write(piece)
        found.update(piece)
        size += len(piece)
        progress.advance(task, piece.count(b"\n"), len(piece))
    progress.finish(task)
    return Part(table, copy.rows_copied, size, found.hexdigest())


def _digest_of(copy: Session, table: FileTable) -> str:
    found = hashlib.sha256()
    for piece in copy.copy_out(_query(table)):
        found.update(piece)
    return found.hexdigest()


def _query(table: FileTable) -> str:
    return table.select(expression(column.name) for column in table.table.stored_columns)


def _names(table: FileTable) -> str:
    return ", ".join(quote_identifier(column.name) for column in table.table.stored_columns)


def _pins() -> str:
    return "".join(f"SET {name} = {quote_literal(PINNED[name])};\n" for name in _PINS)


def _sequences(copy: Session) -> Iterator[str]:
    """Where each sequence of the copy is. Those that have given out nothing yet stand where they start."""
    listed = copy.fetch(
        "SELECT schemaname::text AS schema, sequencename::text AS name FROM pg_catalog.pg_sequences "
        "WHERE schemaname NOT LIKE 'pg\\_%' ORDER BY 1, 2"
    )
    for row in listed:
        name = TableName(row["schema"], row["name"]).sql
        state = copy.fetch(f"SELECT last_value, is_called FROM {name}")[0]
        called = "true" if state["is_called"] else "false"
        yield f"SELECT pg_catalog.setval({quote_literal(name)}, {state['last_value']}, {called});\n"


def _settling(copy: Session) -> Iterator[str]:
    """What `dev create` does last: materialised views that hold rows in the copy, statistics."""
    views = filled_views(copy)
    forced = copy.fetch(_FORCED_SQL) if views else []
    # The script has `row_security = off`: to an owner without BYPASSRLS its own tables are closed while they are forced.
    for row in forced:
        yield f"ALTER TABLE ONLY {row['name']} NO FORCE ROW LEVEL SECURITY;\n"
    for name in views:
        yield f"REFRESH MATERIALIZED VIEW {name.sql};\n"
    for row in forced:
        yield f"ALTER TABLE ONLY {row['name']} FORCE ROW LEVEL SECURITY;\n"
    tables = copy.fetchval(ANALYZED_SQL)
    if tables is not None:
        yield f"ANALYZE {tables};\n"


def _pieces(file: IO[bytes], size: int) -> Iterator[bytes]:
    while size and (piece := file.read(min(size, _READ_BYTES))):
        size -= len(piece)
        yield piece


def _differs(script: SqlScript, where: str) -> Finding:
    return Finding(
        f"{script.path.name} is not what the database holds",
        why=f"it differs at {where}",
        hint="nothing was published; please report this",
    )
