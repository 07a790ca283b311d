"""Key classes: the columns that hold one another's values, because foreign keys join them.

A class has one mask, one canonical form at least as coarse as its equality operator, and one output domain that fits
its narrowest member. Everything a mask may know of such a class is one `Site`, so that a parent's key and every copy
of it in children, through any number of hops and around any cycle, get the same pseudonym.

Union-find after Galler and Fischer (1964), with path halving.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from penstock.catalog.model import Catalog, Column, ColumnName, Table, TableName
from penstock.catalog.types import Family
from penstock.masks.contract import Site


class Edge(Protocol):
    """What joins columns: a declared foreign key, or a virtual one from the project file."""

    @property
    def table(self) -> TableName:
        """The table that references."""

    @property
    def columns(self) -> tuple[str, ...]:
        """Its columns, each holding values of the column of `referenced_columns` at the same place."""

    @property
    def referenced_table(self) -> TableName:
        """The table that is referenced."""

    @property
    def referenced_columns(self) -> tuple[str, ...]:
        """Its columns."""


@dataclass(frozen=True, slots=True)
class Join:
    """The plainest edge: columns that hold each other's values, as a virtual edge says."""

    table: TableName
    columns: tuple[str, ...]
    referenced_table: TableName
    referenced_columns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class KeyClass:
    """Columns that share one mask. Logical columns only: a partition's columns are its root's.

    `members` are in the order of the catalog. A column that no foreign key touches is a class of its own. `root` is
    the member the others reference, directly or not (the first of them where edges run in a circle): the place
    where a person decides.
    """

    members: tuple[ColumnName, ...]
    root: ColumnName

    @property
    def is_shared(self) -> bool:
        return len(self.members) > 1


# When columns of different families compare equal, the narrower family's spelling is the one both can hold.
_NARROWEST_FIRST = (
    Family.UUID,
    Family.INTEGER,
    Family.NUMERIC,
    Family.DATE,
    Family.TIMESTAMP,
    Family.MAC,
    Family.NETWORK,
    Family.TEXT,
)

# As pg_get_constraintdef prints it. Bytes bound characters too, for the ASCII that pseudonyms are made of.
_LENGTH_CHECK = re.compile(
    r"CHECK \(+(?:char_length|character_length|length|octet_length)\(\(?[^()]+\)?(?:::text)?\)"
    r" (?P<operator><=?) (?P<limit>\d{1,9})\)+(?: NOT VALID)?$"
)


def logical_tables(catalog: Catalog) -> tuple[Table, ...]:
    """The tables decisions stand on: ordinary tables and partition roots, not the partitions."""
    return tuple(catalog.tables[name] for name in catalog.leaves)


def key_classes(catalog: Catalog, virtual_edges: Iterable[Edge] = ()) -> Mapping[ColumnName, KeyClass]:
    """The class of every column of every logical table.

    Joined, column by column, by all declared edges (NOT VALID and NOT ENFORCED ones too: the values are copies all
    the same) and by `virtual_edges`.
    """
    tables = logical_tables(catalog)
    parent: dict[ColumnName, ColumnName] = {
        name: name
        for table in tables
        for column in table.columns
        for name in [ColumnName(table.name, column.name)]
    }

    def find(name: ColumnName) -> ColumnName:
        while parent[name] != name:
            parent[name] = parent[parent[name]]
            name = parent[name]
        return name

    def logical(table: TableName, column: str) -> ColumnName:
        return ColumnName(catalog.root_of(table) if table in catalog.tables else table, column)

    referencing: set[ColumnName] = set()
    for edge in (*catalog.foreign_keys, *virtual_edges):
        for child, referenced in zip(edge.columns, edge.referenced_columns, strict=True):
            first, second = logical(edge.table, child), logical(edge.referenced_table, referenced)
            if first in parent and second in parent:  # else: a foreign table or a view, which is never copied
                parent[find(first)] = find(second)
                if first != second:
                    referencing.add(first)
    groups: dict[ColumnName, list[ColumnName]] = defaultdict(list)
    for name in parent:
        groups[find(name)].append(name)
    found = {}
    for members in groups.values():
        root = next((name for name in members if name not in referencing), members[0])
        key_class = KeyClass(tuple(members), root)
        for name in members:
            found[name] = key_class
    return found


