"""`penstock conn` lists connections without opening them, and tests them for real."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.running import Penstock, WriteProject
from tests.servers import Database, Server


def test_the_list_opens_nothing_and_runs_nothing(penstock: Penstock, tmp_path: Path) -> None:
    (tmp_path / "penstock.toml").write_text(
        "[connections.prod]\nrole='source'\nurl='postgresql://u@nowhere.invalid/d'\npassword_cmd=['touch', 'ran']\n"
        "[connections.dev]\nrole='target'\nhost='${NOT_SET}'\n"
    )
    done = penstock("conn", "list", "--json")
    assert done.code == 0
    assert done.json["connections"][0] == {
        "name": "prod",
        "role": "source",
        "url": "postgresql://u@nowhere.invalid:5432/d",
    }
    assert "NOT_SET" in done.json["connections"][1]["error"]
    assert not (tmp_path / "ran").exists()
    assert "nowhere.invalid" in penstock("conn", "list").out


def test_a_server_that_answers_says_what_it_is(
    penstock: Penstock, write_project: WriteProject, postgres: Server
) -> None:
    write_project(postgres.maintenance)
    done = penstock("conn", "test", "--json")
    assert done.code == 0
    first = done.json["connections"][0]
    assert (first["name"], first["ok"], first["standby"], first["database"]) == (
        "prod",
        True,
        False,
        "postgres",
    )
    assert first["version"].startswith(str(postgres.major))
    assert "ok" in penstock("conn", "test", "prod").out


def test_a_standby_is_recognised(penstock: Penstock, write_project: WriteProject, standby: Server) -> None:
    write_project(standby.maintenance)
    assert penstock("conn", "test", "prod", "--json").json["connections"][0]["standby"] is True


def test_a_wrong_password_exits_with_3_and_shows_none(
    penstock: Penstock, write_project: WriteProject, embedded18: Server
) -> None:
    write_project(embedded18.maintenance, prod_password="canary-wrong")
    done = penstock("conn", "test", "prod")
    assert done.code == 3
    assert "password" in done.out
    assert "hint:" in done.out
    assert "canary" not in done.out + done.err


@pytest.mark.parametrize(("host", "port"), [("127.0.0.1", 1), ("nowhere.invalid", 5432), ("/nowhere", 5432)])
def test_an_unreachable_host_exits_with_3(penstock: Penstock, tmp_path: Path, host: str, port: int) -> None:
    (tmp_path / "penstock.toml").write_text(
        f"[connections.prod]\nrole='source'\nhost='{host}'\nport={port}\nuser='u'\ndbname='d'\n"
    )
    done = penstock("conn", "test", "--json")
    assert done.code == 3
    assert done.json["connections"][0]["error"]["code"] == "PEN-3100"
    assert done.json["connections"][0]["error"]["hint"]


def test_a_database_that_is_not_there_exits_with_3(
    penstock: Penstock, write_project: WriteProject, postgres: Server
) -> None:
    write_project(Database(postgres, "no_such_database"), postgres.maintenance)
    done = penstock("conn", "test", "prod", "--json")
    assert done.code == 3
    assert "no such database" in done.json["connections"][0]["error"]["what"]


def test_one_failure_does_not_hide_the_others(
    penstock: Penstock, write_project: WriteProject, postgres: Server
) -> None:
    write_project(Database(postgres, "no_such_database"), postgres.maintenance)
    rows = {row["name"]: row["ok"] for row in penstock("conn", "test", "--json").json["connections"]}
    assert rows == {"prod": False, "dev": True}


def test_an_unknown_connection_exits_with_2(
    penstock: Penstock, write_project: WriteProject, postgres: Server
) -> None:
    write_project(postgres.maintenance)
    done = penstock("conn", "test", "prd")
    assert done.code == 2
    assert "did you mean prod?" in done.err


def test_a_missing_variable_exits_with_2(penstock: Penstock, tmp_path: Path) -> None:
    (tmp_path / "penstock.toml").write_text("[connections.prod]\nrole='source'\nhost='${NOT_SET}'\n")
    assert penstock("conn", "test").code == 2
