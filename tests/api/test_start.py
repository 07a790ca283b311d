"""`penstock.init`: what a script may say, and what is left to stand to reason."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

import penstock

SOURCE = "postgresql://reader@replica.internal:5432/shop"


@pytest.fixture(autouse=True)
def _no_key_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PENSTOCK_KEY", raising=False)


def password(project: penstock.Project, name: str) -> str:
    secret = project.settings.connection(name).password
    return secret.reveal() if secret else ""


def test_passwords_go_to_env_whether_in_the_url_or_beside_it(tmp_path: Path) -> None:
    penstock.init(
        tmp_path,
        source="postgresql://reader:aB1%23%40@replica.internal/shop",
        target="postgresql://dev@localhost/postgres",
        target_password="123!#!@ 'x'",
    )
    project = penstock.Project.load(tmp_path)
    assert (password(project, "prod"), password(project, "dev")) == ("aB1#@", "123!#!@ 'x'")
    assert stat.S_IMODE((tmp_path / ".env").stat().st_mode) == 0o600
    written = (tmp_path / "penstock.toml").read_text()
    assert "aB1" not in written
    assert "123!" not in written


def test_what_is_not_said_is_the_folders_name_and_this_machine(tmp_path: Path) -> None:
    folder = tmp_path / "my-shop"
    folder.mkdir()
    penstock.init(folder, source=SOURCE)
    project = penstock.Project.load(folder)
    assert project.settings.name == "my-shop"
    assert project.settings.section("devdb", "small").database == "my_shop_dev"
    assert project.settings.connection("dev").host == "localhost"


def test_a_project_that_is_there_stays_as_it_is(tmp_path: Path) -> None:
    assert penstock.init(tmp_path, source=SOURCE)
    before = (tmp_path / "penstock.toml").read_text()
    assert penstock.init(tmp_path, source="postgresql://other@h/d") == []
    assert (tmp_path / "penstock.toml").read_text() == before


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"source": SOURCE, "source_env": "RDS"},
        {"source": "host=h password=canary-pw"},
        {"source_env": "AWS"},
        {"source": SOURCE, "target": "mysql://u@h/d"},
    ],
    ids=["no source", "named twice", "no url", "unknown prefix", "another engine"],
)
def test_what_cannot_be_is_refused_before_anything_is_written(
    tmp_path: Path, arguments: dict[str, str]
) -> None:
    env = "RDS_HOST=h\nRDS_USER=u\nLOCAL_HOST=h\nLOCAL_USER=u\n"
    (tmp_path / ".env").write_text(env)
    with pytest.raises(penstock.PenstockError) as refused:
        penstock.init(tmp_path, **arguments)
    assert refused.value.exit_code == 2
    assert refused.value.hint
    assert "canary" not in str(refused.value)
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {".env": env}
