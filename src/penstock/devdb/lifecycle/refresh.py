"""`dev refresh` keeps nothing of what developers made, and asks nobody: so it says what goes, before it begins and in the end."""

from __future__ import annotations

from penstock.devdb import attached
from penstock.devdb.context import Context
from penstock.devdb.create import create
from penstock.devdb.created import Created
from penstock.devdb.labour import Labour
from penstock.devdb.lifecycle.extras import extras_of
from penstock.devdb.planning.plan import Plan
from penstock.devdb.progress import Progress, note
from penstock.devdb.publication import Build, Replacement
from penstock.engines.postgres.session import Session


def refresh(
    context: Context, progress: Progress, *, saved_plan: Plan | None = None, labour: Labour | None = None
) -> Created:
    """Rebuild the development database beside the one that stands, and swap. Raises what `create` raises."""
    return create(context, progress, saved_plan=saved_plan, publication=_Refresh(progress), labour=labour)


class _Refresh(Replacement):
    """A swap by which what developers made is lost, and listed."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress

    def require(self, context: Context, maintenance: Session) -> None:
        super().require(context, maintenance)
        for line in attached.require_free(maintenance, context.database):
            note(self._progress, line)
        found = extras_of(context)
        for text in (*found.listed, *found.lost):
            note(self._progress, f"made by developers, lost by the refresh: {text}")
        if found.unknown:
            note(self._progress, f"what developers made in {context.database} is not recorded, and lost too")
        if found.listed:
            note(self._progress, f"to keep it: penstock dev reset {context.spoken} --keep-extra")

    def publish(self, context: Context, build: Build) -> None:
        found = extras_of(context)  # they went on working while the fresh copy was made
        super().publish(context, build)
        self.lost = (*found.listed, *found.lost, *self.notes)
