"""A clone's rows, indexes, keys and statistics, by a crew: what `build` does for it where a subset is copied by one pair
of connections."""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from penstock.catalog.model import Catalog, ColumnName, ObjectAddress, TableName
from penstock.devdb.clone.after import (
    Reference,
    analyze_items,
    index_items,
    indexes,
    references,
    vacuum_items,
    validation_items,
)
from penstock.devdb.clone.rows import copy_items, versions_of
from penstock.devdb.heirs import with_heirs
from penstock.devdb.labour import Vacuum
from penstock.devdb.planning.named_indexes import naming
from penstock.devdb.progress import Progress
from penstock.devdb.watch import Watch
from penstock.engines.postgres.session import Session
from penstock.pump.readplan import ReadPlan
from penstock.runs.items import Crew, Item


@dataclass(frozen=True, slots=True)
class Loaded:
    """What stands when the rows and the indexes do."""

    rows: Mapping[TableName, int]  # by logical table
    bytes: int
    built: frozenset[ObjectAddress]  # what the schema archive need not restore any more
    references: tuple[Reference, ...]  # still to be validated
    unanalyzed: tuple[TableName, ...]  # of these, statistics wait for what the archive restores


def load(
    catalog: Catalog,
    plans: Iterable[ReadPlan],
    source: Session,
    target: Session,
    crew: Crew,
    known: frozenset[ObjectAddress],
    progress: Progress,
) -> Loaded:
    """Copy the tables of these read plans whole, and build the indexes of each as soon as its rows are there.

    `known`: what the schema archive would restore. Statistics of one table are gathered while others' indexes are built
    (its own would be in the way: CREATE INDEX and ANALYZE exclude each other).
    """
    plans = list(plans)
    copying = list(copy_items(catalog, plans, crew.working, versions_of(source, target)))
    filled = _filled(catalog, copying)
    built = indexes(source, known)  # those of empty tables too: foreign keys may reference them
    building = [(table, item) for table, item in index_items(built, filled)]
    copying = _after_indexes(catalog, copying, building, _that_name_indexes(source, catalog, plans))
    after: dict[TableName, list[str]] = {table: list(names) for table, names in filled.items()}
    for table, item in building:
        after.setdefault(table, []).append(item.name)
    heirs = with_heirs(catalog)
    late = _described_together(source) | heirs.keys()
    sizes = {table: catalog.tables[table].heap_bytes for table in filled if not heirs.get(table)}
    early = {table: size for table, size in sizes.items() if table not in late}
    items = [
        *(item for _, item in copying),
        *(item for _, item in building),
        *analyze_items(early, after),
    ]
    tasks = {item.name: str(item.what.plan.table) for _, item in copying}
    estimates = {
        str(table): _estimate(catalog, table) for table in {item.what.plan.table for _, item in copying}
    }
    results = crew.run(items, Watch(progress, len(items), "indexes, keys, statistics", tasks, estimates))
    added = tuple(references(source, known))
    for reference in added:  # before the archive restores the comments on them
        target.execute(reference.add, doing=f"adding the foreign keys of {reference.table}")
    rows: dict[TableName, int] = defaultdict(int)
    for _, item in copying:
        rows[item.what.plan.table] += results[item.name].rows
    return Loaded(
        rows,
        sum(results[item.name].bytes for _, item in copying),
        frozenset(index.identity for index in built) | frozenset(r.identity for r in added),
        added,
        tuple(set(sizes) - set(early)),
    )


def settle(
    catalog: Catalog, loaded: Loaded, target: Session, crew: Crew, vacuum: Vacuum, progress: Progress
) -> None:
    """When the rest of the schema stands: the foreign keys, validated side by side; the statistics that are missing; and a
    VACUUM, where one is wanted."""
    roots = [t.name for t in catalog if t.kind == "partitioned" and t.extension is None]
    sizes = {t: catalog.tables[t].heap_bytes for t in (*loaded.unanalyzed, *_there(target, roots))}
    items = [*validation_items(loaded.references), *analyze_items(sizes, {})]
    crew.run(items, Watch(progress, len(items), "foreign keys"))
    if vacuum != "none":
        tables = {
            leaf: catalog.tables[leaf].heap_bytes
            for name in loaded.rows
            for leaf in catalog.leaves[name]
            if not with_heirs(catalog).get(leaf)
        }
        items = list(vacuum_items(tables, full=vacuum == "full"))
        crew.run(items, Watch(progress, len(items), "vacuum"))


def _estimate(catalog: Catalog, table: TableName) -> int | None:
    """The planner's rows of a logical table, where it has any idea."""
    return int(sum(catalog.tables[leaf].row_estimate or 0 for leaf in catalog.leaves[table])) or None


def _filled(catalog: Catalog, copying: Iterable[tuple[TableName, Item]]) -> dict[TableName, list[str]]:
    """The items each stored table waits for. What goes to a partitioned table may land in any of its partitions."""
    filled: dict[TableName, list[str]] = defaultdict(list)
    for table, item in copying:
        for stored in catalog.leaves.get(table, (table,)):
            filled[stored].append(item.name)
    return filled


def _that_name_indexes(source: Session, catalog: Catalog, plans: Iterable[ReadPlan]) -> frozenset[TableName]:
    """The logical tables whose rows can only be read where other tables' indexes are."""
    columns = (
        ColumnName(plan.table, column)
        for plan in plans
        for column in dict.fromkeys((*plan.passed, *plan.tail))
        if column not in plan.nulled
    )
    return frozenset(one.column.table for one in naming(source, catalog, columns))


def _after_indexes(
    catalog: Catalog,
    copying: Iterable[tuple[TableName, Item]],
    building: Iterable[tuple[TableName, Item]],
    late: frozenset[TableName],
) -> list[tuple[TableName, Item]]:
    """The items that copy rows; those of `late` tables wait for all indexes but their own and each other's."""
    own = {stored for table in late for stored in catalog.leaves[table]}
    others = tuple(item.name for stored, item in building if stored not in own) if late else ()
    return [
        (stored, dataclasses.replace(item, after=others) if item.what.plan.table in late else item)
        for stored, item in copying
    ]


def _described_together(source: Session) -> frozenset[TableName]:
    """Tables with statistics objects of their own (CREATE STATISTICS), which ANALYZE has to find."""
    rows = source.fetch(
        "SELECT n.nspname::text AS schema, c.relname::text AS name FROM pg_catalog.pg_statistic_ext s "
        "JOIN pg_catalog.pg_class c ON c.oid = s.stxrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"
    )
    return frozenset(TableName(row["schema"], row["name"]) for row in rows)


def _there(target: Session, tables: Iterable[TableName]) -> list[TableName]:
    """Those that the target has."""
    names = {table.sql: table for table in tables}
    rows = target.fetch(
        "SELECT n FROM unnest($1::text[]) n WHERE pg_catalog.to_regclass(n) IS NOT NULL", list(names)
    )
    return [names[row["n"]] for row in rows]
