"""What the roles of source and target must be allowed, and what is said where they are not."""

from __future__ import annotations

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

REFUSED = 4


def test_a_table_the_role_may_not_read_is_named(
    make_database: MakeDatabase, make_folder: MakeFolder, make_role: MakeRole
) -> None:
    source = make_database(SHOP)
    user, password = make_role()
    source.execute(f"GRANT SELECT ON public.country, public.customer TO {user}")
    folder = make_folder(source, DEVDB, MASKS)
    folder.log_in_as("prod", user, password)
    before = databases(folder.target), checksum(source)
    done = folder.run("dev", "create", "small")
    assert done.code == REFUSED, done.err
    assert "public.orders" in done.err
    assert "GRANT SELECT" in done.err
    assert password not in done.out + done.err
    assert_says_no_more_than_it_may(done, folder)
    assert (databases(folder.target), checksum(source)) == before


def test_a_role_that_reads_everything_and_writes_nothing_is_enough(
    make_database: MakeDatabase, make_folder: MakeFolder, make_role: MakeRole
) -> None:
    source = make_database(SHOP)
    reader, password = make_role("IN ROLE pg_read_all_data")
    owner, _ = make_role("CREATEDB")
    folder = make_folder(source, DEVDB, MASKS)
    folder.log_in_as("prod", reader, password)
    folder.log_in_as("dev", owner, password)
    before = checksum(source)
    done = folder.run("dev", "create", "small")
    assert done.code == 0, done.err
    assert folder.names() == [folder.database]
    assert checksum(source) == before
    folder.target.drop(folder.database)


def test_a_target_role_that_may_not_create_databases_is_told_so(
    make_database: MakeDatabase, make_folder: MakeFolder, make_role: MakeRole
) -> None:
    source = make_database(SHOP)
    user, password = make_role()
    folder = make_folder(source, DEVDB, MASKS)
    folder.log_in_as("dev", user, password)
    before = databases(folder.target), checksum(source)
    done = folder.run("dev", "create", "small")
    assert done.code == REFUSED, done.err
    assert "CREATEDB" in done.err
    assert password not in done.out + done.err
    assert (databases(folder.target), checksum(source)) == before


def test_rows_hidden_by_row_level_security_are_refused(
    make_database: MakeDatabase, make_folder: MakeFolder, make_role: MakeRole
) -> None:
    source = make_database(SHOP)
    user, password = make_role()
    source.execute(
        f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {user}",
        "ALTER TABLE public.customer ENABLE ROW LEVEL SECURITY",
        "CREATE POLICY few ON public.customer USING (id < 4)",
    )
    folder = make_folder(source, DEVDB, MASKS)
    folder.log_in_as("prod", user, password)
    before = databases(folder.target), checksum(source)
    done = folder.run("dev", "create", "small")
    assert done.code == REFUSED, done.err
    assert "PEN-4500" in done.err
    assert "public.customer" in done.err
    assert "BYPASSRLS" in done.err
    assert (databases(folder.target), checksum(source)) == before


def test_a_role_that_may_not_read_sequences_gets_a_copy_whose_sequences_continue(
    make_database: MakeDatabase, make_folder: MakeFolder, make_role: MakeRole
) -> None:
    source = make_database(SHOP)
    user, password = make_role()
    source.execute(f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {user}")
    folder = make_folder(source, DEVDB, MASKS)
    folder.log_in_as("prod", user, password)
    done = folder.run("dev", "create", "small")
    assert done.code == 0, done.err
    largest = folder.made.value("SELECT max(id) FROM public.orders")
    assert folder.made.value("SELECT nextval('public.orders_id_seq')") == largest + 1
