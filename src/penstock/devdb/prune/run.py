"""`dev create` and `dev refresh` of a prune: from a database that exists, or from a full copy made first."""

from __future__ import annotations

from penstock.devdb.context import Context
from penstock.devdb.create import Created, create
from penstock.devdb.plan import Plan
from penstock.devdb.progress import Progress
from penstock.devdb.prune.existing import create_existing
from penstock.devdb.prune.ways import Vacuum
from penstock.devdb.prune.whole import WholeThenPruned


def create_pruned(
    context: Context,
    progress: Progress,
    *,
    saved_plan: Plan | None = None,
    replace: bool = False,
    vacuum: Vacuum = "full",
    jobs: int | None = None,
) -> Created:
    """Create the development database, or with `replace` rebuild it beside the old one and swap. Raises as `create` does."""
    if context.settings.from_database:
        return create_existing(
            context, progress, saved_plan=saved_plan, replace=replace, vacuum=vacuum, jobs=jobs
        )
    return create(
        context, progress, saved_plan=saved_plan, replace=replace, fill=WholeThenPruned(vacuum, jobs)
    )
