"""`dev create` and `dev refresh`: plan, guard, build beside, verify, publish.

The database is built under a temporary name and gets its final name only when it has been verified; whatever fails
before that, down to a killed process, leaves nothing under the final name, and the next run removes the debris.
"""

from __future__ import annotations

import dataclasses
import secrets
import time

import pyarrow as pa

from penstock.catalog.model import DatabaseFacts, TableName
from penstock.devdb import databases, debris, drift, hooks, manifest, verify
from penstock.devdb.building.build import Built
from penstock.devdb.building.filling import fill
from penstock.devdb.context import Context
from penstock.devdb.created import Created, finish, require_sees_all, require_target
from penstock.devdb.labour import Labour
from penstock.devdb.locking import indexes_of, too_many
from penstock.devdb.planning.forecast import row_count
from penstock.devdb.planning.plan import Plan, require_no_drift
from penstock.devdb.planning.subset import Subset
from penstock.devdb.prepare import Prepared, prepare
from penstock.devdb.progress import Progress, note
from penstock.devdb.prune.existing import create_existing
from penstock.devdb.prune.whole import fill_pruned
from penstock.devdb.publication import Build, Publication
from penstock.devdb.verify import Verification
from penstock.engines.postgres.session import Session
from penstock.errors import DatabaseError, Finding, MigrationWaits, SnapshotLost, TargetRefused

_MOST_RESTARTS = 2


def create(
    context: Context,
    progress: Progress,
    *,
    saved_plan: Plan | None = None,
    publication: Publication | None = None,
    labour: Labour | None = None,
) -> Created:
    """Create the development database: a new one under its name, or what another `publication` makes of it.

    Clones and prunes are made as `labour` says.
    When a standby takes the snapshot away, to keep up with its primary, or a migration of the source comes in between, the
    whole run starts again, twice at most.

    Raises a `Refused` before anything is written, a `Finding` when the verification found something (the build is
    then removed), a `DatabaseError` when a server failed.
    """
    labour = labour or Labour()
    labour.require_use(context)
    manifest.require_folder(context.state_dir)
    publication = publication or Publication()
    if publication.stays:
        hooks.before_create(context, publication.operation, progress)
    way = create_existing if context.settings.from_database else _create_from_source
    created = way(context, progress, saved_plan, publication, labour)
    if publication.opens:
        hooks.after_create(context, publication.operation, progress)
    return dataclasses.replace(created, lost=publication.lost)


def _create_from_source(
    context: Context,
    progress: Progress,
    saved_plan: Plan | None,
    publication: Publication,
    labour: Labour,
) -> Created:
    """Begin again where the snapshot had to be given up: to a standby that caught up, or to a migration."""
    restarts = 0
    while True:
        with context.source_session() as source:
            standby = source.fetchval("SELECT pg_catalog.pg_is_in_recovery()")
            try:
                return _create(context, source, progress, saved_plan, publication, labour)
            except DatabaseError as error:
                why = _given_up(source, error, standby=standby)
                if not why or publication.begun:
                    raise
                if restarts == _MOST_RESTARTS and isinstance(error, MigrationWaits):
                    error.why = f"{why} {restarts + 1} times: {error.why}"
                    raise
                if restarts == _MOST_RESTARTS:
                    raise SnapshotLost(
                        f"{why} {restarts + 1} times",
                        why="it had to replay changes of its primary that the snapshot was in the way of",
                        hint="on the standby: ALTER SYSTEM SET hot_standby_feedback = on; SELECT pg_reload_conf();"
                        "   or raise max_standby_streaming_delay there",
                    ) from None
        restarts += 1
        note(progress, f"again: {why}, restart {restarts} of {_MOST_RESTARTS}")


def _given_up(source: Session, error: DatabaseError, *, standby: bool) -> str:
    """Why the run may begin again; "" where it may not."""
    if isinstance(error, MigrationWaits):
        return "a migration of the source was let pass"
    return "the standby cancelled the copy" if standby and _is_gone(source, error) else ""


def _is_gone(source: Session, error: DatabaseError) -> bool:
    """Whether the snapshot is lost: its session was ended, its transaction failed, or pg_dump, which shares it, was cancelled."""
    if "conflict with recovery" in error.why:
        return True
    try:
        source.fetchval("SELECT 1")
    except DatabaseError:
        return True
    return False


