"""`penstock init` writes a project from flags, from `.env` or from answers, and overwrites nothing."""

from __future__ import annotations

import os
import pty
import stat
import subprocess
from pathlib import Path

import pytest

import penstock.devdb.config  # noqa: F401  the written file has a [devdb.small]
from penstock.project.settings import load
from tests.cli.running import COMMAND, Penstock, clean_environment
from tests.servers import Database

SOURCE = "postgresql://reader@replica.internal:5432/shop"
RDS = "RDS_DB_NAME=ebdb\nRDS_HOSTNAME=db.eu.example\nRDS_PASSWORD=aB1!#!@\nRDS_PORT=5433\nRDS_USERNAME=app\n"


@pytest.fixture(autouse=True)
def _no_key_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PENSTOCK_KEY", raising=False)


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_every_answer_has_a_flag(penstock: Penstock, tmp_path: Path) -> None:
    done = penstock(
        "init", "--no-input", "--name", "shop", "--source", SOURCE, "--target", "postgresql://dev@localhost/postgres",
        "--database", "shop_small", "--password-stdin", stdin="aB1!#!@\n123!#!@ 'x'\n",
    )  # fmt: skip
    assert (done.code, done.err) == (0, "Next: penstock doctor\n")
    found = load(tmp_path)
    assert found.connection("prod").password.reveal() == "aB1!#!@"
    assert found.connection("prod").describe() == SOURCE
    assert found.connection("dev").password.reveal() == "123!#!@ 'x'"
    assert stat.S_IMODE((tmp_path / ".env").stat().st_mode) == 0o600
    assert "aB1" not in done.out + done.err + (tmp_path / "penstock.toml").read_text()
    assert 'database = "shop_small"' in (tmp_path / "penstock.toml").read_text()


