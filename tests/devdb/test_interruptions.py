"""Whatever ends a run, nothing half-done carries the final name, and the next run removes the debris.

Stages are held by `held_stages`; sessions whose backends are stopped hold back the rename and the swap.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.conftest import MakeDatabase
from tests.devdb.conftest import Folder, MakeFolder
from tests.devdb.held_stages import (
    INTERRUPTED,
    SLOW_MASKS,
    SLOW_SHOP,
    STAGES,
    assert_clear,
    assert_next_run_is_clean,
    drop_all_connections,
    drop_the_source_connection,
    held,
    unlocked,
)
from tests.devdb.processes import looking, running, wait_until
from tests.devdb.small_shop import DEVDB
from tests.servers import Database, throw_away_server, usable_programs


@pytest.fixture(autouse=True)
def heard() -> Iterator[None]:
    """Commands hear SIGHUP, also where the tests themselves were started with nohup."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


@pytest.fixture
def folder(make_database: MakeDatabase, make_folder: MakeFolder) -> Folder:
    return make_folder(make_database(SLOW_SHOP), DEVDB, SLOW_MASKS)


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder for temporary files of the commands a test runs."""
    place = tmp_path / "temporary"
    place.mkdir()
    monkeypatch.setenv("TMPDIR", str(place))
    return place


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("stage", STAGES)
def test_ctrl_c_and_its_like_remove_what_was_begun(
    folder: Folder, temporary: Path, stage: str, number: int
) -> None:
    with held(folder, stage), running(folder, "dev", "create", "small") as run:
        run.wait_for(STAGES[stage])
        run.signal(number)
        assert run.end() == INTERRUPTED, run.said
        assert "PEN-1300" in run.said
        assert_clear(run.said)
    assert folder.names() == []
    assert list(temporary.iterdir()) == []


def test_a_terminal_that_goes_away_and_a_shell_that_says_so_too_cut_no_removal_short(folder: Folder) -> None:
    with held(folder, "rows"), running(folder, "dev", "create", "small") as run:
        run.wait_for(STAGES["rows"])
        for number in (signal.SIGHUP, signal.SIGHUP, signal.SIGTERM):
            run.signal(number)
            time.sleep(0.005)
        assert run.end() == INTERRUPTED, run.said
        assert_clear(run.said)
    assert folder.names() == []


def test_ctrl_c_ends_a_condition_that_the_source_would_ponder_for_hours(folder: Folder) -> None:
    toml = folder.path / "penstock.toml"
    sleeping = "pg_catalog.pg_sleep(3601) IS NOT NULL"
    toml.write_text(
        f'{toml.read_text()}\n[[devdb.small.root]]\ntable = "public.visit"\nwhere = "{sleeping}"\n'
    )
    pondering = f"SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'COPY%{sleeping}%' AND state = 'active' AND $1 <> ''"
    with running(folder, "dev", "plan", "small") as run:
        run.wait_for(pondering)
        run.signal(signal.SIGINT)
        assert run.end() == INTERRUPTED, run.said
        assert_clear(run.said)
    with looking(folder.source.server.maintenance) as looker:
        wait_until(lambda: looker.ask(pondering.replace("$1", "'-'")) == "0")


def test_a_run_started_with_nohup_goes_on(folder: Folder) -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with running(folder, "dev", "create", "small") as run:
            with held(folder, "rows"):
                run.wait_for(STAGES["rows"])
                run.signal(signal.SIGHUP)
            assert run.end() == 0, run.said
    finally:
        signal.signal(signal.SIGHUP, before)


def test_ctrl_c_twice_ends_at_once_and_the_next_run_cleans_up(folder: Folder) -> None:
    with held(folder, "rows"), running(folder, "dev", "create", "small") as run:
        run.wait_for(STAGES["rows"])
        run.signal(signal.SIGINT)
        time.sleep(0.01)
        run.signal(signal.SIGINT)
        assert run.end() == INTERRUPTED, run.said
        assert_clear(run.said)
    assert folder.database not in folder.names()
    assert_next_run_is_clean(folder)


@pytest.mark.parametrize("stage", STAGES)
def test_a_killed_process_leaves_nothing_under_the_final_name(
    folder: Folder, temporary: Path, stage: str
) -> None:
    with held(folder, stage), running(folder, "dev", "create", "small") as run:
        run.wait_for(STAGES[stage])
        run.signal(signal.SIGKILL)
        run.end()
        assert folder.database not in folder.names()
        assert len(folder.names()) == 1, "the debris the next run is to remove"
    assert list(temporary.iterdir()) == [], "no next run may ever come to remove the schema"
    assert_next_run_is_clean(folder)


@contextmanager
def session_that_does_not_end(database: Database) -> Iterator[None]:
    """A session whose backend is stopped: whoever ends the sessions of its database waits, for seconds."""
    with looking(database) as session:
        os.kill(session.backend, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(session.backend, signal.SIGCONT)


ENDING_SESSIONS = (
    "SELECT count(*) FROM pg_stat_activity WHERE query ILIKE '%pg_terminate_backend%' AND state = 'active' "
    "AND pid <> pg_backend_pid() AND $1 <> ''"
)


@pytest.mark.parametrize("twice", [True, False])
def test_a_build_that_cannot_be_removed_is_named_with_what_removes_it(folder: Folder, *, twice: bool) -> None:
    with held(folder, "rows"), running(folder, "dev", "create", "small") as run:
        run.wait_for(STAGES["rows"])
        [name] = folder.names()
        with session_that_does_not_end(Database(folder.target, name)):
            run.signal(signal.SIGINT)
            if twice:
                run.wait_for(ENDING_SESSIONS)
                run.signal(signal.SIGINT)
            assert run.end() == INTERRUPTED, run.said
        assert_clear(run.said)
        assert f"the database {name} " in run.said
        assert f"the next run for {folder.database} removes it" in run.said
    assert folder.names() == [name]
    assert_next_run_is_clean(folder)


def may_kill_backends(folder: Folder) -> None:
    if os.geteuid() != 0 or folder.target.embedded is None:
        pytest.skip("only root can stop a session of a server that runs as another account")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_a_process_stopped_before_the_rename_publishes_nothing(folder: Folder, number: int) -> None:
    may_kill_backends(folder)
    with running(folder, "dev", "create", "small") as run:
        with held(folder, "statistics"):
            run.wait_for(STAGES["statistics"])
            (built,) = folder.names()
            stopped = session_that_does_not_end(folder.target.database(built))
            stopped.__enter__()
        try:
            run.wait_for(ENDING_SESSIONS)
            run.signal(number)
            if number == signal.SIGKILL:
                run.end()
            time.sleep(0.05)
        finally:
            stopped.__exit__(None, None, None)
        run.end()
    wait_until(lambda: unlocked(folder))
    assert folder.database not in folder.names()
    if number == signal.SIGINT:
        assert folder.names() == []
    assert_next_run_is_clean(folder)


def create_the_old_one(folder: Folder) -> None:
    """Create the database and put something into it that tells the old one from a new one."""
    assert folder.run("dev", "create", "small").code == 0
    folder.made.execute("CREATE TABLE public.old_one ()")


def is_the_old_one(folder: Folder) -> bool:
    return bool(folder.made.value("SELECT to_regclass('public.old_one') IS NOT NULL"))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_an_interrupted_refresh_leaves_the_old_database(folder: Folder, number: int) -> None:
    create_the_old_one(folder)
    with held(folder, "indexes"), running(folder, "dev", "refresh", "small") as run:
        run.wait_for(STAGES["indexes"])
        run.signal(number)
        run.end()
    assert is_the_old_one(folder)
    assert_next_run_is_clean(folder, "refresh")
    assert not is_the_old_one(folder)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_a_refresh_interrupted_in_the_swap_leaves_a_whole_database(folder: Folder, number: int) -> None:
    may_kill_backends(folder)
    create_the_old_one(folder)
    with session_that_does_not_end(folder.made), running(folder, "dev", "refresh", "small") as run:
        run.wait_for(ENDING_SESSIONS)
        run.signal(number)
        if number == signal.SIGKILL:
            run.end()
            assert folder.run("dev", "list", "--json").json["databases"][0]["state"] == "swapping"
        time.sleep(0.05)
    run.end()
    wait_until(lambda: unlocked(folder))
    if number == signal.SIGINT:
        assert is_the_old_one(folder)
        assert folder.names() == [folder.database]
    verified = folder.run("dev", "verify", "small")
    assert verified.code == 0, verified.err + verified.out
    assert "not made by Penstock: public.old_one" in verified.out, "it is open again, with a table of its own"
    assert is_the_old_one(folder)
    assert_next_run_is_clean(folder, "refresh")
    assert not is_the_old_one(folder)


def drop_the_target_connections(folder: Folder) -> None:
    folder.target.maintenance.rows(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname LIKE $1",
        folder.database + r"\_\_penstock\_%",
    )


@pytest.mark.parametrize(
    "take_away", [drop_the_source_connection, drop_the_target_connections, drop_all_connections]
)
def test_a_dropped_connection_is_said_and_leaves_nothing(
    folder: Folder, take_away: Callable[[Folder], None]
) -> None:
    with running(folder, "dev", "create", "small") as run:
        with held(folder, "rows"):
            run.wait_for(STAGES["rows"])
            take_away(folder)
        assert run.end() == 3, run.said
        assert_clear(run.said)
        assert "PEN-3300" in run.said
        assert "run the command again" in run.said
    assert folder.names() == []
    assert_next_run_is_clean(folder)


def test_a_killed_target_server_is_said_and_the_next_run_is_clean(
    make_database: MakeDatabase, make_folder: MakeFolder
) -> None:
    source = make_database(SLOW_SHOP)
    with throw_away_server(usable_programs()) as target:
        assert target.embedded is not None
        folder = make_folder(source, DEVDB, SLOW_MASKS, target=target)
        with held(folder, "rows"), running(folder, "dev", "create", "small") as run:
            run.wait_for(STAGES["rows"])
            target.embedded._run("pg_ctl", "stop", "-m", "immediate", "-D", str(target.embedded.data))
            assert run.end() == 3, run.said
            assert_clear(run.said)
        target.embedded.start()
        assert folder.database not in folder.names()
        assert_next_run_is_clean(folder)
        folder.target.drop(folder.database)


def test_two_runs_at_once_do_not_build_over_each_other(folder: Folder) -> None:
    with running(folder, "dev", "create", "small") as run:
        with held(folder, "rows"):
            run.wait_for(STAGES["rows"])
            second = folder.run("dev", "create", "small")
            assert second.code == 4
            assert "another run" in second.err
        assert run.end() == 0, run.said
    assert folder.names() == [folder.database]


def test_a_run_that_ends_in_the_midst_of_a_long_row_removes_its_build(
    make_database: MakeDatabase, make_folder: MakeFolder
) -> None:
    # Source and target are one server here, which drops no database while a backend of it stands in a cancelled COPY.
    source = make_database(
        "CREATE TABLE public.scan (id int PRIMARY KEY, page text); ALTER TABLE public.scan ALTER page SET STORAGE EXTERNAL;"
        "INSERT INTO public.scan SELECT n, repeat(md5(n::text), 1500000) FROM generate_series(1, 4) n; ANALYZE;"
    )
    folder = make_folder(
        source, '[[devdb.small.root]]\ntable = "public.scan"\n', '[public.scan]\npage = "keep"\n'
    )
    copying = "SELECT count(*) FROM pg_stat_activity WHERE datname LIKE $1 AND query ILIKE 'copy%scan%'"
    for seconds in (0.1, 0.3):
        with running(folder, "dev", "create", "small") as run:
            run.wait_for(copying)
            time.sleep(seconds)
            run.signal(signal.SIGTERM)
            assert run.end() == INTERRUPTED, run.said
        assert folder.names() == []
