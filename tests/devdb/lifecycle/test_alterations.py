"""What developers alter in copied things, of every kind: each is listed before a reset loses it, and nothing else is."""

from __future__ import annotations

import pytest

from tests.conftest import MakeDatabase
from tests.devdb.conftest import Folder, MakeFolder, MakeRole
from tests.devdb.small_shop import DEVDB, MASKS, SHOP

EVERYTHING = """
CREATE DOMAIN public.short AS text;
CREATE VIEW public.names AS SELECT id, name FROM public.customer;
CREATE MATERIALIZED VIEW public.totals AS SELECT customer_id, sum(amount) FROM public.orders GROUP BY 1;
CREATE TABLE public.log (id int, line int) PARTITION BY RANGE (id);
CREATE TABLE public.log_1 PARTITION OF public.log FOR VALUES FROM (0) TO (100);
CREATE FUNCTION public.twice(int) RETURNS int LANGUAGE sql RETURN $1 * 2;
CREATE AGGREGATE public.joined(text) (SFUNC = textcat, STYPE = text, INITCOND = '');
CREATE TEXT SEARCH CONFIGURATION public.words (COPY = simple);
CREATE POLICY few ON public.orders USING (amount > 1);
CREATE RULE quiet AS ON DELETE TO public.country DO INSTEAD NOTHING;
CREATE STATISTICS public.two ON customer_id, amount FROM public.orders;
CREATE TYPE public.span AS RANGE (subtype = float8);
"""
ALTERED = {
    "ALTER POLICY few ON orders TO {ann}": "policy few on public.orders",
    "ALTER DOMAIN short SET DEFAULT 'x'": "type public.short",
    "ALTER TABLE country DISABLE RULE quiet": "rule quiet on public.country",
    "ALTER TEXT SEARCH CONFIGURATION words DROP MAPPING FOR url": "text search configuration public.words",
    "ALTER VIEW names ALTER COLUMN name SET DEFAULT 'x'; ALTER VIEW names SET (security_barrier = true)": "view public.names",
    "ALTER TABLE log DETACH PARTITION log_1": "table public.log_1",
    "CREATE OR REPLACE AGGREGATE joined(text) (SFUNC = textcat, STYPE = text, INITCOND = 'q')": "aggregate public.joined(pg_catalog.text)",
    "ALTER TABLE customer ALTER name SET STORAGE EXTERNAL": "table column public.customer.name",
    "ALTER TABLE customer ALTER nick SET STATISTICS 500": "table column public.customer.nick",
    "ALTER TABLE country CLUSTER ON country_pkey": "table public.country",
    "ALTER STATISTICS two SET STATISTICS 33": "statistics object public.two",
    "ALTER MATERIALIZED VIEW totals SET (fillfactor = 50)": "materialized view public.totals",
}
RIGHTS = {
    "REVOKE EXECUTE ON FUNCTION twice(int) FROM PUBLIC": "REVOKE EXECUTE ON ROUTINE public.twice(integer) FROM PUBLIC",
    "ALTER DEFAULT PRIVILEGES FOR ROLE {dev} IN SCHEMA public GRANT SELECT ON TABLES TO {ann}":
        "ALTER DEFAULT PRIVILEGES FOR ROLE {dev} IN SCHEMA public GRANT SELECT ON TABLES TO {ann}",
    "GRANT USAGE ON LANGUAGE plpgsql TO {ann}": "GRANT USAGE ON LANGUAGE plpgsql TO {ann}",
    "ALTER DEFAULT PRIVILEGES FOR ROLE {dev} REVOKE EXECUTE ON ROUTINES FROM PUBLIC":
        "ALTER DEFAULT PRIVILEGES FOR ROLE {dev} REVOKE EXECUTE ON ROUTINES FROM PUBLIC",
    "REVOKE DELETE ON country FROM {dev}": "REVOKE DELETE ON TABLE public.country FROM its owner",
}  # fmt: skip
KEPT_RIGHTS = """
SET ROLE {dev};
CREATE FUNCTION public.sd() RETURNS int LANGUAGE sql SECURITY DEFINER RETURN 42;
REVOKE EXECUTE ON FUNCTION public.sd() FROM PUBLIC;
CREATE TYPE public.en AS ENUM ('x');
REVOKE USAGE ON TYPE public.en FROM PUBLIC;
CREATE TABLE public.ro (id int);
REVOKE INSERT ON public.ro FROM {dev};
"""


