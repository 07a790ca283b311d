"""Prepared transactions and subscriptions in a copy: neither makes a reset fail half way, nor leaves the old database behind."""

from __future__ import annotations

import socket

import pytest

from tests.devdb.conftest import Folder, MakeRole
from tests.devdb.small_shop import databases

SUBSCRIBED = (
    "CREATE SUBSCRIPTION {} CONNECTION 'host=localhost dbname=nowhere' PUBLICATION p WITH (connect = false)"
)


@pytest.fixture
def copied(templated: Folder) -> Folder:
    done = templated.run("dev", "create", "--from-template", "small")
    assert done.code == 0, done.err
    return templated


def test_a_subscription_goes_with_the_database_it_is_in(copied: Folder) -> None:
    for number, command in enumerate((["reset", "--yes", "--grace", "0s"], ["refresh"], ["drop", "--yes"])):
        name = f"{copied.database}_{number}"
        copied.made.execute(SUBSCRIBED.format(name))
        done = copied.run("dev", command[0], "small", *command[1:])
        assert done.code == 0, done.err
        assert f"pg_drop_replication_slot('{name}')" in done.err
        there = [copied.database] if command[0] != "drop" else []
        assert copied.names() == [*there, f"{copied.database}__template"]
        assert not copied.target.maintenance.value(
            "SELECT count(*) FROM pg_subscription WHERE subname = $1", name
        )


def test_nobody_calls_a_publisher_whose_tables_are_not_synchronised_yet(copied: Folder) -> None:
    with socket.create_server(("127.0.0.1", 0)) as publisher:
        copied.made.execute(
            f"CREATE SUBSCRIPTION {copied.database} CONNECTION 'host=127.0.0.1 port={publisher.getsockname()[1]} dbname=x' "
            "PUBLICATION p WITH (connect = false)",
            "INSERT INTO pg_subscription_rel SELECT oid, 'public.customer'::regclass, 'i', NULL FROM pg_subscription "
            f"WHERE subname = '{copied.database}'",
        )
        done = copied.run("dev", "drop", "small", "--yes")
        assert done.code == 0, done.err
        publisher.settimeout(0.2)
        with pytest.raises(TimeoutError):
            publisher.accept()


def test_a_database_that_an_older_penstock_left_with_a_subscription_is_removed_too(copied: Folder) -> None:
    name = f"{copied.database}__penstock_0123abcd"
    copied.made.execute(SUBSCRIBED.format(copied.database))
    copied.target.maintenance.psql(
        f"ALTER DATABASE {copied.database} RENAME TO {name}; ALTER DATABASE {name} ALLOW_CONNECTIONS false;"
        f"COMMENT ON DATABASE {name} IS 'penstock: building {copied.database}'"
    )
    assert copied.run("dev", "create", "--from-template", "small").code == 0
    assert copied.names() == [copied.database, f"{copied.database}__template"]


def test_what_may_not_be_dropped_and_what_is_prepared_refuse_before_anything_is_begun(
    copied: Folder, make_role: MakeRole
) -> None:
    copied.made.psql("BEGIN; DELETE FROM orders; PREPARE TRANSACTION 'it''s mine'")
    before = databases(copied.target)
    commands = (["reset", "--yes", "--rebuild-after", "0s"], ["refresh"], ["drop", "--yes"])
    for command in commands:
        refused = copied.run("dev", command[0], "small", *command[1:])
        assert refused.code == 4, refused.err
        assert "ROLLBACK PREPARED 'it''s mine';" in refused.err
        assert databases(copied.target) == before
    copied.made.psql("ROLLBACK PREPARED 'it''s mine'")
    copied.made.execute(SUBSCRIBED.format(copied.database))
    role, password = make_role("CREATEDB")
    owned = (name for name in copied.names())
    copied.target.maintenance.execute(*(f"ALTER DATABASE {name} OWNER TO {role}" for name in owned))
    copied.made.execute(
        f"GRANT USAGE ON SCHEMA penstock TO {role}", f"GRANT SELECT ON penstock.manifest TO {role}"
    )
    copied.log_in_as("dev", role, password)
    before = databases(copied.target)
    for command in (["reset", "--yes"], ["drop", "--yes"]):
        refused = copied.run("dev", command[0], "small", *command[1:])
        assert refused.code == 4, refused.err
        assert "DISABLE; ALTER SUBSCRIPTION" in refused.err
        assert databases(copied.target) == before
    copied.made.psql(
        "; ".join(f'ALTER SUBSCRIPTION "{copied.database}" {what}' for what in ("DISABLE", "SET (slot_name = NONE)"))
        + f'; DROP SUBSCRIPTION "{copied.database}"'
    )  # fmt: skip
