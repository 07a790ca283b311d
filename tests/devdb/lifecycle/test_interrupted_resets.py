"""Kill a reset wherever you like: the old or the new database stands under the name, and the next run cleans up."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager

import pytest

from tests.conftest import MakeDatabase
from tests.devdb.conftest import Folder, MakeFolder
from tests.devdb.held_stages import INTERRUPTED, SLOW_MASKS, SLOW_SHOP, assert_clear, held, unlocked
from tests.devdb.processes import looking, running, wait_until
from tests.devdb.small_shop import DEVDB
from tests.devdb.test_interruptions import ENDING_SESSIONS, may_kill_backends, session_that_does_not_end


@pytest.fixture
def folder(make_database: MakeDatabase, make_folder: MakeFolder) -> Folder:
    folder = make_folder(make_database(SLOW_SHOP), DEVDB, SLOW_MASKS)
    for command in (["create", "small", "--template"], ["create", "--from-template", "small"]):
        done = folder.run("dev", *command)
        assert done.code == 0, done.err
    folder.made.execute("CREATE TABLE public.old_one (n int)", "INSERT INTO old_one VALUES (1)")
    return folder


@contextmanager
def nobody_makes_a_database(folder: Folder) -> Iterator[None]:
    with looking(folder.target.maintenance) as session:
        session.ask("BEGIN; LOCK TABLE pg_catalog.pg_database IN SHARE ROW EXCLUSIVE MODE; SELECT 1")
        yield


@contextmanager
def their_table_in_use(folder: Folder) -> Iterator[None]:
    with looking(folder.made) as session:
        session.ask("BEGIN; LOCK TABLE public.old_one IN ACCESS EXCLUSIVE MODE; SELECT 1")
        yield


# Stage → what holds it, what shows that it was reached, and what the reset is asked.
COPYING = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'CREATE DATABASE%TEMPLATE%' AND state = 'active' AND $1 <> ''"
WAITING = "SELECT count(*) FROM pg_database WHERE datname LIKE $1 AND datconnlimit > 1000000000"
CARRYING = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'LOCK TABLE public.old_one IN SHARE%' AND $1 <> ''"
REBUILDING = "SELECT count(*) FROM pg_stat_activity WHERE query ILIKE 'copy%visit%' AND datname LIKE '%template%' AND $1 <> ''"
STAGES = {
    "rebuilding the template": REBUILDING,
    "copying": COPYING,
    "waiting for those who are connected": WAITING,
    "carrying over": CARRYING,
    "swapping": ENDING_SESSIONS,
}


def holding(folder: Folder, stage: str) -> AbstractContextManager[object]:
    return {
        "rebuilding the template": lambda: held(folder, "rows"),
        "copying": lambda: nobody_makes_a_database(folder),
        "waiting for those who are connected": lambda: looking(folder.made),
        "carrying over": lambda: their_table_in_use(folder),
        "swapping": lambda: session_that_does_not_end(folder.made),
    }[stage]()


def stands(folder: Folder) -> str:
    """Which database stands under the name. A whole one it must be."""
    there = folder.made.value("SELECT to_regclass('public.old_one') IS NOT NULL")
    assert folder.made.value("SELECT count(*) FROM public.customer") == 5
    assert folder.made.value("SELECT count(*) FROM penstock.manifest") >= 1
    return "old" if there else "new"


def assert_the_next_reset_cleans_up(folder: Folder, *options: str) -> None:
    wait_until(lambda: unlocked(folder))
    done = folder.run("dev", "reset", "small", "--grace", "0s", "--yes", *options)
    assert done.code == 0, done.err
    assert stands(folder) == "new"
    assert folder.names() == [folder.database, f"{folder.database}__template"]


@pytest.mark.parametrize("stage", STAGES)
def test_a_reset_that_is_ended_leaves_a_whole_database(folder: Folder, stage: str) -> None:
    """By Ctrl-C, which cleans up; then again, by SIGKILL, which leaves that to the next reset."""
    if stage == "swapping":
        may_kill_backends(folder)
    options = {
        "rebuilding the template": ["--yes", "--rebuild-after", "0s"],
        "waiting for those who are connected": ["--yes", "--grace", "1h"],
        "carrying over": ["--keep-extra"],
    }.get(stage, ["--yes"])
    grace = [] if "--grace" in options else ["--grace", "0s"]
    for number in (signal.SIGINT, signal.SIGKILL):
        with ExitStack() as hold:
            hold.enter_context(holding(folder, stage))
            with running(folder, "dev", "reset", "small", *grace, *options) as run:
                run.wait_for(STAGES[stage])
                run.signal(number)
                if number == signal.SIGKILL:
                    run.end()
                time.sleep(0.05)
                hold.close()
                assert run.end() in (INTERRUPTED, -number), run.said
        wait_until(lambda: unlocked(folder))
        state = folder.run("dev", "list", "--json").json["databases"][0]["state"]
        if number == signal.SIGINT:
            assert_clear(run.said)
            assert state == "ready"
            assert folder.names() == [folder.database, f"{folder.database}__template"]
        elif state == "swapping":
            assert folder.run("dev", "verify", "small").code == 0, "which opens it again"
        assert stands(folder) == "old"
    rebuild = ["--rebuild-after", "0s"] if stage == "rebuilding the template" else []
    assert_the_next_reset_cleans_up(folder, *rebuild)


def test_a_reset_killed_at_any_moment_leaves_the_old_or_the_new_one(folder: Folder) -> None:
    command = ["dev", "reset", "small", "--grace", "0s", "--yes"]
    started = time.monotonic()
    with running(folder, *command) as run:
        assert run.end() == 0, run.said
    lasts = time.monotonic() - started
    for part in (0.4, 0.55, 0.65, 0.75, 0.85, 0.95):  # the first third is Python's
        if stands(folder) == "new":
            folder.made.execute("CREATE TABLE public.old_one ()")
        with running(folder, *command) as run:
            time.sleep(part * lasts)
            run.signal(signal.SIGKILL)
            run.end()
        wait_until(lambda: unlocked(folder))
        if folder.run("dev", "list", "--json").json["databases"][0]["state"] == "swapping":
            folder.run("dev", "verify", "small")
        assert stands(folder) in ("old", "new")
    assert_the_next_reset_cleans_up(folder)


def test_a_copy_that_is_ended_leaves_no_database_under_its_name(folder: Folder) -> None:
    ann = f"{folder.database}_ann"
    arguments = ["dev", "create", "--from-template", "small", "--database", ann]
    for number in (signal.SIGINT, signal.SIGKILL):
        with ExitStack() as hold:
            hold.enter_context(nobody_makes_a_database(folder))
            with running(folder, *arguments) as run:
                run.wait_for(COPYING)
                run.signal(number)
                if number == signal.SIGKILL:
                    run.end()
                hold.close()
                assert run.end() in (INTERRUPTED, -number), run.said
        wait_until(lambda: unlocked(folder))
        assert ann not in folder.names()
    done = folder.run(*arguments)
    assert done.code == 0, done.err
    assert folder.names() == [folder.database, f"{folder.database}__template", ann]


def test_a_killed_rebuild_leaves_the_old_template(folder: Folder) -> None:
    with held(folder, "rows"), running(folder, "dev", "refresh", "small", "--template") as run:
        run.wait_for(REBUILDING)
        run.signal(signal.SIGKILL)
        run.end()
    wait_until(lambda: unlocked(folder))
    copied = folder.run("dev", "create", "--from-template", "small", "--database", f"{folder.database}_ann")
    assert copied.code == 0, copied.err
    refreshed = folder.run("dev", "refresh", "small", "--template")
    assert refreshed.code == 0, refreshed.err
    assert "removed what an interrupted run left" in refreshed.err
