"""What belongs to nobody's build any more: told from what is alive, and removed.

While a build is under way its run holds an advisory lock. Such a lock belongs to the database it was asked for in, and
two projects may name different maintenance databases of one server: so the locks of all of them are looked at. Whoever
holds it knows that every marked leftover is debris.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from penstock.catalog.model import quote_identifier
from penstock.devdb import databases
from penstock.engines.postgres.session import Session
from penstock.errors import Remains, TargetRefused

if TYPE_CHECKING:
    from penstock.devdb.context import Context


@contextmanager
def build_lock(maintenance: Session, final: str, refusal: TargetRefused | None = None) -> Iterator[None]:
    """Only one run at a time builds `final`. Raises `TargetRefused` (`refusal`, if given) when another one does."""
    key = _key(final)
    if not maintenance.fetchval("SELECT pg_catalog.pg_try_advisory_lock($1)", key):
        raise refusal or _is_built(final)
    try:
        if is_being_built(maintenance, final):
            raise refusal or _is_built(final)
        yield
    finally:
        if not maintenance.connection.is_closed():
            maintenance.fetchval("SELECT pg_catalog.pg_advisory_unlock($1)", key)


def is_being_built(maintenance: Session, final: str) -> bool:
    """Whether another session has the lock of `final`, in whatever database of the server it asked for it."""
    key = _key(final) % 2**64
    return bool(
        maintenance.fetchval(
            "SELECT EXISTS (SELECT FROM pg_catalog.pg_locks WHERE locktype = 'advisory' AND objsubid = 1 AND granted "
            "AND classid = $1::int8::oid AND objid = $2::int8::oid AND pid <> pg_catalog.pg_backend_pid())",
            key >> 32,
            key % 2**32,
        )
    )


def _key(final: str) -> int:
    return int.from_bytes(hashlib.sha256(f"penstock:{final}".encode()).digest()[:8], "big", signed=True)


def _is_built(final: str) -> TargetRefused:
    return TargetRefused(
        f"another run is building {final}",
        why="one run at a time builds it, even where it is for files elsewhere (dev create --to)",
        hint="wait for it, or end it; its debris is removed by the next run",
    )


@dataclass(frozen=True, slots=True)
class Leftovers:
    """Databases that are named like builds of one database: what interrupted runs left of it, and what is not ours."""

    debris: tuple[str, ...]
    strangers: tuple[str, ...]


def leftovers(maintenance: Session, final: str) -> Leftovers:
    """Debris has the name of a build of `final`, is owned by this role or one it is a member of, and bears our mark: the
    comment, or before it was written the connection limit. A half-dropped database (limit -2) that has no comment can
    only be dropped. Nothing else is debris, whatever its name (decision 004), and nothing while another run builds it.
    """
    alive = is_being_built(maintenance, final)
    prefix = databases.temporary_name(final).rsplit(databases.MARK, 1)[0] + databases.MARK
    rows = maintenance.fetch(
        """
        SELECT datname::text AS name,
               pg_catalog.pg_has_role(datdba, 'USAGE')
               AND CASE WHEN said IS NULL THEN datconnlimit IN ($4, -2)
                        ELSE said = $2 OR pg_catalog.starts_with(said, $3) END AS is_debris
          FROM pg_catalog.pg_database d, pg_catalog.shobj_description(d.oid, 'pg_database') AS said
         WHERE pg_catalog.starts_with(datname::text, $1)
           AND pg_catalog.substr(datname::text, pg_catalog.length($1) + 1) ~ '^[0-9a-f]{8}$'
         ORDER BY datname
        """,
        prefix,
        databases.building(final),
        databases.swapping(final),
        databases.mark(final),
    )
    return Leftovers(
        tuple(row["name"] for row in rows if row["is_debris"] and not alive),
        tuple(row["name"] for row in rows if not row["is_debris"]),
    )


def clean(maintenance: Session, final: str) -> Iterator[str]:
    """Drop the debris of `final`, and open it again if a swap was killed. Says what it did, line by line.

    Call it while holding the lock.
    """
    found = leftovers(maintenance, final)
    for name in found.debris:
        databases.drop(maintenance, name)
        yield f"removed what an interrupted run left: {name}"
    for name in found.strangers:
        yield f"left as it is, though named like a build of {final}: {name}"
    databases.recover(maintenance, final)


@contextmanager
def removed_if_failed(
    context: Context, maintenance: Session, name: str, *, before: Callable[[], object] = lambda: None
) -> Iterator[None]:
    """Whatever ends the block early, the build `name` is removed (after `before`). Where that fails too, or a second Ctrl-C
    cuts it short, the error says so: the next run removes it."""
    try:
        yield
    except BaseException as error:
        try:
            before()
            removed = _remove(context, maintenance, name)
        except BaseException as second:
            second.add_note(_remains(context, name, "may still be on the target: its removal was cut short"))
            raise
        if not removed:
            error.add_note(_remains(context, name, "could not be removed from the target"))
        raise


def _remove(context: Context, maintenance: Session, name: str) -> bool:
    """Remove a failed build, and open again what a swap had closed; over a new connection if the old one is lost."""
    with suppress(Exception):
        databases.recover(maintenance, context.database)
        databases.drop(maintenance, name)
        return True
    with suppress(Exception), context.target_session() as again:
        databases.recover(again, context.database)
        databases.drop(again, name)
        return True
    return False


def _remains(context: Context, name: str, why: str) -> Remains:
    return Remains(
        f"the database {name} {why}; the next run for {context.database} removes it, "
        f"or in psql: DROP DATABASE IF EXISTS {quote_identifier(name)} WITH (FORCE);"
    )
