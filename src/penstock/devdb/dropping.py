"""Removing a development database: one of ours, and one whose time is over only while it still is."""

from __future__ import annotations

from datetime import datetime

from penstock.devdb import attached, databases, debris, hooks, manifest
from penstock.devdb.context import Context
from penstock.devdb.inspect import lifetime
from penstock.devdb.ours import require_ours
from penstock.devdb.progress import Progress, note
from penstock.errors import TargetRefused


def drop(context: Context, progress: Progress, *, only_expired: bool = False) -> bool:
    """Remove the database and any debris of it; with `only_expired` not one that was made anew since somebody looked.

    Returns whether it did. Raises `TargetRefused` when it is not ours or not there.
    """
    final = context.database
    with context.target_session() as maintenance, debris.build_lock(maintenance, final):
        for line in debris.clean(maintenance, final):
            note(progress, line)
        if not databases.exists(maintenance, final):
            raise TargetRefused(f"there is no development database {final}", hint="penstock dev list")
        with context.target_session(final) as target:
            manifests = manifest.read(target)
            require_ours(context, manifests)
        if only_expired and not _is_expired(context, manifests):
            note(progress, f"{final} was made anew meanwhile, and stays")
            return False
        for line in attached.require_free(maintenance, final):
            note(progress, line)
        databases.drop(maintenance, final)
    hooks.after_drop(context, progress)
    return True


def _is_expired(context: Context, manifests: tuple[manifest.Manifest, ...]) -> bool:
    made_at = datetime.fromisoformat(manifest.last_made(manifests).created_at)
    return bool(lifetime(context, made_at).get("expired"))
