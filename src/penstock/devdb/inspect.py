"""Looking at development databases that exist: what became of them, and whether they verify again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any

from penstock.catalog.model import TableName
from penstock.devdb import databases, debris, manifest
from penstock.devdb.context import Context
from penstock.devdb.durations import parse_duration
from penstock.devdb.manifest import Manifest
from penstock.devdb.ours import require_ours
from penstock.devdb.prepare import prepare
from penstock.devdb.progress import Progress
from penstock.devdb.verify import Verification, verify
from penstock.engines.postgres.session import Session
from penstock.errors import PenstockError, TargetRefused


@dataclass(frozen=True, slots=True)
class Listed:
    """One `[devdb.NAME]` and its database."""

    name: str
    database: str
    target: str
    state: str  # ready | template | missing | swapping (or killed while it did) | foreign (not ours) | unreachable
    created_at: str = ""
    changed_at: str = ""  # when rows were last added to it
    read_at: str = ""  # when the run that read production ended: a copy of a template is younger
    age_seconds: int | None = None  # since it was made
    build_seconds: int = 0  # how long the run had taken then
    expires_at: str = ""  # by the section's ttl
    expired: bool = False
    owner: str = ""  # the database's owner on the server
    made_by: str = ""  # account and machine
    size_bytes: int = 0
    rows: int = 0
    key_fingerprint: str = ""  # of the key it was made with
    key_matches: bool | None = None  # whether it was made with the project's present key
    debris: tuple[str, ...] = ()  # what interrupted runs left; the next run removes it
    strangers: tuple[str, ...] = ()  # named like builds, but no run of ours: left as they are
    drift: int | None = None  # how many things of production's schema are different now; None: nobody looked
    spoken: str = ""  # what follows `penstock dev drift`, `reset` or `drop` where it is meant
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Verified:
    """A verification of an existing copy."""

    name: str
    database: str
    verification: Verification
    manifest: Manifest


def describe(context: Context) -> Listed:
    """What became of one development database. An unreachable server is an answer, not an error."""
    described = context.target.describe()
    final = context.database
    try:
        with context.target_session() as maintenance:
            found = debris.leftovers(maintenance, final)
            listed = partial(
                Listed, context.name, final, described, debris=found.debris, strangers=found.strangers,
                spoken=context.spoken,
            )  # fmt: skip
            if not databases.exists(maintenance, final):
                return listed("missing")
            if databases.is_swapping(maintenance, final):
                return listed("swapping")
            size = int(maintenance.fetchval("SELECT pg_catalog.pg_database_size($1::name)", final))
            owner = owner_of(maintenance, final)
        with context.target_session(final) as target:
            manifests = manifest.read(target)
    except PenstockError as error:
        return Listed(
            context.name, final, described, "unreachable", spoken=context.spoken, problem=error.what
        )
    try:
        require_ours(context, manifests)
    except TargetRefused as error:
        return listed("foreign", size_bytes=size, owner=owner, problem=error.what)
    made = manifest.last_made(manifests)
    made_at = datetime.fromisoformat(made.created_at)
    return listed(
        "ready",
        created_at=made.created_at,
        changed_at=manifests[-1].created_at,
        read_at=written(datetime.fromisoformat(made.read_at)),
        owner=owner,
        made_by=made.document.get("by", ""),
        **lifetime(context, made_at),
        build_seconds=int(made.document.get("seconds", 0)),
        size_bytes=size,
        rows=sum(t["rows"] for t in manifests[-1].document["tables"].values()),
        key_fingerprint=made.document["key_fingerprint"],
        key_matches=made.document["key_fingerprint"] == context.keys.fingerprint,
    )


def owner_of(maintenance: Session, database: str) -> str:
    return str(
        maintenance.fetchval(
            "SELECT pg_catalog.pg_get_userbyid(datdba)::text FROM pg_catalog.pg_database WHERE datname = $1",
            database,
        )
    )


def written(moment: datetime) -> str:
    """A time of day as `Listed` has it."""
    return moment.astimezone(UTC).isoformat(sep=" ", timespec="seconds").removesuffix(":00")


def lifetime(context: Context, made_at: datetime) -> dict[str, Any]:
    """The fields of `Listed` that say how old a database is and how long it is good for."""
    now = datetime.now(UTC)
    age = {"age_seconds": int((now - made_at).total_seconds())}
    if not context.settings.ttl:
        return age
    end = made_at + parse_duration(context.settings.ttl)
    return {**age, "expires_at": written(end), "expired": end <= now}


def verify_existing(context: Context, progress: Progress) -> Verified:
    """Verify the published copy: structure, references and sequences; rows against its own manifest; and that no
    masked value the source holds *now* survives in it.

    Raises `TargetRefused` when there is no such database of ours.
    """
    require_there(context)
    with context.source_session() as source, context.target_session(context.database) as target:
        made = require_ours(context, manifest.read(target))
        prepared = prepare(context, source, progress)
        expected = _expected(prepared.subset.catalog.leaves, made.document)
        progress.start("verify")
        found = verify(prepared.subset, source, target, progress, expected=expected, in_use=True)
        progress.finish("verify")
        return Verified(context.name, context.database, found, made)


def _expected(names: Mapping[TableName, Any], document: Mapping[str, Any]) -> dict[TableName, int]:
    by_text = {str(name): name for name in names}
    return {
        by_text[text]: entry["rows"]
        for text, entry in document["tables"].items()
        if text in by_text and entry["role"] != "skip"
    }


def require_there(context: Context) -> None:
    """Raise `TargetRefused` where the target has no database of that name; mend one whose swap was killed."""
    with context.target_session() as maintenance:
        if databases.is_swapping(maintenance, context.database):
            with debris.build_lock(maintenance, context.database):
                databases.recover(maintenance, context.database)
        if not databases.exists(maintenance, context.database):
            raise TargetRefused(
                f"there is no development database {context.database}",
                hint=context.made_by,
            )
