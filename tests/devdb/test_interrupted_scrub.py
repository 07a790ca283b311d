"""A scrub that is killed at any of its steps goes on with the next run, and ends as if nothing had been."""

from __future__ import annotations

import dataclasses
import os
import re
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import asyncpg
import pytest

from penstock.devdb.scrub import tables
from tests.conftest import MakeDatabase
from tests.devdb.clones import Clone, make_clone
from tests.devdb.conftest import MakeRole
from tests.devdb.held_stages import INTERRUPTED, SLOW_MASKS, SLOW_SHOP, assert_clear, held
from tests.devdb.processes import running, wait_until
from tests.devdb.test_interrupted_clone import alive, children
from tests.devdb.town import TOWN, TOWN_MASKS, inside, outside
from tests.devdb.warm import Warm, warm
from tests.devdb.wire import Wire, wire

_NOTED = b'INSERT INTO "penstock"."scrub"'
_END = b"INSERT INTO penstock.manifest"
_STEP = re.compile(rb"VALUES \('([^']*)'")
# What cannot be in a transaction, and so is done before it is noted: of tables, and of one catalog for all.
_VACUUM = (b'VACUUM (FULL) "public"', b"VACUUM (FULL) pg_catalog.pg_attribute")
LARGE_OBJECT = "SELECT lo_from_bytea(0, 'Quartermaine'::bytea)"


def point_of(statement: bytes) -> bytes:
    """What tells a statement from the others of a scrub."""
    found = _STEP.search(statement)
    return found[0] if found and statement.startswith(_NOTED) else statement.partition(b"\0")[0][:60]


class Killed:
    """A clone whose scrub is killed, one run after the other."""

    def __init__(self, warm: Warm, clone: Clone, line: Wire, *options: str) -> None:
        self.warm = warm
        self.clone = clone
        self.line = line
        self.options = ("--drop-large-objects", *options)

    def kill(self, *, after: bytes, committed: bool = False) -> bytes:
        """Where it was killed: before that statement, or after the COMMIT that follows it."""
        assert self.killed(at=1, committed=committed, after=after)
        return point_of(self.line.seen[-1])

    def killed(self, *, at: int, committed: bool = False, after: bytes = b"") -> bool:
        """Whether it came so far that it was killed; else it has ended well."""
        self.line.again(at, and_commit=committed, after=after)
        with self.warm.running(self.clone, *self.clone.command, *self.options) as run:
            wait_until(lambda: self.line.stopped.is_set() or run.poll() is not None, 60)
            if not self.line.stopped.is_set():
                assert run.end() == 0, run.said
                return False
            workers = children(run.pid)
        wait_until(lambda: not backends(self.clone) and not alive(workers))
        return True


def backends(clone: Clone) -> int:
    return clone.target.maintenance.value(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = $1 AND application_name LIKE 'penstock dev%'",
        clone.database,
    )


def may_connect(clone: Clone) -> bool:
    return clone.target.maintenance.value(
        "SELECT has_database_privilege('public', $1, 'CONNECT')", clone.database
    )


@pytest.fixture
def undisturbed(tmp_path: Path, make_database: MakeDatabase) -> Clone:
    clone = make_clone(tmp_path / "undisturbed", make_database(TOWN), make_database(TOWN), TOWN_MASKS)
    clone.made.execute(LARGE_OBJECT)
    return clone


@pytest.fixture(scope="module")
def processes() -> Iterator[Warm]:
    with warm() as made:
        yield made


