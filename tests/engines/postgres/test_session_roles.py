"""A source cannot be written by construction."""

from __future__ import annotations

import pytest

from penstock.engines.postgres.session import Session
from penstock.errors import DatabaseError, SourceRefused
from tests.servers import Server


def test_a_source_has_no_session_that_may_write(postgres: Server) -> None:
    with pytest.raises(SourceRefused):
        Session.open(postgres.maintenance.settings_as("source"), read_only=False)


def test_a_read_only_session_writes_in_no_transaction(postgres: Server) -> None:
    with Session.open(postgres.maintenance.settings_as("source"), read_only=True) as session:
        with pytest.raises(DatabaseError, match="failed while"):
            session.execute("CREATE TABLE penstock_was_here (i int)")
        session.begin_snapshot()
        with pytest.raises(DatabaseError, match="failed while"):
            session.execute("CREATE TABLE penstock_was_here (i int)")
    assert postgres.maintenance.value("SELECT to_regclass('penstock_was_here')") is None
