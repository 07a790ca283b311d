"""A project is its folder: found upwards, read strictly, guarded against secrets that lie open."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from penstock.devdb.context import context_of  # its import registers [devdb.NAME], as the faces do
from penstock.errors import ConfigError, SecretExposed, TargetRefused, UnknownName
from penstock.project.settings import ProjectSettings, load

Make = Callable[..., ProjectSettings]

TOML = """\
[project]
name = "shop"

[connections.prod]
url = "postgresql://reader@replica:5432/shop"
role = "source"

[connections.dev]
host = "localhost"
role = "target"

[devdb.small]
database = "shop_dev"
keep = ["public.country"]
[[devdb.small.root]]
table = "public.customer"
limit = 100
"""


def test_a_project_is_found_from_any_folder_below(
    project: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project(TOML)
    (tmp_path / "a" / "b").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "a" / "b")
    found = load()
    assert found.root == tmp_path
    assert found.name == "shop"
    assert found.masks_path == tmp_path / "masks.toml"
    assert found.state_dir == tmp_path / ".penstock"


def test_a_project_is_found_by_its_file_its_folder_or_a_variable(
    project: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project(TOML)
    assert load(tmp_path).root == load(tmp_path / "penstock.toml").root == tmp_path
    monkeypatch.chdir("/")
    monkeypatch.setenv("PENSTOCK_PROJECT", str(tmp_path))
    assert load().root == tmp_path


def test_no_project_is_an_error_that_says_how_to_start_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError) as caught:
        load()
    assert "penstock init" in caught.value.hint


def test_sections_are_the_jobs_own_dataclasses(project: Make) -> None:
    small = project(TOML).section("devdb", "small")
    assert small.database == "shop_dev"
    assert small.root[0].table == "public.customer"
    assert small.root[0].limit == 100


@pytest.mark.parametrize(
    ("change", "what", "hint"),
    [
        (("[devdb.small]", "[devbd.small]"), "unknown key devbd", "'devdb'"),
        (("database =", "databse ="), "unknown key devdb.small.databse", "'database'"),
        (("limit =", "limt ="), "unknown key devdb.small.root[0].limt", "'limit'"),
        (("name =", "nam ="), "unknown key project.nam", "'name'"),
        (("host =", "hots ="), "unknown key connections.dev.hots", "'host'"),
        (('"source"', '"sorce"'), "connections.prod.role", "'source'"),
    ],
)
def test_a_misspelt_key_is_an_error_with_the_right_one(
    project: Make, change: tuple[str, str], what: str, hint: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        project(TOML.replace(*change))
    assert what in caught.value.what
    assert "penstock.toml:" in caught.value.what
    assert hint in caught.value.hint


def test_broken_toml_is_an_error_with_its_line(project: Make) -> None:
    with pytest.raises(ConfigError) as caught:
        project("[project]\nname = shop\n")
    assert "line 2" in caught.value.why


def test_connections_without_a_name_are_refused(project: Make) -> None:
    with pytest.raises(ConfigError, match="named tables only"):
        project('[connections]\nurl = "postgresql://h/d"\n')


def test_an_unknown_instance_suggests_the_nearest(project: Make) -> None:
    with pytest.raises(UnknownName) as caught:
        project(TOML).section("devdb", "smal")
    assert "did you mean small?" in caught.value.hint


def test_the_only_connection_of_a_role_needs_no_name(project: Make) -> None:
    found = project(TOML)
    assert found.only_connection("source").name == "prod"
    more = project(TOML + '[connections.other]\nhost = "h"\nrole = "source"\n')
    with pytest.raises(UnknownName, match="more than one"):
        more.only_connection("source")
    assert more.only_connection("source", "other").name == "other"
    with pytest.raises(UnknownName, match="no connection"):
        found.only_connection("lake")


def test_a_choice_of_connections_is_made_where_the_caller_can_make_it(project: Make) -> None:
    several = project(TOML + '[connections.other]\nhost = "h"\nrole = "source"\n')
    with pytest.raises(UnknownName) as caught:
        several.only_connection("source")
    assert caught.value.hint == "--on prod"
    with pytest.raises(UnknownName) as caught:
        context_of(several, "small")
    assert caught.value.hint == 'source = "prod" in [devdb.small]'


def test_a_source_is_never_a_target(project: Make) -> None:
    with pytest.raises(TargetRefused, match="its role is source"):
        project(TOML).only_connection("target", "prod")


def test_precedence_is_flag_environment_env_file(project: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    def host(env: str = "", **flags: str) -> tuple[str, str]:
        found = project(TOML, env, **flags).resolved("dev")
        return found.settings.host, found.origins["host"]

    variable = "PENSTOCK_CONNECTIONS_DEV_HOST"
    assert host() == ("localhost", "penstock.toml:9")
    assert host(f"{variable}=env-file\n") == ("env-file", ".env:1")
    monkeypatch.setenv(variable, "environment")
    assert host(f"{variable}=env-file\n") == ("environment", f"environment {variable}")
    assert host(f"{variable}=env-file\n", connections__dev__host="flag") == ("flag", "flag")


def test_an_override_takes_the_type_of_its_field(project: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PENSTOCK_DEVDB_SMALL_GRANTS", "true")
    found = project(TOML, devdb__small__max_snapshot_minutes="7.5", connections__dev__port="6000")
    assert found.section("devdb", "small").grants is True
    assert found.section("devdb", "small").max_snapshot_minutes == 7.5
    assert found.connection("dev").port == 6000
    assert project(TOML, project__name="other").name == "other"


def test_an_override_of_the_wrong_type_or_of_nothing_is_an_error(project: Make) -> None:
    with pytest.raises(ConfigError, match="is not a float"):
        project(TOML, devdb__small__max_snapshot_minutes="soon")
    with pytest.raises(ConfigError, match="fits no setting"):
        project(TOML, connections__prd__host="h")


def test_a_password_is_not_taken_from_a_flag(project: Make) -> None:
    with pytest.raises(SecretExposed) as caught:
        project(TOML, connections__dev__password="canary-flag")
    assert "canary" not in str(caught.value.as_dict())


def test_a_password_from_a_named_variable_is_a_secret(project: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PENSTOCK_CONNECTIONS_DEV_PASSWORD", "canary-variable")
    found = project(TOML)
    assert found.connection("dev").password.reveal() == "canary-variable"
    assert "canary" not in repr(found)


def test_the_key_is_32_bytes(project: Make) -> None:
    assert len(project(TOML).key_bytes()) == 32
    assert project(TOML).key().origin == ".env:1"


@pytest.mark.parametrize("value", ["", "abc", "zz" * 32, "00" * 32, "ab" * 31, "11 " * 32])
def test_what_is_no_key_is_refused(project: Make, value: str) -> None:
    with pytest.raises(ConfigError) as caught:
        project(TOML, f"PENSTOCK_KEY={value}\n").key_bytes()
    assert "PENSTOCK_KEY" in caught.value.what
    assert not value or value not in str(caught.value.as_dict())


def test_a_missing_key_says_whom_to_ask(project: Make) -> None:
    with pytest.raises(ConfigError) as caught:
        project(TOML, "").key()
    assert "colleague" in caught.value.hint


def git(root: Path, *arguments: str) -> None:
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
    subprocess.run(["git", *identity, *arguments], cwd=root, check=True, capture_output=True)


@pytest.mark.git
def test_a_tracked_env_is_refused(project: Make, tmp_path: Path) -> None:
    project(TOML)
    git(tmp_path, "init", "-q")
    assert load(tmp_path).name == "shop"
    git(tmp_path, "add", "-f", ".env")
    with pytest.raises(SecretExposed) as caught:
        load(tmp_path)
    assert "git rm --cached .env" in caught.value.hint
    assert caught.value.exit_code == 4


@pytest.mark.git
def test_a_tracked_env_is_found_inside_a_hook_too(
    project: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project(TOML)
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", "-f", ".env")
    monkeypatch.setenv("GIT_DIR", "/nowhere")
    monkeypatch.setenv("GIT_INDEX_FILE", "/nowhere/index")
    with pytest.raises(SecretExposed):
        load(tmp_path)


@pytest.mark.git
def test_a_tracked_env_of_a_sub_folder_project_is_found(tmp_path: Path) -> None:
    folder = tmp_path / "sub"
    folder.mkdir()
    (folder / "penstock.toml").write_text(TOML)
    (folder / ".env.production").write_text("A=1\n")
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", "-f", "sub/.env.production")
    with pytest.raises(SecretExposed, match=r"\.env\.production"):
        load(folder)


@pytest.mark.git
def test_a_tracked_example_is_fine(project: Make, tmp_path: Path) -> None:
    project(TOML)
    (tmp_path / ".env.example").write_text("PENSTOCK_KEY=\n")
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", "-f", ".env.example")
    assert load(tmp_path).name == "shop"


@pytest.mark.git
def test_without_git_a_project_still_loads(
    project: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project(TOML)
    git(tmp_path, "init", "-q")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert load(tmp_path).name == "shop"
    assert os.environ["PATH"] == str(tmp_path)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
@pytest.mark.git
def test_a_tracked_env_in_somebody_elses_folder_is_found(project: Make, tmp_path: Path) -> None:
    project(TOML)
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", "-f", ".env")
    for path in (tmp_path, *tmp_path.rglob("*")):
        os.chown(path, 65534, 65534)
    with pytest.raises(SecretExposed):
        load(tmp_path)
