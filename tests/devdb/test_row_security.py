"""Row-level security: rows that a policy would hide are never silently missing from a copy."""

from __future__ import annotations

import pytest

from tests.conftest import MakeDatabase
from tests.devdb.conftest import MakeFolder, MakeRole
from tests.devdb.small_shop import MASKS, SHOP, created

GUARDED = """
CREATE TABLE public.parted (id int, region int) PARTITION BY LIST (region);
CREATE TABLE public.parted_1 PARTITION OF public.parted FOR VALUES IN (1);
CREATE TABLE public.parted_2 PARTITION OF public.parted FOR VALUES IN (2);
INSERT INTO public.parted SELECT n, 1 + n % 2 FROM generate_series(1, 40) n;
CREATE TABLE public.heir (extra int) INHERITS (public.country);
INSERT INTO public.heir VALUES ('FR', 'France', 1), ('DE', 'Germany', 2);
CREATE MATERIALIZED VIEW public.sales AS SELECT customer_id, sum(amount) FROM public.orders GROUP BY 1;
ANALYZE;
"""
GUARDED_DEVDB = 'unclassified = "mask"\nkeep = ["*"]\n'

FORCED = "ALTER TABLE public.{table} FORCE ROW LEVEL SECURITY;"
OWNED = "ALTER TABLE public.{table} OWNER TO {role}; ALTER MATERIALIZED VIEW public.sales OWNER TO {role};"


def guard(table: str, role: str, more: str = "") -> str:
    """Let the role read everything but, by a policy, the rows of one table."""
    return (
        f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role}; ALTER TABLE public.{table} ENABLE ROW LEVEL SECURITY;"
        f"CREATE POLICY none ON public.{table} USING (false);" + more.format(table=table, role=role)
    )


@pytest.mark.parametrize(
    ("table", "more"),
    [
        ("orders", ""),
        ("orders", OWNED + FORCED),
        ("orders", OWNED + FORCED + "DROP POLICY none ON public.{table};"),
        ("parted", ""),
        ("parted_2", ""),
        ("country", ""),
        ("heir", ""),
    ],
    ids=["reader", "forced owner", "forced owner without a policy", "root", "partition", "parent", "heir"],
)
@pytest.mark.parametrize("command", ["plan", "create"])
def test_policies_that_would_hide_rows_are_refused(
    command: str,
    table: str,
    more: str,
    make_database: MakeDatabase,
    make_folder: MakeFolder,
    make_role: MakeRole,
) -> None:
    source = make_database(SHOP + GUARDED)
    user, password = make_role()
    source.psql(guard(table, user, more))
    folder = make_folder(source, GUARDED_DEVDB, MASKS)
    folder.log_in_as("prod", user, password)
    done = folder.run("dev", command, "small")
    assert done.code == 4, done.out + done.err
    assert f"row-level security would hide rows of public.{table}" in done.err
    assert "BYPASSRLS" in done.err
    assert folder.names() == []


@pytest.mark.parametrize(
    ("attributes", "more"),
    [("BYPASSRLS", ""), ("BYPASSRLS", FORCED), ("", OWNED)],
    ids=["bypass", "forced, bypass", "owner"],
)
def test_policies_that_hide_nothing_from_the_role_change_nothing(
    attributes: str, more: str, make_database: MakeDatabase, make_folder: MakeFolder, make_role: MakeRole
) -> None:
    source = make_database(SHOP + GUARDED)
    plain = created(make_folder(source, GUARDED_DEVDB, MASKS))
    user, password = make_role(attributes)
    source.psql(guard("orders", user, more))
    folder = make_folder(source, GUARDED_DEVDB, MASKS)
    folder.log_in_as("prod", user, password)
    assert created(folder) == plain
    assert folder.made.value("SELECT count(*) FROM public.sales") == 40


def test_a_target_role_that_forced_policies_would_blind_is_refused_before_anything_is_built(
    make_database: MakeDatabase, make_folder: MakeFolder, make_role: MakeRole
) -> None:
    source = make_database(SHOP + GUARDED)
    user, password = make_role("CREATEDB")
    source.psql(guard("orders", user, FORCED))
    folder = make_folder(source, GUARDED_DEVDB, MASKS)
    folder.log_in_as("dev", user, password)
    done = folder.run("dev", "create", "small")
    assert done.code == 4, done.err
    assert "could not see all rows of public.orders in the copy" in done.err
    assert f'ALTER ROLE "{user}" BYPASSRLS' in done.err
    assert folder.names() == []
    source.server.maintenance.execute(f"ALTER ROLE {user} BYPASSRLS")
    assert len(created(folder)["orders"]) == 400
