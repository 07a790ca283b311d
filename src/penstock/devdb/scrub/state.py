"""How far a scrub is: one row per finished step in `penstock.scrub`, committed with what the step did.

It holds names, counts, definitions of what is put back later, and hashes; no value of a row and no secret.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from penstock.catalog.model import TableName, quote_literal
from penstock.devdb.scrub import steps
from penstock.engines.postgres.session import Session

STATE = TableName("penstock", "scrub")
ASIDE = "penstock_scrub"
"""The schema of the originals. It is there while a scrub is under way, and gone when it is done."""

_DDL = f"""
CREATE SCHEMA IF NOT EXISTS {STATE.schema};
CREATE TABLE {STATE.sql} (step text PRIMARY KEY, done_at timestamptz NOT NULL DEFAULT now(), document jsonb NOT NULL);
COMMENT ON TABLE {STATE.sql} IS 'made by Penstock: how far the scrub of this database is';
CREATE SCHEMA {ASIDE};
"""


def note_step(session: Session, step: str, **document: Any) -> Mapping[str, Any]:
    """Note a finished step with what it remembers. Part of the caller's transaction, with what the step did."""
    text = quote_literal(json.dumps(document, sort_keys=True))
    session.execute(
        f"INSERT INTO {STATE.sql} (step, document) VALUES ({quote_literal(step)}, {text})",
        doing="noting how far the scrub is",
    )
    return document


class State:
    """The finished steps and what each remembers."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self.steps: dict[str, Mapping[str, Any]] = {}
        if session.fetchval("SELECT pg_catalog.to_regclass($1) IS NOT NULL", STATE.sql):
            rows = session.fetch(f"SELECT step, document::text AS document FROM {STATE.sql}")
            self.steps = {row["step"]: json.loads(row["document"]) for row in rows}

    @property
    def is_under_way(self) -> bool:
        return steps.BEGIN in self.steps

    def has(self, step: str) -> bool:
        return step in self.steps

    def create(self) -> None:
        """Make the table and the schema of the originals. Part of the caller's transaction."""
        self._session.execute(_DDL, doing="preparing the scrub")

    def done(self, step: str, **document: Any) -> None:
        """Note a step. Part of the caller's transaction, with what the step did."""
        self.steps[step] = note_step(self._session, step, **document)

    def commit(self, step: str, **document: Any) -> None:
        """Note a step of which nothing else is to be done."""
        with self._session.transaction():
            self.done(step, **document)

    def forget(self, *steps: str) -> None:
        """Have these steps done again. Part of the caller's transaction."""
        for step in steps:
            if step in self.steps:
                self._session.execute(f"DELETE FROM {STATE.sql} WHERE step = {quote_literal(step)}")
                del self.steps[step]

    def remove(self) -> None:
        """The scrub is done: nothing of it remains. Part of the caller's transaction."""
        self._session.execute(f"DROP TABLE {STATE.sql}", doing="finishing the scrub")
