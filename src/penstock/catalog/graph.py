"""The relation graph: which tables reference which, by declared and by virtual foreign keys.

Nodes are logical tables: ordinary tables, partition roots (their partitions are storage), and inheritance tables each
alone. An edge points from child to parent. Pure: made from a `Catalog`, it knows names, no rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, TypeVar

from penstock.catalog.model import Catalog, Column, ForeignKey, TableName, quote_identifier
from penstock.catalog.types import Family

Children = bool | int | Literal["always"]  # False is 0: none; True: all
DEFAULT_COLLATION = '"pg_catalog"."default"'
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Edge:
    """Rows of `child` reference rows of `parent`: by columns, by an SQL `predicate`, or by both.

    `predicate` is over the aliases `child` and `parent`. `child_leaf` and `parent_leaf` are set where a constraint
    stands on a single partition: only rows of that partition take part.
    """

    id: str  # "schema.table.constraint"; of a virtual edge "child(columns) -> parent(columns)"
    child: TableName
    parent: TableName
    child_columns: tuple[str, ...] = ()
    parent_columns: tuple[str, ...] = ()
    operators: tuple[str, ...] = ()  # parent OPERATOR child, one per column
    collations: tuple[str, ...] = ()  # the parent's, where the two columns differ; else ""
    predicate: str | None = None
    kind: Literal["declared", "virtual"] = "declared"
    nullable: bool = True  # the reference may be absent, so it can be cut
    match: str = "simple"
    trusted: bool = True  # validated and enforced: every reference has its parent
    child_leaf: TableName | None = None
    parent_leaf: TableName | None = None
    parent_unique: bool = True  # a child row has at most one parent row

    @property
    def condition(self) -> str:
        """The join condition over the aliases `child` and `parent`.

        NULLs in key columns never satisfy it: under MATCH SIMPLE a partially NULL key references nothing, under
        MATCH FULL there is none.
        """
        columns = zip(self.parent_columns, self.collations, self.operators, self.child_columns, strict=True)
        parts = [
            f"parent.{quote_identifier(parent)}{collation} {operator} child.{quote_identifier(child)}"
            for parent, collation, operator, child in columns
        ]
        if self.predicate is not None:
            parts.append(f"({self.predicate}\n)")  # the line break ends a trailing comment
        return " AND ".join(parts)

    @property
    def is_self_reference(self) -> bool:
        return self.child == self.parent


def edge_of(catalog: Catalog, key: ForeignKey) -> Edge:
    """The edge a declared foreign key makes between logical tables."""
    child, parent = catalog.root_of(key.table), catalog.root_of(key.referenced_table)
    return Edge(
        id=f"{key.table}.{key.name}",
        child=child,
        parent=parent,
        child_columns=key.columns,
        parent_columns=key.referenced_columns,
        operators=key.operators,
        collations=comparison_collations(
            [catalog.tables[key.table].column(name) for name in key.columns],
            [catalog.tables[key.referenced_table].column(name) for name in key.referenced_columns],
        ),
        nullable=key.nullable,
        match=key.match,
        trusted=key.validated and key.enforced,
        child_leaf=key.table if key.table != child else None,
        parent_leaf=key.referenced_table if key.referenced_table != parent else None,
        # A temporal key (PERIOD, compared by &&) is covered by several rows of its parent.
        parent_unique=all(operator.endswith(".=)") for operator in key.operators),
    )


def comparison_collations(child: Sequence[Column], parent: Sequence[Column]) -> tuple[str, ...]:
    """A foreign key compares under the referenced column's collation; PostgreSQL cannot guess that in a join."""
    return tuple(
        f" COLLATE {p.collation or DEFAULT_COLLATION}"
        if c.collation != p.collation and p.type.family in (Family.TEXT, Family.ARRAY)
        else ""
        for c, p in zip(child, parent, strict=True)
    )


def virtual_edge(
    catalog: Catalog,
    child: TableName,
    parent: TableName,
    columns: Sequence[tuple[str, str]] = (),
    predicate: str | None = None,
) -> Edge:
    """An edge nobody declared: equal `columns` (child's, parent's), an SQL `predicate`, or both (polymorphic ids).

    Raises KeyError for a column that does not exist. The parent's columns need not be unique.
    """
    child_columns = tuple(catalog.tables[child].column(c) for c, _ in columns)
    parent_columns = tuple(catalog.tables[parent].column(p) for _, p in columns)
    names = [
        f"({', '.join(c.name for c in side)})" if side else "" for side in (child_columns, parent_columns)
    ]
    unique = {frozenset(k.columns) for k in catalog.tables[parent].all_keys if k.is_plain}
    return Edge(
        id=f"{child}{names[0]} -> {parent}{names[1]}" + (f" where {predicate}" if predicate else ""),
        child=child,
        parent=parent,
        child_columns=tuple(c.name for c in child_columns),
        parent_columns=tuple(p.name for p in parent_columns),
        operators=("=",) * len(columns),
        collations=comparison_collations(child_columns, parent_columns),
        predicate=predicate,
        kind="virtual",
        nullable=bool(predicate) or any(c.nullable for c in child_columns),
        trusted=False,
        parent_unique=any(key <= {p.name for p in parent_columns} for key in unique),
    )