@pytest.fixture
def roles(make_role: MakeRole) -> dict[str, str]:
    return {"dev": make_role()[0], "ann": make_role()[0]}


@pytest.fixture
def handed_over(make_database: MakeDatabase, make_folder: MakeFolder, roles: dict[str, str]) -> Folder:
    """A copy of one of each kind of thing, which is the developers'."""
    masks = f'{MASKS}[public.log]\nline = "keep"\n[public.totals]\nsum = "keep"\n'
    devdb = f'developers = "{roles["dev"]}"\n{DEVDB}'
    folder = make_folder(make_database(SHOP + EVERYTHING), devdb, masks)
    done = folder.run("dev", "create", "small")
    assert done.code == 0, done.err
    return folder


def test_everything_altered_is_listed_and_nothing_that_a_server_does_by_itself(
    handed_over: Folder, roles: dict[str, str]
) -> None:
    made = handed_over.made
    made.psql(
        "VACUUM FULL; ANALYZE; REINDEX TABLE CONCURRENTLY public.orders; REFRESH MATERIALIZED VIEW public.totals;"
        "CREATE TABLE public.tmp (o int REFERENCES public.orders); DROP TABLE public.tmp;"
    )
    assert not handed_over.project.extras_dev("small"), "nobody altered anything"
    made.psql(";\n".join([*ALTERED, *RIGHTS]).format(**roles))
    found = handed_over.project.extras_dev("small")
    assert sorted(found.lost) == sorted(f"{what} (changed)" for what in ALTERED.values())
    assert sorted(found.listed) == sorted(right.format(**roles) for right in RIGHTS.values())
    made.execute("UPDATE penstock.manifest SET document = document - 'details'")
    older = handed_over.project.extras_dev("small")
    assert older.lost == (), "what an older Penstock made did not record that"
    assert all(text.startswith("ALTER DEFAULT") for text in older.listed)


def test_keep_extra_keeps_what_was_revoked(handed_over: Folder, roles: dict[str, str]) -> None:
    handed_over.made.psql(KEPT_RIGHTS.format(**roles) + "RESET ROLE;" + ";\n".join(RIGHTS).format(**roles))
    before = handed_over.project.extras_dev("small")
    assert before.lost == ()
    done = handed_over.run("dev", "reset", "small", "--keep-extra", "--grace", "0s", "--json")
    assert done.code == 0, done.out
    assert done.json["notes"] == []
    made = handed_over.made
    assert not made.value("SELECT has_function_privilege('public', 'public.sd()', 'EXECUTE')")
    assert not made.value("SELECT has_type_privilege('public', 'public.en', 'USAGE')")
    assert not made.value("SELECT has_table_privilege($1::name, 'public.ro', 'INSERT')", roles["dev"])
    assert made.value("SELECT has_table_privilege($1::name, 'public.ro', 'SELECT')", roles["dev"])
    assert handed_over.project.extras_dev("small").as_dict() == before.as_dict()


def test_a_developers_range_is_kept_with_the_cast_it_brings(
    handed_over: Folder, roles: dict[str, str]
) -> None:
    handed_over.made.psql(f"SET ROLE {roles['dev']}; CREATE TYPE public.mine AS RANGE (subtype = float8)")
    found = handed_over.project.extras_dev("small")
    assert (found.lost, found.listed) == ((), ("type public.mine",))
