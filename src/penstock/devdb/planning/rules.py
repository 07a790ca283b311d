"""The rules of a `[devdb.NAME]` section, looked up in a catalog: which tables play which role, which edges there are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from penstock.catalog.graph import Children, Edge, RelationGraph, virtual_edge
from penstock.catalog.model import MANIFEST, MANIFEST_COLUMNS, Catalog, ColumnName, TableName
from penstock.devdb.config import DeleteSettings, DevdbSettings, EdgeSettings, RootSettings
from penstock.devdb.planning.names import find_columns, find_scanned, find_table, find_tables
from penstock.errors import ConfigError, UnknownName
from penstock.policy.classes import Join


@dataclass(frozen=True, slots=True)
class Rules:
    """What the section says, in the catalog's own names."""

    roots: tuple[tuple[TableName, RootSettings], ...]
    keep: frozenset[TableName]
    empty: frozenset[TableName]
    skip: frozenset[TableName]
    graph: RelationGraph
    virtual: tuple[Edge, ...]
    conditions: tuple[tuple[Edge, str], ...]  # `on` and `where` of virtual edges, as people wrote them
    children: Mapping[str, Children]  # by edge id; edges not named follow the default
    cut: frozenset[str]  # ids of edges whose columns are written as NULL
    acknowledged: frozenset[ColumnName]
    deletes: tuple[tuple[TableName, DeleteSettings], ...]
    protect: frozenset[TableName]
    acknowledged_texts: tuple[str, ...]  # of the schema, as written: "partition bound public.visit_*"


def look_up(catalog: Catalog, settings: DevdbSettings, name: str) -> Rules:
    """Raises `UnknownName` or `ConfigError` for what the catalog does not have or what contradicts itself."""
    section = f"devdb.{name}"
    keep = find_tables(catalog, settings.keep, f"{section}.keep")
    empty = find_tables(catalog, settings.empty, f"{section}.empty")
    own = {name for name in catalog.leaves if name == MANIFEST and _is_manifest(catalog)}
    skip = find_tables(catalog, settings.skip, f"{section}.skip", foreign=True) | own
    for first, second, both in (
        ("keep", "empty", keep & empty),
        ("keep", "skip", keep & skip),
        ("empty", "skip", empty & skip),
    ):
        if both:
            raise ConfigError(
                f"{min(both)} is in both `{first}` and `{second}` of [{section}]",
                hint="leave it in one of them",
            )
    for heir in catalog:
        root = catalog.root_of(heir.name)
        if heir.kind == "foreign" and heir.is_partition and root not in skip:
            raise ConfigError(
                f"{heir.name}, a partition of {root}, is a foreign table",
                why="its rows live on another server, and no query of the copy could leave them aside",
                hint=f"put {root} in `skip` of [{section}]",
            )
        for parent in heir.parents:
            if parent in skip and not heir.is_partition and heir.name not in skip:
                raise ConfigError(
                    f"{parent} is in `skip` of [{section}], but {heir.name} inherits from it",
                    hint=f"skip {heir.name} too, or put {parent} in `empty`",
                )
    roots = tuple((find_table(catalog, root.table, f"{section}.root"), root) for root in settings.root)
    for table, _ in roots:
        if table in empty | skip:
            raise ConfigError(
                f"{table} is a root of [{section}] and also in `empty` or `skip`",
                hint="leave it in one of them",
            )
    deletes = tuple((find_table(catalog, rule.table, f"{section}.delete"), rule) for rule in settings.delete)
    protect = find_tables(catalog, settings.protect, f"{section}.protect")
    for table in (*(table for table, _ in deletes), *sorted(protect)):
        if table in empty | skip:
            raise ConfigError(
                f"{table} is in `empty` or `skip` of [{section}], and also in `delete` or `protect`",
                hint="leave it in one of them",
            )
    declared = RelationGraph.of(catalog)
    virtual: list[Edge] = []
    conditions: list[tuple[Edge, str]] = []
    children: dict[str, Children] = {}
    cut: set[str] = set()
    for edge in settings.edge:
        for found in _edges_of(catalog, declared, edge, section):
            if found.kind == "virtual":
                virtual.append(found)
                conditions += [(found, text) for text in (edge.on, edge.where) if text is not None]
            children[found.id] = edge.children
            if edge.cut:
                cut.add(found.id)
    graph = RelationGraph.of(catalog, virtual)
    acknowledged, texts = _acknowledged(catalog, settings, section)
    return Rules(
        roots, keep, empty, skip, graph, tuple(virtual), tuple(conditions), children, frozenset(cut),
        acknowledged, deletes, protect, texts,
    )  # fmt: skip


def _acknowledged(
    catalog: Catalog, settings: DevdbSettings, section: str
) -> tuple[frozenset[ColumnName], tuple[str, ...]]:
    """The columns, and what may be texts of the schema ("default public.t.c"), which the catalog does not know."""
    columns: set[ColumnName] = set()
    texts = []
    for text in settings.acknowledged:
        try:
            table, names = find_scanned(catalog, text, f"{section}.acknowledged")
        except UnknownName:
            if " " not in text:
                raise
            texts.append(text)
        else:
            columns.update(ColumnName(table, name) for name in names)
    return frozenset(columns), tuple(texts)


def _is_manifest(catalog: Catalog) -> bool:
    """Whether the source is a copy itself: its manifest is of no use in another copy, which gets its own."""
    return tuple(column.name for column in catalog.tables[MANIFEST].columns) == MANIFEST_COLUMNS


def _edges_of(catalog: Catalog, declared: RelationGraph, edge: EdgeSettings, section: str) -> list[Edge]:
    where = f"{section}.edge"
    if edge.on is not None:
        child = find_table(catalog, edge.from_, where)
        parent = find_table(catalog, edge.to, where)
        condition = f"({edge.on}\n) AND ({edge.where}\n)" if edge.where else edge.on
        return [virtual_edge(catalog, child, parent, predicate=condition)]
    child, child_columns = find_columns(catalog, edge.from_, where)
    parent, parent_columns = find_columns(catalog, edge.to, where)
    if len(child_columns) != len(parent_columns):
        raise ConfigError(
            f"[{where}] joins {len(child_columns)} columns to {len(parent_columns)}: {edge.from_} → {edge.to}",
            hint="name as many columns on both sides",
        )
    pairs = list(zip(child_columns, parent_columns, strict=True))
    same = [
        e
        for e in declared.edges
        if e.child == child
        and e.parent == parent
        and sorted(zip(e.child_columns, e.parent_columns, strict=True)) == sorted(pairs)
    ]
    if same and edge.where is not None:
        raise ConfigError(
            f"[{where}] puts a `where` on the declared foreign key {edge.from_} → {edge.to}",
            why="its rows need their parents whatever they say, so a condition can only widen what is followed, not narrow it",
            hint="limit its children with `children = N` or `children = false`, or leave the `where` out",
        )
    if same:
        return same
    return [virtual_edge(catalog, child, parent, pairs, edge.where)]


def joins_of(rules: Rules) -> list[Join]:
    """The virtual edges of `rules` that join columns; an arbitrary condition says nothing about values."""
    return [
        Join(edge.child, edge.child_columns, edge.parent, edge.parent_columns)
        for edge in rules.virtual
        if edge.child_columns
    ]
