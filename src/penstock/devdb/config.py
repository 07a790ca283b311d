"""`[devdb.NAME]` of penstock.toml: one development database, described by rules."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from penstock.registry import register_section


@dataclass(frozen=True, slots=True)
class RootSettings:
    """Where a subset starts: `[[devdb.NAME.root]]`."""

    table: str
    where: str | None = None  # any SQL condition over the table's columns
    limit: int | None = None  # that many rows, in the order of `order_by`
    percent: float | None = None  # by keyed hash of the primary key: the same rows again tomorrow
    order_by: str | None = None  # default: the primary key


@dataclass(frozen=True, slots=True)
class EdgeSettings:
    """A virtual foreign key, or the policy of a declared one: `[[devdb.NAME.edge]]`.

    `from_` and `to` are `schema.table.column` (several columns: `schema.table.(a, b)`); with `on` they are
    tables and `on` is any SQL condition over the aliases `child` and `parent`.
    """

    from_: str
    to: str
    children: bool | int | Literal["always"] = (
        True  # follow to children: yes, no, at most N per parent, always
    )
    on: str | None = None
    where: str | None = None  # further condition over child, for example child.owner_type = 'Order'
    cut: bool = False  # write NULL instead of following to the parent


@dataclass(frozen=True, slots=True)
class RealSettings:
    """Rows that stay real (staff), listed in the manifest: `[[devdb.NAME.real]]`."""

    table: str
    where: str


@dataclass(frozen=True, slots=True)
class DevdbSettings:
    """One development database."""

    source: str = ""  # connection; the only source when there is one
    target: str = ""  # connection; the only target when there is one
    database: str = ""  # its name on the target's server; default: the section's name
    strategy: Literal["subset", "clone"] = "subset"
    root: tuple[RootSettings, ...] = ()
    edge: tuple[EdgeSettings, ...] = ()
    keep: tuple[str, ...] = ()  # nomenclature: copied whole
    empty: tuple[str, ...] = ()  # structure only
    skip: tuple[str, ...] = ()  # not even structure
    real: tuple[RealSettings, ...] = ()
    unclassified: Literal["refuse", "mask"] = "refuse"
    acknowledged: tuple[str, ...] = ()  # columns and texts of the schema whose findings somebody has accepted
    drift_tolerance_percent: float = 10.0  # `create --plan`: how far a table's count may move
    max_snapshot_minutes: float = 120.0  # a longer estimated copy is refused: it would hold back vacuum
    grants: bool = False  # copy GRANTs too
    large_objects: Literal["leave", "keep"] = "leave"  # nothing looks into them: said, or left
    disarm: bool = True  # switch off what could reach out of the copy


register_section("devdb", DevdbSettings)
