"""A project whose whole copy is made once for all tests of a module. They prune it, or copy its source: neither changes it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.devdb.conftest import Folder
from tests.servers import Server, unique_name


@contextmanager
def prepared(
    server: Server, path: Path, script: str, devdb: str, masks: str, *, made: bool = True
) -> Iterator[Folder]:
    """The project over a source of its own; its section `small` is `made`."""
    source = server.create(unique_name("db"))
    folder = Folder(path, source, server, unique_name("dev"))
    try:
        source.psql(script)
        folder.write(devdb=devdb, masks=masks)
        if made:
            done = folder.run("dev", "create", "small")
            assert done.code == 0, done.err
        yield folder
    finally:
        for name in (*folder.names(), source.name):
            server.drop(name)


@contextmanager
def its_own(shared: Folder, path: Path) -> Iterator[Folder]:
    """The same project with files of its own. What it makes beside the shared database is dropped; that one must be as it was."""
    shutil.copytree(shared.path, path)
    before = set(shared.names())
    yield Folder(path, shared.source, shared.target, shared.database)
    for name in {*shared.names()} - before:
        shared.target.drop(name)
    assert set(shared.names()) == before
