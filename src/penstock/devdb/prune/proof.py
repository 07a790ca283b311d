"""Is a pruned database whole? Compared with what it was made from; and searched, where the source can be reached."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from penstock.catalog.model import Catalog
from penstock.devdb.context import Context
from penstock.devdb.planning.subset import Subset
from penstock.devdb.progress import Progress, note
from penstock.devdb.verify import Tasks, Verification, claims_of
from penstock.engines.postgres.reflect import reflect
from penstock.engines.postgres.session import Session
from penstock.errors import ConnectError, Finding
from penstock.proof.integrity import check_integrity
from penstock.proof.leak import check_leaks
from penstock.proof.report import LeakReport


def verify_pruned(
    context: Context, subset: Subset, before: Catalog, database: str, progress: Progress
) -> Verification:
    """Structure, references and counts against the database it was made from, `before`; leaks against the source.

    Raises `Finding` where something does not hold.
    """
    progress.start("verify")
    tasks = Tasks(progress)
    expected = {
        name: subset.closure.rows[name].count if name in subset.closure.rows else 0
        for name in subset.catalog.leaves
        if name not in subset.skip
    }
    with ExitStack() as stack:
        target = stack.enter_context(context.target_session(database))
        origin = stack.enter_context(_original(context))
        stack.enter_context(target.transaction())
        integrity = check_integrity(
            target,
            reflect(target),
            before,
            expected,
            source=origin,
            skipped=subset.skip,
            large_objects=True,
            progress=tasks,
        )
        leaks = _leaks(context, subset, target, tasks, progress)
    tasks.finish()
    progress.finish("verify")
    verification = Verification(integrity, leaks)
    if not verification.passed:
        raise Finding(
            f"the verification of {context.database} failed: {verification.headline}",
            why="; ".join(verification.problems[:8]),
            hint="nothing was published; penstock dev plan shows what was to stay",
        )
    return verification


@contextmanager
def _original(context: Context) -> Iterator[Session]:
    with Session.open(
        context.target,
        read_only=True,
        application_name=f"penstock dev {context.name}",
        database=context.settings.from_database,
    ) as session:
        session.begin_snapshot()
        yield session


def _leaks(
    context: Context, subset: Subset, target: Session, tasks: Tasks, progress: Progress
) -> LeakReport | None:
    """None where the source cannot be reached. Columns that the source no longer has cannot be searched for, which is said."""
    with ExitStack() as stack:
        try:
            source = stack.enter_context(context.source_session())
        except ConnectError as error:
            note(progress, f"the leak check is left out: {error.what}")
            return None
        there = {(table.name, column.name) for table in reflect(source) for column in table.columns}
        claims = claims_of(subset)
        gone = [claim.column for claim in claims if (claim.column.table, claim.column.column) not in there]
        if gone:
            note(
                progress,
                f"the source no longer has {gone[0]}: its values were not searched for ({len(gone)} columns)",
            )
        return check_leaks(
            source,
            target,
            [claim for claim in claims if claim.column not in set(gone)],
            nomenclature=subset.keep,
            acknowledged=subset.acknowledged,
            progress=tasks,
        )
