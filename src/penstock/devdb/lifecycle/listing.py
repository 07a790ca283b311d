"""All databases of a section: its own, its template, and the developers' copies of that."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta

from penstock.devdb import drift, inspect, manifest
from penstock.devdb.context import Context
from penstock.devdb.durations import is_due
from penstock.devdb.inspect import Listed
from penstock.devdb.lifecycle import copies, drifting, templates
from penstock.errors import PenstockError, TargetRefused


@dataclass(frozen=True, slots=True)
class Due:
    """A database whose schedule says it is to be reset."""

    name: str
    database: str
    schedule: str
    age_seconds: int


def databases_of(context: Context, *, with_drift: bool = False) -> list[Listed]:
    """The section's databases. `with_drift` asks the source, too. A server that does not answer is an answer."""
    own = inspect.describe(context)
    found = [own, *_beside(context)] if own.state != "unreachable" else [own]
    return [_with_drift(context, item) for item in found] if with_drift else found


def _beside(context: Context) -> Iterator[Listed]:
    name = templates.name_of(context)
    try:
        with context.target_session() as maintenance:
            template = templates.find(context, maintenance)
            owner = inspect.owner_of(maintenance, name) if template else ""
            found = copies.names(context, maintenance)
    except PenstockError as error:
        state = "foreign" if isinstance(error, TargetRefused) else "unreachable"
        yield Listed(
            context.name,
            name,
            context.target.describe(),
            state,
            spoken=f"{context.name} --template",
            problem=error.what,
        )
        return
    if template:
        yield Listed(
            context.name,
            template.database,
            context.target.describe(),
            "template",
            spoken=f"{context.name} --template",
            created_at=inspect.written(template.made_at),
            read_at=inspect.written(template.made_at),
            size_bytes=template.size_bytes,
            owner=owner,
            key_fingerprint=template.key_fingerprint,
            key_matches=template.key_fingerprint == context.keys.fingerprint,
            **inspect.lifetime(context, template.made_at),
        )
    for name in found:
        yield inspect.describe(context.with_database(name))


def _with_drift(context: Context, item: Listed) -> Listed:
    if item.state not in ("ready", "template"):
        return item
    try:
        if item.state == "template":
            return replace(item, drift=_of_the_template(context))
        context = context.with_database(item.database)
        with context.target_session(item.database) as target:
            made = manifest.last_made(manifest.read(target))
        return replace(item, drift=sum(1 for _ in drift.changes(context, made, drift.catalog_now(context))))
    except PenstockError as error:
        return replace(item, problem=error.what)


def _of_the_template(context: Context) -> int:
    with context.target_session() as maintenance:
        template = templates.require(context, maintenance)
        beside = (context.section_database, *copies.names(context, maintenance))
    found = drifting.changes_since(context, template, beside)
    return sum(1 for _ in found(drift.catalog_now(context)))


def expired(context: Context) -> list[Listed]:
    """The databases of the section whose time is over. Templates are made anew by a reset, and never drop out.

    Raises what a server that does not answer raises: nobody knows what has expired there.
    """
    if not context.settings.ttl:
        return []
    with context.target_session():
        pass
    return [item for item in databases_of(context) if item.state == "ready" and item.expired]


def due(context: Context) -> list[Due]:
    """The databases of the section that its schedule wants reset now. None without a schedule.

    Raises what a server that does not answer raises: a reset that is due and not done is no success.
    """
    schedule = context.settings.schedule
    if not schedule:
        return []
    with context.target_session():
        pass
    return [
        Due(item.name, item.database, schedule, item.age_seconds)
        for item in databases_of(context)
        if item.state == "ready" and item.age_seconds is not None
        if is_due(timedelta(seconds=item.age_seconds + item.build_seconds), schedule)  # since the run began
    ]
