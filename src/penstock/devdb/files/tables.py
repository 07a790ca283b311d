"""What is written of a verified copy: its tables, each with its rows in one order that depends on nothing but them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from penstock.catalog.model import Catalog, Column, Table, TableName, quote_identifier
from penstock.catalog.types import Family

# Families whose order is the same on every server. Texts are compared byte by byte: collations differ between machines.
_OWN_ORDER = (
    Family.INTEGER, Family.NUMERIC, Family.BOOLEAN, Family.DATE, Family.TIMESTAMP, Family.TIME, Family.UUID,
    Family.NETWORK, Family.MAC,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class FileTable:
    """One logical table of the copy."""

    table: Table

    @property
    def name(self) -> TableName:
        return self.table.name

    @property
    def columns(self) -> tuple[Column, ...]:
        """All columns, generated ones too."""
        return self.table.columns

    def select(self, expressions: Iterable[str], *, ordered: bool = True) -> str:
        """A query over the alias t: of all partitions, but never of inheritance children, which are tables of their own."""
        only = "" if self.table.kind == "partitioned" else "ONLY "
        order = f" ORDER BY {', '.join(self._order())}" if ordered else ""
        return f"SELECT {', '.join(expressions)} FROM {only}{self.name.sql} t{order}"

    def _order(self) -> Iterator[str]:
        """By the key; without one by the whole row, whose equals are alike."""
        for key in self.table.all_keys:
            if key.is_plain and key.columns and not any(self.table.column(c).nullable for c in key.columns):
                for name in key.columns:
                    native = self.table.column(name).type.family in _OWN_ORDER
                    yield expression(name) if native else _said(expression(name))
                return
        yield _said("ROW(t.*)")


def _said(value: str) -> str:
    """What the type's output function says, as COPY has it. A cast to text may be the user's own: fails, or is not injective."""
    return f"""pg_catalog.format('%s', {value}) COLLATE pg_catalog."C\""""


def expression(column: str) -> str:
    return f"t.{quote_identifier(column)}"


def tables_of(catalog: Catalog) -> list[FileTable]:
    """The tables of the copy that hold rows, in the order of their names."""
    return [FileTable(catalog.tables[name]) for name in sorted(catalog.leaves)]
