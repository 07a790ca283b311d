"""The tables of a copy as Parquet, and the proof: every file is read back and compared with the database, value by value.

What is compared is not what was converted. The database itself says each value a second way (a date as days, a
timestamp as microseconds, a float as its bits), and the files are read as what they physically hold.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from penstock.catalog.model import Column
from penstock.devdb.files.tables import FileTable, expression
from penstock.devdb.progress import Progress
from penstock.engines.postgres.session import Session
from penstock.errors import Finding
from penstock.lake.dataset import MANIFEST
from penstock.lake.names import folder_names
from penstock.lake.parquet import TableFiles, read_back
from penstock.lake.physical import as_said, held_by_file, said_by_database
from penstock.lake.spelling import TEXT, Spelling, field_of, spelling
from penstock.pump import copytext
from penstock.pump.files import BLOCK_BYTES, write_parquet

SCHEMA = "schema.sql"  # beside the tables' folders


@dataclass(frozen=True, slots=True)
class Spelled:
    """A column and how it is written."""

    column: Column
    spelling: Spelling
    exotic: bool  # as text, because some value has no place in the type it would have had


@dataclass(frozen=True, slots=True)
class ParquetTable:
    """A table in its files."""

    table: FileTable
    columns: tuple[Spelled, ...]
    rows: int
    files: tuple[Path, ...]

    @property
    def warnings(self) -> Iterator[str]:
        for spelled in self.columns:
            if spelled.exotic:
                means = spelling(spelled.column.type).exotic_means
                yield f"{self.table.name}.{spelled.column.name} is written as text: it holds {means}"

    def as_dict(self, draft: Path) -> dict[str, Any]:
        """What the manifest says of it."""
        return {
            "table": str(self.table.name),
            "rows": self.rows,
            "files": [path.relative_to(draft).as_posix() for path in self.files],
            "columns": [
                {
                    "name": spelled.column.name,
                    "type": spelled.column.type.name,
                    "parquet": str(spelled.spelling.arrow),
                    "generated": bool(spelled.column.generated),
                }
                for spelled in self.columns
            ],
        }


def write_tables(
    copy: Session, tables: Sequence[FileTable], draft: Path, progress: Progress
) -> list[ParquetTable]:
    """Write every table below `draft`. The session is in a snapshot of the finished copy."""
    folders = folder_names((table.name for table in tables), beside=(SCHEMA, MANIFEST))
    return [_write(copy, table, draft / folders[table.name], progress) for table in tables]


def check_tables(copy: Session, written: Sequence[ParquetTable], progress: Progress) -> None:
    """Read the files again and compare every value with the database. Raises `Finding`."""
    for table in written:
        if table.columns:
            _check(copy, table, progress)


def _write(copy: Session, table: FileTable, folder: Path, progress: Progress) -> ParquetTable:
    rows, columns = _spelled(copy, table)
    if not columns:  # Parquet has no rows without columns: their number stands in the manifest
        return ParquetTable(table, columns, rows, ())
    task = f"write {table.name}"
    progress.start(task, rows)
    with TableFiles(folder, _schema(columns, table)) as files:
        write_parquet(
            copy,
            table.select(expression(spelled.column.name) for spelled in columns),
            [(str(spelled.column.name), spelled.spelling) for spelled in columns],
            files,
            lambda n, size: progress.advance(task, n, size),
        )
    progress.finish(task)
    return ParquetTable(table, columns, files.rows, tuple(files.paths))


def _spelled(copy: Session, table: FileTable) -> tuple[int, tuple[Spelled, ...]]:
    """The number of rows, and how each column is written: typed, unless a value in it has no place in the type."""
    asked = {column.name: spelling(column.type) for column in table.columns}
    exotic = {
        name: kind.exotic.format(column=expression(name)) for name, kind in asked.items() if kind.exotic
    }
    questions = [
        "pg_catalog.count(*)",
        *(f"coalesce(bool_or({condition}), false)" for condition in exotic.values()),
    ]
    numbered = (f"{question} AS q{number}" for number, question in enumerate(questions))
    answers = copy.fetch(table.select(numbered, ordered=False), doing=f"looking at {table.name}")[0]
    found = {name for number, name in enumerate(exotic, 1) if answers[f"q{number}"]}
    return int(answers["q0"]), tuple(
        Spelled(column, TEXT if column.name in found else asked[column.name], column.name in found)
        for column in table.columns
    )


def _schema(columns: Sequence[Spelled], table: FileTable) -> pa.Schema:
    key = table.table.primary_key.columns if table.table.primary_key else ()
    fields = [
        field_of(
            spelled.column.name,
            spelled.column.type,
            spelled.spelling,
            nullable=spelled.column.name not in key,
            generated=bool(spelled.column.generated),
        )
        for spelled in columns
    ]
    return pa.schema(fields, metadata={"postgresql.table": str(table.name)})


def _check(copy: Session, written: ParquetTable, progress: Progress) -> None:
    task = f"read back {written.table.name}"
    progress.start(task, written.rows)
    groups = _groups(written)
    group, at, checked = next(groups, None), 0, 0
    for said in _said(copy, written):
        taken, rows = 0, len(said[0])
        while taken < rows:
            if group is None:
                raise _differs(written, "the files end before the table does")
            step = min(rows - taken, len(group[0]) - at)
            for spelled, expected, held in zip(written.columns, said, group, strict=True):
                if not expected.slice(taken, step).equals(held.slice(at, step)):
                    raise _differs(written, f"the column {spelled.column.name} holds other values")
            taken, at = taken + step, at + step
            if at == len(group[0]):
                group, at = next(groups, None), 0
        checked += rows
        progress.advance(task, rows)
    if group is not None or checked != written.rows:
        raise _differs(written, "the files hold another number of rows")
    progress.finish(task)


def _said(copy: Session, written: ParquetTable) -> Iterator[list[pa.Array]]:
    """The table once more, in the same order, every value as the database says it the other way."""
    query = written.table.select(
        said_by_database(expression(spelled.column.name), spelled.spelling) for spelled in written.columns
    )
    for data in copytext.lines(copy.copy_out(query), BLOCK_BYTES):
        block = copytext.parse(data, len(written.columns))
        yield [
            as_said(copytext.decode(block.field(place)), spelled.spelling)
            for place, spelled in enumerate(written.columns)
        ]


def _groups(written: ParquetTable) -> Iterator[list[pa.Array]]:
    try:
        for table in read_back(written.files, _schema(written.columns, written.table)):
            if table.num_rows:
                columns = zip(table.itercolumns(), written.columns, strict=True)
                yield [held_by_file(_one(values), spelled.spelling) for values, spelled in columns]
    except (pa.ArrowException, ValueError, OSError) as error:
        raise _differs(written, f"they cannot be read: {type(error).__name__}") from None


def _one(values: pa.ChunkedArray) -> pa.Array:
    found = values.combine_chunks()
    return found.combine_chunks() if isinstance(found, pa.ChunkedArray) else found


def _differs(written: ParquetTable, why: str) -> Finding:
    return Finding(
        f"the files of {written.table.name} are not what the database holds",
        why=why,
        hint="nothing was published; please report this",
    )