def _create(
    context: Context,
    source: Session,
    progress: Progress,
    saved_plan: Plan | None,
    publication: Publication,
    labour: Labour,
) -> Created:
    started = time.monotonic()
    final = context.database
    with context.target_session() as maintenance:  # noqa: SIM117 - one breath less
        with debris.build_lock(maintenance, final):
            for line in debris.clean(maintenance, final):
                note(progress, line)
            _check_target(context, source, maintenance, progress, publication)
            prepared = prepare(context, source, progress, vacuum=labour.vacuum)
            if saved_plan is not None:
                require_no_drift(saved_plan, prepared.plan, context.settings.drift_tolerance_percent)
            prepared.require()
            require_sees_all(context, maintenance, prepared)
            _require_room_for_locks(source, maintenance, prepared.subset)
            built_name = databases.temporary_name(final)
            facts = prepared.subset.catalog.facts
            # A server whose backend stands in a cancelled COPY drops no database. Of a standby, which is another server,
            # it is asked afterwards whether it took the snapshot away.
            before = (lambda: None) if facts.in_recovery else source.close
            with debris.removed_if_failed(context, maintenance, built_name, before=before):
                warnings = databases.create(maintenance, built_name, final, facts)
                built, prepared = _fill(context, prepared, source, built_name, progress, labour)
                prepared = _with_warnings(prepared, built)
                verification = _verify(context, prepared, source, built_name, progress)
                made = manifest.make(
                    secrets.token_hex(6),
                    publication.operation,
                    prepared.plan,
                    project=context.project,
                    rows=built.rows,
                    source_identity=_identity(facts, source),
                    verification=verification.as_dict(),
                    left_out=[*(f"{item.what}: {item.why}" for item in built.left_out), *warnings],
                    seconds=time.monotonic() - started,
                    made_from=drift.shape_of(prepared.subset.catalog, prepared.subset.skip),
                )
                publication.begun = True
                source.close()  # no snapshot of ours holds back production's vacuum during a notice, or while files are written
                if publication.stays:
                    made = finish(context, maintenance, built_name, made)
                publication.publish(context, Build(maintenance, built_name, made, progress))
    path = manifest.save(made, context.state_dir)
    return Created(
        prepared.plan,
        made,
        path,
        verification,
        sum(built.rows.values()),
        built.bytes,
        time.monotonic() - started,
    )


def _fill(
    context: Context, prepared: Prepared, source: Session, database: str, progress: Progress, labour: Labour
) -> tuple[Built, Prepared]:
    """Put the rows into the empty database; returns what was written, and the plan as it was carried out."""
    if prepared.subset.going is not None:
        return fill_pruned(context, prepared, source, database, progress, labour)
    return fill(context, prepared, source, database, progress, labour), prepared


def _with_warnings(prepared: Prepared, built: Built) -> Prepared:
    """The plan with what building it had to warn of."""
    warnings = (*prepared.plan.warnings, *built.warnings)
    return dataclasses.replace(prepared, plan=dataclasses.replace(prepared.plan, warnings=warnings))


def _verify(
    context: Context, prepared: Prepared, source: Session, database: str, progress: Progress
) -> Verification:
    progress.start("verify")
    pa.default_memory_pool().release_unused()  # what the pump needed, the proof needs again
    with context.target_session(database) as target:
        expected = _counted(source, prepared.subset) if prepared.subset.whole else None
        verification = verify.verify(prepared.subset, source, target, progress, expected=expected)
    progress.finish("verify")
    if not verification.passed:
        raise Finding(
            f"the verification of {context.database} failed: {verification.headline}",
            problems=verification.problems,
            hint="nothing was published; mask the columns named, or list what you accept in `acknowledged`",
        )
    return verification


def _counted(source: Session, subset: Subset) -> dict[TableName, int]:
    """What a clone must hold: counted in the source, not by what copied it."""
    return {
        name: row_count(source, subset.catalog, name) if name in subset.whole else 0
        for name in subset.catalog.leaves
        if name not in subset.skip
    }


def _check_target(
    context: Context, source: Session, maintenance: Session, progress: Progress, publication: Publication
) -> None:
    """The target is neither the source, nor somebody else's database, nor a finished one by mistake."""
    if (
        publication.stays
        and context.database == source.database
        and databases.server_of(source) == databases.server_of(maintenance)
    ):
        raise TargetRefused(
            f"the target {context.database} is the source itself",
            why="same server (system identifier) and same database",
            hint="set another `database` in penstock.toml",
        )
    require_target(context, maintenance, progress, publication)


def _require_room_for_locks(source: Session, maintenance: Session, subset: Subset) -> None:
    """The verification looks at every table of the copy in one transaction, beside what is read of the source."""
    tables = [name for name in subset.catalog.leaves if name not in subset.skip]
    locks = len(tables) + indexes_of(subset.catalog, tables)
    if databases.server_of(source) == databases.server_of(maintenance):
        locks += indexes_of(subset.catalog, subset.whole)
    for error in too_many(maintenance, locks, TargetRefused):
        raise error


def _identity(facts: DatabaseFacts, source: Session) -> dict[str, object]:
    return {
        "system_identifier": facts.system_identifier,
        "database_oid": facts.database_oid,
        "server_version": facts.server_version,
        "standby": facts.in_recovery,
        "snapshot": source.snapshot_id,
    }
