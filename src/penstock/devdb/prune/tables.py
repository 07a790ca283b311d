"""One storage table on its way: rows deleted by address, or those that stay written anew, without its name, oid, views,
policies and grants ever changing.

A rewrite goes through a temporary table and comes back by TRUNCATE and INSERT in one transaction, so that heap and
TOAST are new files. Foreign keys and triggers are off by then.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from penstock.catalog.model import TableName, quote_identifier
from penstock.devdb.closure.addresses import read_leaf
from penstock.devdb.closure.budget import MemoryBudget
from penstock.devdb.closure.packed import BLOCK_ROWS, LeafRows
from penstock.devdb.closure.rowset import RowIds, RowSet
from penstock.devdb.prune.crew import Station
from penstock.devdb.prune.stage import STAGED, stage
from penstock.engines.postgres.session import Session
from penstock.errors import DatabaseError
from penstock.runs.items import Report

if TYPE_CHECKING:  # it would bring what a prune decides into every worker
    from penstock.devdb.planning.ways import Kind

_STAYING = "pg_temp.penstock_staying"
_SETS_BYTES = 24 << 20  # of row sets, for each worker


@dataclass(frozen=True, slots=True)
class CutHere:
    """References of these rows of the leaf become NULL."""

    columns: tuple[str, ...]
    rows: LeafRows


@dataclass(frozen=True, slots=True)
class Change:
    """One item: bring a storage table to what is to stay of it. `rows` are those that go, or those that stay: what is held."""

    leaf: TableName
    number: int  # of the leaf in its table
    kind: Kind
    go: int
    stay: int
    rows: LeafRows | None  # None: all go
    rows_stay: bool
    cuts: tuple[CutHere, ...]
    columns: tuple[str, ...]  # stored ones, for a rewrite
    nulled: frozenset[str]  # these become NULL in every row
    dropped: tuple[str, ...]  # indexes that are made again after a rewrite
    offset_bits: int
    # The partitioned table that rows are given back to when they are cut: they may belong to another partition then.
    through: TableName | None = None

    @property
    def touched(self) -> int:
        """Rows it reports."""
        if self.kind == "rewrite":
            return self.stay
        return self.go + max((cut.rows.count for cut in self.cuts), default=0)


def carry_out(station: Station, change: Change, report: Report) -> None:
    """Raises DatabaseError where the table holds other rows than it should, before or after."""
    match change.kind:
        case "empty":
            with station.transaction():
                _do(station.session, change, f"TRUNCATE ONLY {change.leaf.sql}", "emptying")
            report(change.go, 0)
        case "delete":
            _delete(station, change, report)
            _cut(station, change, report)
            _null(station, change)
        case "rewrite":
            _rewrite(station, change, report)


def _delete(station: Station, change: Change, report: Report) -> None:
    gone = 0
    if not change.go:
        return
    with station.transaction():
        for ids in _ids(station.session, change, staying=False):
            stage(station.session, ids)
            gone += _do(
                station.session, change, f"DELETE FROM ONLY {change.leaf.sql} WHERE {STAGED}", "deleting from"
            )
            report(len(ids), 0)
    _require(change, change.go, gone, "deleted")


def _ids(session: Session, change: Change, *, staying: bool) -> Iterator[RowIds]:
    """The addresses of the rows that stay, or of those that go, ascending block by block.

    What is held is given; its complement is read first, and whole: the connection is free between blocks.
    """
    if change.rows is None:
        raise ValueError("a table that is emptied has no rows to look for")
    if change.rows_stay == staying:
        yield from change.rows.blocks()
        return
    budget = MemoryBudget(_SETS_BYTES)
    held, others = (
        change.rows.as_set(budget),
        RowSet(budget, change.offset_bits),
    )
    for ids in read_leaf(session, change.leaf, change.number, change.offset_bits):
        others.add(ids[~held.contains(ids)])
    yield from others.blocks(BLOCK_ROWS)


def _cut(station: Station, change: Change, report: Report) -> None:
    """Set references NULL, all of a row at once: an update gives it another address."""
    if not change.cuts:
        return
    budget = MemoryBudget(_SETS_BYTES)
    cuts = [cut.rows.as_set(budget) for cut in change.cuts]
    rows, done = RowSet(budget, change.offset_bits), 0
    for cut in change.cuts:
        for ids in cut.rows.blocks():
            rows.add(ids)
    with station.transaction():
        for ids in rows.blocks(BLOCK_ROWS):
            bits = np.zeros(len(ids), dtype=np.int64)
            for place, cut_rows in enumerate(cuts):
                bits |= cut_rows.contains(ids).astype(np.int64) << place
            stage(station.session, ids, bits)
            done += _do(station.session, change, _cutting(change), "cutting references of")
            report(len(ids), 0)
    _require(change, rows.count, done, "cut")


def _cutting(change: Change) -> str:
    """The statement that cuts the rows that are staged."""
    ended = _ended(change.cuts)
    if change.through is None:
        assigned = ", ".join(f"{column} = {value}" for column, value in ended.items())
        return (
            f"UPDATE ONLY {change.leaf.sql} AS t SET {assigned} "
            "FROM pg_temp.penstock_tids AS s WHERE t.ctid = s.tid"
        )
    columns = [quote_identifier(column) for column in change.columns]
    values = ", ".join(f"{ended.get(column, f't.{column}')} AS {column}" for column in columns)
    return (
        f"WITH cut AS (DELETE FROM ONLY {change.leaf.sql} AS t USING pg_temp.penstock_tids AS s "
        f"WHERE t.ctid = s.tid RETURNING {values}) "
        f"INSERT INTO {change.through.sql} ({', '.join(columns)}) OVERRIDING SYSTEM VALUE SELECT * FROM cut"
    )


def _ended(cuts: Sequence[CutHere]) -> dict[str, str]:
    """What becomes of each column that is cut in some of the rows."""
    tested: dict[str, int] = {}
    for place, cut in enumerate(cuts):
        for column in cut.columns:
            tested[column] = tested.get(column, 0) | 1 << place
    return {
        quote_identifier(column): f"CASE WHEN s.bits & {mask} = 0 THEN t.{quote_identifier(column)} END"
        for column, mask in tested.items()
    }


def _null(station: Station, change: Change) -> None:
    if change.nulled:
        with station.transaction():
            statement = f"UPDATE ONLY {change.leaf.sql} {_to_null(change.nulled)}"
            _do(station.session, change, statement, "cutting references of")


def _to_null(columns: Iterable[str]) -> str:
    """Of an UPDATE: all of them in one, for a CHECK may want them to be NULL together."""
    names = [quote_identifier(column) for column in sorted(columns)]
    there = " OR ".join(f"{name} IS NOT NULL" for name in names)
    return f"SET {', '.join(f'{name} = NULL' for name in names)} WHERE {there}"


def _rewrite(station: Station, change: Change, report: Report) -> None:
    session, leaf = station.session, change.leaf.sql
    listed = ", ".join(map(quote_identifier, change.columns))
    values = ", ".join("NULL" if c in change.nulled else quote_identifier(c) for c in change.columns)
    into = f"({listed}) OVERRIDING SYSTEM VALUE" if change.columns else ""
    with station.transaction():
        for index in change.dropped:
            _do(session, change, f"DROP INDEX {index}", "dropping the indexes of")
        temporary = f"CREATE TEMPORARY TABLE penstock_staying ON COMMIT DROP AS SELECT {listed} FROM ONLY {leaf} WITH NO DATA"
        _do(session, change, temporary, "rewriting")
        for ids in _ids(session, change, staying=True):
            stage(session, ids)
            _do(
                session,
                change,
                f"INSERT INTO {_STAYING} SELECT {listed} FROM ONLY {leaf} WHERE {STAGED}",
                "rewriting",
            )
            report(len(ids), 0)
        _do(session, change, f"TRUNCATE ONLY {leaf}", "rewriting")
        kept = _do(session, change, f"INSERT INTO {leaf} {into} SELECT {values} FROM {_STAYING}", "rewriting")
        _require(change, change.stay, kept, "kept")


def _do(session: Session, change: Change, statement: str, what: str) -> int:
    """Carry out a statement; the rows it says it touched, if it says so."""
    status = session.execute(statement, doing=f"{what} {change.leaf}").split()
    return int(status[-1]) if status[-1].isdigit() else 0


@dataclass(frozen=True, slots=True)
class Statement:
    """One item: a statement that knows no transaction, or needs none."""

    statement: str
    doing: str


def maintain(station: Station, what: Statement, _: Report) -> None:
    station.session.execute(what.statement, doing=what.doing)


@dataclass(frozen=True, slots=True)
class Ending:
    """One item: these references of a partitioned table become NULL in every row, which finds its partition by itself."""

    table: TableName
    columns: frozenset[str]


def end(station: Station, what: Ending, _: Report) -> None:
    with station.transaction():
        station.session.execute(
            f"UPDATE {what.table.sql} {_to_null(what.columns)}", doing=f"cutting references of {what.table}"
        )


def _require(change: Change, expected: int, found: int, verb: str) -> None:
    if found != expected:
        raise DatabaseError(
            f"{found:,} rows of {change.leaf} were {verb} instead of {expected:,}",
            why="somebody else wrote into the database while it was pruned",
            hint="run the command again; nothing was published",
        )