class RelationGraph:
    """Tables and edges, with the questions closure, load order and reports ask."""

    def __init__(self, tables: Iterable[TableName], edges: Iterable[Edge]) -> None:
        self.tables = tuple(sorted(tables))
        self.edges = tuple(edges)

    @classmethod
    def of(cls, catalog: Catalog, virtual: Iterable[Edge] = ()) -> RelationGraph:
        """All logical tables of a catalog with their declared edges, and the virtual ones given."""
        declared = [edge_of(catalog, key) for key in catalog.foreign_keys if _stores_rows(catalog, key)]
        return cls(catalog.leaves, [*declared, *virtual])

    @cached_property
    def parents(self) -> Mapping[TableName, tuple[Edge, ...]]:
        """For every table its outgoing edges: the references its rows hold."""
        return self._grouped(lambda edge: edge.child)

    @cached_property
    def children(self) -> Mapping[TableName, tuple[Edge, ...]]:
        """For every table its incoming edges: the references to its rows."""
        return self._grouped(lambda edge: edge.parent)

    def _grouped(self, key: Callable[[Edge], TableName]) -> Mapping[TableName, tuple[Edge, ...]]:
        groups: dict[TableName, list[Edge]] = {table: [] for table in self.tables}
        for edge in self.edges:
            groups[key(edge)].append(edge)
        return {table: tuple(edges) for table, edges in groups.items()}

    @cached_property
    def components(self) -> tuple[tuple[TableName, ...], ...]:
        """The strongly connected components, parents before children; a table outside every cycle is one alone."""
        arcs = {table: sorted({e.parent for e in self.parents[table]}) for table in self.tables}
        return tuple(tuple(sorted(component)) for component in strongly_connected(self.tables, arcs))

    @property
    def load_order(self) -> tuple[TableName, ...]:
        """All tables, parents before children; within a cycle by name. (Step 2) `sync` loads in it, reports show it."""
        return tuple(table for component in self.components for table in component)

    @cached_property
    def cycles(self) -> tuple[tuple[TableName, ...], ...]:
        """The components that reference themselves: several tables, or one with a self-reference.

        (Step 2) What `load_order` cannot order: `sync` checks their keys at the end, reports name them.
        """
        return tuple(
            c for c in self.components if len(c) > 1 or any(e.is_self_reference for e in self.parents[c[0]])
        )

    def reachable(
        self,
        roots: Iterable[TableName],
        children: Callable[[Edge], Children] = lambda _: True,
        parents: Callable[[Edge], bool] = lambda _: True,
        whole: Iterable[TableName] = (),
    ) -> frozenset[TableName]:
        """The tables a closure from `roots`, and from `whole` tables that are only included, can bring rows into.

        Down the edges `children` allows, then up those `parents` allows, and down the "always" ones, which hold for
        parents too.
        """
        down = self._walk(roots, lambda t: [e.child for e in self.children[t] if children(e) != 0])
        return self._walk(
            down.union(whole),
            lambda t: [
                *(e.parent for e in self.parents[t] if parents(e)),
                *(e.child for e in self.children[t] if children(e) == "always"),
            ],
        )

    @staticmethod
    def _walk(
        starts: Iterable[TableName], following: Callable[[TableName], list[TableName]]
    ) -> frozenset[TableName]:
        seen = set(starts)
        waiting = list(seen)
        while waiting:
            new = set(following(waiting.pop())) - seen
            seen |= new
            waiting.extend(new)
        return frozenset(seen)


def _stores_rows(catalog: Catalog, key: ForeignKey) -> bool:
    """Foreign tables cannot be referenced, but a partition may be one: its rows live elsewhere."""
    return all(catalog.root_of(name) in catalog.leaves for name in (key.table, key.referenced_table))


def strongly_connected(nodes: Iterable[T], arcs: Mapping[T, Iterable[T]]) -> tuple[tuple[T, ...], ...]:
    """Tarjan's strongly connected components (1972), without recursion; what arcs point to comes first."""
    index: dict[T, int] = {}
    low: dict[T, int] = {}
    stack: list[T] = []
    on_stack: set[T] = set()
    found: list[tuple[T, ...]] = []
    for start in nodes:
        if start in index:
            continue
        work = [(start, iter(arcs.get(start, ())))]
        index[start] = low[start] = len(index)
        stack.append(start)
        on_stack.add(start)
        while work:
            node, following = work[-1]
            for other in following:
                if other not in index:
                    index[other] = low[other] = len(index)
                    stack.append(other)
                    on_stack.add(other)
                    work.append((other, iter(arcs.get(other, ()))))
                    break
                if other in on_stack:
                    low[node] = min(low[node], index[other])
            else:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[node])
                if low[node] == index[node]:
                    component = [stack.pop()]
                    while component[-1] != node:
                        component.append(stack.pop())
                    on_stack.difference_update(component)
                    found.append(tuple(reversed(component)))
    return tuple(found)
