"""`penstock config` shows what is in force and where it comes from, and refuses what is wrong."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.cli.running import KEY, Penstock

TOML = """\
[project]
name = "shop"
[connections.prod]
role = "source"
host = "${RDS_HOSTNAME}"
password = "${RDS_PASSWORD}"
[devdb.small]
database = "shop_dev"
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "penstock.toml").write_text(TOML)
    (tmp_path / ".env").write_text(f"PENSTOCK_KEY={KEY}\nRDS_HOSTNAME=db.example\nRDS_PASSWORD=aB1!#!@\n")
    return tmp_path


def line(text: str, key: str) -> list[str]:
    return next(row.split() for row in text.splitlines() if row.startswith(key + " "))


def test_the_origin_is_flag_then_environment_then_env_then_file(penstock: Penstock, folder: Path) -> None:
    def host(*arguments: str, **environment: str) -> list[str]:
        return line(
            penstock("config", "show", "--origin", *arguments, **environment).out, "connections.prod.host"
        )[1:]

    override = "PENSTOCK_CONNECTIONS_PROD_HOST"
    assert host() == ["db.example", ".env:2"]
    assert host(RDS_HOSTNAME="other") == ["other", "environment", "RDS_HOSTNAME"]
    assert host(**{override: "third"}) == ["third", "environment", override]
    assert host("--set", "connections.prod.host=flag", **{override: "third"}) == ["flag", "flag"]


def test_secrets_are_asterisks(penstock: Penstock, folder: Path) -> None:
    for arguments in (["show"], ["show", "--origin"], ["show", "--json"], ["show", "--origin", "-vv"]):
        done = penstock("config", *arguments)
        assert done.code == 0
        assert "aB1" not in done.out + done.err
        assert KEY not in done.out + done.err
    assert line(penstock("config", "show", "--origin").out, "connections.prod.password")[1:] == [
        "****",
        ".env:3",
    ]


def test_json_has_every_setting(penstock: Penstock, folder: Path) -> None:
    found = {item["key"]: item for item in penstock("config", "show", "--json").json["settings"]}
    assert found["devdb.small.database"] == {
        "key": "devdb.small.database",
        "value": "shop_dev",
        "origin": "penstock.toml:8",
    }
    assert found["devdb.small.unclassified"]["origin"] == "default"


def test_a_misspelt_key_exits_with_2_and_the_right_key(penstock: Penstock, folder: Path) -> None:
    (folder / "penstock.toml").write_text(TOML.replace("database =", "databse ="))
    done = penstock("config", "show")
    assert done.code == 2
    assert "penstock.toml:8" in done.err
    assert "did you mean 'database'?" in done.err
    as_json = penstock("config", "show", "--json")
    assert (as_json.code, as_json.json["error"]["code"]) == (2, "PEN-2100")


@pytest.mark.parametrize(
    "arguments",
    [
        ["config", "show"],
        ["conn", "list"],
        ["conn", "test"],
        ["dev", "list"],
        ["masks", "check"],
        ["discover"],
    ],
)
@pytest.mark.git
def test_a_tracked_env_is_refused_by_every_command_that_loads_the_project(
    penstock: Penstock, folder: Path, arguments: list[str]
) -> None:
    subprocess.run(["git", "init", "-q"], cwd=folder, check=True)
    subprocess.run(["git", "add", "-f", ".env"], cwd=folder, check=True)
    done = penstock(*arguments)
    assert (done.code, "PEN-4100" in done.err) == (4, True)
    assert "git rm --cached .env" in done.err


@pytest.mark.parametrize(
    "arguments",
    [
        ["config", "show"],
        ["conn", "list"],
        ["conn", "test"],
        ["dev", "list"],
        ["masks", "check"],
        ["discover"],
    ],
)
def test_a_literal_password_is_refused_by_every_command_that_loads_the_project(
    penstock: Penstock, folder: Path, arguments: list[str]
) -> None:
    (folder / "penstock.toml").write_text(TOML.replace("${RDS_PASSWORD}", "canary-literal"))
    done = penstock(*arguments)
    assert (done.code, "PEN-4100" in done.err) == (4, True)
    assert "canary" not in done.out + done.err


def test_the_schema_is_json_schema(penstock: Penstock) -> None:
    schema = penstock("config", "schema").json
    assert schema["$schema"].startswith("https://json-schema.org/")
    assert "devdb" in schema["properties"]