def test_an_env_with_rds_lines_is_used_as_it_is(penstock: Penstock, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(RDS)
    done = penstock("init", "--no-input")
    assert done.code == 0
    assert (tmp_path / ".env").read_text().startswith(RDS)
    toml = (tmp_path / "penstock.toml").read_text()
    assert 'password = "${RDS_PASSWORD}"' in toml
    assert "aB1" not in toml + done.out + done.err
    prod = load(tmp_path).connection("prod")
    assert (prod.host, prod.port, prod.dbname, prod.user) == ("db.eu.example", 5433, "ebdb", "app")
    assert prod.password.reveal() == "aB1!#!@"


def test_a_prefix_chooses_among_several_connections_in_env(penstock: Penstock, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(RDS + "LOCAL_HOST=localhost\nLOCAL_USER=me\n")
    done = penstock("init", "--no-input", "--source-env", "RDS", "--target-env", "LOCAL")
    assert done.code == 0
    assert load(tmp_path).connection("dev").user == "me"
    assert load(tmp_path).connection("prod").host == "db.eu.example"


def test_an_unknown_prefix_is_an_error_that_names_the_known_ones(penstock: Penstock, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(RDS)
    done = penstock("init", "--no-input", "--source-env", "AWS")
    assert done.code == 2
    assert "RDS" in done.err
    assert files(tmp_path) == {".env": RDS.encode()}


def test_run_again_it_changes_nothing(penstock: Penstock, tmp_path: Path) -> None:
    penstock("init", "--no-input", "--source", SOURCE)
    before = files(tmp_path)
    done = penstock("init", "--no-input", "--source", "postgresql://other@h/d")
    assert (done.code, files(tmp_path)) == (0, before)


def test_a_cloned_project_without_its_key_gets_no_new_key(penstock: Penstock, tmp_path: Path) -> None:
    penstock("init", "--no-input", "--source", SOURCE)
    (tmp_path / ".env").unlink()
    before = files(tmp_path)
    done = penstock("init", "--no-input", "--source", SOURCE)
    assert (done.code, files(tmp_path)) == (2, before)
    assert "colleague" in done.err


def test_without_a_source_it_says_what_to_type(penstock: Penstock, tmp_path: Path) -> None:
    done = penstock("init", "--no-input")
    assert done.code == 2
    assert "--source" in done.err
    assert files(tmp_path) == {}


@pytest.mark.parametrize("url", ["postgresql://u:canary-pw@h/d", "postgresql://u:cana#ry-pw@h/d"])
def test_a_password_on_the_command_line_is_refused(penstock: Penstock, tmp_path: Path, url: str) -> None:
    done = penstock("init", "--no-input", "--source", url)
    assert done.code == 4
    assert "--password-stdin" in done.err
    assert "ry-pw" not in done.out + done.err
    assert files(tmp_path) == {}


def test_there_is_no_password_flag(penstock: Penstock) -> None:
    assert penstock("init", "--password", "x").code == 2


def test_what_is_no_url_is_refused_without_being_shown(penstock: Penstock) -> None:
    done = penstock("init", "--no-input", "--source", "host=h password=canary-pw")
    assert done.code == 2
    assert "canary" not in done.out + done.err


@pytest.mark.git
def test_a_tracked_env_gets_no_key(penstock: Penstock, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("A=1\n")
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    subprocess.run(["git", "add", ".env"], cwd=tmp_path, check=True)
    done = penstock("init", "--no-input", "--source", SOURCE)
    assert done.code == 4
    assert (tmp_path / ".env").read_text() == "A=1\n"


@pytest.mark.git
def test_git_ignores_what_was_written_as_it_should(penstock: Penstock, tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    penstock("init", "--no-input", "--source", SOURCE)
    subprocess.run(["git", "add", "-A"], cwd=tmp_path, check=True)
    listed = subprocess.run(
        ["git", "ls-files"], cwd=tmp_path, check=True, capture_output=True, text=True
    ).stdout
    assert listed.split() == [".env.example", ".gitignore", "penstock.toml"]


def test_the_written_files_as_json(penstock: Penstock) -> None:
    done = penstock("init", "--no-input", "--source", SOURCE, "--json")
    assert {item["file"]: item["what"] for item in done.json["files"]} == dict.fromkeys(
        [".gitignore", ".env", ".env.example", "penstock.toml"], "created"
    )


def test_on_a_terminal_it_asks_and_hides_the_password(tmp_path: Path) -> None:
    controller, terminal = pty.openpty()
    process = subprocess.Popen(
        [*COMMAND, "init", "--target", "postgresql://dev@localhost/postgres"],
        cwd=tmp_path, stdin=terminal, stdout=terminal, stderr=terminal, env=clean_environment(TERM="dumb"),
        start_new_session=True,
    )  # fmt: skip
    os.close(terminal)
    shown = b""
    answers = [b"shop", b"postgresql://reader@h:5432/shop", b"aB1!#!@", b"", b"shop_dev"]
    for question, answer in zip(
        [b"Name of", b"URL of", b"Password of", b"Password of", b"Name of"], answers, strict=True
    ):
        start = len(shown)
        while question not in shown[start:]:
            shown += os.read(controller, 4096)
        while not shown.rstrip(b" ").endswith(b":"):
            shown += os.read(controller, 4096)
        os.write(controller, answer + b"\n")
    assert process.wait(30) == 0
    os.close(controller)
    assert b"aB1" not in shown
    found = load(tmp_path)
    assert found.name == "shop"
    assert found.connection("prod").password.reveal() == "aB1!#!@"


def test_doctor_is_content_with_a_fresh_project(penstock: Penstock, pagila: Database, tmp_path: Path) -> None:
    server = pagila.server
    place = f"{server.host}:{server.port}"
    penstock(
        "init", "--no-input", "--source", f"postgresql://{server.user}@{place}/{pagila.name}", "--target",
        f"postgresql://{server.user}@{place}/postgres", "--password-stdin", stdin=f"{server.password}\n" * 2,
    )  # fmt: skip
    done = penstock("doctor", "--json")
    assert [check for check in done.json["checks"] if check["outcome"] == "fail"] == []
    assert done.code == 0
