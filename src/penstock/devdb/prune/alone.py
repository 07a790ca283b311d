"""Copying the database a prune starts from, while nobody is in it: PostgreSQL copies files only then.

Other runs of Penstock read it too, each for a while: those are waited for. Everybody else is for people to send away.
"""

from __future__ import annotations

import time

from penstock.catalog.model import quote_literal
from penstock.devdb.building.file_copy import copy_files
from penstock.devdb.context import Context
from penstock.devdb.progress import Progress, note
from penstock.engines.postgres.session import Session
from penstock.errors import DatabaseError, TargetRefused

SECONDS_TO_WAIT = 300.0
_PAUSE_SECONDS = 0.5
_IN_USE = "[SQLSTATE 55006]"


def copy_alone(context: Context, maintenance: Session, built: str, progress: Progress) -> None:
    """Copy `from_database` to `built`. Raises `TargetRefused` where somebody stays connected to it."""
    name, final = context.settings.from_database, context.database
    deadline = time.monotonic() + SECONDS_TO_WAIT
    told = False
    while True:
        if ours := _require_no_stranger(maintenance, name):
            if time.monotonic() > deadline:
                raise TargetRefused(
                    f"{ours} sessions of other Penstock runs are connected to {name}",
                    why="PostgreSQL copies a database only while nobody is connected to it, and they read it",
                    hint="run the command again when they are done",
                )
            if not told:
                note(progress, f"another run of Penstock reads {name}: it is waited for")
            told = True
            time.sleep(_PAUSE_SECONDS)
            continue
        try:
            copy_files(maintenance, name, built, final, progress)
        except DatabaseError as error:
            if _IN_USE not in error.why or time.monotonic() > deadline:
                raise
        else:
            return


def _require_no_stranger(maintenance: Session, name: str) -> int:
    """How many sessions of Penstock's are connected to a database. Raises `TargetRefused` where others are."""
    row = maintenance.fetch(_SESSIONS_SQL, name)[0]
    if row["others"]:
        raise TargetRefused(
            f"{row['others']} sessions are connected to {name}",
            why="PostgreSQL copies a database only while nobody is connected to it",
            hint="close them: SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = "
            f"{quote_literal(name)} AND application_name NOT LIKE 'penstock %';",
        )
    return int(row["ours"])


_SESSIONS_SQL = """
SELECT count(*) FILTER (WHERE is_ours) AS ours, count(*) FILTER (WHERE NOT is_ours) AS others
  FROM pg_catalog.pg_stat_activity, coalesce(application_name LIKE 'penstock %', false) AS is_ours
 WHERE datname = $1 AND usesysid IS NOT NULL
"""
