"""Many values in little memory: the same is found, and nothing stays on the disk."""

from __future__ import annotations

from dataclasses import replace

import pytest

from penstock.errors import NoSpace
from tests.servers import unique_name

TABLES = """CREATE TABLE person (id int PRIMARY KEY, email text, code text, n bigint, town text);
CREATE TABLE city (name text); CREATE TABLE log (id int, state text, line text);"""
SOURCE = """INSERT INTO person SELECT i, 'Erika.' || i || '@Mail.example', 'k' || 10000 + i, 50000000 + i, 'Town ' || 100 + i % 900 FROM generate_series(1, 6000) AS i;
INSERT INTO city SELECT DISTINCT town FROM person;
INSERT INTO log SELECT i, 'Town ' || 100 + i % 3, md5(i::text) FROM generate_series(1, 4000) AS i;"""
TARGET = """INSERT INTO person SELECT i, 'p' || md5(i::text), md5('c' || i), i, md5('t' || i) FROM generate_series(1, 6000) AS i;
INSERT INTO city SELECT 'Town ' || i FROM generate_series(100, 999) AS i; INSERT INTO city VALUES ('Towns of k10001');
INSERT INTO log SELECT i, 'Town ' || 100 + i % 3, 'to erika.' || i || '@mail.example, ' || 50000000 + i || ' k' || 10000 + i FROM generate_series(5500, 7000) AS i;"""
CLAIMS = {
    "fresh": "person.email person.code person.n person.town",
    "same": "city.name log.state log.id",
    "nomenclature": "city",
}


@pytest.fixture(scope="module")
def source(postgres):
    database = postgres.create(unique_name("source"))
    database.psql(TABLES + SOURCE)
    yield database
    postgres.drop(database.name)


@pytest.fixture(scope="module")
def target(postgres):
    database = postgres.create(unique_name("target"))
    database.psql(TABLES + TARGET)
    yield database
    postgres.drop(database.name)


def test_little_memory_finds_what_much_memory_finds(source, target, prove, scratch_files):
    much = prove(source, target, **CLAIMS)
    assert scratch_files == []
    little = prove(source, target, pairs_in_memory="300", **CLAIMS)
    assert len(scratch_files) > 6  # anchors, texts, numbers, what was found, the nomenclature
    nameless = [replace(f, fingerprints=()) for f in much.findings]  # they are under another key each time
    assert [replace(f, fingerprints=()) for f in little.findings] == nameless
    assert [len(f.fingerprints) for f in little.findings] == [len(f.fingerprints) for f in much.findings]
    assert little.tests == much.tests
    found = {(str(f.origin), f.place, f.verdict.value): (f.values, f.rows) for f in little.findings}
    assert found == {
        ("public.person.email", "public.log.line", "leak"): (501, 501),
        ("public.person.n", "public.log.line", "leak"): (501, 501),
        ("public.person.code", "public.log.line", "leak"): (501, 501),
        ("public.person.code", "public.city.name", "leak"): (1, 1),
        ("public.person.town", "public.city.name", "apart"): (900, 900),
        ("public.person.town", "public.log.state", "apart"): (3, 1501),
    }


def test_the_files_are_closed_afterwards(source, target, prove, scratch_files):
    prove(source, target, pairs_in_memory="300", **CLAIMS)
    assert scratch_files
    assert all(file.closed for file in scratch_files)


@pytest.mark.parametrize("moment", ["reading the masked columns of public.person", "searching public.log"])
def test_the_files_are_closed_after_a_failure_too(source, target, prove, scratch_files, moment):
    def stop(what, *_):
        if what == moment:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        prove(source, target, pairs_in_memory="300", progress=stop, **CLAIMS)
    assert scratch_files
    assert all(file.closed for file in scratch_files)


def test_a_full_disk_ends_the_check_and_says_what_takes_so_much(source, target, prove, full_disk):
    with pytest.raises(NoSpace) as caught:
        prove(source, target, pairs_in_memory="300", **CLAIMS)
    assert caught.value.what == "this machine's disk is too full for the leak check"
    assert caught.value.why.startswith(
        "keyed hashes take up to 50 bytes for each distinct value searched for, in "
    )
