"""Values of type regclass are names, and are read where what they name is there already. Tables and views are when rows arrive;
indexes are not: rows that name some wait for them in a clone, and cannot come along otherwise.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from penstock.catalog.model import Catalog, ColumnName, TableName, quote_identifier
from penstock.devdb.planning.subset import Subset
from penstock.engines.postgres.session import Session


@dataclass(frozen=True, slots=True)
class Naming:
    """A column with rows that name indexes."""

    column: ColumnName
    of: frozenset[TableName]  # whose indexes
    late: frozenset[TableName]  # of these partitioned ones, whose indexes come last of all


def naming(source: Session, catalog: Catalog, columns: Iterable[ColumnName]) -> Iterator[Naming]:
    """Those of the columns whose rows in the source name indexes; only regclass columns are looked into."""
    for name in columns:
        kind = catalog.tables[name.table].column(name.column).type.innermost
        element = kind.element.innermost if kind.element is not None else None
        value = f"t.{quote_identifier(name.column)}"
        if element is not None and element.typname == "regclass":
            value = f"pg_catalog.unnest({value})"
        elif kind.typname != "regclass":
            continue
        rows = source.fetch(
            _NAMED_SQL.format(value=value, table=name.table.sql),
            doing=f"looking for names of indexes in {name}",
        )
        of = {TableName(row["schema"], row["table"]): row["stored"] for row in rows}
        if of:
            yield Naming(name, frozenset(of), frozenset(table for table, stored in of.items() if not stored))


def named_index_warnings(source: Session, subset: Subset) -> Iterator[str]:
    """What cannot come along: of a clone, rows that name indexes which wait for these rows themselves, or come last."""
    crew = bool(subset.whole) or subset.going is not None
    tables = sorted(subset.whole | {table for table, rows in subset.closure.rows.items() if rows.count})
    columns = [
        ColumnName(table, column)
        for table in tables
        for column, decision in subset.policy.of(table).items()
        if (decision.mask is None or decision.keeps) and column not in subset.nulled.get(table, ())
    ]
    found = list(naming(source, subset.catalog, columns))
    waiting = {leaf for one in found for leaf in subset.catalog.leaves[one.column.table]}
    for one in found:
        missing = one.of & waiting | one.late if crew else one.of
        if missing:
            yield (
                f"{one.column} names indexes of {', '.join(map(str, sorted(missing)))}, which are not there when its rows "
                "arrive, and create will fail: mask it with `null`, or put its table in `empty`"
            )


_NAMED_SQL = """
SELECT n.nspname::text AS schema, c.relname::text AS "table", c.relkind <> 'p' AS stored
  FROM (SELECT DISTINCT {value}::pg_catalog.oid AS oid FROM {table} AS t) AS v
  JOIN pg_catalog.pg_index i ON i.indexrelid = v.oid
  JOIN pg_catalog.pg_class c ON c.oid = i.indrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
"""
