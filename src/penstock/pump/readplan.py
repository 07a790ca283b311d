"""What is read of a table, in which order, and why: the read plan.

Every selected column has one of four roles. *Masked* columns come first; *inputs* are read by a mask and passed on;
*context* is read by a mask (or by the row filter) and dropped on output; the *tail* is never parsed. So conditional
masks, masks that follow another column, and free text that knows its row's people are no special case.
"""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from penstock.catalog.graph import comparison_collations
from penstock.catalog.model import Catalog, ForeignKey, Table, TableName, quote_identifier
from penstock.errors import MaskError
from penstock.masks.contract import Input, Mask


@dataclass(frozen=True, slots=True)
class MaskedColumn:
    name: str
    mask: Mask


@dataclass(frozen=True, slots=True)
class ReadPlan:
    """How the rows of one logical table are read, masked and written. Field order: context, masked, passed, tail."""

    table: TableName
    masked: tuple[MaskedColumn, ...]
    passed: tuple[str, ...]  # inputs of some mask that are not masked themselves
    tail: tuple[str, ...]
    context: tuple[str, ...] = ()  # SQL expressions over the alias t and the joined aliases
    joins: str = ""
    input_fields: Mapping[Input, int] | None = (
        None  # where each input is, counted from after the context if >= 0
    )
    nulled: frozenset[str] = frozenset()  # columns written as NULL: foreign keys to tables that stay empty

    @property
    def written(self) -> tuple[str, ...]:
        """The columns of the outgoing COPY, in order. Empty for a table without stored columns."""
        return (*(m.name for m in self.masked), *self.passed, *self.tail)

    def select(self, leaf: TableName, condition: str = "", *, with_ctid: bool = False) -> str:
        """The query that reads rows of `leaf`; `condition` may speak of the alias t."""
        columns = [
            *(["t.ctid"] if with_ctid else []),
            *self.context,
            *(
                f"NULL::text AS {quote_identifier(name)}"
                if name in self.nulled
                else f"t.{quote_identifier(name)}"
                for name in self.written
            ),
        ]
        where = f" WHERE {condition}" if condition else ""
        return f"SELECT {', '.join(columns)} FROM ONLY {leaf.sql} t{self.joins}{where}"


def read_plan(
    catalog: Catalog,
    table: Table,
    masks: Mapping[str, Mask],
    *,
    nulled: AbstractSet[str] = frozenset(),
    left_out: AbstractSet[str] = frozenset(),
) -> ReadPlan:
    """The read plan of `table` under `masks` (column name → mask; columns without one pass untouched).

    `nulled` columns arrive as NULL, `left_out` ones are not written at all (a trigger refills them).
    Raises `MaskError` where a mask wants an input that is not there.
    """
    stored = [c.name for c in table.stored_columns if c.name not in left_out]
    masked = tuple(MaskedColumn(name, masks[name]) for name in stored if name in masks and name not in nulled)
    wanted = list(dict.fromkeys(i for m in masked for i in m.mask.inputs()))
    own = {i.column for i in wanted if not i.via}
    names = [m.name for m in masked]
    passed = tuple(n for n in stored if n in own and n not in names and n not in nulled)
    tail = tuple(n for n in stored if n not in names and n not in passed)
    fields: dict[Input, int] = {}
    context: list[str] = []
    joins: list[str] = []
    aliases: dict[tuple[str, ...], str] = {}
    for wish in wanted:
        if not wish.via and wish.column in (*names, *passed):
            fields[wish] = (*names, *passed).index(wish.column)
            continue
        if wish.via:
            if wish.via not in aliases:
                aliases[wish.via] = alias = f"j{len(aliases) + 1}"
                joins.append(_join(catalog, table, wish, alias))
            source = aliases[wish.via]
        else:
            _require(table, wish.column)
            source = "t"
        context.append(f"{source}.{quote_identifier(wish.column)}")
        fields[wish] = -len(context)  # counted from the first context field: -1 is the first
    return ReadPlan(
        table.name,
        masked,
        passed,
        tail,
        tuple(context),
        "".join(joins),
        fields,
        frozenset(nulled) & set(stored),
    )


def _join(catalog: Catalog, table: Table, wish: Input, alias: str) -> str:
    key = _foreign_key(table, wish)
    _require(catalog.tables[key.referenced_table], wish.column)
    referenced = catalog.tables[key.referenced_table]
    collations = comparison_collations(
        [table.column(c) for c in key.columns], [referenced.column(c) for c in key.referenced_columns]
    )
    on = " AND ".join(
        f"{alias}.{quote_identifier(there)}{collation} {operator} t.{quote_identifier(here)}"
        for here, there, collation, operator in zip(
            key.columns, key.referenced_columns, collations, key.operators, strict=True
        )
    )
    return f" LEFT JOIN {key.referenced_table.sql} {alias} ON {on}"


def _foreign_key(table: Table, wish: Input) -> ForeignKey:
    for key in table.foreign_keys:
        if set(key.columns) == set(wish.via):
            return key
    raise MaskError(
        f"{table.name} has no foreign key on ({', '.join(wish.via)})",
        why=f"a mask wants {wish.column} along it",
        hint="name the columns of a declared foreign key in `via`",
    )


def _require(table: Table, column: str) -> None:
    if all(c.name != column for c in table.columns):
        raise MaskError(
            f"{table.name} has no column {column}",
            why="a mask wants it as an input",
            hint="correct the column named in the mask's options in masks.toml",
        )