def column_of(catalog: Catalog, name: ColumnName) -> Column:
    return catalog.tables[name.table].column(name.column)


def families_of(catalog: Catalog, members: Sequence[ColumnName]) -> tuple[Family, ...]:
    """The families of a class's members, narrowest first, each once."""
    found = {column_of(catalog, name).type.family for name in members}
    rank = {family: i for i, family in enumerate(_NARROWEST_FIRST)}
    return tuple(sorted(found, key=lambda family: (rank.get(family, -1), family)))


def site_of(catalog: Catalog, key_class: KeyClass, *, domain: str = "") -> Site:
    """The one `Site` of a class: what fits its narrowest member and compares like its coarsest one."""
    pairs = [(name, column_of(catalog, name)) for name in key_class.members]
    columns = [column for _, column in pairs]
    family = families_of(catalog, key_class.members)[0]
    sites = [site_of_column(column, catalog.tables[name.table]) for name, column in pairs]
    lengths = [s.max_length for s in sites if s.max_length is not None]
    minima = [s.minimum for s in sites if s.minimum is not None]
    maxima = [s.maximum for s in sites if s.maximum is not None]
    if family is Family.INTEGER:  # a numeric(p, s) member holds p - s digits before the point
        digits = [s.precision - max(s.scale or 0, 0) for s in sites if s.precision is not None]
        minima += [1 - 10**n for n in digits]
        maxima += [10**n - 1 for n in digits]
    precisions = [s.precision for s in sites if s.precision is not None]
    scales = [s.scale for s in sites if s.scale is not None]
    own = next(site for site in sites if site.family is family)
    return replace(
        own,
        domain=domain,
        max_length=min(lengths, default=None),
        minimum=max(minima, default=None),
        maximum=min(maxima, default=None),
        precision=min(precisions, default=None),
        scale=min(scales, default=None),
        nullable=all(column.nullable for column in columns),
        unique=any(
            stands_alone_unique(catalog.tables[name.table], name.column) for name in key_class.members
        ),
        case_insensitive=any(s.case_insensitive for s in sites),
        padded=any(s.padded for s in sites),
    )


def site_of_column(column: Column, table: Table) -> Site:
    """What a mask may know of one column by its declaration; a CHECK on its length counts as its length."""
    site = Site.of(column.type)
    limits = [site.max_length, _length_by_check(column, table) if site.family is Family.TEXT else None]
    return replace(
        site,
        max_length=min((n for n in limits if n is not None), default=None),
        nullable=column.nullable,
        case_insensitive=is_case_insensitive(column),
    )


def _length_by_check(column: Column, table: Table) -> int | None:
    """The most characters a CHECK of the form `char_length(column) <= n` allows (the table's or the domain's)."""
    own = [check.definition for check in table.checks if check.columns == (column.name,)]
    limits = [length_limit(definition) for definition in (*own, *column.type.domain_checks)]
    return min((limit for limit in limits if limit is not None), default=None)


def length_limit(definition: str) -> int | None:
    """The n of a CHECK that says no more than "at most n characters"; None for any other CHECK."""
    match = _LENGTH_CHECK.match(definition)
    return int(match["limit"]) - (match["operator"] == "<") if match else None


def is_case_insensitive(column: Column) -> bool:
    """Whether values that differ in case compare equal: citext, or a nondeterministic collation.

    Which differences such a collation ignores is the library's secret, so the coarsest usual form is taken; merged
    values that a unique key holds apart are found by the plan.
    """
    return column.type.innermost.typname == "citext" or not column.collation_deterministic


def stands_alone_unique(table: Table, column: str) -> bool:
    """Whether some unique key (also partial, also on an expression of it) stands on this column alone."""
    return any(set(key.columns) | set(key.expression_columns) == {column} for key in table.all_keys)
