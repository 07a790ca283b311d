"""What `resolve` says: one decision per stored column, what is still open, and what cannot be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from penstock.catalog.model import Catalog, ColumnName, TableName
from penstock.errors import ContractBroken, Unclassified
from penstock.masks.contract import Contract, Mask
from penstock.policy.classes import KeyClass
from penstock.policy.registry_file import Line

_SHOWN = 3  # violations in an error's reason, beside the first


class Origin(StrEnum):
    """Where a decision comes from."""

    REGISTRY = "registry"  # a line of masks.toml
    INHERITED = "inherited"  # another column of the key class, or the parent table of an inheritance child
    DEFAULT = "default"  # a type that passes without a decision: numbers, booleans, enums, event timestamps …
    UNCLASSIFIED = "unclassified"  # nobody decided; masked by type, because the project says so


@dataclass(frozen=True, slots=True)
class Decision:
    """What happens to a column's values.

    `mask` is None only where `rebuild_trigger` is set: the column is then not copied but refilled by that BEFORE INSERT
    trigger while the other columns of its row are loaded. All members of a key class share one `mask` object.
    """

    column: ColumnName
    mask: Mask | None
    contract: Contract | None
    origin: Origin
    by: str = ""
    domain: str = ""
    inherited_from: ColumnName | None = None
    rebuild_trigger: str | None = None
    reason: str = ""  # why a default passes, or what `unclassified` did

    @property
    def keeps(self) -> bool:
        """Whether somebody decided that the column's values leave as they are.

        Not the codomain SAME: free text whose rest is kept has that too, and is masked all the same.
        """
        return self.mask is not None and self.mask.name == "keep"

    @property
    def mask_name(self) -> str:
        return self.mask.name if self.mask is not None else "rebuild"


@dataclass(frozen=True, slots=True)
class Undecided:
    """A column that may hold personal data and that nobody decided about."""

    column: ColumnName
    type_name: str
    reason: str
    hint: str = ""  # a line for masks.toml that would do


@dataclass(frozen=True, slots=True)
class Violation:
    """A decision that cannot stand: `constraint` would break, or the mask does not fit."""

    column: ColumnName
    constraint: str  # its name, or "NOT NULL", "type", "length", "foreign key", "partition key"
    problem: str
    mask: str = ""
    suggestion: str = ""  # a mask that would do there
    other: ColumnName | None = None  # the other column of a conflict

    def __str__(self) -> str:
        text = f"{self.column}: {self.problem}"
        return f"{text}; {self.suggestion!r} would do" if self.suggestion else text


@dataclass(frozen=True, slots=True)
class Notice:
    """Something the plan lists and a person should know; it refuses nothing."""

    column: ColumnName
    text: str

    def __str__(self) -> str:
        return f"{self.column}: {self.text}"


@dataclass(frozen=True, slots=True)
class Merge:
    """A unique key that is finer than what its column's mask tells apart: values it holds apart may become one.

    Either a column of the class compares more coarsely, or the mask itself takes two spellings for one thing.

    The plan counts them on its snapshot: rows of `table` whose `expression` occurs more than once.
    """

    column: ColumnName
    constraint: str
    expression: str  # SQL over the column
    why: str = ""
    hint: str = ""


@dataclass(frozen=True)
class Policy:
    """Every column's decision, against one catalog."""

    catalog: Catalog
    decisions: Mapping[ColumnName, Decision]
    classes: Mapping[ColumnName, KeyClass]
    undecided: tuple[Undecided, ...] = ()
    violations: tuple[Violation, ...] = ()
    notices: tuple[Notice, ...] = ()
    stale: tuple[Line, ...] = ()  # lines of masks.toml without a column
    merges: tuple[Merge, ...] = ()
    real: Mapping[str, frozenset[str]] = field(default_factory=dict)  # values that stay real, by domain

    @property
    def is_clean(self) -> bool:
        """Whether the gate opens: all is decided, every decision can stand, every line has its column."""
        return not (self.undecided or self.violations or self.stale)

    def of(self, table: TableName) -> Mapping[str, Decision]:
        """The decisions of a table's stored columns by name, in the order of its columns.

        A partition has its root's. Columns that are undecided are missing: `require` first.
        """
        root = self.catalog.root_of(table)
        found = {}
        for column in self.catalog.tables[table].stored_columns:
            decision = self.decisions.get(ColumnName(root, column.name))
            if decision is not None:
                found[column.name] = decision
        return found

    def require(self, check: str = "penstock masks check") -> None:
        """Raise `ContractBroken` or `Unclassified` unless every column may leave. `check` is the command that lists all."""
        if self.violations:
            first, *rest = self.violations
            more = f"; and {len(rest) - _SHOWN} more" if len(rest) > _SHOWN else ""
            raise ContractBroken(
                f"{first}" + (f" (and {len(rest)} more)" if rest else ""),
                why="; ".join(str(v) for v in rest[:_SHOWN]) + more,
                hint=f"decide otherwise in masks.toml; `{check}` lists all of them",
            )
        if self.undecided:
            shown = ", ".join(str(u.column) for u in self.undecided[:10])
            more = f" and {len(self.undecided) - 10} more" if len(self.undecided) > 10 else ""
            count = "1 column has" if len(self.undecided) == 1 else f"{len(self.undecided)} columns have"
            raise Unclassified(
                f"{count} no decision: {shown}{more}",
                why="a column that nobody classified does not leave",
                hint="run `penstock discover`, decide in masks.toml what it leaves open, or set "
                'unclassified = "mask" in the section of penstock.toml',
            )
