"""A shop of a few rows whose personal values can be searched for, and what a bystander sees of a server."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.servers import Database, Server

if TYPE_CHECKING:
    from tests.devdb.conftest import Done, Folder

SHOP = """
CREATE TABLE public.country (code char(2) PRIMARY KEY, name text NOT NULL UNIQUE);
CREATE TABLE public.customer (
    id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL,
    nick text UNIQUE,
    country char(2) NOT NULL REFERENCES public.country
);
CREATE TABLE public.orders (
    id serial PRIMARY KEY,
    customer_id int NOT NULL REFERENCES public.customer,
    note text,
    amount numeric(10, 2) NOT NULL CHECK (amount >= 0)
);
INSERT INTO public.country VALUES ('AT', 'Austria'), ('BE', 'Belgium');
INSERT INTO public.customer (name, nick, country)
    SELECT 'Zebulon Quartermaine ' || n, 'zebquart' || n, CASE WHEN n % 2 = 0 THEN 'AT' ELSE 'BE' END FROM generate_series(1, 40) n;
INSERT INTO public.orders (customer_id, note, amount)
    SELECT 1 + n % 40, 'leave it with Quartermaine at door ' || n, n FROM generate_series(1, 400) n;
ANALYZE;
"""

PERSONAL = ("Quartermaine", "zebquart")
"""What no output of ours may hold."""

DEVDB = """
keep = ["public.country"]
[[devdb.small.root]]
table = "public.customer"
limit = 5
"""

MASKS = """
[public.country]
code = "keep"
name = "keep"
[public.customer]
name = "text"
nick = "text"
[public.orders]
note = "text"
"""


def databases(server: Server) -> list[tuple[object, ...]]:
    """What a server lists of its databases, but for the templates of the tests."""
    return server.maintenance.rows(
        "SELECT oid::int8, datname::text, datdba::int8, datacl::text, datallowconn, shobj_description(oid, 'pg_database') "
        "FROM pg_database WHERE datname NOT LIKE 'penstock_template%' ORDER BY datname"
    )


def checksum(database: Database) -> list[tuple[str, str]]:
    """A hash of the definition and of the rows of every table, and the list of everything else in the catalog."""
    tables = [
        name
        for (name,) in database.rows(
            "SELECT format('%I.%I', n.nspname, c.relname) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
            "WHERE c.relkind IN ('r', 'p') AND n.nspname <> 'information_schema' AND n.nspname NOT LIKE 'pg\\_%' ORDER BY 1"
        )
    ]
    found = [
        (
            name,
            database.value(
                f"SELECT coalesce(md5(string_agg(t::text, E'\\n' ORDER BY t::text)), '') FROM {name} t"
            ),
        )
        for name in tables
    ]
    objects = database.value(
        "SELECT string_agg(c.oid::text || c.relname, ',' ORDER BY c.oid) FROM pg_class c WHERE c.oid >= 16384"
    )
    return [*found, ("objects", objects or "")]


def counts(database: Database) -> dict[str, int]:
    """The rows of each table of the shop."""
    tables = ("country", "customer", "orders")
    return {table: database.value(f"SELECT count(*) FROM public.{table}") for table in tables}


def rows(database: Database) -> dict[str, list[str]]:
    """Every row of every table of schema public as text, in the order of that text."""
    tables = [
        name for (name,) in database.rows("SELECT relname::text FROM pg_class WHERE relkind IN ('r', 'p') "
                                          "AND relnamespace = 'public'::regnamespace AND NOT relispartition ORDER BY 1")
    ]  # fmt: skip
    quoted = {name: '"' + name.replace('"', '""') + '"' for name in tables}
    return {
        name: [text for (text,) in database.rows(f"SELECT t::text FROM public.{quoted[name]} t ORDER BY 1")]
        for name in tables
    }


def created(folder: Folder) -> dict[str, list[str]]:
    done = folder.run("dev", "create", "small")
    assert done.code == 0, done.err + done.out
    return rows(folder.made)


def assert_says_no_more_than_it_may(done: Done, folder: Folder) -> None:
    said = done.out + done.err
    for secret in (*PERSONAL, "swordfish", folder.target.password, folder.source.server.password):
        assert not secret or secret not in said
    assert "Traceback" not in said
    assert "did not foresee" not in said
