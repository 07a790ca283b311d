"""Compute a closure in a test database, and say which rows it holds in the words of the test."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from penstock.catalog.graph import Edge, RelationGraph
from penstock.catalog.model import Catalog, TableName
from penstock.devdb.closure import Closure, EdgeRule, RootRule, compute
from penstock.devdb.closure.rowset import RowSet, blocks_of, leaves_of, offsets_of
from penstock.engines.postgres.reflect import reflect
from penstock.engines.postgres.session import Session
from penstock.masks.keys import Keyring

SCHEMAS = Path(__file__).parent / "schemas"
KEYS = Keyring(bytes(range(32)))


def schema(name: str) -> str:
    return (SCHEMAS / f"{name}.sql").read_text()


def table(name: str) -> TableName:
    """`orders` is public.orders; `billing.orders` is in its schema."""
    schema_name, _, own = name.rpartition(".")
    return TableName(schema_name or "public", own)


@contextmanager
def snapshot(database: Any) -> Iterator[Session]:
    with Session.open(database.settings, read_only=True) as session:
        session.begin_snapshot()
        yield session


@dataclass
class Found:
    """A closure and the database it was found in."""

    database: Any
    catalog: Catalog
    graph: RelationGraph
    closure: Closure

    def rows(self, name: str, expression: str = "id") -> list[Any]:
        """The value of an SQL expression for every row of the table that is in the closure, sorted."""
        logical = table(name)
        return sorted(
            value for ids in [self.closure.rows[logical]] for value in self._read(logical, ids, expression)
        )

    def counts(self) -> dict[str, int]:
        """Rows per table, where there are any, by bare name."""
        return {name.table: rows.count for name, rows in self.closure.rows.items() if rows.count}

    def row_id(self, name: str, condition: str) -> int:
        """The id of the one row that satisfies a condition."""
        logical = table(name)
        ((position, address),) = [
            (position, address)
            for position, leaf in enumerate(self.catalog.leaves[logical])
            for (address,) in self.database.rows(f"SELECT ctid::text FROM ONLY {leaf.sql} WHERE {condition}")
        ]
        block, offset = map(int, address.strip("()").split(","))
        return position << 48 | block << 16 | offset

    def _read(self, logical: TableName, rows: RowSet, expression: str) -> Iterator[Any]:
        for ids in rows.blocks():
            for position, leaf in enumerate(self.catalog.leaves[logical]):
                own = ids[leaves_of(ids) == position]
                addresses = [
                    f"({b},{o})"
                    for b, o in zip(blocks_of(own).tolist(), offsets_of(own).tolist(), strict=True)
                ]
                query = f"SELECT {expression} FROM ONLY {leaf.sql} WHERE ctid = ANY ($1::text[]::tid[])"
                yield from (row[0] for row in self.database.rows(query, addresses))


def close(
    database: Any,
    *roots: RootRule | tuple[str, str | None],
    edges: Sequence[EdgeRule] = (),
    virtual: Sequence[Edge] = (),
    parents_only: bool = False,
    **options: Any,
) -> Found:
    """The closure of the roots, each a rule or (table, where). With `parents_only` no edge is followed to children."""
    rules = [root if isinstance(root, RootRule) else RootRule(table(root[0]), root[1]) for root in roots]
    for kind in ("keep", "empty", "skip"):
        options[kind] = [table(name) for name in options.get(kind, ())]
    with snapshot(database) as session:
        catalog = reflect(session)
        graph = RelationGraph.of(catalog, virtual)
        if parents_only:
            edges = [EdgeRule(edge.id, children=False) for edge in graph.edges]
        options.setdefault("keys", KEYS)
        closure = compute(session, catalog, graph, roots=rules, edges=edges, **options)
    return Found(database, catalog, graph, closure)


def edge_between(found: Catalog, child: str, column: str) -> str:
    """The id of the declared edge that starts at a column."""
    (edge,) = [
        e
        for e in RelationGraph.of(found).edges
        if e.child == table(child) and e.child_columns[:1] == (column,)
    ]
    return edge.id


def catalog_of(database: Any) -> Catalog:
    with snapshot(database) as session:
        return reflect(session)
