"""Whatever ends a run, nothing half-done carries the final name, and the next run removes the debris. An `add` that
does not come to its end leaves the copy as it was.

Stages are held without any hook in the product: a function of the source's own waits where the copy is built (in a
domain's CHECK while rows arrive, in an index expression after that, in a materialised view at the end), and sessions
whose backends are stopped hold back the rename and the swap.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from penstock.devdb import databases
from penstock.devdb.context import context_of
from penstock.engines.postgres.reflect import reflect
from tests.conftest import MakeDatabase
from tests.devdb.conftest import Folder, MakeFolder, MakeRole
from tests.devdb.processes import looking, running, wait_until
from tests.devdb.small_shop import DEVDB, MASKS, PERSONAL, SHOP, checksum
from tests.servers import Database, throw_away_server, usable_programs

INTERRUPTED = 130

SLOW_SHOP = (
    r"""
-- Where a copy is built, waits as long as a test holds the stage; everybody sees all sessions of the server.
CREATE FUNCTION public.held(stage text, value text) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    WHILE (pg_catalog.current_database() LIKE '%\_\_penstock\_%'
           OR pg_catalog.current_setting('application_name') LIKE 'penstock dev %') AND EXISTS (
        SELECT FROM pg_catalog.pg_stat_activity WHERE application_name = 'hold ' || stage
    ) LOOP
        PERFORM pg_catalog.pg_sleep(0.02);
        PERFORM pg_catalog.pg_stat_clear_snapshot();
    END LOOP;
    RETURN true;
END $$;
CREATE DOMAIN public.slow AS text CHECK (public.held('rows', VALUE));
"""
    + SHOP
    + """
CREATE TABLE public.visit (id int PRIMARY KEY, customer_id int REFERENCES public.customer, page public.slow);
INSERT INTO public.visit SELECT n, 1 + n % 5, '/page' FROM generate_series(1, 10) n;
CREATE INDEX visit_page ON public.visit (public.held('indexes', page));
CREATE MATERIALIZED VIEW public.pages AS SELECT page FROM public.visit WHERE public.held('statistics', page);
"""
)
SLOW_MASKS = MASKS + '[public.visit]\npage = "keep"\n'

# What the target's server is doing for us when a held stage has been reached; databases() has no hold.
STAGES = {
    "databases": "SELECT count(*) FROM pg_database WHERE datname LIKE $1",
    "rows": "SELECT count(*) FROM pg_stat_activity WHERE datname LIKE $1 AND query ILIKE 'copy%visit%'",
    "indexes": "SELECT count(*) FROM pg_stat_activity WHERE datname LIKE $1 AND query ILIKE '%create index visit_page%'",
    "statistics": "SELECT count(*) FROM pg_stat_activity WHERE datname LIKE $1 AND query ILIKE 'refresh mat%'",
}


@contextmanager
def held(folder: Folder, stage: str) -> Iterator[None]:
    """While inside, no build on the target's server gets past the stage."""
    with looking(folder.target.maintenance, f"hold {stage}"):
        yield


def assert_clear(said: str) -> None:
    assert "error: " in said
    assert "Traceback" not in said
    assert "did not foresee" not in said
    for value in PERSONAL:
        assert value not in said


def assert_next_run_is_clean(folder: Folder, command: str = "create") -> None:
    wait_until(lambda: unlocked(folder))
    done = folder.run("dev", command, "small")
    assert done.code == 0, done.err
    assert folder.names() == [folder.database]
    assert folder.made.value("SELECT count(*) FROM public.customer") == 5


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


def may_kill_backends(folder: Folder) -> None:
    if os.geteuid() != 0 or folder.target.embedded is None:
        pytest.skip("only root can stop a session of a server that runs as another account")


def unlocked(folder: Folder) -> bool:
    """Whether the server has noticed the end of a killed client."""
    return not folder.target.maintenance.value("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'")


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


