"""A prune without `from_database`: everything is copied first, masked, under the temporary name, and pruned there."""

from __future__ import annotations

import dataclasses
import tempfile

from penstock.catalog.model import Catalog
from penstock.devdb import databases
from penstock.devdb.build import Built, build, unavailable_extensions
from penstock.devdb.context import Context
from penstock.devdb.planning import Prepared, prepare, rows_in
from penstock.devdb.progress import Progress, note
from penstock.devdb.prune.conditions import has_conditions, require_unmasked
from penstock.devdb.prune.engine import Task, prune
from penstock.devdb.prune.existing import reading
from penstock.devdb.prune.ways import Vacuum, ways
from penstock.devdb.schema import dump_schema, left_out_tables, onto
from penstock.engines.postgres.clients import find_client_tools
from penstock.engines.postgres.reflect import reflect
from penstock.engines.postgres.session import Session
from penstock.masks.contract import Codomain


def copy_everything(
    context: Context, prepared: Prepared, source: Session, database: str, progress: Progress
) -> Built:
    """Fill the empty `database` with every row of the source, masked, but for `empty` and `skip` tables.

    References that a prune by rules cuts are copied: they become NULL only where their row goes.
    """
    catalog, settings = prepared.subset.catalog, context.settings
    left = prepared.rules.empty | prepared.rules.skip
    whole = dataclasses.replace(
        settings,
        strategy="subset",
        root=(),
        delete=(),
        protect=(),
        keep=tuple(name.sql for name in catalog.leaves if name not in left),
        edge=settings.edge
        if settings.root
        else tuple(dataclasses.replace(edge, cut=False) for edge in settings.edge),
    )
    copied = prepare(dataclasses.replace(context, settings=whole), source, progress, catalog=catalog)
    copied.require()
    with context.target_session(database) as target, onto(source, target):
        return build(copied.subset, source, target, progress)


class WholeThenPruned:
    """Fills a database with what stays, by way of everything: the `fill` of `create`."""

    def __init__(self, vacuum: Vacuum, jobs: int | None) -> None:
        self._vacuum, self._jobs = vacuum, jobs

    def __call__(
        self, context: Context, prepared: Prepared, source: Session, database: str, progress: Progress
    ) -> tuple[Built, Prepared]:
        _require_unmasked(context, prepared, source, database)
        built = copy_everything(context, prepared, source, database, progress)
        with reading(context, database) as session:
            catalog, closure, going = rows_in(context, session, progress)
        found = ways(catalog, going, {}, self._vacuum)  # what is NULL in every row was copied as NULL
        prune(context, database, Task(catalog, going, found, {}, self._vacuum, self._jobs), progress)
        counts = {str(name): rows.count for name, rows in closure.rows.items()}
        tables = tuple(
            dataclasses.replace(t, rows=counts.get(t.table, 0)) if t.role != "skip" else t
            for t in prepared.plan.tables
        )
        moved = [
            new.table for new, old in zip(tables, prepared.plan.tables, strict=True) if new.rows != old.rows
        ]
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
        return dataclasses.replace(built, rows=kept), dataclasses.replace(prepared, plan=plan, subset=subset)


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
        _restore_schema(subset.catalog, prepared, source, target)
        require_unmasked(context, target, reflect(target), masked)
    with context.target_session() as maintenance:
        databases.drop(maintenance, database)
        databases.create(maintenance, database, context.database, subset.catalog.facts)


def _restore_schema(catalog: Catalog, prepared: Prepared, source: Session, target: Session) -> None:
    major = int(target.fetchval("SELECT current_setting('server_version_num')::int")) // 10000
    unavailable = unavailable_extensions(prepared.subset, target)
    tools = find_client_tools(
        catalog.facts.server_version // 10000, major, tls=source.is_encrypted or target.is_encrypted
    )
    with tempfile.TemporaryFile() as file:
        archive, without = dump_schema(
            source,
            tools,
            file,
            skip=left_out_tables(source, catalog, prepared.subset.skip),
            unavailable=unavailable,
        )
        archive.restore(target.settings, target.database, "pre-data", without=without)
