"""What interrupted runs left is told by its mark, never by its name alone."""

from __future__ import annotations

import pytest

from penstock.devdb import databases, debris
from penstock.devdb.context import context_of
from penstock.engines.postgres.reflect import reflect
from tests.conftest import MakeDatabase
from tests.devdb.conftest import Folder, MakeFolder, MakeRole
from tests.devdb.held_stages import (
    SLOW_MASKS,
    SLOW_SHOP,
)
from tests.devdb.small_shop import DEVDB
from tests.servers import unique_name


@pytest.fixture
def folder(make_database: MakeDatabase, make_folder: MakeFolder) -> Folder:
    return make_folder(make_database(SLOW_SHOP), DEVDB, SLOW_MASKS)


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
        assert debris.leftovers(maintenance, folder.database).debris == (built,)
        assert debris.leftovers(maintenance, f"{folder.database}x").debris == ()
        maintenance.execute(f"ALTER DATABASE {built} CONNECTION LIMIT -1")
        assert debris.leftovers(maintenance, folder.database).strangers == (built,)


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


def test_a_build_is_nobodys_debris_while_its_run_holds_the_lock_in_another_maintenance_database(
    folder: Folder,
) -> None:
    """Two projects may name different ones, and an advisory lock belongs to one database."""
    context = context_of(folder.project.settings, "small")
    with context.source_session() as source:
        facts = reflect(source).facts
    another = unique_name("maintenance")
    folder.target.create(another)
    try:
        with context.target_session(another) as maintenance, debris.build_lock(maintenance, folder.database):
            built = databases.temporary_name(folder.database)
            databases.create(maintenance, built, folder.database, facts)
            refused = folder.run("dev", "create", "small")
            assert refused.code == 4, refused.err
            assert "another run is building" in refused.err
            assert "(dev create --to)" in refused.err
            assert folder.names() == [built]
            (listed,) = folder.run("dev", "list", "--json").json["databases"]
            assert listed["debris"] == listed["strangers"] == []
            assert debris.leftovers(maintenance, folder.database).debris == (built,), "to who holds the lock"
        done = folder.run("dev", "create", "small")
        assert done.code == 0, done.err
        assert folder.names() == [folder.database]
    finally:
        folder.target.drop(another)
