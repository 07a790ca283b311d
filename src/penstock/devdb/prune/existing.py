"""`from_database`: prune a copy of a database that is on the target's server already; the original stays as it is.

The copy is CREATE DATABASE … TEMPLATE, file by file and far quicker than a dump, which needs the original without
sessions for its duration. A prune masks nothing: what it starts from must hold a manifest that says what was masked.
"""

from __future__ import annotations

import dataclasses
import secrets
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from penstock.catalog.model import MANIFEST, quote_identifier
from penstock.devdb import databases, debris, manifest
from penstock.devdb.context import Context
from penstock.devdb.created import Created, finish, require_sees_all, require_target
from penstock.devdb.labour import VACUUM_OF_PRUNE, Labour, Vacuum
from penstock.devdb.manifest import Manifest
from penstock.devdb.planning.conditions import require_unmasked
from penstock.devdb.planning.going import Going
from penstock.devdb.planning.plan import Plan, Refusal, require_no_drift
from penstock.devdb.planning.ways import Way, ways
from penstock.devdb.prepare import Prepared, prepare
from penstock.devdb.progress import Progress, note
from penstock.devdb.prune import proof
from penstock.devdb.prune.alone import copy_alone
from penstock.devdb.prune.engine import Task, prune
from penstock.devdb.prune.reading import reading
from penstock.devdb.prune.standing import arming_of, disarm_copy, dropped_indexes
from penstock.devdb.publication import Build, Publication
from penstock.devdb.verify import Verification
from penstock.engines.postgres.reflect import reflect
from penstock.engines.postgres.session import Session
from penstock.errors import DatabaseError, TargetRefused


def plan_existing(context: Context, progress: Progress, *, vacuum: Vacuum | None = None) -> Plan:
    """What a prune of `from_database` would leave, and how. Writes nothing."""
    with context.target_session() as maintenance:
        _require_there(context, maintenance)
    with reading(context, context.settings.from_database) as session:
        origin = _origin(context, session)
        with context.target_session(context.settings.from_database) as looking:
            require_unmasked(context, looking, reflect(looking), _masked(origin))
        return _prepared(context, session, origin, progress, vacuum or VACUUM_OF_PRUNE).plan


def create_existing(
    context: Context,
    progress: Progress,
    saved_plan: Plan | None,
    publication: Publication,
    labour: Labour,
) -> Created:
    """Copy `from_database` under a temporary name, prune the copy, verify it, publish it.

    Raises as `create` does. Rules that are refused are so before anything is copied, but for `protect` and a saved plan's
    counts, which are known when the rows are: `dev plan` tells.
    """
    started = time.monotonic()
    final, vacuum = context.database, labour.vacuum or VACUUM_OF_PRUNE
    with context.target_session() as maintenance, debris.build_lock(maintenance, final):
        for line in debris.clean(maintenance, final):
            note(progress, line)
        require_target(context, maintenance, progress, publication)
        _require_there(context, maintenance)
        with reading(context, context.settings.from_database) as session:
            origin, catalog = _origin(context, session), reflect(session)
            for error in arming_of(context, session, catalog).errors:
                raise error
        with context.target_session(context.settings.from_database) as session:
            require_unmasked(context, session, catalog, _masked(origin))
        built = databases.temporary_name(final)
        with debris.removed_if_failed(context, maintenance, built):
            progress.start(f"copy {context.settings.from_database}")
            copy_alone(context, maintenance, built, progress)
            progress.finish(f"copy {context.settings.from_database}")
            with reading(context, built) as session:
                prepared = _prepared(context, session, origin, progress, vacuum)
                if saved_plan is not None:
                    require_no_drift(saved_plan, prepared.plan, context.settings.drift_tolerance_percent)
                prepared.require()
                require_sees_all(context, maintenance, prepared)
            said, before = disarm_copy(context, built)
            prune(context, built, task_of(prepared, vacuum, labour.jobs), progress)
            verification = proof.verify_pruned(context, prepared.subset, before, built, progress)
            made = _manifest(
                context,
                origin,
                prepared,
                verification,
                [*map(str, (*said, *dropped_indexes(prepared.subset.catalog, _ways(prepared, vacuum))))],
                publication.operation,
                time.monotonic() - started,
            )
            _forget_origin(context, built)
            if publication.stays:
                made = finish(context, maintenance, built, made)
            publication.publish(context, Build(maintenance, built, made, progress))
    path = manifest.save(made, context.state_dir)
    plan = prepared.plan
    return Created(plan, made, path, verification, plan.rows, plan.bytes, time.monotonic() - started)


def task_of(prepared: Prepared, vacuum: Vacuum, jobs: int | None) -> Task:
    """What is to be done to a database that holds everything, as it was found there."""
    subset, found = prepared.subset, _ways(prepared, vacuum)
    return Task(subset.catalog, _going(prepared), found, subset.nulled, vacuum, jobs)


def _ways(prepared: Prepared, vacuum: Vacuum) -> tuple[Way, ...]:
    return ways(prepared.subset.catalog, _going(prepared), prepared.subset.nulled, vacuum)


def _going(prepared: Prepared) -> Going:
    if prepared.subset.going is None:
        raise ValueError("only a prune takes rows")
    return prepared.subset.going


