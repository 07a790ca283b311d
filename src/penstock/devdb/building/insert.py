"""Rows into a copy that has some already: what is missing is inserted, what is there is never changed.

Everything happens in the caller's transaction in the target. Rows arrive in temporary tables. Foreign keys are taken off
and put back, validated, inside the transaction, so cycles are no special case and nobody ever sees the copy without them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from penstock.catalog.model import Table, TableName, quote_identifier
from penstock.devdb.building.build import plan_of, reads
from penstock.devdb.building.sequences import set_sequences
from penstock.devdb.closure.roots import identifying_columns
from penstock.devdb.keys import is_broken, put_back, take_off, validate
from penstock.devdb.largeobjects import copy_large_objects
from penstock.devdb.planning.subset import Subset
from penstock.devdb.progress import Progress
from penstock.devdb.quiet import arm, silence
from penstock.engines.postgres.session import Session
from penstock.errors import DatabaseError, TargetRefused
from penstock.pump.move import move
from penstock.pump.readplan import ReadPlan


@dataclass(frozen=True, slots=True)
class Inserted:
    """Rows per table."""

    before: Mapping[TableName, int]  # of every table of the copy
    rows: Mapping[TableName, int]  # inserted
    present: Mapping[TableName, int]  # of the closure, there already
    warnings: tuple[str, ...]

    @property
    def after(self) -> dict[TableName, int]:
        return {name: count + self.rows.get(name, 0) for name, count in self.before.items()}


def insert_missing(subset: Subset, source: Session, target: Session, progress: Progress) -> Inserted:
    """Insert every row of the closure that is not there."""
    before = {name: _count(subset, target, name) for name in subset.catalog.leaves if name not in subset.skip}
    affected = [name for name, rows in sorted(subset.closure.rows.items()) if rows.count]
    inserted: dict[TableName, int] = {}
    with _without_foreign_keys(target, affected), _silent_triggers(subset, target, affected):
        for number, name in enumerate(affected):
            progress.start(str(name), subset.closure.rows[name].count)
            stage = TableName("pg_temp", f"penstock_{number}")
            inserted[name] = _top_up(subset, source, target, name, stage, progress)
            progress.finish(str(name))
    warnings = set_sequences(subset.catalog, source, target, subset.policy, forward_only=True)
    if subset.large_objects:
        copy_large_objects(source, target, progress, grants=subset.grants)
    present = {name: subset.closure.rows[name].count - rows for name, rows in inserted.items()}
    return Inserted(before, inserted, present, tuple(warnings))


def _count(subset: Subset, target: Session, name: TableName) -> int:
    only = "" if subset.catalog.tables[name].kind == "partitioned" else "ONLY "
    return int(target.fetchval(f"SELECT count(*) FROM {only}{name.sql}"))


def _top_up(
    subset: Subset, source: Session, target: Session, name: TableName, stage: TableName, progress: Progress
) -> int:
    """Bring one table's rows into a temporary table and insert what is missing; how many these were."""
    plan = plan_of(subset, name)
    columns = ", ".join(map(quote_identifier, plan.written))
    target.execute(
        f"CREATE TEMPORARY TABLE {stage.sql} ON COMMIT DROP AS SELECT {columns} FROM {name.sql} WITH NO DATA"
    )
    for read in reads(subset.catalog, plan, subset.closure.rows[name], whole=False):
        move(
            source,
            target,
            plan,
            read.queries,
            row_filter=read.row_filter,
            into=stage,
            progress=lambda rows, size: progress.advance(str(name), rows, size),
        )
    with _fitting(target, f"a unique key of {name}"):
        status = target.execute(
            _merge_sql(subset.catalog.tables[name], plan, stage), doing=f"adding rows to {name}"
        )
    return int(status.split()[-1])


def _merge_sql(table: Table, plan: ReadPlan, stage: TableName) -> str:
    """Insert what is not there; what is there stays. Rows are told apart by their key; without one, equal rows are
    topped up to as many as the source has of them. Compared as text: equality operators may be out of sight."""
    there = table.name.sql if table.kind == "partitioned" else f"ONLY {table.name.sql}"
    if not plan.written:
        missing = f"(SELECT count(*) FROM {stage.sql}) - (SELECT count(*) FROM {there})"
        return f"INSERT INTO {table.name.sql} SELECT FROM pg_catalog.generate_series(1, {missing})"
    columns = [quote_identifier(column) for column in plan.written]
    insert = (
        f"INSERT INTO {table.name.sql} ({', '.join(columns)}) OVERRIDING SYSTEM VALUE "
        f"SELECT {', '.join(f's.{column}' for column in columns)} FROM "
    )
    key = [quote_identifier(column) for column in identifying_columns(table)]
    if key:
        same = " AND ".join(f"t.{column}::text = s.{column}::text" for column in key)
        return f"{insert}{stage.sql} s WHERE NOT EXISTS (SELECT FROM {there} t WHERE {same})"
    row = f"ROW({', '.join(columns)})::text"
    return (
        f"{insert}(SELECT *, pg_catalog.row_number() OVER (PARTITION BY {row}) AS penstock_copy, {row} AS penstock_row "
        f"FROM {stage.sql}) s "
        f"LEFT JOIN (SELECT {row} AS penstock_row, count(*) AS present FROM {there} GROUP BY 1) t USING (penstock_row) "
        "WHERE s.penstock_copy > coalesce(t.present, 0)"
    )


@contextmanager
def _fitting(target: Session, what: str) -> Iterator[None]:
    """Say what it means when a constraint of the copy does not hold for the fresh rows."""
    try:
        yield
    except DatabaseError as error:
        if not is_broken(error):
            raise
        raise TargetRefused(
            f"the fresh rows do not fit into {target.database}: {what} would not hold",
            why="rows they need are in the copy already, as they were when it was made, and add changes no row",
            hint="penstock dev refresh builds the copy anew",
        ) from None


@contextmanager
def _without_foreign_keys(target: Session, tables: Sequence[TableName]) -> Iterator[None]:
    """Take off the foreign keys of these tables (and of their partitions), and put them back, validated.

    Not after an error: the transaction ends, and with it this.
    """
    taken = take_off(target, losing=(), written=tables)
    yield
    for key in taken:
        with _fitting(target, f"the foreign key {key.name} of {key.table}"):
            put_back(target, key)
            validate(target, key)


@contextmanager
def _silent_triggers(subset: Subset, target: Session, tables: Sequence[TableName]) -> Iterator[None]:
    """Silence triggers and rules while rows arrive, but for those that refill a search column; then arm them again as they
    were. Not after an error, as above."""
    silenced = silence(target, tables)
    for name in tables:
        for decision in subset.policy.of(name).values():
            if decision.rebuild_trigger:
                trigger = quote_identifier(decision.rebuild_trigger)
                target.execute(f"ALTER TABLE {name.sql} ENABLE TRIGGER {trigger}")
    yield
    arm(target, silenced)
