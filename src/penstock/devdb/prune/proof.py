"""Is a pruned database whole? Compared with what it was made from; and searched, where the source can be reached."""

from __future__ import annotations

import dataclasses
from contextlib import ExitStack

from penstock.catalog.model import Catalog
from penstock.devdb.context import Context
from penstock.devdb.planning.subset import Subset
from penstock.devdb.progress import Progress, note
from penstock.devdb.prune.reading import reading
from penstock.devdb.verify import Tasks, Verification, claims_of
from penstock.engines.postgres.reflect import reflect
from penstock.engines.postgres.session import Session
from penstock.errors import ConnectError, Finding
from penstock.proof.integrity import check_integrity
from penstock.proof.leak import check_leaks
from penstock.proof.report import Claim, ColumnTest, LeakReport


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
        origin = stack.enter_context(reading(context, context.settings.from_database))
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
            problems=verification.problems,
            hint="nothing was published; penstock dev plan shows what was to stay",
        )
    return verification


def _leaks(
    context: Context, subset: Subset, target: Session, tasks: Tasks, progress: Progress
) -> LeakReport | None:
    """None where the source cannot be reached.

    Columns that the source no longer has cannot be searched for. They are listed as not tested, and are no reason to
    fail: a row of the copy was in the database it was made from, which was searched for them when it was made.
    """
    with ExitStack() as stack:
        try:
            source = stack.enter_context(context.source_session())
        except ConnectError as error:
            note(progress, f"the leak check is left out: {error.what}")
            return None
        there = {(table.name, column.name) for table in reflect(source) for column in table.columns}
        claims = claims_of(subset)
        gone = [claim for claim in claims if (claim.column.table, claim.column.column) not in there]
        if gone:
            note(
                progress,
                f"the source no longer has {gone[0].column}: its values were not searched for ({len(gone)} columns)",
            )
        report = check_leaks(
            source,
            target,
            [claim for claim in claims if claim not in gone],
            nomenclature=subset.keep,
            acknowledged=subset.acknowledged,
            progress=tasks,
        )
        return dataclasses.replace(report, tests=(*report.tests, *map(_not_tested, gone)))


def _not_tested(claim: Claim) -> ColumnTest:
    why = "the source has no such column any more"
    return ColumnTest(claim.column, claim.codomain, "not tested", "not tested", why, out_of_reach=True)
