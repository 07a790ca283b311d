"""A connection is a url or single fields, from the file, the environment or `.env`; never with a literal password."""

from __future__ import annotations

import stat
import sys
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from penstock.errors import ConfigError, SecretExposed, UnknownName
from penstock.project.connections import ConnectionTable, resolve
from penstock.project.environment import Environment
from penstock.project.settings import ProjectSettings

Make = Callable[..., ProjectSettings]

RDS_FIELDS = """
[connections.prod]
role = "source"
host = "${RDS_HOSTNAME}"
port = "${RDS_PORT}"
dbname = "${RDS_DB_NAME}"
user = "${RDS_USERNAME}"
password = "${RDS_PASSWORD}"
"""


def test_a_project_whose_env_already_holds_rds_lines_works(project: Make) -> None:
    env = "RDS_DB_NAME=ebdb\nRDS_HOSTNAME=db.eu.example\nRDS_PASSWORD=aB1!#!@\nRDS_PORT=5433\nRDS_USERNAME=app\n"
    found = project(RDS_FIELDS, env).connection("prod")
    assert (found.host, found.port, found.dbname, found.user) == ("db.eu.example", 5433, "ebdb", "app")
    assert found.password.reveal() == "aB1!#!@"
    assert found.describe() == "postgresql://app@db.eu.example:5433/ebdb"


def test_the_origin_of_every_field_is_known(project: Make) -> None:
    env = "RDS_DB_NAME=ebdb\nRDS_HOSTNAME=h\nRDS_PASSWORD=aB1!#!@\nRDS_PORT=5433\nRDS_USERNAME=app\n"
    origins = project(RDS_FIELDS, env).resolved("prod").origins
    assert origins == {
        "dbname": ".env:1",
        "host": ".env:2",
        "password": ".env:3",
        "port": ".env:4",
        "user": ".env:5",
    }


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("postgresql://u@h:5433/d", ("h", 5433, "d", "u")),
        ("postgres://u@h/d", ("h", 5432, "d", "u")),
        ("postgresql://u@h", ("h", 5432, "u", "u")),
        ("postgresql://u@[::1]:1/d", ("::1", 1, "d", "u")),
        ("postgresql://u%40x@h/d%20e", ("h", 5432, "d e", "u@x")),
        ("postgresql://u@/d?host=/var/run&port=6", ("/var/run", 6, "d", "u")),
        ("postgresql://%2Ftmp/d?user=u", ("/tmp", 5432, "d", "u")),
    ],
)
def test_a_url_is_read(project: Make, url: str, expected: tuple[str, int, str, str]) -> None:
    found = project(f'[connections.prod]\nrole = "source"\nurl = "{url}"\n').connection("prod")
    assert (found.host, found.port, found.dbname, found.user) == expected


def test_a_field_wins_over_the_same_part_of_the_url(project: Make) -> None:
    found = project(
        '[connections.a]\nrole="source"\nurl="postgresql://u@h:1/d?sslmode=require"\nhost="other"\nuser="w"'
    )
    assert found.connection("a").describe() == "postgresql://w@other:1/d"
    assert found.connection("a").sslmode == "require"


@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]), min_size=1, max_size=30))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_password_in_a_variable_arrives_unchanged(password: str) -> None:
    table = ConnectionTable(role="source", url="postgresql://u@h/d", password="${P}")
    found = resolve("prod", table, Environment({"P": password}, None), lambda _: "x").settings
    assert found.password.reveal() == password


@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]), min_size=1, max_size=30))
def test_any_encoded_password_in_a_url_variable_arrives_unchanged(password: str) -> None:
    table = ConnectionTable(role="source", url="${U}")
    url = f"postgresql://u:{quote(password, safe='')}@h:1/d"
    found = resolve("prod", table, Environment({"U": url}, None), lambda _: "x").settings
    assert found.password.reveal() == password
    assert found.describe() == "postgresql://u@h:1/d"


@pytest.mark.parametrize(
    "password", ["aB1!#!@", "123!#!@", "a/b", "a?b=c", "a@b", "a:b:c", "#", "p@ss/w?r#d"]
)
def test_a_pasted_unencoded_password_in_a_url_variable_arrives_too(password: str) -> None:
    table = ConnectionTable(role="source", url="${U}")
    environment = Environment({"U": f"postgresql://u:{password}@h:1/d"}, None)
    found = resolve("prod", table, environment, lambda _: "x").settings
    assert (found.password.reveal(), found.host, found.port, found.dbname) == (password, "h", 1, "d")


@pytest.mark.parametrize(
    "line",
    [
        'url = "postgresql://u:canary-pw@h/d"',
        'url = "postgresql://u@h/d?password=canary-pw"',
        'url = "${U:-postgresql://u:canary-pw@h/d}"',
        'password = "canary-pw"',
        'password = "${P:-canary-pw}"',
    ],
)
def test_a_literal_password_in_the_file_is_refused(project: Make, line: str) -> None:
    with pytest.raises(SecretExposed) as caught:
        project(f'[connections.prod]\nrole = "source"\n{line}\n')
    assert "penstock.toml:3" in caught.value.what
    assert "${PROD_PASSWORD}" in caught.value.hint
    assert "canary" not in str(caught.value.as_dict())
    assert caught.value.exit_code == 4


def test_an_empty_default_is_no_literal_password(project: Make) -> None:
    assert (
        project('[connections.a]\nrole="target"\nhost="h"\npassword="${NONE:-}"').connection("a").password
        is None
    )


