"""`dev add`: top up an existing copy with fresh rows and what they need, consistent with what is there.

One transaction in the target. Rows arrive in temporary tables and are inserted where their keys are not yet present; what
is there is never changed. Foreign keys are taken off and put back, validated, inside the transaction, so cycles are no
special case and nobody ever sees the copy without them.
"""

from __future__ import annotations

import dataclasses
import secrets
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from penstock.catalog.model import Table, TableName, quote_identifier
from penstock.devdb import manifest, verify
from penstock.devdb.build import Job, plan_of, reads, set_sequences
from penstock.devdb.closure.roots import identifying_columns
from penstock.devdb.config import RootSettings
from penstock.devdb.context import Context
from penstock.devdb.inspect import require_there
from penstock.devdb.manifest import Manifest
from penstock.devdb.ours import require_ours
from penstock.devdb.plan import Plan
from penstock.devdb.planning import prepare
from penstock.devdb.progress import Progress
from penstock.engines.postgres.session import Session
from penstock.errors import DatabaseError, Finding, TargetRefused, UsageError
from penstock.pump.move import move
from penstock.pump.readplan import ReadPlan


@dataclass(frozen=True, slots=True)
class Added:
    """What `add` did, per table."""

    name: str
    database: str
    inserted: Mapping[str, int]
    present: Mapping[str, int]  # rows of the closure whose key was there already
    seconds: float
    verification: verify.Verification

    def as_dict(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "database": self.database,
            "inserted": dict(self.inserted),
            "present": dict(self.present),
            "seconds": round(self.seconds, 3),
            "verification": self.verification.as_dict(),
        }


def parse_root(text: str) -> RootSettings:
    """`TABLE:WHERE`. Raises `UsageError`."""
    table, colon, where = text.partition(":")
    if not colon or not table.strip() or not where.strip():
        raise UsageError(
            f"{text!r} is no TABLE:WHERE",
            hint='penstock dev add small --root "public.orders:order_id = 4711"',
        )
    return RootSettings(table=table.strip(), where=where.strip())


def add(context: Context, roots: Sequence[str], progress: Progress) -> Added:
    """Add the rows `roots` select, and what they need. All or nothing."""
    started = time.monotonic()
    settings = dataclasses.replace(context.settings, root=tuple(map(parse_root, roots)), keep=())
    chosen = dataclasses.replace(context, settings=settings)
    manifest.require_folder(context.state_dir)
    require_there(context)
    with context.target_session(context.database) as target:
        made = require_ours(context, manifest.read(target))
        if made.document["key_fingerprint"] != context.keys.fingerprint:
            raise TargetRefused(
                f"{context.database} was made with another key",
                why="the same person would get another pseudonym",
                hint=f"penstock dev refresh {context.name}",
            )
        with context.source_session() as source:
            prepared = prepare(chosen, source, progress)
            prepared.require()
            _require_same_masks(context, prepared.plan, made)
            job = dataclasses.replace(prepared.job, keep=_kept(prepared.job, made.document))
            target.begin()
            try:
                inserted, present, before = _insert(job, source, target, progress)
                progress.start("verify")
                found = verify.verify(
                    job,
                    source,
                    target,
                    expected={name: before[name] + inserted.get(name, 0) for name in before},
                )
                progress.finish("verify")
                if not found.passed:
                    raise Finding(
                        f"nothing was added to {context.database}: {found.headline}",
                        why="; ".join(found.problems[:8]),
                        hint=f"penstock dev verify {context.name}",
                    )
                document = {
                    **made.document,
                    "verification": found.as_dict(),
                    "settings": manifest.without_literals(prepared.plan.settings),
                    "added": {str(n): c for n, c in inserted.items() if c},
                }
                new = dataclasses.replace(
                    made, run_id=secrets.token_hex(6), operation="add", created_at=manifest.now(),
                    document={**document, "tables": _tables(made.document, before, inserted)},
                )  # fmt: skip
                manifest.write(target, new)
                target.commit()
            except BaseException:
                if not target.connection.is_closed():
                    target.rollback()
                raise
    manifest.save(new, context.state_dir)
    return Added(
        context.name,
        context.database,
        {str(n): c for n, c in inserted.items()},
        {str(n): c for n, c in present.items()},
        time.monotonic() - started,
        found,
    )


def _require_same_masks(context: Context, plan: Plan, made: Manifest) -> None:
    """Raise `TargetRefused` where a column is masked otherwise now: one person would have two pseudonyms in one copy."""
    before = made.document["rules"]
    changed = [c.column for c in plan.columns if c.column in before and before[c.column] != c.rule]
    if changed:
        raise TargetRefused(
            f"{changed[0]} is masked otherwise than in {context.database}"
            + (f" (and {len(changed) - 1} more)" if len(changed) > 1 else ""),
            why="the rows there and the fresh ones would not belong together",
            hint=f"penstock dev refresh {context.name}",
        )


def _kept(job: Job, document: Mapping[str, Any]) -> frozenset[TableName]:
    roles = {text: entry["role"] for text, entry in document["tables"].items()}
    return frozenset(name for name in job.catalog.leaves if roles.get(str(name)) == "keep")


def _tables(
    document: Mapping[str, Any], before: Mapping[TableName, int], inserted: Mapping[TableName, int]
) -> dict[str, Any]:
    now = {str(name): before[name] + inserted.get(name, 0) for name in before}
    return {
        text: {**entry, "rows": now.get(text, entry["rows"])} for text, entry in document["tables"].items()
    }


