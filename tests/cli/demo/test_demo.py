"""`penstock demo`, for real: embedded server, shop, masked subset."""

from __future__ import annotations

import json
import shlex
import socket
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from penstock.cli.demo.run import _NEXT
from tests.cli.json_page import EXAMPLES, differences
from tests.servers import Server

if TYPE_CHECKING:
    from tests.cli.demo.conftest import Demo

Penstock = Callable[..., subprocess.CompletedProcess[str]]


def test_the_copy_is_small_and_whole(demo: Demo) -> None:
    assert 100 <= demo.development.value("SELECT count(*) FROM customers") < 300
    assert demo.development.value("SELECT count(*) FROM countries") == 10
    assert demo.development.value("SELECT count(*) FROM payments") > 100
    keys = "SELECT count(*), count(*) FILTER (WHERE NOT convalidated) FROM pg_constraint WHERE contype = 'f'"
    assert demo.development.rows(keys) == [
        (demo.production.value("SELECT count(*) FROM pg_constraint WHERE contype = 'f'"), 0)
    ]


@pytest.mark.parametrize(
    "values",
    [
        "SELECT email FROM customers",
        "SELECT unnest(other_emails) FROM customers",
        "SELECT phone FROM customers WHERE phone IS NOT NULL",
        "SELECT iban FROM customers WHERE iban IS NOT NULL",
        "SELECT card_number FROM payments WHERE card_number IS NOT NULL",
        "SELECT email FROM employees",
    ],
)
def test_nothing_personal_of_production_occurs_anywhere_in_the_copy_or_in_what_was_printed(
    demo: Demo, values: str
) -> None:
    real = {row[0] for row in demo.production.rows(values)}
    assert len(real) > 20
    tables = [
        row[0]
        for row in demo.development.rows(
            "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables WHERE schemaname IN ('public', 'audit', 'penstock')"
        )
    ]
    assert len(tables) > 15
    copied = "\n".join(
        str(row[0]) for table in tables for row in demo.development.rows(f"SELECT t::text FROM {table} AS t")
    )
    files = [path for path in demo.home.folder.rglob("*") if path.is_file() and "postgres" not in path.parts]
    written = "\n".join(path.read_text(errors="replace") for path in files)
    for value in real:
        assert value not in copied
        assert value not in demo.output
        assert value not in written


def test_one_customer_has_one_pseudonym_everywhere(demo: Demo) -> None:
    """In the newsletter by the foreign key, and in the path of the sample customer's row image."""
    strangers = "SELECT count(*) FROM newsletter WHERE email NOT IN (SELECT email FROM customers)"
    assert demo.development.value(strangers) == 0
    emails = "SELECT count(*), count(*) FILTER (WHERE change.new_row ->> 'email' = customer.email)"
    joined = (
        " FROM audit.changes AS change JOIN customers AS customer ON change.row_id = customer.customer_id"
    )
    counts = demo.development.rows(emails + joined + " WHERE change.table_name = 'customers'")[0]
    assert counts[0] > 10
    assert counts[0] == counts[1]


def test_it_says_where_everything_is_and_what_to_do_next(demo: Demo) -> None:
    for part in (
        "shop_dev",
        str(demo.home.folder),
        str(demo.production.server.port),
        "penstock dev plan small",
    ):
        assert part in demo.output
    assert "demo --stop" in demo.output


def test_production_is_shown_in_shape_only(demo: Demo) -> None:
    assert "9999-99-99" in demo.output
    assert "Aaaa" in demo.output


def test_its_secrets_are_readable_by_their_owner_only_and_ignored_by_git(demo: Demo) -> None:
    for file in (demo.home.env_file, demo.home.password_file):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    ignored = (demo.home.folder / ".gitignore").read_text().splitlines()
    assert {".env", ".penstock/"} <= set(ignored)
    secrets = [line.partition("=")[2] for line in demo.home.env_file.read_text().splitlines() if "=" in line]
    assert len(secrets) == 4
    for secret in secrets:
        assert secret not in demo.output
        assert secret not in demo.home.project_file.read_text()
        assert secret not in (demo.home.folder / ".env.example").read_text()


def test_production_cannot_be_written_by_the_user_who_reads_it(demo: Demo) -> None:
    server = demo.production.server
    reader = Server(
        server.host, server.port, "shop_reader", demo.home.secret("shop_reader").reveal(), server.programs
    )
    with pytest.raises(AssertionError, match="permission denied"):
        reader.database("shop").psql("UPDATE customers SET phone = NULL")


def test_a_second_run_refreshes_the_copy_and_answers_in_json(demo: Demo, penstock: Penstock) -> None:
    before = demo.development.value("SELECT oid FROM pg_database WHERE datname = 'shop_dev'")
    done = penstock("demo", demo.home.folder, "--json", folder=demo.home.folder.parent)
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert list(differences(answer, EXAMPLES["penstock demo"])) == []
    assert answer["verified"] is True
    assert answer["development"] == "shop_dev"
    assert demo.development.value("SELECT oid FROM pg_database WHERE datname = 'shop_dev'") != before


def test_it_stops_and_starts_again_with_its_databases(demo: Demo, penstock: Penstock) -> None:
    stopped = penstock("demo", "--stop", demo.home.folder, folder=demo.home.folder.parent)
    assert stopped.returncode == 0, stopped.stderr
    server = demo.home.server()
    assert not server.is_running
    server.start()
    assert demo.development.value("SELECT count(*) FROM customers") > 0


def test_the_project_follows_when_the_server_had_to_move_to_another_port(
    demo: Demo, penstock: Penstock
) -> None:
    server = demo.home.server()
    server.stop()
    taken = server.port
    try:
        with socket.create_server(("127.0.0.1", taken)):
            server.start()
        demo.home.write_project(server)
        assert str(taken) not in demo.home.project_file.read_text()
        found = penstock("-C", demo.home.folder, "conn", "test", folder=demo.home.folder)
        assert found.returncode == 0, found.stderr
    finally:
        server.stop()
        server._set_port(taken)
        server.start()
        demo.home.write_project(server)


def test_every_command_it_says_to_try_next_works(demo: Demo, penstock: Penstock) -> None:
    """In its order, which ends with stopping the server."""
    lines = [line for line, _ in _NEXT]
    assert lines[-1] == "demo --stop ."
    try:
        for line in lines:
            assert line in demo.output
            done = penstock(*shlex.split(line), folder=demo.home.folder)
            assert done.returncode == 0, f"penstock {line}: {done.stdout}{done.stderr}"
    finally:
        demo.home.server().start()


def test_a_folder_with_something_else_in_it_is_left_alone(tmp_path: Path, penstock: Penstock) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    done = penstock("demo", tmp_path, folder=tmp_path)
    assert done.returncode == 2
    assert "hint:" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_stopping_what_is_not_there_is_a_clear_error(tmp_path: Path, penstock: Penstock) -> None:
    for option in ("--stop", "--remove"):
        done = penstock("demo", option, tmp_path, folder=tmp_path)
        assert done.returncode == 2
        assert "no demo" in done.stderr
