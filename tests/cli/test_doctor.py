"""`penstock doctor` finds what is wrong, says how to mend it, and exits accordingly."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cli.running import KEY, Done, Penstock, WriteProject
from tests.servers import Database, Server, unique_name

MakeDatabase = Callable[..., Database]
pytestmark = pytest.mark.git  # a healthy project is one that git ignores secrets in


def found(done: Done, check: str, connection: str | None = None) -> dict[str, Any]:
    matching = [
        item
        for item in done.json["checks"]
        if item["check"] == check and connection in (None, item["connection"])
    ]
    assert matching, f"no check {check} in {[item['check'] for item in done.json['checks']]}"
    return matching[0]


def git(root: Path, *arguments: str) -> None:
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
    subprocess.run(["git", *identity, *arguments], cwd=root, check=True, capture_output=True)


@pytest.fixture
def healthy(write_project: WriteProject, postgres: Server, make_database: MakeDatabase) -> Path:
    folder = write_project(
        make_database("CREATE TABLE t (i int)"), extra="[devdb.small]\ndatabase='shop_dev'\n"
    )
    (folder / ".gitignore").write_text(".env\n.penstock/\n")
    git(folder, "init", "-q")
    return folder


def test_a_healthy_project_passes(penstock: Penstock, healthy: Path) -> None:
    done = penstock("doctor", "--json")
    assert done.code == 0
    outcomes = {(item["check"], item["connection"]): item["outcome"] for item in done.json["checks"]}
    assert "fail" not in outcomes.values()
    for check in (
        "versions", "configuration", "no literal password", "project key", ".env ignored", ".env not tracked",
        ".env never tracked", ".env mode",
    ):  # fmt: skip
        assert outcomes[check, None] == "ok"
    for check in (
        "connection",
        "server version",
        "TLS",
        "replication lag",
        "encoding",
        "role can read",
        "row-level security",
        "pg_dump",
    ):
        assert outcomes[check, "prod"] == "ok"
    assert outcomes["standby", "prod"] == "warn"
    assert outcomes["role cannot write", "prod"] == "warn"
    assert outcomes["destination is not the source", "dev"] == "warn"
    assert outcomes["can create databases", "dev"] == "ok"


def test_each_finding_is_a_line_with_its_fix(penstock: Penstock, healthy: Path) -> None:
    (healthy / ".env").chmod(0o644)
    done = penstock("doctor")
    assert done.code == 1
    lines = done.out.splitlines()
    at = next(i for i, line in enumerate(lines) if line.startswith("fail"))
    assert ".env mode" in lines[at]
    assert lines[at + 1].strip() == f"fix: chmod 600 {healthy}/.env"
    assert lines[-1].endswith("1 fail, 0 skip")


def test_an_env_that_git_does_not_ignore_fails(penstock: Penstock, healthy: Path) -> None:
    (healthy / ".gitignore").unlink()
    done = penstock("doctor", "--offline", "--json")
    assert (done.code, found(done, ".env ignored")["outcome"]) == (1, "fail")


def test_a_tracked_env_exits_with_4_and_opens_no_connection(penstock: Penstock, healthy: Path) -> None:
    git(healthy, "add", "-f", ".env")
    done = penstock("doctor", "--json")
    assert done.code == 4
    assert found(done, ".env not tracked")["outcome"] == "fail"
    assert found(done, "connection", "prod")["outcome"] == "skip"


def test_a_literal_password_exits_with_4_and_is_not_shown(penstock: Penstock, healthy: Path) -> None:
    path = healthy / "penstock.toml"
    path.write_text(path.read_text().replace("${PROD_PASSWORD:-}", "canary-literal"))
    done = penstock("doctor", "--json")
    assert done.code == 4
    assert found(done, "no literal password")["outcome"] == "fail"
    assert "canary" not in done.out + done.err


def test_an_env_in_history_fails_while_its_secrets_are_still_in_use(
    penstock: Penstock, healthy: Path
) -> None:
    git(healthy, "add", "-f", ".env")
    git(healthy, "commit", "-q", "-m", "oops")
    git(healthy, "rm", "-q", "--cached", ".env")
    git(healthy, "commit", "-q", "-m", "removed")
    done = penstock("doctor", "--offline", "--json")
    check = found(done, ".env never tracked")
    assert (done.code, check["outcome"]) == (1, "fail")
    assert "PENSTOCK_KEY" in check["what"]
    assert KEY not in done.out
    env = healthy / ".env"
    env.write_text(
        "\n".join(
            f"{line.partition('=')[0]}={'77' * 15}{i}{i}" for i, line in enumerate(env.read_text().split())
        )
    )
    check = found(penstock("doctor", "--offline", "--json"), ".env never tracked")
    assert check["outcome"] == "warn"


def test_broken_configuration_fails_and_the_rest_is_still_checked(penstock: Penstock, healthy: Path) -> None:
    (healthy / "penstock.toml").write_text("[conections.prod]\n")
    done = penstock("doctor", "--json")
    assert done.code == 1
    assert "did you mean 'connections'?" in found(done, "configuration")["fix"]
    assert found(done, ".env mode")["outcome"] == "ok"


def test_without_a_project_it_says_how_to_start_one(penstock: Penstock) -> None:
    done = penstock("doctor", "--json")
    assert (done.code, found(done, "configuration")["outcome"]) == (1, "fail")
    assert "penstock init" in found(done, "configuration")["fix"]


def test_a_server_that_does_not_answer_fails(penstock: Penstock, tmp_path: Path) -> None:
    (tmp_path / "penstock.toml").write_text("[connections.prod]\nrole='source'\nhost='127.0.0.1'\nport=1\n")
    done = penstock("doctor", "--json", PENSTOCK_KEY=KEY)
    assert (done.code, found(done, "connection", "prod")["outcome"]) == (1, "fail")


def test_a_target_that_is_the_source_fails(
    penstock: Penstock, write_project: WriteProject, make_database: MakeDatabase
) -> None:
    source = make_database()
    write_project(source, source)
    done = penstock("doctor", "--json")
    assert (done.code, found(done, "destination is not the source")["outcome"]) == (1, "fail")


def test_a_development_database_named_like_the_source_fails(
    penstock: Penstock, write_project: WriteProject, make_database: MakeDatabase
) -> None:
    source = make_database()
    write_project(source, extra=f"[devdb.small]\ndatabase = '{source.name}'\n")
    done = penstock("doctor", "--json")
    assert (done.code, found(done, "destination is not the source")["outcome"]) == (1, "fail")


def test_another_server_as_target_is_what_it_wants(
    penstock: Penstock, write_project: WriteProject, make_database: MakeDatabase, embedded18: Server
) -> None:
    write_project(make_database(), embedded18.maintenance)
    done = penstock("doctor", "--json")
    assert found(done, "destination is not the source")["outcome"] == "ok"
    assert found(done, "pg_dump")["what"].startswith("pg_dump 18")


@pytest.fixture
def role(postgres: Server) -> Iterator[str]:
    """A login without any rights."""
    name = unique_name("reader")
    postgres.maintenance.psql(f"CREATE ROLE {name} LOGIN PASSWORD '{postgres.password}'")
    yield name
    postgres.maintenance.psql(f"DROP ROLE {name}")


def test_a_least_privilege_reader_of_a_standby_is_what_it_wants(
    penstock: Penstock, write_project: WriteProject, primary: Server, standby: Server, catch_up: Callable[[], None],
) -> None:  # fmt: skip
    database = primary.create(unique_name("db"))
    database.psql(
        f"CREATE TABLE t (i int); CREATE ROLE quiet LOGIN PASSWORD '{primary.password}' IN ROLE pg_read_all_data"
    )
    catch_up()
    write_project(standby.database(database.name), primary.maintenance, prod_user="quiet")
    done = penstock("doctor", "--json")
    for check in ("replication lag", "role cannot write", "role can read", "row-level security"):
        assert found(done, check, "prod")["outcome"] == "ok", found(done, check, "prod")
    assert "standby" in found(done, "standby", "prod")["what"]
    primary.drop(database.name)
    primary.maintenance.psql("DROP ROLE quiet")


def test_rights_that_are_missing_or_too_many_are_named(
    penstock: Penstock, write_project: WriteProject, make_database: MakeDatabase, role: str
) -> None:
    database = make_database(
        f"CREATE TABLE secret (i int); CREATE TABLE open (i int); GRANT SELECT, DELETE ON open TO {role}"
    )
    write_project(database, prod_user=role)
    done = penstock("doctor", "--json")
    assert "secret" in found(done, "role can read", "prod")["what"]
    assert found(done, "role can read", "prod")["outcome"] == "warn"
    assert "open" in found(done, "role cannot write", "prod")["what"]
    assert "secret" not in found(done, "role cannot write", "prod")["what"]
    database.psql(f"DROP OWNED BY {role}")


def test_row_level_security_that_would_hide_rows_fails(
    penstock: Penstock, write_project: WriteProject, make_database: MakeDatabase, role: str
) -> None:
    database = make_database(
        f"CREATE TABLE t (i int); ALTER TABLE t ENABLE ROW LEVEL SECURITY; GRANT SELECT ON t TO {role}"
    )
    write_project(database, prod_user=role)
    done = penstock("doctor", "--json")
    check = found(done, "row-level security", "prod")
    assert (done.code, check["outcome"]) == (1, "fail")
    assert f'ALTER ROLE "{role}" BYPASSRLS' in check["fix"]
    database.psql(f"DROP OWNED BY {role}")


def test_a_target_role_that_may_not_create_databases_fails(
    penstock: Penstock, write_project: WriteProject, make_database: MakeDatabase, role: str
) -> None:
    write_project(make_database(), dev_user=role)
    done = penstock("doctor", "--json")
    assert found(done, "can create databases", "dev")["outcome"] == "fail"
    assert "CREATEDB" in found(done, "can create databases", "dev")["fix"]


def test_an_encoding_without_meaning_fails(
    penstock: Penstock, write_project: WriteProject, make_database: MakeDatabase
) -> None:
    write_project(make_database(clause="ENCODING 'SQL_ASCII' LOCALE 'C'"))
    assert found(penstock("doctor", "--json"), "encoding", "prod")["outcome"] == "fail"