@pytest.mark.timeout(600)  # some forty runs
def test_killed_at_every_step_it_goes_on_and_ends_with_the_same_rows(
    undisturbed: Clone, tmp_path: Path, make_database: MakeDatabase, processes: Warm
) -> None:
    database = make_database(TOWN)
    database.execute(LARGE_OBJECT)
    around = outside(database)
    with wire(database.server, _NOTED, _END, *_VACUUM) as line:
        whole = make_clone(
            tmp_path / "whole", undisturbed.source, undisturbed.made, TOWN_MASKS, port=line.port
        )
        assert whole.scrub("--drop-large-objects").code == 0
        points = [point_of(statement) for statement in line.seen]
        clone = make_clone(tmp_path / "killed", undisturbed.source, database, TOWN_MASKS, port=line.port)
        killed = Killed(processes, clone, line)
        # Each run does what the one before was killed at, and is killed at the next: work done, not yet committed.
        at = [killed.kill(after=b"")]
        assert may_connect(clone)
        while not at[-1].startswith(_END):
            at.append(killed.kill(after=at[-1]))
            assert not may_connect(clone)
        assert sorted(at) == sorted(points)  # a run that goes on knows other sizes, and so another order
        assert killed.kill(after=b"", committed=True) == points[-1]
        assert may_connect(clone)
        line.again(0, and_commit=False)
        assert "is masked already" in clone.scrub().err
    assert len(points) > 28
    assert {b'VACUUM (FULL) "public"."lost"', b"VACUUM (FULL) pg_catalog.pg_attribute"} < set(points)
    assert database.value("SELECT count(*) FROM pg_attribute WHERE atthasmissing AND attrelid >= 16384") == 0
    assert inside(database) == inside(undisturbed.made)
    assert outside(database) == around


@pytest.mark.timeout(300)
def test_killed_with_its_workers_it_goes_on_and_ends_with_the_same_rows(
    undisturbed: Clone, tmp_path: Path, make_database: MakeDatabase, processes: Warm
) -> None:
    database = make_database(TOWN)
    database.execute(LARGE_OBJECT)
    around = outside(database)
    with wire(database.server, _NOTED) as line:
        clone = make_clone(tmp_path / "killed", undisturbed.source, database, TOWN_MASKS, port=line.port)
        killed = Killed(processes, clone, line, "--jobs", "2")
        runs = 0
        while killed.killed(at=4, committed=runs % 2 == 0):
            runs += 1
            assert not may_connect(clone)
    assert runs > 5
    assert undisturbed.scrub("--drop-large-objects").code == 0
    assert inside(database) == inside(undisturbed.made)
    assert outside(database) == around


def test_a_worker_that_is_killed_ends_the_run_and_the_parts_that_are_done_are_not_done_again(
    undisturbed: Clone, tmp_path: Path, make_database: MakeDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tables, "PORTION_BYTES", 8192)
    part = b'INSERT INTO "penstock"."scrub" (step, document) VALUES (\'part '
    clone = make_clone(tmp_path / "killed", undisturbed.source, make_database(TOWN), TOWN_MASKS)
    with wire(clone.target, part) as line, ThreadPoolExecutor() as threads:
        wired = make_clone(tmp_path / "wired", clone.source, clone.made, TOWN_MASKS, port=line.port)
        line.again(3, and_commit=False)
        run = threads.submit(wired.scrub, "--jobs", "2")
        wait_until(lambda: line.stopped.is_set() or run.done(), 60)
        assert line.stopped.is_set(), run.result().err
        for worker in children(os.getpid()):
            os.kill(worker, signal.SIGKILL)
        done = run.result()
        assert (done.code, "a worker process ended at: " in done.err) == (3, True), done.err
        assert f"{clone.database} stays closed" in done.err
        assert_clear(done.err)
    assert not may_connect(clone)
    wait_until(lambda: not backends(clone))
    left = clone.made.value(
        "SELECT sum(jsonb_array_length(document->'edges')) FILTER (WHERE step LIKE 'empty %') - "
        "count(*) FILTER (WHERE step LIKE 'part %') FROM penstock.scrub"
    )
    with wire(clone.target, part) as line:
        again = make_clone(tmp_path / "again", clone.source, clone.made, TOWN_MASKS, port=line.port)
        assert again.scrub().code == 0  # one worker goes on with the parts of two
        assert len(line.seen) == left
    assert undisturbed.scrub("--drop-large-objects").code == 0
    assert inside(clone.made) == inside(undisturbed.made)


def kill_after(clone: Clone, steps: int, *options: str, devdb: str = "") -> None:
    """Begin a scrub and kill it when so many steps are done."""
    masks = (clone.path / "masks.toml").read_text()
    with wire(clone.target, _NOTED) as line:
        wired = make_clone(clone.path / "wired", clone.source, clone.made, masks, devdb, port=line.port)
        line.again(steps, and_commit=True)
        with running(wired, *wired.command, "--drop-large-objects", *options) as run:
            wait_until(line.stopped.is_set, 60)
            run.signal(signal.SIGKILL)
            run.end()
        wait_until(lambda: not backends(wired))