def test_what_bears_the_mark_of_a_build_is_removed_and_what_is_only_named_so_stays(folder: Folder) -> None:
    name = f"{folder.database}__penstock_"
    building, swapping = (
        f"penstock: building {folder.database}",
        f"penstock: swapping {folder.database}\nmine",
    )
    debris = {f"{name}00000001": building, f"{name}00000002": swapping}
    strangers = {
        f"{name}deadbeef": None,  # made by hand, like a build whose run was killed before it could comment
        f"{name}00000003": "the archive of last year",
        f"{name}00000004": f"{building} and more",
        f"{name}12345678": f"penstock: {name}12345678",  # a published copy
    }
    for database, comment in {**debris, **strangers}.items():
        folder.target.create(database)
        if comment is not None:
            folder.target.maintenance.execute(f"COMMENT ON DATABASE {database} IS '{comment}'")
    folder.target.create(f"{name}archive")
    listed = folder.run("dev", "list", "--json").json["databases"][0]
    assert listed["debris"] == sorted(debris)
    assert listed["strangers"] == sorted(strangers)
    text = folder.run("dev", "list").out
    assert f"the next one removes it: {', '.join(sorted(debris))}" in text
    assert f"left as it is: {', '.join(sorted(strangers))}" in text

    done = folder.run("dev", "create", "small")

    assert done.code == 0, done.err
    assert folder.names() == sorted([folder.database, *strangers, f"{name}archive"])
    for database in debris:
        assert f"removed what an interrupted run left: {database}\n" in done.err
    for database in strangers:
        assert f"left as it is, though named like a build of {folder.database}: {database}\n" in done.err
    dropped = folder.run("dev", "drop", "small", "--yes")
    assert dropped.code == 0
    assert folder.names() == sorted([*strangers, f"{name}archive"])


def test_a_run_killed_before_it_could_comment_has_marked_its_build(folder: Folder) -> None:
    context = context_of(folder.project.settings, "small")
    with context.target_session() as maintenance, context.source_session() as source:
        built = databases.temporary_name(folder.database)
        databases.create(maintenance, built, folder.database, reflect(source).facts)
        maintenance.execute(f"COMMENT ON DATABASE {built} IS NULL")
        assert databases.leftovers(maintenance, folder.database).debris == (built,)
        assert databases.leftovers(maintenance, f"{folder.database}x").debris == ()
        maintenance.execute(f"ALTER DATABASE {built} CONNECTION LIMIT -1")
        assert databases.leftovers(maintenance, folder.database).strangers == (built,)


def test_a_published_copy_limits_no_connections(folder: Folder) -> None:
    assert folder.run("dev", "create", "small").code == 0
    limit = "SELECT datconnlimit FROM pg_database WHERE datname = $1"
    assert folder.target.maintenance.value(limit, folder.database) == -1


def test_what_another_role_owns_is_no_debris(folder: Folder, make_role: MakeRole) -> None:
    others = f"{folder.database}__penstock_0123abcd"
    folder.target.create(others)
    folder.target.maintenance.execute(
        f"COMMENT ON DATABASE {others} IS 'penstock: building {folder.database}'"
    )
    folder.log_in_as("dev", *make_role("CREATEDB"))
    done = folder.run("dev", "create", "small")
    assert done.code == 0, done.err
    assert folder.names() == [folder.database, others]


def drop_the_source_connection(folder: Folder) -> None:
    folder.source.server.maintenance.rows(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1", folder.source.name
    )


def drop_the_target_connections(folder: Folder) -> None:
    folder.target.maintenance.rows(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname LIKE $1",
        folder.database + r"\_\_penstock\_%",
    )


