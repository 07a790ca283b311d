"""Everything that stays behind or is switched off in one copy, found once and used everywhere: by the plan, which tells it,
by the build, which does it, and by the verification, which expects it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from penstock.catalog.model import TableName
from penstock.devdb.disarm.extensions import dependents, left_out_extensions, members_of, required
from penstock.devdb.disarm.left_out import LeftOut, addresses, armed_foreign_tables, never_copied
from penstock.devdb.disarm.outward import ArmedTrigger, armed_triggers
from penstock.devdb.disarm.reaching import empty_views
from penstock.devdb.disarm.relations import left_out_tables
from penstock.devdb.disarm.uncarried import uncarried
from penstock.devdb.planning.subset import Subset
from penstock.engines.postgres.session import Session
from penstock.errors import PenstockError


@dataclass(frozen=True, slots=True)
class Behind:
    """What a copy does not have of its source, or has switched off."""

    extensions: frozenset[str]
    members: frozenset[TableName]  # relations and types of these extensions
    relations: Mapping[TableName, LeftOut]  # tables and views, not even in structure
    identities: frozenset[tuple[int, int]]  # (catalog oid, oid) of functions and triggers
    dropped_triggers: frozenset[tuple[TableName, str]]
    silent_triggers: tuple[ArmedTrigger, ...]
    unfilled: Mapping[
        TableName, str
    ]  # materialised views, with the reason; "" where the source's is not filled either
    told: tuple[LeftOut, ...]  # all of it, for people

    @property
    def disarmed(self) -> frozenset[tuple[TableName, str]]:
        """The triggers that must not fire in the copy."""
        return self.dropped_triggers | {(trigger.table, trigger.name) for trigger in self.silent_triggers}


def offered_extensions(target: Session) -> frozenset[str]:
    """What the target's server could install."""
    return frozenset(
        row["name"] for row in target.fetch("SELECT name FROM pg_catalog.pg_available_extensions")
    )


def reasons_against(
    source: Session, subset: Subset, offered: Collection[str] | None
) -> Iterable[PenstockError]:
    """Tables that stand on an extension that is left out. `offered`: None where the target is not known yet."""
    gone = left_out_extensions(subset.catalog, offered, disarm=subset.disarm)
    return required(source, subset.catalog, subset.skip, gone)


def behind(source: Session, subset: Subset, offered: Collection[str] | None) -> Behind:
    """What stays behind of `source`. `offered`: as above."""
    extensions = left_out_extensions(subset.catalog, offered, disarm=subset.disarm)
    standing = dependents(source, extensions)
    foreign = armed_foreign_tables(source) if subset.disarm else {}
    silent = tuple(
        trigger
        for trigger in (armed_triggers(source) if subset.disarm else ())
        if (trigger.table, trigger.name) not in standing.triggers
    )
    unfilled = empty_views(source)
    armed = {**foreign, **standing.views}
    gone = left_out_tables(source, subset.catalog, subset.skip, armed)
    return Behind(
        frozenset(extensions),
        members_of(source, extensions),
        gone,
        standing.identities,
        standing.triggers,
        silent,
        unfilled,
        (
            *never_copied(source, large_objects=subset.large_objects),
            *(LeftOut(f"extension {name}", why) for name, why in extensions.items()),
            *standing.others,
            *(addresses(source) if subset.disarm else ()),
            *_silenced(silent, subset),
            *uncarried(source, subset.catalog, extensions),
            *(
                LeftOut(f"rows of the materialised view {name}", why)
                for name, why in unfilled.items()
                if why and name not in gone
            ),
            *_invalid_indexes(subset, gone),
            *gone.values(),
        ),
    )


def _silenced(silent: Iterable[ArmedTrigger], subset: Subset) -> Iterator[LeftOut]:
    for trigger in silent:
        if not trigger.cloned and subset.catalog.root_of(trigger.table) not in subset.skip:
            yield LeftOut(f"trigger {trigger.name} of {trigger.table}, which is switched off", trigger.why)


def _invalid_indexes(subset: Subset, gone: Collection[TableName]) -> Iterator[LeftOut]:
    for table in subset.catalog:
        if table.name not in gone and table.extension is None:
            for index in table.invalid_indexes:
                yield LeftOut(
                    f"index {index.name} of {table.name}",
                    "it is invalid, as CREATE INDEX CONCURRENTLY leaves one when it fails: no query uses it",
                )