def test_while_it_is_half_done_nobody_else_may_connect(undisturbed: Clone, make_role: MakeRole) -> None:
    user, password = make_role()
    guest = dataclasses.replace(undisturbed.target, user=user, password=password).database(
        undisturbed.database
    )
    assert guest.value("SELECT 1") == 1
    kill_after(undisturbed, 12)
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        guest.value("SELECT 1")
    assert undisturbed.scrub().code == 0
    assert guest.value("SELECT 1") == 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_scrub_says_so_and_goes_on(
    tmp_path: Path, make_database: MakeDatabase, number: int
) -> None:
    clone = make_clone(tmp_path / "slow", make_database(SLOW_SHOP), make_database(SLOW_SHOP), SLOW_MASKS)
    with held(clone, "statistics"), running(clone, *clone.command) as run:
        run.wait_for(
            "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'penstock dev scrub' AND query ILIKE 'refresh%'"
        )
        run.signal(number)
        assert run.end() == INTERRUPTED
        assert f"{clone.database} stays closed" in run.said
    assert not may_connect(clone)
    done = clone.scrub("--json")
    assert done.code == 0, done.err
    assert done.json["continued"] is True


REAL = """
[devdb.small]
[[devdb.small.real]]
table = "public.person"
where = "mail = 'zebquart7@town.test'"
"""


def test_rows_that_stay_real_are_known_after_a_kill(
    undisturbed: Clone, tmp_path: Path, make_database: MakeDatabase
) -> None:
    clone = make_clone(tmp_path / "real", undisturbed.source, make_database(TOWN), TOWN_MASKS, REAL)
    other = make_clone(tmp_path / "other", undisturbed.source, make_database(TOWN), TOWN_MASKS, REAL)
    kill_after(clone, 14, "--for", "small", devdb=REAL)
    assert "zebquart7@town.test" not in clone.made.value(
        "SELECT string_agg(t::text, '') FROM penstock.scrub t"
    )
    done = clone.scrub("--for", "small")
    assert done.code == 0, done.err
    assert other.scrub("--for", "small").code == 0
    assert inside(clone.made) == inside(other.made)
    assert "zebquart7@town.test" in repr(inside(clone.made)["person"])


def test_a_killed_scrub_goes_on_by_the_new_rules_only_when_told_to_start_over(
    undisturbed: Clone, tmp_path: Path, make_database: MakeDatabase
) -> None:
    other = make_clone(tmp_path / "other", undisturbed.source, make_database(TOWN), TOWN_MASKS)
    undisturbed.write(
        masks=TOWN_MASKS.replace('"date_shift"', '"keep"').replace('label = "keep"', 'label = "text"')
    )
    kill_after(undisturbed, 16)
    undisturbed.write(masks=TOWN_MASKS)
    done = undisturbed.scrub()
    assert done.code == 4
    assert "--start-over" in done.err
    done = undisturbed.scrub("--start-over")
    assert done.code == 0, done.err
    assert other.scrub().code == 0
    assert inside(undisturbed.made) == inside(other.made)


def test_a_proof_that_finds_something_leaves_it_closed_until_it_is_masked_too(
    undisturbed: Clone, tmp_path: Path, make_database: MakeDatabase
) -> None:
    around = outside(undisturbed.made)
    undisturbed.write(masks=TOWN_MASKS.replace('name = "text"', 'name = "keep"'))
    undisturbed.made.execute("UPDATE place SET label = 'zebquart7@town.test' WHERE id = 3")
    done = undisturbed.scrub("--drop-large-objects")
    assert done.code == 1
    assert "public.place.label" in done.err
    assert "--start-over" in done.err
    assert_clear(done.err)
    assert not may_connect(undisturbed)
    undisturbed.write(masks=TOWN_MASKS.replace('label = "keep"', 'label = "email"'))
    done = undisturbed.scrub("--start-over")
    assert done.code == 0, done.err
    assert "zebquart" not in repr(inside(undisturbed.made))
    assert outside(undisturbed.made) == around


def test_a_killed_scrub_is_refused_under_another_key(undisturbed: Clone) -> None:
    kill_after(undisturbed, 12)
    undisturbed.write(key="fedcba9876543210" * 4)
    done = undisturbed.scrub()
    assert done.code == 4
    assert "another key" in done.err
    assert "--start-over" in done.err
    assert_clear(done.err)
    assert not may_connect(undisturbed)
