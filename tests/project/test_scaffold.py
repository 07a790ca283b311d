"""A new project is written without touching what is there."""

from __future__ import annotations

import stat
import tomllib
from pathlib import Path

import pytest

import penstock.devdb.config  # noqa: F401  the written file has a [devdb.small]
from penstock.errors import ConfigError
from penstock.project import scaffold
from penstock.project.scaffold import Endpoint
from penstock.project.settings import load

PROD = Endpoint(
    "prod",
    "source",
    {"url": "postgresql://r@h/shop", "password": "${PROD_PASSWORD:-}"},
    {"PROD_PASSWORD": "aB1!#!@"},
)
DEV = Endpoint(
    "dev",
    "target",
    {"url": "postgresql://d@h/postgres", "password": "${DEV_PASSWORD:-}"},
    {"DEV_PASSWORD": ""},
)


@pytest.fixture(autouse=True)
def _no_password_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PENSTOCK_KEY", raising=False)


def test_what_is_written_loads(tmp_path: Path) -> None:
    scaffold.write(tmp_path, 'a "quoted" näme', [PROD, DEV], "shop_dev")
    found = load(tmp_path)
    assert found.name == 'a "quoted" näme'
    assert found.connection("prod").password.reveal() == "aB1!#!@"
    assert found.connection("dev").password is None
    assert found.section("devdb", "small").database == "shop_dev"
    assert len(found.key_bytes()) == 32


def test_the_commented_examples_of_the_project_file_are_valid(tmp_path: Path) -> None:
    scaffold.write(tmp_path, "shop", [PROD, DEV], "shop_dev")
    path = tmp_path / "penstock.toml"
    head, _, rest = path.read_text().partition("[devdb.small]")
    lines = [
        line.removeprefix("# ") if " = " in line or line.startswith("# [[") else line
        for line in rest.splitlines()
    ]
    path.write_text(head + "[devdb.small]" + "\n".join(lines))
    small = load(tmp_path).section("devdb", "small")
    assert small.root[0].limit == 100
    assert small.edge[0].children == 20
    assert small.real[0].table == "public.users"
    assert small.skip == ("public.cache_*",)


def test_secrets_are_private_and_the_rest_holds_none(tmp_path: Path) -> None:
    scaffold.write(tmp_path, "shop", [PROD, DEV], "shop_dev")
    assert stat.S_IMODE((tmp_path / ".env").stat().st_mode) == 0o600
    key = load(tmp_path).key().reveal()
    for name in ("penstock.toml", ".env.example", ".gitignore"):
        text = (tmp_path / name).read_text()
        assert "aB1!#!@" not in text
        assert key not in text
    assert ".env\n" in (tmp_path / ".gitignore").read_text()
    assert "PROD_PASSWORD=\n" in (tmp_path / ".env.example").read_text()


def test_two_projects_have_two_keys(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        scaffold.write(tmp_path / name, "shop", [PROD, DEV], "shop_dev")
    assert load(tmp_path / "a").key() != load(tmp_path / "b").key()


def test_existing_files_keep_every_byte(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("PROD_PASSWORD='theirs'\nOTHER=1")
    (tmp_path / ".gitignore").write_text("node_modules\n.env")
    scaffold.write(tmp_path, "shop", [PROD, DEV], "shop_dev")
    assert (tmp_path / ".env").read_text().startswith("PROD_PASSWORD='theirs'\nOTHER=1\n")
    assert (tmp_path / ".gitignore").read_text() == "node_modules\n.env\n.env.*\n!.env.example\n.penstock/\n"
    assert load(tmp_path).connection("prod").password.reveal() == "theirs"
    assert stat.S_IMODE((tmp_path / ".env").stat().st_mode) == 0o600


def test_an_existing_key_is_kept(tmp_path: Path) -> None:
    key = "0123456789abcdef" * 4
    (tmp_path / ".env").write_text(f"PENSTOCK_KEY={key}\n")
    scaffold.write(tmp_path, "shop", [PROD, DEV], "shop_dev")
    assert load(tmp_path).key().reveal() == key


def test_a_project_without_its_key_gets_no_new_one(tmp_path: Path) -> None:
    (tmp_path / "penstock.toml").write_text("[project]\nname = 'shop'\n")
    with pytest.raises(ConfigError) as caught:
        scaffold.refuse_existing(tmp_path)
    assert "colleague" in caught.value.hint
    assert not (tmp_path / ".env").exists()


def test_a_complete_project_is_left_alone(tmp_path: Path) -> None:
    assert not scaffold.refuse_existing(tmp_path)
    scaffold.write(tmp_path, "shop", [PROD, DEV], "shop_dev")
    assert scaffold.refuse_existing(tmp_path)


def test_missing_ignore_lines_of_an_existing_project_are_an_error_with_the_lines(tmp_path: Path) -> None:
    scaffold.write(tmp_path, "shop", [PROD, DEV], "shop_dev")
    (tmp_path / ".gitignore").write_text(".env\n")
    with pytest.raises(ConfigError) as caught:
        scaffold.refuse_existing(tmp_path)
    assert ".penstock/" in caught.value.hint


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (
            ["RDS_DB_NAME", "RDS_HOSTNAME", "RDS_PASSWORD", "RDS_PORT", "RDS_USERNAME"],
            {
                "RDS": {
                    "host": "${RDS_HOSTNAME}",
                    "port": "${RDS_PORT}",
                    "dbname": "${RDS_DB_NAME}",
                    "user": "${RDS_USERNAME}",
                    "password": "${RDS_PASSWORD}",
                }
            },
        ),
        (
            ["DB_HOST", "DB_USER", "DB_NAME"],
            {"DB": {"host": "${DB_HOST}", "user": "${DB_USER}", "dbname": "${DB_NAME}"}},
        ),
        (
            ["PGHOST", "PGUSER", "PGDATABASE"],
            {"PG": {"host": "${PGHOST}", "user": "${PGUSER}", "dbname": "${PGDATABASE}"}},
        ),
        (["SMTP_HOST"], {}),
        (["HOSTNAME", "USER", "PASSWORD"], {}),
        ([], {}),
    ],
)
def test_a_connection_that_variables_describe_is_found(
    names: list[str], expected: dict[str, dict[str, str]]
) -> None:
    assert scaffold.detect(dict.fromkeys(names, "x")) == expected


def test_a_database_url_is_found_by_its_scheme() -> None:
    assert scaffold.detect({"DATABASE_URL": "postgres://u:p@h/d", "SITE_URL": "https://x"}) == {
        "DATABASE": {"url": "${DATABASE_URL}"}
    }


@pytest.mark.parametrize("text", ['a"b', "a\\b", "a\nb", "\x7f\x01", "ü€😀", ""])
def test_any_text_is_written_as_toml(text: str) -> None:
    parsed = tomllib.loads(scaffold.project_text(text, [PROD, DEV], text))
    assert parsed["project"]["name"] == text
    assert parsed["devdb"]["small"]["database"] == text