def test_a_password_comes_from_a_file(project: Make, tmp_path: Path) -> None:
    (tmp_path / "pw").write_text("from a file\n")
    found = project(f'[connections.a]\nrole="source"\nhost="h"\npassword_file="{tmp_path}/pw"').connection(
        "a"
    )
    assert found.password.reveal() == "from a file"


def test_a_password_comes_from_a_command_without_a_shell(project: Make, tmp_path: Path) -> None:
    code = "import sys; print(sys.argv[1])"
    toml = f"[connections.a]\nrole='source'\nhost='h'\npassword_cmd=['{sys.executable}', '-c', '{code}', '$HOME; ls']"
    assert project(toml).connection("a").password.reveal() == "$HOME; ls"


def test_a_command_runs_when_its_password_is_needed_and_not_before(project: Make, tmp_path: Path) -> None:
    toml = f"[connections.a]\nrole='source'\nhost='h'\npassword_cmd=['touch', '{tmp_path}/ran']"
    found = project(toml)
    assert found.located("a").settings.host == "h"
    assert not (tmp_path / "ran").exists()
    with pytest.raises(ConfigError, match="password_cmd failed"):
        found.connection("a")
    assert (tmp_path / "ran").exists()


def test_what_a_failing_command_printed_is_not_shown(project: Make) -> None:
    code = 'import sys; print("canary-out"); sys.exit("canary-err")'
    with pytest.raises(ConfigError) as caught:
        project(
            f"[connections.a]\nrole='source'\nhost='h'\npassword_cmd=['{sys.executable}', '-c', '{code}']"
        ).connection("a")
    assert "canary" not in str(caught.value.as_dict())
    assert "exit code 1" in caught.value.why


def test_a_command_that_is_not_there_is_an_error(project: Make) -> None:
    with pytest.raises(ConfigError, match="could not start"):
        project("[connections.a]\nrole='source'\nhost='h'\npassword_cmd=['no-such-program']").connection("a")


def test_two_places_for_one_password_are_refused(project: Make) -> None:
    with pytest.raises(ConfigError, match="both"):
        project(
            "[connections.a]\nrole='source'\npassword='${P}'\npassword_file='x'", "P=secret\n"
        ).connection("a")


def test_libpqs_variable_and_password_file_are_honoured(
    project: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pgpass = tmp_path / "pgpass"
    pgpass.write_text("# comment\nother:*:*:*:wrong\nh:5432:*:u:pg\\:pass\\\\word\n*:*:*:*:late\n")
    pgpass.chmod(0o600)
    monkeypatch.setenv("PGPASSFILE", str(pgpass))
    found = project('[connections.a]\nrole="source"\nurl="postgresql://u@h/d"')
    assert found.connection("a").password.reveal() == "pg:pass\\word"
    monkeypatch.setenv("PGPASSWORD", "from the environment")
    found = project('[connections.a]\nrole="source"\nurl="postgresql://u@h/d"')
    assert found.connection("a").password.reveal() == "from the environment"


def test_a_password_file_of_libpq_that_others_can_read_is_ignored_as_libpq_does(
    project: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pgpass = tmp_path / "pgpass"
    pgpass.write_text("*:*:*:*:secret\n")
    pgpass.chmod(0o644)
    assert stat.S_IMODE(pgpass.stat().st_mode) & 0o077
    monkeypatch.setenv("PGPASSFILE", str(pgpass))
    assert (
        project('[connections.a]\nrole="source"\nurl="postgresql://u@h/d"').connection("a").password is None
    )


@pytest.mark.parametrize(
    ("lines", "what"),
    [
        ('url = "host=h dbname=d"', "is not a database URL"),
        ('url = "oracle://h/d"', "a scheme Penstock does not know"),
        ('url = "postgresql://u@a,b/d"', "several hosts"),
        ('url = "postgresql://u@h/d?sslmod=require"', "unknown parameter 'sslmod'"),
        ('port = "abc"', "not a port number"),
        ("port = 0", "not a port number"),
        ("port = 99999", "not a port number"),
        ('sslmode = "maybe"', "sslmode"),
        ('user = "a${B}"', "inside a longer value"),
        ('host = "${NOT_SET_ANYWHERE}"', "NOT_SET_ANYWHERE, which is not set"),
    ],
)
def test_what_cannot_be_read_is_an_error_that_says_where(project: Make, lines: str, what: str) -> None:
    with pytest.raises(ConfigError, match=what) as caught:
        project(f'[connections.prod]\nrole = "source"\n{lines}\n').connection("prod")
    assert "connections.prod" in caught.value.what
    assert caught.value.hint


def test_a_connection_that_fails_does_not_keep_others_from_working(project: Make) -> None:
    found = project(
        '[connections.a]\nrole="source"\nhost="${NOT_SET}"\n[connections.b]\nrole="target"\nhost="h"'
    )
    assert found.connection("b").host == "h"


def test_an_unknown_connection_suggests_the_nearest(project: Make) -> None:
    with pytest.raises(UnknownName) as caught:
        project(RDS_FIELDS).connection("prd")
    assert "did you mean prod?" in caught.value.hint


def test_another_database_of_the_same_server(project: Make) -> None:
    found = project('[connections.a]\nrole="target"\nurl="postgresql://u@h/d"').connection("a")
    assert found.with_database("e").describe() == "postgresql://u@h:5432/e"
    assert found.dbname == "d"
