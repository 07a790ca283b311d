"""A copy that already holds the real values is masked in place: what changes, what stays, what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.conftest import MakeDatabase
from tests.devdb.conftest import KEY, Folder
from tests.devdb.small_shop import MASKS, PERSONAL, SHOP, assert_says_no_more_than_it_may
from tests.servers import Database, Server

from penstock.api.project import Project


class Clone(Folder):
    """A project whose target connection `clone` leads to a database with the real values."""

    @property
    def database_(self) -> Database:
        return self.target.database(self.database)

    def scrub(self, *options: str, **kwargs: object):
        return self.run("dev", "scrub", "clone", "--confirm", self.database, *options)


def make_clone(path: Path, source: Database, clone: Database, masks: str, devdb: str = "", **kwargs: str) -> Clone:
    path.mkdir()
    lines = {"role": "target", "host": clone.server.host, "port": clone.server.port, "user": clone.server.user, "dbname": clone.name}
    table = "[connections.clone]\n" + "\n".join(f"{k} = {json.dumps(v)}" for k, v in lines.items())
    if clone.server.password:
        table += '\npassword = "${TARGET_PASSWORD}"'
    folder = Clone(path, source, clone.server, clone.name)
    folder.write(devdb="", masks=masks)
    text = (path / "penstock.toml").read_text().partition("[connections.dev]")[0]
    (path / "penstock.toml").write_text(text + table + "\n" + devdb)
    return folder


@pytest.fixture
def clone(tmp_path: Path, make_database: MakeDatabase) -> Clone:
    source = make_database(SHOP)
    return make_clone(tmp_path / "p", source, make_database(SHOP), MASKS)


def test_a_scrubbed_shop_holds_no_original(clone: Clone) -> None:
    done = clone.scrub()
    print(done.out, done.err)
    assert done.code == 0, done.err
