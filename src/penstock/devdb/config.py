"""`[devdb.NAME]` of penstock.toml: one development database, described by rules."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from penstock.devdb.durations import parse_duration, parse_schedule
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
class DeleteSettings:
    """Rows that a prune deletes with everything that depends on them: `[[devdb.NAME.delete]]`."""

    table: str
    where: str  # any SQL condition over the table's columns


@dataclass(frozen=True, slots=True)
class HookSettings:
    """Programs run around the making of a database, each as a list of arguments: `[devdb.NAME.hooks]`."""

    before_create: tuple[str, ...] = ()  # before anything is connected to: book the machine
    after_create: tuple[str, ...] = ()  # when the database stands under its name
    after_drop: tuple[str, ...] = ()  # when it is gone: release the machine
    timeout: str = "10m"  # for each; then it is ended

    def __post_init__(self) -> None:
        parse_duration(self.timeout)


@dataclass(frozen=True, slots=True)
class DevdbSettings:
    """One development database."""

    source: str = ""  # connection; the only source when there is one
    target: str = ""  # connection; the only target when there is one
    database: str = ""  # its name on the target's server; default: the section's name
    strategy: Literal["subset", "clone", "prune"] = "subset"
    root: tuple[RootSettings, ...] = ()
    delete: tuple[DeleteSettings, ...] = ()  # prune: what goes, with everything that depends on it
    protect: tuple[str, ...] = ()  # prune: no row of these goes
    from_database: str = (
        ""  # prune: a database of the target's server that Penstock made; default: a full copy is made
    )
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
    developers: str = ""  # a role on the target's server that owns what is copied
    ttl: str = ""  # "14d": how long a copy is good for
    schedule: str = ""  # "every 2 weeks": when `dev reset --due` makes it anew
    hooks: HookSettings = HookSettings()

    def __post_init__(self) -> None:
        if self.ttl:
            parse_duration(self.ttl)
        if self.schedule:
            parse_schedule(self.schedule)


# What becomes of a copy after it was made. No rule of what is in it: plans and manifests leave it out.
LIFECYCLE = ("ttl", "schedule", "hooks")


register_section("devdb", DevdbSettings)
