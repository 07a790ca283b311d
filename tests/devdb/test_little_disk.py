"""A disk that is too small for a copy: said as that, and what was there stays."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator

import pytest

from penstock.engines.postgres.embedded import server_account
from tests.conftest import MakeDatabase
from tests.devdb.conftest import MakeFolder, MakeRole
from tests.devdb.small_shop import (
    DEVDB,
    MASKS,
    SHOP,
    assert_says_no_more_than_it_may,
    checksum,
    databases,
)
from tests.servers import Server, temporary_folder, unique_name

DATABASE = 3


@pytest.fixture
def small_disk(postgres: Server) -> Iterator[str]:
    """A tablespace of 2 MB."""
    account = server_account()
    if os.geteuid() != 0 or account is None:
        pytest.skip("only root can mount a small disk")
    with temporary_folder() as folder:
        if subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)], check=False
        ).returncode:
            pytest.skip("no small disk can be mounted here")
        name = unique_name("space")
        try:
            place = folder / "space"
            place.mkdir()
            os.chown(place, account.uid, account.gid)
            postgres.maintenance.execute(f"CREATE TABLESPACE {name} LOCATION '{place}'")
            yield name
            postgres.maintenance.execute(f"DROP TABLESPACE {name}")
        finally:
            subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.mark.parametrize(
    ("devdb", "flags"), [(DEVDB, []), ('strategy = "clone"\n', ["--jobs", "2"])], ids=["subset", "clone"]
)
def test_too_little_disk_is_said_and_leaves_things_as_they_were(
    make_database: MakeDatabase,
    make_folder: MakeFolder,
    make_role: MakeRole,
    small_disk: str,
    devdb: str,
    flags: list[str],
) -> None:
    source = make_database(SHOP + "UPDATE orders SET note = 'nothing personal';")
    user, password = make_role("CREATEDB")
    source.server.maintenance.execute(
        f"ALTER ROLE {user} SET default_tablespace = {small_disk}",
        f"GRANT CREATE ON TABLESPACE {small_disk} TO {user}",
    )
    folder = make_folder(source, devdb, MASKS.replace('note = "text"', 'note = "keep"'))
    folder.log_in_as("dev", user, password)
    assert folder.run("dev", "create", "small", *flags).code == 0
    source.execute(
        "INSERT INTO orders (customer_id, note, amount) SELECT 1, repeat(md5(n::text), 40), 0 FROM generate_series(1, 9000) n"
    )
    before = databases(folder.target), checksum(source), checksum(folder.made)
    refreshed = folder.run("dev", "refresh", "small", *flags)
    assert (databases(folder.target), checksum(source), checksum(folder.made)) == before
    folder.target.drop(folder.database)
    before_create = databases(folder.target)
    created = folder.run("dev", "create", "small", *flags)
    assert databases(folder.target) == before_create
    for done in (refreshed, created):
        assert done.code == DATABASE, done.err
        assert "PEN-3500" in done.err
        assert "free" in done.err
        assert_says_no_more_than_it_may(done, folder)


def test_too_little_disk_during_an_add_leaves_the_copy_as_it_was(
    make_database: MakeDatabase, make_folder: MakeFolder, make_role: MakeRole, small_disk: str
) -> None:
    source = make_database(SHOP + "UPDATE orders SET note = 'nothing personal';")
    user, password = make_role("CREATEDB")
    source.server.maintenance.execute(
        f"ALTER ROLE {user} SET default_tablespace = {small_disk}",
        f"GRANT CREATE ON TABLESPACE {small_disk} TO {user}",
    )
    folder = make_folder(source, DEVDB, MASKS.replace('note = "text"', 'note = "keep"'))
    folder.log_in_as("dev", user, password)
    assert folder.run("dev", "create", "small").code == 0
    source.execute(
        "INSERT INTO orders (customer_id, note, amount) SELECT 30, repeat(md5(n::text), 40), 0 FROM generate_series(1, 9000) n"
    )
    before = checksum(folder.made)
    done = folder.run("dev", "add", "small", "--root", "public.customer:id = 30")
    assert checksum(folder.made) == before
    assert done.code == DATABASE, done.err
    assert "PEN-3500" in done.err
    assert_says_no_more_than_it_may(done, folder)
    source.execute("DELETE FROM orders WHERE length(note) > 100")
    assert folder.run("dev", "add", "small", "--root", "public.customer:id = 30").code == 0
    folder.target.drop(folder.database)
