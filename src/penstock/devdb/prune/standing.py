"""What a database that exists would do to others: refused before it is copied, or switched off in the copy.

Nothing of it can stay behind, for its files are copied whole. So the same is found and done as when a database is scrubbed
in place; the database to start from is only read.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Sequence

from penstock.catalog.model import Catalog
from penstock.devdb.context import Context
from penstock.devdb.disarm import in_place
from penstock.devdb.disarm.arming import Arming
from penstock.devdb.disarm.behind import invalid_indexes
from penstock.devdb.disarm.expressions import evaluated
from penstock.devdb.disarm.left_out import LeftOut
from penstock.devdb.disarm.outward import armed
from penstock.devdb.planning.names import find_tables
from penstock.devdb.planning.ways import Way
from penstock.engines.postgres.reflect import reflect
from penstock.engines.postgres.session import Session
from penstock.errors import PenstockError, TargetRefused

_SWITCHED_OFF = ", which is switched off"


def arming_of(context: Context, session: Session, catalog: Catalog) -> Arming:
    """What would be switched off, warned of and refused. The session is on the database to start from, or on its copy before
    anything was changed there."""
    settings = context.settings
    errors = tuple(_evaluated(context, session, catalog)) if settings.disarm else ()
    if errors:
        return Arming((), (), errors)
    looking = _Looking(session.connection, session.settings, settings.from_database, read_only=True)
    emptied = find_tables(catalog, settings.empty, f"devdb.{context.name}.empty")
    # Settings do not come along: they are the database's, not in its files.
    told = dataclasses.replace(catalog, facts=dataclasses.replace(catalog.facts, settings={}))
    try:
        found = tuple(_told_once(in_place.disarm(looking, settings), _rules_of_views(session)))
    except TargetRefused as error:
        return Arming((), (), (error,))
    warnings = in_place.warnings(session, told, emptied, settings, f"[devdb.{context.name}]")
    return Arming(tuple(map(str, found)), tuple(warnings), ())


def disarm_copy(context: Context, database: str) -> tuple[tuple[LeftOut, ...], Catalog]:
    """Switch it off in the copy; returns what was, and the catalog of what is to be pruned.

    Raises `TargetRefused` where this role may not.
    """
    origin = context.settings.from_database
    with context.target_session(database) as session:
        # What cannot be switched off is to be where people find it: the copy will be gone.
        named = Session(session.connection, session.settings, origin, read_only=False)
        with named.transaction():
            of_views = _rules_of_views(named)
            said = in_place.disarm(named, context.settings)
            return tuple(_told_once(said, of_views)), reflect(named)


def _rules_of_views(session: Session) -> frozenset[str]:
    """Those that call out: they cannot be switched off, so they are dropped."""
    return frozenset(one.what for one in armed(session) if one.of_view)


def _told_once(found: Sequence[LeftOut], of_views: frozenset[str]) -> Iterator[LeftOut]:
    """A rule that calls out and quotes a secret is found twice, and dropped for the secret."""
    dropped = {item.what for item in found}
    for item in found:
        rule = item.what.removesuffix(_SWITCHED_OFF)
        if rule == item.what:
            yield item
        elif rule not in dropped:
            yield LeftOut(f"{rule}, which is dropped", item.why) if rule in of_views else item


def dropped_indexes(catalog: Catalog, ways: Iterable[Way]) -> Iterator[LeftOut]:
    """The invalid indexes of the tables that change: a unique one may refuse rows that its table holds already."""
    changed = {way.leaf for way in ways if way.kind != "keep"}
    yield from invalid_indexes(catalog.tables[leaf] for leaf in sorted(changed))


def _evaluated(context: Context, session: Session, catalog: Catalog) -> Iterator[PenstockError]:
    for error in evaluated(session, catalog, ()):
        yield TargetRefused(
            f"{context.settings.from_database}: {error.what}",
            why="it would be evaluated while rows are written and indexed, and reach what production reaches",
            hint=f"drop it there, or set disarm = false in [devdb.{context.name}]",
        )


class _Looking(Session):
    """Finds what a disarming would do, and does nothing."""

    def execute(self, sql: str, *, doing: str = "") -> str:  # noqa: ARG002
        return ""