def _prepared(
    context: Context, session: Session, origin: Manifest, progress: Progress, vacuum: Vacuum
) -> Prepared:
    catalog = reflect(session)
    prepared = prepare(context, session, progress, catalog=catalog, vacuum=vacuum, existing=True)
    _require_same_masks(context, prepared.plan, origin)
    armed = arming_of(context, session, catalog)
    dropped = dropped_indexes(catalog, _ways(prepared, vacuum))
    plan = dataclasses.replace(
        prepared.plan,
        left_out=(*armed.left_out, *map(str, dropped)),
        warnings=(*prepared.plan.warnings, *armed.warnings),
        refusals=(*prepared.plan.refusals, *(Refusal(e.code, e.what, e.hint) for e in armed.errors)),
    )
    return dataclasses.replace(prepared, plan=plan, errors=(*armed.errors, *prepared.errors))


def _require_there(context: Context, maintenance: Session) -> None:
    """The database to start from is there and can be connected to."""
    name = context.settings.from_database
    if not databases.exists(maintenance, name):
        raise TargetRefused(
            f"there is no database {name} on the target",
            why=f"`from_database` of [devdb.{context.name}] names it",
            hint="penstock dev list shows those that Penstock made",
        )
    if not maintenance.fetchval("SELECT datallowconn FROM pg_catalog.pg_database WHERE datname = $1", name):
        raise TargetRefused(
            f"nobody can connect to {name}",
            why="it is a template, or closed by somebody",
            hint="make a copy and name that in `from_database`: penstock dev create --from-template NAME --database …",
        )


def _forget_origin(context: Context, built: str) -> None:
    """The copy came with the manifests of the database it was made from: it is another one."""
    with context.target_session(built) as target:
        target.execute(f"DROP TABLE {MANIFEST.sql}", doing="removing the manifests of the origin")
        with suppress(DatabaseError):  # where the schema holds more, it is not ours alone
            target.execute(f"DROP SCHEMA {quote_identifier(MANIFEST.schema)}")


def _origin(context: Context, session: Session) -> Manifest:
    """What the database to start from is. Raises `TargetRefused` where nobody can say that it is masked, or how."""
    name = context.settings.from_database
    manifests = manifest.read(session)
    if not manifests:
        raise TargetRefused(
            f"the database {name} was not made by Penstock: it may hold real values",
            why="a prune masks nothing, and no manifest says that somebody has",
            hint="name one that Penstock made: penstock dev list"
            if name in databases.SERVERS_OWN
            else f"mask it first, over a target connection to it: penstock dev scrub CONN --confirm {name}",
        )
    latest = manifests[-1]
    if latest.document.get("project") != context.project:
        raise TargetRefused(
            f"the database {name} belongs to the project {latest.document.get('project')!r}",
            why=f"this is the project {context.project!r}: its masks and its key say nothing of that one",
            hint="name a database of this project in `from_database`",
        )
    if latest.document.get("key_fingerprint") != context.keys.fingerprint:
        raise TargetRefused(
            f"{name} was made with another key",
            why="the same person would have another pseudonym than in the other copies",
            hint="make it anew with the present key first",
        )
    if not latest.document.get("verification", {}).get("passed"):
        raise TargetRefused(
            f"the manifest of {name} does not say that it was verified",
            hint="verify or make it anew first",
        )
    return latest


def _masked(origin: Manifest) -> dict[str, str]:
    """The mask of every column that does not hold the real values."""
    masks = origin.document["masks"]
    return {
        column: str(masks.get(column, "a mask"))
        for column, codomain in origin.document["claims"].items()
        if codomain != "same"
    }


def _require_same_masks(context: Context, plan: Plan, origin: Manifest) -> None:
    """Raise `TargetRefused` where masks.toml says otherwise by now: what it wants masked may be real in there."""
    before = origin.document["rules"]
    changed = [c.column for c in plan.columns if before.get(c.column) != c.rule]
    if changed:
        raise TargetRefused(
            f"{changed[0]} is masked otherwise by now than in {context.settings.from_database}"
            + (f" (and {len(changed) - 1} more)" if len(changed) > 1 else ""),
            why="a prune masks nothing: the copy would hold what masks.toml says nobody may see",
            hint="make that database anew first (penstock dev refresh)",
        )


def _manifest(
    context: Context,
    origin: Manifest,
    prepared: Prepared,
    verification: Verification,
    said: list[str],
    operation: str,
    seconds: float,
) -> Manifest:
    made = manifest.make(
        secrets.token_hex(6),
        operation,
        prepared.plan,
        project=context.project,
        source_identity={},
        verification=verification.as_dict(),
        left_out=[*dict.fromkeys((*origin.document.get("left_out", ()), *said))],
        seconds=seconds,
        made_from={},
    )
    document: Mapping[str, Any] = {
        **made.document,
        "source": origin.document["source"],
        "real": origin.document.get("real", []),
        "made_from": origin.document.get("made_from"),  # production's schema then
        "pruned_from": {
            "database": context.settings.from_database,
            "run_id": origin.run_id,
            "created_at": origin.created_at,
            "read_at": origin.read_at,
        },
        "ways": {way.table: way.way for way in prepared.plan.ways},
    }
    return dataclasses.replace(made, document=document)
