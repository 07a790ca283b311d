"""Nobody but who builds a copy may connect to it before it has been verified: its rows may be real still, and a stranger's lock
would stop the run."""

from __future__ import annotations

import dataclasses
from contextlib import ExitStack

import asyncpg
import pytest

from tests.conftest import MakeDatabase
from tests.devdb.conftest import Folder, MakeFolder, MakeRole
from tests.devdb.held_stages import SLOW_MASKS, SLOW_SHOP, STAGES, held
from tests.devdb.processes import running
from tests.devdb.small_shop import DEVDB

OPEN = ["public CONNECT", "public TEMPORARY"]
RIGHTS = """
SELECT CASE WHEN a.grantee = 0 THEN 'public' ELSE a.grantee::regrole::text END || ' ' || a.privilege_type
  FROM pg_database d, aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) a
 WHERE d.datname = $1 AND a.grantee <> d.datdba ORDER BY 1
"""


def rights(folder: Folder, database: str) -> list[str]:
    """Of everybody but the owner, on a database."""
    return [text for (text,) in folder.target.maintenance.rows(RIGHTS, database)]


def test_a_build_lets_nobody_else_in_and_what_is_published_everybody(
    make_database: MakeDatabase, make_folder: MakeFolder, make_role: MakeRole
) -> None:
    folder = make_folder(make_database(SLOW_SHOP), DEVDB, SLOW_MASKS)
    user, password = make_role()
    guest = dataclasses.replace(folder.target, user=user, password=password)
    for command in ("create", "refresh"):
        with ExitStack() as let_go, ExitStack() as stay:
            let_go.enter_context(held(folder, "rows"))
            run = stay.enter_context(running(folder, "dev", command, "small"))
            run.wait_for(STAGES["rows"])
            built = next(name for name in folder.names() if name != folder.database)
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                guest.database(built).value("SELECT 1")
            let_go.close()
            assert run.end() == 0, run.said
        assert guest.database(folder.database).value("SELECT 1") == 1
        assert rights(folder, folder.database) == OPEN
    # What an administrator closed stays closed.
    folder.target.maintenance.execute(f"REVOKE CONNECT ON DATABASE {folder.database} FROM PUBLIC")
    assert folder.run("dev", "refresh", "small").code == 0
    assert rights(folder, folder.database) == OPEN[1:]


def test_copies_of_a_template_have_the_rights_of_any_new_database_and_those_of_the_developers(
    make_database: MakeDatabase, make_folder: MakeFolder, make_role: MakeRole
) -> None:
    developers, _ = make_role()
    folder = make_folder(make_database(SLOW_SHOP), DEVDB, SLOW_MASKS)
    path = folder.path / "penstock.toml"
    path.write_text(path.read_text().replace("[devdb.small]", f'[devdb.small]\ndevelopers = "{developers}"'))
    own = folder.database + "_own"
    expected = sorted([*(f"{developers} {right}" for right in ("CONNECT", "CREATE", "TEMPORARY")), *OPEN])
    for arguments in (
        ("create", "small", "--template"),
        ("create", "small", "--from-template", "--database", own),
        ("reset", "small", "--database", own),
    ):
        done = folder.run("dev", *arguments)
        assert done.code == 0, done.err
    assert sorted(rights(folder, own)) == expected
    folder.target.drop(own)
    assert folder.run("dev", "drop", "small", "--template", "--yes").code == 0
