"""A database with at least one object of every kind is copied whole, and compared with its source object by object."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from penstock.devdb.building import build
from penstock.engines.postgres.session import Session
from tests.conftest import MakeDatabase
from tests.devdb.comparing import (
    WHOLE,
    broken_indexes,
    checksums,
    constraints,
    differences,
    keeping,
    objects,
    sequences,
)
from tests.devdb.conftest import Folder, MakeFolder, MakeRole
from tests.servers import Database

TORTURE = (Path(__file__).parent / "torture.sql").read_text()


# What differs, and how that is told.
KNOWN = {("TABLE", "app", "adopted"): "order of the columns of app.adopted"}


@pytest.fixture
def tortured(make_database: MakeDatabase) -> Database:
    return make_database(TORTURE)


def created(folder: Folder) -> str:
    done = folder.run("dev", "create", "small")
    assert done.code == 0, done.err + done.out
    return done.out


@pytest.mark.parametrize("way", WHOLE)
def test_every_kind_of_object_arrives_as_it_was(
    way: str, tortured: Database, make_folder: MakeFolder
) -> None:
    folder = make_folder(tortured, f"grants = true\n{WHOLE[way]}", keeping(tortured))
    said = created(folder)
    made = folder.made
    expected, found = dict(objects(tortured)), dict(objects(made))
    for key, told in KNOWN.items():
        assert expected.pop(key) != found.pop(key)
        assert f"left out: {told}: " in said
    assert differences(expected, found) == []
    assert checksums(made) == checksums(tortured)
    assert sequences(made) == sequences(tortured)
    assert constraints(made) == constraints(tortured)
    assert broken_indexes(made) == broken_indexes(tortured) == [("app.visit_partly",)], (
        "not attached everywhere"
    )
    again = folder.run("dev", "verify", "small")
    assert again.code == 0, again.err + again.out


LARGE = "SELECT oid::int8, length(lo_get(oid)), md5(lo_get(oid)), obj_description(oid, 'pg_largeobject') FROM pg_largeobject_metadata ORDER BY 1"


@pytest.mark.parametrize("way", WHOLE)
def test_large_objects_stay_behind_unless_they_are_asked_for(
    way: str, tortured: Database, make_folder: MakeFolder, make_role: MakeRole
) -> None:
    tortured.execute("GRANT SELECT ON LARGE OBJECT 4711 TO pg_monitor")
    folder = make_folder(tortured, WHOLE[way], keeping(tortured))
    planned = folder.run("dev", "plan", "small")
    assert "3 large objects: nothing looks into them" in planned.out
    assert "3 large objects: nothing looks into them" in created(folder)
    assert folder.made.rows(LARGE) == []
    # a role that may not read one is told so before anything is built; the superuser may
    reader, password = make_role("IN ROLE pg_read_all_data BYPASSRLS")
    folder.write(devdb=f'grants = true\nlarge_objects = "keep"\n{WHOLE[way]}')
    folder.log_in_as("prod", reader, password)
    refused = folder.run("dev", "refresh", "small")
    assert refused.code == 4, refused.err + refused.out
    assert "this role may not read 3 of the source's large objects" in refused.err
    assert f'GRANT SELECT ON LARGE OBJECT 4711 TO "{reader}"' in refused.err
    folder.write(devdb=f'grants = true\nlarge_objects = "keep"\n{WHOLE[way]}')
    assert (
        "3 large objects are copied as they are: no mask looks into them"
        in folder.run("dev", "plan", "small").out
    )
    refreshed = folder.run("dev", "refresh", "small")
    assert refreshed.code == 0, refreshed.err
    assert folder.made.rows(LARGE) == tortured.rows(LARGE)
    rights = "SELECT lomacl::text FROM pg_largeobject_metadata WHERE oid = 4711"
    assert folder.made.value(rights) == tortured.value(rights)
    # one that is gone, or was not to come, fails the verification; what is added later comes with the rows
    tortured.execute("SELECT lo_from_bytea(4714, 'new')")
    added = folder.run("dev", "add", "small", "--root", "app.numbered:id = 1")
    assert added.code == 0, added.err
    assert folder.made.rows(LARGE) == tortured.rows(LARGE)


@pytest.mark.parametrize("at", [0, 1048575, 2500000])
def test_a_large_object_that_arrived_with_another_byte_fails_the_verification(
    make_database: MakeDatabase, make_folder: MakeFolder, monkeypatch: pytest.MonkeyPatch, at: int
) -> None:
    source = make_database(
        "CREATE TABLE public.person (id int PRIMARY KEY);"
        "SELECT lo_from_bytea(1, decode(repeat('00ff', 1300000), 'hex')), lo_from_bytea(2, ''), lo_from_bytea(3, 'three');"
    )
    folder = make_folder(source, 'large_objects = "keep"\nkeep = ["public.*"]\n', "[public.person]\n")
    real = build.copy_large_objects

    def damaged(source: Session, target: Session, *arguments: Any, **named: Any) -> int:
        size = real(source, target, *arguments, **named)
        target.fetchval(f"SELECT pg_catalog.lo_put(1, {at}, '\\x42')")
        return size

    with monkeypatch.context() as patched:
        patched.setattr(build, "copy_large_objects", damaged)
        done = folder.run("dev", "create", "small")
    assert done.code == 1, done.err + done.out
    assert "large object content 3: 1 hold other bytes" in done.err
    assert folder.names() == []
    done = folder.run("dev", "create", "small")
    assert done.code == 0, done.err
    assert folder.made.rows(LARGE) == source.rows(LARGE)


def test_a_large_object_is_searched_though_it_is_read_in_pieces(
    make_database: MakeDatabase, make_folder: MakeFolder, make_role: MakeRole
) -> None:
    sql = """
        CREATE TABLE public.person (id int PRIMARY KEY, email text);
        INSERT INTO public.person VALUES (1, 'quentin.quartermaine@mail.example');
        SELECT lo_from_bytea(1, decode(repeat('00', 1048560), 'hex') || 'quentin.quartermaine@mail.example'::bytea || decode(repeat('ff', 2000000), 'hex'));
    """
    owner, password = make_role("CREATEDB")
    source = make_database(sql)
    masks = '[public.person]\nemail = "email"\n'
    folder = make_folder(source, 'large_objects = "keep"\nkeep = ["public.*"]\n', masks)
    folder.log_in_as("dev", owner, password)
    done = folder.run("dev", "create", "small")
    assert done.code == 1, done.err + done.out
    assert "pg_largeobject" in done.err
    source.execute("SELECT lo_put(1, 1048560, decode(repeat('00', 100), 'hex'))")
    done = folder.run("dev", "create", "small")
    assert done.code == 0, done.err + done.out
    assert folder.made.rows(LARGE) == source.rows(LARGE)
