"""A database of the target's server, only read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from penstock.devdb.context import Context
from penstock.engines.postgres.session import Session


@contextmanager
def reading(context: Context, database: str) -> Iterator[Session]:
    """A session in one snapshot of it."""
    with Session.open(
        context.target,
        read_only=True,
        application_name=f"penstock dev {context.name}",
        database=database,
    ) as session:
        session.begin_snapshot()
        yield session
