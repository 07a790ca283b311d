"""A prune without `from_database`: everything is cloned first, masked, under the temporary name, and pruned there."""

from __future__ import annotations

import dataclasses
import tempfile

from penstock.devdb import databases
from penstock.devdb.building.build import Built, restore_tables
from penstock.devdb.building.filling import fill
from penstock.devdb.config import EdgeSettings
from penstock.devdb.context import Context
from penstock.devdb.labour import VACUUM_OF_PRUNE, Labour
from penstock.devdb.planning.choosing import rows_in
from penstock.devdb.planning.conditions import has_conditions, require_unmasked
from penstock.devdb.planning.going import Going
from penstock.devdb.planning.names import find_columns, find_table
from penstock.devdb.planning.ways import ways
from penstock.devdb.prepare import Prepared, prepare
from penstock.devdb.progress import Progress, note
from penstock.devdb.prune.engine import Task, prune
from penstock.devdb.prune.reading import reading
from penstock.engines.postgres.reflect import reflect
from penstock.engines.postgres.session import Session
from penstock.errors import Finding
from penstock.masks.contract import Codomain


def fill_pruned(
    context: Context, prepared: Prepared, source: Session, database: str, progress: Progress, labour: Labour
) -> tuple[Built, Prepared]:
    """Fill a database with what stays, by way of everything; returns what is there, and the plan as it was carried out."""
    _require_unmasked(context, prepared, source, database)
    built = clone_everything(context, prepared, source, database, progress, labour)
    with reading(context, database) as session:
        catalog, closure, going = rows_in(_without_skipped(context, prepared), session, progress)
    _require_all_there(prepared, going)
    vacuum = labour.vacuum or VACUUM_OF_PRUNE
    found = ways(catalog, going, {}, vacuum)  # what is NULL in every row was cloned as NULL
    prune(context, database, Task(catalog, going, found, {}, vacuum, labour.jobs), progress)
    counts = {str(name): rows.count for name, rows in closure.rows.items()}
    tables = tuple(
        dataclasses.replace(t, rows=counts.get(t.table, 0)) if t.role != "skip" else t
        for t in prepared.plan.tables
    )
    moved = [new.table for new, old in zip(tables, prepared.plan.tables, strict=True) if new.rows != old.rows]
    if moved:
        note(
            progress,
            f"other rows than planned stay of {', '.join(moved[:5])}: the copy orders them otherwise",
        )
    plan = dataclasses.replace(
        prepared.plan,
        tables=tables,
        ways=tuple(way.planned for way in found),
    )
    subset = dataclasses.replace(prepared.subset, closure=closure, going=going)
    kept = {name: rows.count for name, rows in closure.rows.items()}
    pruned = dataclasses.replace(built, rows=kept, bytes=plan.bytes)
    return pruned, dataclasses.replace(prepared, plan=plan, subset=subset)


def clone_everything(
    context: Context, prepared: Prepared, source: Session, database: str, progress: Progress, labour: Labour
) -> Built:
    """Fill the empty `database` with every row of the source, masked, but for `empty` and `skip` tables.

    References that a prune by rules cuts are cloned: they become NULL only where their row goes.
    """
    settings = context.settings
    whole = dataclasses.replace(
        settings,
        strategy="clone",
        root=(),
        delete=(),
        protect=(),
        edge=settings.edge
        if settings.root
        else tuple(dataclasses.replace(edge, cut=False) for edge in settings.edge),
    )
    cloning = dataclasses.replace(context, settings=whole)
    cloned = prepare(cloning, source, progress, catalog=prepared.subset.catalog)
    cloned.require()
    # Compacted is what the prune changes, when it has.
    return fill(cloning, cloned, source, database, progress, Labour(labour.jobs))


def _without_skipped(context: Context, prepared: Prepared) -> Context:
    """The same rules as one writes them for a database that has none of the skipped tables."""
    catalog, settings = prepared.subset.catalog, context.settings

    def is_there(edge: EdgeSettings) -> bool:
        ends = (edge.from_, edge.to)
        if edge.on is not None:
            tables = {find_table(catalog, end, "edge") for end in ends}
        else:
            tables = {find_columns(catalog, end, "edge")[0] for end in ends}
        return not tables & prepared.rules.skip

    edges = tuple(edge for edge in settings.edge if is_there(edge))
    return dataclasses.replace(
        context, settings=dataclasses.replace(settings, skip=(), acknowledged=(), edge=edges)
    )


def _require_all_there(prepared: Prepared, found: Going) -> None:
    """What goes is counted in the clone; whether the clone has every row, in the source."""
    if prepared.subset.going is None:
        raise ValueError("only a prune takes rows")
    left = prepared.rules.empty | prepared.rules.skip
    for table, totals in prepared.subset.going.totals.items():
        there, wanted = sum(found.totals.get(table, {}).values()), sum(totals.values())
        if table not in left and there != wanted:
            raise Finding(
                f"{there:,} rows of {table} were cloned instead of {wanted:,}",
                why="the clone does not hold what the source's snapshot does",
                hint="nothing was published; run the command again, and report it if it happens again",
            )


def _require_unmasked(context: Context, prepared: Prepared, source: Session, database: str) -> None:
    """Refuse conditions on masked columns before a row is read. The source is only read, so its schema is restored into
    the database that waits for the rows, the conditions are looked at there, and it is made anew."""
    subset = prepared.subset
    masked = {
        str(name): decision.mask_name
        for name, decision in subset.policy.decisions.items()
        if decision.contract is None or decision.contract.codomain is not Codomain.SAME
    }
    if not has_conditions(prepared.rules) and not prepared.rules.roots:
        return
    with context.target_session(database) as target:
        with tempfile.TemporaryFile() as file:
            restore_tables(subset, source, target, file)
        require_unmasked(_without_skipped(context, prepared), target, reflect(target), masked)
    with context.target_session() as maintenance:
        databases.drop(maintenance, database)
        databases.create(maintenance, database, context.database, subset.catalog.facts)
