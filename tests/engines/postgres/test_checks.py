"""What the doctor makes of a server's answers that no server here gives."""

from __future__ import annotations

from dataclasses import replace

import pytest

from penstock.engines.postgres import checks
from penstock.engines.postgres.checks import ServerFacts
from penstock.engines.postgres.clients import available_client_tools
from penstock.project.connections import ConnectionSettings

FACTS = ServerFacts(
    major=16, version="16.2", standby=True, lag_seconds=None, feedback=True, tls=True, tls_version="TLSv1.3",
    encoding="UTF8", system_identifier="1", database_oid=5, database="shop", size_bytes=1, role="reader",
    superuser=False, creates_databases=False,
)  # fmt: skip
REMOTE = ConnectionSettings("prod", "source", "replica.internal", 5432, "shop", "reader")


@pytest.mark.parametrize(("major", "outcome"), [(13, "fail"), (14, "ok"), (18, "ok"), (19, "warn")])
def test_versions_that_were_never_tried_are_said_to_be(major: int, outcome: str) -> None:
    assert checks.server_version(replace(FACTS, major=major), "prod").outcome == outcome


@pytest.mark.parametrize(
    ("host", "encrypted", "outcome"),
    [
        ("replica.internal", True, "ok"),
        ("replica.internal", False, "warn"),
        ("10.0.0.1", False, "warn"),
        ("localhost", False, "ok"),
        ("127.0.0.1", False, "ok"),
        ("/var/run/postgresql", False, "ok"),
    ],
)
def test_an_unencrypted_connection_is_fine_only_inside_the_machine(
    host: str, *, encrypted: bool, outcome: str
) -> None:
    result = checks.tls(replace(FACTS, tls=encrypted), replace(REMOTE, host=host))
    assert result.outcome == outcome
    assert bool(result.fix) == (outcome == "warn")


@pytest.mark.parametrize(
    ("seconds", "outcome"), [(None, "ok"), (2.0, "ok"), (checks.LAG_SECONDS + 1, "warn")]
)
def test_a_standby_far_behind_is_a_warning(seconds: float | None, outcome: str) -> None:
    assert checks.replication_lag(replace(FACTS, lag_seconds=seconds), "prod").outcome == outcome


def test_a_standby_that_may_cancel_long_reads_is_a_warning() -> None:
    assert checks.standby(replace(FACTS, feedback=False), "prod").outcome == "warn"
    assert checks.standby(FACTS, "prod").outcome == "ok"


def test_a_standby_is_no_target() -> None:
    assert checks.can_create(replace(FACTS, superuser=True), "dev").outcome == "fail"


def test_a_source_without_a_pg_dump_for_it_fails() -> None:
    assert checks.client_tools(replace(FACTS, major=99), None, "prod").outcome == "fail"


def test_a_target_older_than_the_source_is_a_warning() -> None:
    newest = max(tool.major for tool in available_client_tools())
    source = replace(FACTS, major=newest, tls=False)
    result = checks.client_tools(source, replace(source, major=newest - 1), "prod")
    assert result.outcome == "warn"


def test_the_same_oid_on_another_server_is_another_database() -> None:
    other = replace(FACTS, system_identifier="2")
    assert checks.destination_is_not_source(FACTS, other, ["shop"], "dev").outcome == "ok"
    assert checks.destination_is_not_source(FACTS, FACTS, [], "dev").outcome == "fail"


def test_a_role_with_an_odd_name_is_quoted_in_the_fix() -> None:
    result = checks.can_create(replace(FACTS, standby=False, role='my "role"'), "dev")
    assert result.fix == 'ALTER ROLE "my ""role""" CREATEDB;'