def drop_all_connections(folder: Folder) -> None:
    folder.target.maintenance.rows(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'penstock dev%'"
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


ADD = ("dev", "add", "small", "--root", "public.customer:id = 30")
ADD_STAGES = {
    "rows": "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'penstock dev small' AND query ILIKE 'copy%pg_temp%'",
    "indexes": "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'penstock dev small' AND query ILIKE 'insert into%visit%'",
}


def prepare_to_add(folder: Folder) -> object:
    """Create the copy, and in the source what `ADD` brings; the state of the copy."""
    assert folder.run("dev", "create", "small").code == 0
    folder.source.execute(
        "INSERT INTO visit VALUES (77, 30, '/page')", "SELECT setval('orders_id_seq', 5000)"
    )
    return state(folder)


def state(folder: Folder) -> object:
    """Every row, manifest included, every definition and every sequence of the copy."""
    sequences = [folder.made.rows(f"SELECT * FROM {name}_id_seq") for name in ("customer", "orders")]
    constraints = folder.made.rows(
        "SELECT conname::text, pg_get_constraintdef(oid) FROM pg_constraint ORDER BY 1"
    )
    return checksum(folder.made), sequences, constraints


def assert_add_is_possible(folder: Folder) -> None:
    done = folder.run(*ADD)
    assert done.code == 0, done.err
    assert folder.made.value("SELECT count(*) FROM visit") == 11
    assert folder.made.value("SELECT nextval('orders_id_seq')") == 5001
    assert folder.run("dev", "verify", "small").code == 0


@pytest.mark.parametrize("stage", ADD_STAGES)
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_an_interrupted_add_leaves_the_copy_as_it_was(folder: Folder, stage: str, number: int) -> None:
    before = prepare_to_add(folder)
    with held(folder, stage), running(folder, *ADD) as run:
        run.wait_for(ADD_STAGES[stage])
        run.signal(number)
        assert run.end() == (INTERRUPTED if number == signal.SIGINT else -number), run.said
        if number == signal.SIGINT:
            assert_clear(run.said)
    assert state(folder) == before
    assert_add_is_possible(folder)


@pytest.mark.parametrize("take_away", [drop_the_source_connection, drop_all_connections])
def test_a_connection_dropped_during_an_add_is_said_and_the_copy_is_as_it_was(
    folder: Folder, take_away: Callable[[Folder], None]
) -> None:
    before = prepare_to_add(folder)
    with running(folder, *ADD) as run:
        with held(folder, "rows"):
            run.wait_for(ADD_STAGES["rows"])
            take_away(folder)
        assert run.end() == 3, run.said
        assert_clear(run.said)
        assert "PEN-3300" in run.said
    assert state(folder) == before
    assert_add_is_possible(folder)


def test_a_target_server_killed_during_an_add_has_the_copy_as_it_was(
    make_database: MakeDatabase, make_folder: MakeFolder
) -> None:
    source = make_database(SLOW_SHOP)
    with throw_away_server(usable_programs()) as target:
        assert target.embedded is not None
        folder = make_folder(source, DEVDB, SLOW_MASKS, target=target)
        before = prepare_to_add(folder)
        target.maintenance.execute("CHECKPOINT")  # the tests' servers write nothing to disk by themselves
        with held(folder, "indexes"), running(folder, *ADD) as run:
            run.wait_for(ADD_STAGES["indexes"])
            target.embedded._run("pg_ctl", "stop", "-m", "immediate", "-D", str(target.embedded.data))
            assert run.end() == 3, run.said
            assert_clear(run.said)
        target.embedded.start()
        assert state(folder) == before
        assert_add_is_possible(folder)
        folder.target.drop(folder.database)


def test_one_add_at_a_time(folder: Folder) -> None:
    prepare_to_add(folder)
    with running(folder, *ADD) as run:
        with held(folder, "rows"):
            run.wait_for(ADD_STAGES["rows"])
            for command in (ADD, ("dev", "refresh", "small"), ("dev", "drop", "small", "--yes")):
                second = folder.run(*command)
                assert second.code == 4, second.err
                assert "another run" in second.err
        assert run.end() == 0, run.said
    assert folder.made.value("SELECT count(*) FROM visit") == 11
