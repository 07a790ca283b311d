"""How a build that has been verified gets its final name: as a new database, or in the place of one that stands."""

from __future__ import annotations

from dataclasses import dataclass

from penstock.catalog.model import quote_identifier
from penstock.devdb import databases, manifest
from penstock.devdb.context import Context
from penstock.devdb.manifest import Manifest
from penstock.devdb.ours import require_ours
from penstock.devdb.progress import Progress, note
from penstock.engines.postgres.session import Session
from penstock.errors import TargetRefused


@dataclass(frozen=True, slots=True)
class Build:
    """A verified database under its temporary name."""

    maintenance: Session
    database: str
    manifest: Manifest
    progress: Progress


class Publication:
    """A new database under a name that must be free."""

    operation = "create"
    opens = True  # whether people work in what is published, and hooks can
    stays = True  # whether the build stays on the server, and needs a manifest and owners there
    lost: tuple[str, ...] = ()  # what developers had made in what was replaced, when it was not kept
    begun = False  # whether the source is needed no more, and closed: that it is gone is then no reason to start again

    def require(self, context: Context, maintenance: Session) -> None:
        """Raise `TargetRefused` unless the target is as this publication needs it. Asked before anything is written."""
        final = context.database
        if databases.exists(maintenance, final):
            raise TargetRefused(
                f"the database {final} exists already on the target",
                hint=f"{context.remade_by} makes it anew; penstock dev drop {context.spoken} removes it",
            )

    def publish(self, context: Context, build: Build) -> None:
        """Give the build its name. Whatever fails leaves what stood there before."""
        databases.publish(build.maintenance, build.database, context.database)


class Replacement(Publication):
    """In the place of the database of ours that stands there."""

    operation = "refresh"
    notes: tuple[str, ...] = ()  # what could not be as it was

    def require(self, context: Context, maintenance: Session) -> None:
        final = context.database
        if not databases.exists(maintenance, final):
            raise TargetRefused(
                f"there is no development database {final} to {self.operation}",
                hint=context.made_by,
            )
        with context.target_session(final) as target:
            require_ours(context, manifest.read(target))

    def publish(self, context: Context, build: Build) -> None:
        self.notes = swapped(context, build)


def swapped(context: Context, build: Build, *, lock_holder: int | None = None) -> tuple[str, ...]:
    """Swap, and tell what of the old database's settings our role may not put back."""
    left = databases.swap(build.maintenance, build.database, context.database, lock_holder=lock_holder)
    for text in left:
        note(build.progress, text)
    return left


def require_createdb(context: Context, maintenance: Session) -> None:
    """Raise `TargetRefused` where the target's role may not make databases."""
    if not maintenance.fetchval(
        "SELECT rolsuper OR rolcreatedb FROM pg_catalog.pg_roles WHERE rolname = current_user"
    ):
        raise TargetRefused(
            f"the role {context.target.user} may not create databases on the target",
            hint=f"ALTER ROLE {quote_identifier(context.target.user)} CREATEDB;",
        )
