"""An index that a failed CREATE INDEX CONCURRENTLY left invalid is no part of a copy, and stands in nobody's way."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import MakeDatabase
from tests.devdb.clones import make_clone
from tests.devdb.comparing import WHOLE, broken_indexes, keeping
from tests.devdb.conftest import MakeFolder
from tests.servers import Database

WAYS = WHOLE | {
    "prune": 'strategy = "prune"\n[[devdb.small.delete]]\ntable = "public.inv"\nwhere = "k = 3"\n'
}

TABLE = """
CREATE TABLE inv (k int, id int, word text);
INSERT INTO inv SELECT n, n / 2, 'word ' || n FROM generate_series(1, 40) n;
CREATE TABLE other (id int PRIMARY KEY);
"""
CONCURRENTLY = "CREATE UNIQUE INDEX CONCURRENTLY inv_bad ON inv (id)"


@pytest.fixture
def source(make_database: MakeDatabase) -> Database:
    return with_invalid_index(make_database(TABLE))


def with_invalid_index(database: Database) -> Database:
    with pytest.raises(AssertionError, match="could not create unique index"):
        database.psql(CONCURRENTLY)
    assert broken_indexes(database) == [("inv_bad",)]
    return database


@pytest.mark.parametrize("way", WAYS)
def test_an_invalid_index_is_left_out_and_told(way: str, source: Database, make_folder: MakeFolder) -> None:
    folder = make_folder(source, WAYS[way], keeping(source))
    told = "index inv_bad of public.inv: it is invalid"
    assert told in folder.run("dev", "plan", "small").out
    done = folder.run("dev", "create", "small")
    assert done.code == 0, done.err + done.out
    assert told in done.out
    assert folder.made.value("SELECT count(*) FROM pg_index WHERE indrelid = 'inv'::regclass") == 0
    verified = folder.run("dev", "verify", "small")
    assert verified.code == 0, verified.err + verified.out
    drifted = folder.run("dev", "drift", "small")
    assert drifted.code == 0, drifted.err + drifted.out


@pytest.mark.parametrize("ready", [False, True], ids=["not kept up to date", "kept up to date"])
def test_a_scrub_leaves_an_invalid_index_as_it_is(
    *, ready: bool, source: Database, make_database: MakeDatabase, tmp_path: Path
) -> None:
    database = with_invalid_index(make_database(TABLE))
    database.psql(f"UPDATE pg_index SET indisready = {ready} WHERE indexrelid = 'inv_bad'::regclass")
    clone = make_clone(
        tmp_path / "project",
        source,
        database,
        keeping(database).replace('"word" = "keep"', '"word" = "email"'),
    )
    done = clone.scrub()
    assert broken_indexes(database) == [("inv_bad",)]
    if not ready:
        assert done.code == 0, done.err + done.out
        assert database.value("SELECT count(*) FROM inv WHERE word LIKE 'word %'") == 0
        return
    assert done.code == 4, done.err + done.out
    assert "DROP INDEX public.inv_bad;" in done.err
    assert database.value("SELECT count(*) FROM inv WHERE word LIKE 'word %'") == 40, "nothing was begun"
    database.psql("DROP INDEX public.inv_bad")
    assert clone.scrub().code == 0


def test_an_invalid_index_of_the_database_that_a_prune_starts_from_is_not_in_the_way(
    make_database: MakeDatabase, make_folder: MakeFolder
) -> None:
    source = make_database(TABLE.replace("(1, 40)", "(1, 20000)") + "ANALYZE;")
    folder = make_folder(source, WHOLE["clone"], keeping(source))
    assert folder.run("dev", "create", "small").code == 0
    with_invalid_index(folder.made)
    folder.made.psql("UPDATE pg_index SET indisready = true WHERE indexrelid = 'inv_bad'::regclass")
    name = f"{folder.database}_less"
    rules = '[[devdb.less.delete]]\ntable = "public.inv"\nwhere = "k > 10"\n'
    less = (
        f'[devdb.less]\ndatabase = "{name}"\nstrategy = "prune"\nfrom_database = "{folder.database}"\n{rules}'
    )
    folder.write(devdb=f"{WHOLE['clone']}\n{less}")
    done = folder.run("dev", "create", "less")
    assert done.code == 0, done.err + done.out
    assert folder.target.database(name).value("SELECT count(*) FROM inv") == 10
    assert broken_indexes(folder.made) == [("inv_bad",)], "the original is as it was"