def _insert(
    job: Job, source: Session, target: Session, progress: Progress
) -> tuple[dict[TableName, int], dict[TableName, int], dict[TableName, int]]:
    """Insert every missing row; returns rows inserted, rows already there, and rows before, per table."""
    before = {
        name: int(
            target.fetchval(
                f"SELECT count(*) FROM ONLY {name.sql}"
                if not _partitioned(job, name)
                else f"SELECT count(*) FROM {name.sql}"
            )
        )
        for name in job.catalog.leaves
        if name not in job.skip
    }
    affected = [name for name, rows in sorted(job.closure.rows.items()) if rows.count]
    keys = _take_off_foreign_keys(target, affected)
    armed = _silence_triggers(job, target, affected)
    inserted: dict[TableName, int] = {}
    present: dict[TableName, int] = {}
    for number, name in enumerate(affected):
        rows = job.closure.rows[name]
        progress.start(str(name), rows.count)
        plan = plan_of(job, name)
        stage = TableName("pg_temp", f"penstock_{number}")
        columns = ", ".join(map(quote_identifier, plan.written))
        target.execute(
            f"CREATE TEMPORARY TABLE {stage.sql} ON COMMIT DROP AS SELECT {columns} FROM {name.sql} WITH NO DATA"
        )
        for read in reads(job.catalog, plan, rows, whole=False):
            move(
                source,
                target,
                plan,
                read.queries,
                row_filter=read.row_filter,
                into=stage,
                progress=lambda n, b, task=str(name): progress.advance(task, n, b),  # type: ignore[misc]
            )
        with _fitting(target, f"a unique key of {name}"):
            status = target.execute(
                _merge_sql(job.catalog.tables[name], plan, stage), doing=f"adding rows to {name}"
            )
        inserted[name] = int(status.split()[-1])
        present[name] = rows.count - inserted[name]
        progress.finish(str(name))
    for statement in armed:
        target.execute(statement, doing="arming the triggers again")
    for table, constraint, definition in keys:
        with _fitting(target, f"the foreign key {constraint} of {table}"):
            target.execute(
                f"ALTER TABLE {table} ADD CONSTRAINT {quote_identifier(constraint)} {definition}",
                doing=f"putting back the foreign key {constraint}",
            )
    set_sequences(job.catalog, source, target)
    return inserted, present, before


def _partitioned(job: Job, name: TableName) -> bool:
    return job.catalog.tables[name].kind == "partitioned"


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
        if "[SQLSTATE 23" not in error.why:
            raise
        raise TargetRefused(
            f"the fresh rows do not fit into {target.database}: {what} would not hold",
            why="rows they need are in the copy already, as they were when it was made, and add changes no row",
            hint="penstock dev refresh builds the copy anew",
        ) from None


def _take_off_foreign_keys(target: Session, tables: Sequence[TableName]) -> list[tuple[str, str, str]]:
    """Drop the foreign keys of these tables (and of their partitions); returns how to put them back."""
    found = target.fetch(
        """
        WITH RECURSIVE storing AS (
            SELECT n.name::regclass::oid AS oid FROM unnest($1::text[]) AS n(name)
          UNION SELECT i.inhrelid FROM storing JOIN pg_catalog.pg_inherits i ON i.inhparent = storing.oid
        )
        SELECT format('%I.%I', n.nspname, c.relname) AS "table", k.conname AS name,
               pg_catalog.pg_get_constraintdef(k.oid) AS definition
          FROM pg_catalog.pg_constraint k JOIN storing ON storing.oid = k.conrelid
          JOIN pg_catalog.pg_class c ON c.oid = k.conrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
         WHERE k.contype = 'f' AND k.conparentid = 0
        """,
        [name.sql for name in tables],
    )
    for row in found:
        target.execute(f"ALTER TABLE {row['table']} DROP CONSTRAINT {quote_identifier(row['name'])}")
    return [(row["table"], row["name"], row["definition"]) for row in found]


def _silence_triggers(job: Job, target: Session, tables: Sequence[TableName]) -> list[str]:
    """Silence user triggers while rows arrive, but for those that refill a search column; returns how to arm them again
    as they were (partitions after their parents, which take them along)."""
    found = target.fetch(
        """
        WITH RECURSIVE storing AS (
            SELECT n.name::regclass::oid AS oid, 0 AS depth FROM unnest($1::text[]) AS n(name)
          UNION SELECT i.inhrelid, depth + 1 FROM storing JOIN pg_catalog.pg_inherits i ON i.inhparent = storing.oid
        )
        SELECT format('ALTER TABLE %I.%I %s TRIGGER %I', n.nspname, c.relname, CASE t.tgenabled WHEN 'D' THEN 'DISABLE'
                      WHEN 'R' THEN 'ENABLE REPLICA' WHEN 'A' THEN 'ENABLE ALWAYS' ELSE 'ENABLE' END, t.tgname) AS statement
          FROM pg_catalog.pg_trigger t JOIN storing ON storing.oid = t.tgrelid
          JOIN pg_catalog.pg_class c ON c.oid = t.tgrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
         WHERE NOT t.tgisinternal ORDER BY depth, 1
        """,
        [name.sql for name in tables],
    )
    for name in tables:
        target.execute(f"ALTER TABLE {name.sql} DISABLE TRIGGER USER")
        for decision in job.policy.of(name).values():
            if decision.rebuild_trigger:
                trigger = quote_identifier(decision.rebuild_trigger)
                target.execute(f"ALTER TABLE {name.sql} ENABLE TRIGGER {trigger}")
    return [row["statement"] for row in found]
