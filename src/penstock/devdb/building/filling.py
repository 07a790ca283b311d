"""The rows of a plan, from the source into an empty database: by one pair of connections, or a clone's by its crew."""

from __future__ import annotations

from penstock.devdb.building.build import Built, build
from penstock.devdb.building.schema import onto
from penstock.devdb.clone.crew import crew
from penstock.devdb.context import Context
from penstock.devdb.labour import VACUUM_OF_CLONE, Labour
from penstock.devdb.prepare import Prepared
from penstock.devdb.progress import Progress
from penstock.engines.postgres.session import Session


def fill(
    context: Context, prepared: Prepared, source: Session, database: str, progress: Progress, labour: Labour
) -> Built:
    """Fill `database`, which is empty and ours. The source session is in its exported snapshot."""
    with context.target_session(database) as target, onto(source, target):
        if not prepared.subset.whole:
            return build(prepared.subset, source, target, progress)
        workers = crew(context, prepared.subset, prepared.plan.bytes, source, target, labour.jobs, progress)
        return build(
            prepared.subset, source, target, progress, crew=workers, vacuum=labour.vacuum or VACUUM_OF_CLONE
        )
