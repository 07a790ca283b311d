"""Limits of a role or a server that are meant for applications cut no run of ours, however long it waits; and flags that would change
nothing are refused."""

from __future__ import annotations

import pytest

from penstock.devdb.context import context_of
from tests.devdb.conftest import Folder, MakeRole

LIMITS = ["statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout", "idle_session_timeout"]


@pytest.fixture
def limits(folder: Folder) -> list[str]:
    """Those the test's server knows."""
    newest = folder.target.maintenance.value("SHOW server_version_num") >= "170000"
    return [*LIMITS, *(["transaction_timeout"] if newest else [])]


def test_a_session_on_the_target_has_none_of_the_roles_limits(
    folder: Folder, limits: list[str], make_role: MakeRole
) -> None:
    role, password = make_role("CREATEDB")
    for limit in limits:
        folder.target.maintenance.execute(f"ALTER ROLE {role} SET {limit} = '3s'")
    folder.log_in_as("dev", role, password)
    context = context_of(folder.project.settings, "small")
    with context.target_session() as session:
        assert {limit: session.fetchval(f"SHOW {limit}") for limit in limits} == dict.fromkeys(limits, "0")
        with session.transaction():
            assert session.fetchval("SHOW lock_timeout") == "1min", "the wait for a lock ends"
    done = folder.run("dev", "create", "small")
    assert done.code == 0, done.err


@pytest.mark.parametrize(
    ("command", "flags"),
    [
        (["plan", "small"], ["--vacuum", "full"]),
        (["create", "small"], ["--jobs", "2"]),
        (["create", "small"], ["--vacuum", "analyze"]),
        (["create", "small", "--to", "files"], ["--jobs", "2"]),
        (["create", "small", "--template"], ["--vacuum", "none"]),
        (["create", "small", "--from-template"], ["--jobs", "2"]),
        (["create", "small", "--from-template"], ["--vacuum", "full"]),
        (["refresh", "small"], ["--jobs", "2", "--vacuum", "full"]),
    ],
)
def test_flags_that_would_change_nothing_are_said_to(
    folder: Folder, command: list[str], flags: list[str]
) -> None:
    done = folder.run("dev", *command, *flags)
    assert done.code == 2, done.err
    assert all(flag in done.err for flag in flags if flag.startswith("--"))
    assert folder.names() == []


def test_the_plan_of_a_clone_is_the_same_however_it_is_vacuumed(folder: Folder) -> None:
    folder.write(devdb='strategy = "clone"\n')
    done = folder.run("dev", "plan", "small", "--vacuum", "full")
    assert done.code == 2, done.err
    assert "is a clone" in done.err
