"""`dev reset`: production's rows again, warned before, and what developers made listed or carried over."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import threading
from typing import Any

import asyncpg
import pytest

from penstock.devdb import databases as on_server
from penstock.devdb.lifecycle.notice import Notice
from tests.devdb.conftest import Done, Folder, MakeRole
from tests.devdb.processes import looking, wait_until
from tests.devdb.small_shop import counts, databases, rows

# One of each kind that is carried over, and one of each that is not.
MADE = """
CREATE SCHEMA lab;
CREATE TYPE lab.mood AS ENUM ('good', 'bad');
CREATE FUNCTION public.twice(int) RETURNS int LANGUAGE sql IMMUTABLE RETURN $1 * 2;
CREATE TABLE lab.trial (id serial PRIMARY KEY, mood lab.mood, customer_id int REFERENCES public.customer, n int DEFAULT public.twice(3));
COMMENT ON TABLE lab.trial IS 'a trial';
COMMENT ON COLUMN lab.trial.mood IS 'how it went';
INSERT INTO lab.trial (mood, customer_id) VALUES ('good', 1), ('bad', 2);
CREATE TABLE public."My Notes" (id int GENERATED ALWAYS AS IDENTITY, note text NOT NULL CHECK (note <> ''));
INSERT INTO public."My Notes" (note) VALUES ('mine'), ('too');
ALTER TABLE public."My Notes" ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON public."My Notes" USING (true);
CREATE VIEW public.per_customer AS SELECT customer_id, count(*) FROM public.orders GROUP BY 1;
CREATE MATERIALIZED VIEW lab.filled AS SELECT count(*) AS n FROM public.orders;
CREATE SEQUENCE public.ticket START 40;
SELECT nextval('public.ticket'), nextval('public.ticket');
CREATE INDEX orders_amount ON public.orders (amount);
"""
CHANGED = """
ALTER TABLE public.orders ADD COLUMN mine int;
ALTER TABLE public.orders ALTER COLUMN amount TYPE numeric(12, 2);
ALTER TABLE public.customer DROP COLUMN nick;
ALTER TABLE public.orders ADD CONSTRAINT small CHECK (amount < 1e9);
"""


def reset(folder: Folder, *options: str) -> Done:
    return folder.run("dev", "reset", "small", "--grace", "0s", *options, "--json")


@pytest.fixture
def copied(templated: Folder) -> Folder:
    done = templated.run("dev", "create", "--from-template", "small")
    assert done.code == 0, done.err
    return templated


def test_a_reset_brings_the_templates_rows_again_without_reading_production(copied: Folder) -> None:
    before = rows(copied.made)
    copied.made.execute("DELETE FROM orders", "UPDATE customer SET name = 'x'")
    copied.source.execute("INSERT INTO orders (customer_id, note, amount) VALUES (1, 'a new one', 1)")
    done = reset(copied)
    assert done.code == 0, done.err
    assert rows(copied.made) == before
    assert done.json["source"] == "template"
    assert copied.names() == [copied.database, f"{copied.database}__template"]
    assert copied.run("dev", "verify", "small").code == 0


def test_a_reset_without_a_template_reads_production(made: Folder) -> None:
    made.made.execute("DELETE FROM orders")
    made.source.execute("INSERT INTO orders (customer_id, note, amount) VALUES (1, 'a new one', 1)")
    done = reset(made)
    assert done.code == 0, done.err
    assert done.json["source"] == "production"
    assert counts(made.made)["orders"] == 51
    assert made.names() == [made.database]
    assert made.made.value("SELECT operation FROM penstock.manifest") == "reset"


def test_production_is_let_go_before_the_notice_is_waited_for(
    made: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The notice may take hours, and a snapshot held so long keeps production's vacuum from its work."""
    held: list[int] = []
    ours = "SELECT count(*)::int FROM pg_stat_activity WHERE datname = $1 AND application_name LIKE 'penstock dev %'"

    def wait(_: Notice) -> None:
        with contextlib.suppress(AssertionError):  # a backend takes a moment to end
            wait_until(lambda: not made.source.value(ours, made.source.name), seconds=2)
        held.append(made.source.value(ours, made.source.name))

    monkeypatch.setattr(Notice, "wait", wait)
    done = reset(made)
    assert done.code == 0, done.err
    assert held == [0]


@pytest.mark.parametrize("why", ["age", "ttl", "key"])
def test_a_template_that_is_too_old_or_of_another_key_is_rebuilt_first(copied: Folder, why: str) -> None:
    copied.source.execute("INSERT INTO orders (customer_id, note, amount) VALUES (1, 'a new one', 1)")
    options = []
    if why == "age":
        options = ["--rebuild-after", "0s"]
    elif why == "ttl":
        toml = copied.path / "penstock.toml"
        toml.write_text(toml.read_text().replace("[devdb.small]", '[devdb.small]\nttl = "0s"'))
    else:
        copied.write(key="fedcba9876543210" * 4)
    done = reset(copied, *options)
    assert done.code == 0, done.err
    assert done.json["rebuilt_template"]
    assert counts(copied.made)["orders"] == 51
    young = reset(copied, "--rebuild-after", "1d")
    assert young.json["rebuilt_template"] is (False)


def test_what_developers_made_is_listed_and_not_lost_unless_somebody_says_so(copied: Folder) -> None:
    copied.made.psql(MADE + CHANGED)
    copied.made.execute("GRANT SELECT ON public.country TO PUBLIC")
    before = databases(copied.target)
    refused = copied.run("dev", "reset", "small", "--grace", "0s")
    assert refused.code == 4
    assert "would lose what developers made" in refused.err
    listed = copied.project.extras_dev("small")
    assert set(listed.listed) == {
        "schema lab",
        "type lab.mood",
        "function public.twice(integer)",
        "table lab.trial",
        'table public."My Notes"',
        "view public.per_customer",
        "materialized view lab.filled",
        "sequence public.ticket",
        "index public.orders_amount",
        "GRANT SELECT ON TABLE public.country TO PUBLIC",
    }
    assert {
        "table column public.orders.mine (new)",
        "table column public.orders.amount (changed)",
        "table column public.customer.nick (removed)",
        "table constraint small on public.orders (new)",
    } <= set(listed.lost)
    assert databases(copied.target) == before
    assert reset(copied, "--keep-extra").code == 4, "a column of theirs would go"
    agreed = reset(copied, "--yes")
    assert agreed.code == 0, agreed.err
    assert set(agreed.json["lost"]) >= {*listed.listed, *listed.lost}
    assert copied.made.value("SELECT to_regclass('lab.trial')") is None
    assert not copied.project.extras_dev("small")


ODD = """
SELECT lo_from_bytea(0, 'mine');
CREATE PUBLICATION mine FOR ALL TABLES;
CREATE FOREIGN DATA WRAPPER wrapped;
CREATE SERVER far FOREIGN DATA WRAPPER wrapped;
CREATE USER MAPPING FOR PUBLIC SERVER far;
CREATE FUNCTION public.told() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';
CREATE EVENT TRIGGER watching ON ddl_command_end EXECUTE FUNCTION public.told();
CREATE TYPE public.pair AS (a int, b int);
CREATE CAST (public.pair AS text) WITH INOUT;
CREATE LANGUAGE mine HANDLER plpgsql_call_handler;
CREATE ACCESS METHOD pile TYPE TABLE HANDLER heap_tableam_handler;
CREATE TEXT SEARCH TEMPLATE public.plain (LEXIZE = dsimple_lexize);
ALTER TABLE public.orders FORCE ROW LEVEL SECURITY;
ALTER SEQUENCE public.orders_id_seq INCREMENT 7;
COMMENT ON TABLE public.orders IS 'what I think of it';
COMMENT ON COLUMN public.orders.note IS 'and of that';
"""
ODD_TEXTS = {
    "large objects (new)",
    "publication mine (new)",
    "foreign-data wrapper wrapped (new)",
    "server far (new)",
    "user mapping public on server far (new)",
    "event trigger watching (new)",
    "cast (public.pair AS pg_catalog.text) (new)",
    "language mine (new)",
    "access method pile (new)",
    "text search template public.plain (new)",
    "settings of table public.orders (changed)",
    "settings of sequence public.orders_id_seq (changed)",
    "comment on table public.orders (new)",
    "comment on table column public.orders.note (new)",
}


def test_what_no_reset_carries_over_is_listed_as_lost(copied: Folder) -> None:
    assert not copied.project.extras_dev("small"), "nothing of the copy itself"
    copied.made.psql(ODD)
    assert set(copied.project.extras_dev("small").lost) == ODD_TEXTS
    assert reset(copied, "--keep-extra").code == 4
    agreed = reset(copied, "--keep-extra", "--yes")
    assert agreed.code == 0, agreed.err
    assert set(agreed.json["lost"]) == ODD_TEXTS
    assert copied.project.extras_dev("small").lost == ()


def test_keep_extra_carries_over_what_stands_by_itself(copied: Folder) -> None:
    copied.made.psql(MADE)
    copied.made.execute("GRANT SELECT ON lab.trial TO PUBLIC", "DELETE FROM orders")
    assert (before := copied.project.extras_dev("small")).lost == ()
    done = reset(copied, "--keep-extra")
    assert done.code == 0, done.err
    assert counts(copied.made)["orders"] == 50
    made = copied.made
    assert made.rows("SELECT id, mood::text, customer_id, n FROM lab.trial ORDER BY id") == [
        (1, "good", 1, 6),
        (2, "bad", 2, 6),
    ]
    made.execute(
        "INSERT INTO lab.trial (mood) VALUES ('good')",
        "INSERT INTO public.\"My Notes\" (note) VALUES ('three')",
    )
    assert made.value("SELECT max(id) FROM lab.trial") == 3, "its sequence goes on"
    assert made.rows('SELECT id, note FROM public."My Notes" ORDER BY id') == [
        (1, "mine"),
        (2, "too"),
        (3, "three"),
    ]
    assert made.value("SELECT nextval('public.ticket')") == 42
    assert made.value("SELECT count(*) FROM public.per_customer") == 5
    assert made.value("SELECT n FROM lab.filled") == 50
    assert made.value("SELECT obj_description('lab.trial'::regclass)") == "a trial"
    assert made.value("SELECT col_description('lab.trial'::regclass, 2)") == "how it went"
    assert made.value("SELECT relrowsecurity FROM pg_class WHERE relname = 'My Notes'")
    assert made.value("SELECT count(*) FROM pg_indexes WHERE indexname = 'orders_amount'") == 1
    assert made.value("SELECT has_table_privilege('public', 'lab.trial', 'SELECT')")
    after = copied.project.extras_dev("small")
    assert after.as_dict() == before.as_dict(), "the next reset knows them as theirs again"
    again = reset(copied, "--keep-extra")
    assert again.code == 0, again.err
    assert copied.made.value("SELECT count(*) FROM lab.trial") == 3


def test_keep_extra_loses_no_row_whose_commit_was_acknowledged(
    copied: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Writers wait for the locks when the swap begins, and new ones come all the time."""
    copied.made.execute("CREATE TABLE journal (n int)")
    acknowledged: set[int] = set()
    numbers, over = itertools.count(), threading.Event()

    async def write(*, forever: bool) -> None:
        with contextlib.suppress(asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError):
            connection = await copied.made.connect()
            try:
                while not over.is_set():
                    n = next(numbers)
                    await connection.execute(f"INSERT INTO journal VALUES ({n})")
                    acknowledged.add(n)
                    if not forever:
                        break
            finally:
                connection.terminate()

    async def come_again() -> None:
        while not over.is_set():
            await write(forever=True)

    async def crowd() -> None:
        await asyncio.gather(*(write(forever=False) for _ in range(20)))

    writers = [threading.Thread(target=asyncio.run, args=(come_again(),)) for _ in range(3)]
    swap = on_server.swap

    def swap_in_a_crowd(*arguments: Any, **options: Any) -> tuple[str, ...]:
        writers.append(threading.Thread(target=asyncio.run, args=(crowd(),)))
        writers[-1].start()
        wait_until(
            lambda: copied.target.maintenance.value("SELECT count(*) FROM pg_locks WHERE NOT granted") >= 20
        )
        return swap(*arguments, **options)

    monkeypatch.setattr(on_server, "swap", swap_in_a_crowd)
    for writer in writers:
        writer.start()
    try:
        resets = [reset(copied, "--keep-extra") for _ in range(3)]
    finally:
        over.set()
        for writer in writers:
            writer.join()
    assert [each.code for each in resets] == [0, 0, 0], resets[-1].err
    assert len(acknowledged) > 100
    there = {n for (n,) in copied.made.rows("SELECT n FROM journal")}
    assert len(acknowledged - there) == 0


COMMENTED = """
CREATE DOMAIN public.small AS int CONSTRAINT low CHECK (VALUE < 9);
CREATE TABLE public."Lab Book" (id int CONSTRAINT pk PRIMARY KEY, "My n" int CONSTRAINT "Pos" CHECK ("My n" > 0));
CREATE INDEX by_n ON public."Lab Book" ("My n");
CREATE INDEX orders_amount ON public.orders (amount);
CREATE POLICY own ON public."Lab Book" USING (true);
CREATE RULE quiet AS ON DELETE TO public."Lab Book" DO INSTEAD NOTHING;
CREATE FUNCTION public.fired() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END';
CREATE PROCEDURE public.done(int) LANGUAGE sql AS 'SELECT 1';
CREATE TRIGGER firing BEFORE INSERT ON public."Lab Book" FOR EACH ROW EXECUTE FUNCTION public.fired();
CREATE VIEW public.seen AS SELECT id FROM public."Lab Book";
CREATE TYPE public.pair AS (a int, b int);
CREATE STATISTICS public.both ON id, "My n" FROM public."Lab Book";
"""
COMMENTED_ON = [
    "DOMAIN public.small", "CONSTRAINT low ON DOMAIN public.small", 'TABLE public."Lab Book"', 'COLUMN public."Lab Book"."My n"',
    'CONSTRAINT pk ON public."Lab Book"', 'CONSTRAINT "Pos" ON public."Lab Book"', "INDEX public.by_n",
    "INDEX public.orders_amount", 'POLICY own ON public."Lab Book"', 'RULE quiet ON public."Lab Book"', "FUNCTION public.fired()",
    "PROCEDURE public.done(int)", 'TRIGGER firing ON public."Lab Book"', "VIEW public.seen", "COLUMN public.seen.id",
    "TYPE public.pair", "COLUMN public.pair.a", "STATISTICS public.both",
]  # fmt: skip


def test_keep_extra_keeps_the_comments_on_what_it_keeps(copied: Folder) -> None:
    copied.made.psql(COMMENTED)
    copied.made.execute(*(f"COMMENT ON {what} IS '{n} isn''t \\ it'" for n, what in enumerate(COMMENTED_ON)))
    query = "SELECT count(DISTINCT description)::int FROM pg_description WHERE description LIKE '%isn''t%'"
    assert copied.made.value(query) == len(COMMENTED_ON)
    done = reset(copied, "--keep-extra")
    assert done.code == 0, done.out
    assert done.json["notes"] == []
    assert copied.made.value(query) == len(COMMENTED_ON)


def test_keep_extra_fills_materialised_views_after_those_they_stand_on(copied: Folder) -> None:
    copied.made.execute(
        "CREATE MATERIALIZED VIEW z_below AS SELECT id FROM orders",
        "CREATE VIEW between AS SELECT * FROM z_below",
        "CREATE MATERIALIZED VIEW a_above AS SELECT count(*) AS n FROM between",
        "CREATE MATERIALIZED VIEW never AS SELECT 1 WITH NO DATA",
    )
    done = reset(copied, "--keep-extra")
    assert done.code == 0, done.out
    assert copied.made.value("SELECT n FROM a_above") == copied.made.value("SELECT count(*) FROM orders") > 0
    assert copied.made.value("SELECT NOT relispopulated FROM pg_class WHERE relname = 'never'")


def test_extras_that_do_not_fit_the_fresh_copy_refuse_and_change_nothing(copied: Folder) -> None:
    copied.made.execute(
        "CREATE TABLE lab (customer_id int REFERENCES customer)",
        "INSERT INTO customer OVERRIDING SYSTEM VALUE VALUES (99, 'mine', 'mine', 'AT')",
        "INSERT INTO lab VALUES (99)",
    )
    before = databases(copied.target)
    refused = reset(copied, "--keep-extra")
    assert refused.code == 4, refused.err
    assert "does not fit the fresh copy" in refused.out
    assert databases(copied.target) == before
    assert copied.made.value("SELECT count(*) FROM lab") == 1


def test_a_view_on_a_column_that_production_dropped_refuses(copied: Folder) -> None:
    copied.made.execute("CREATE VIEW mine AS SELECT nick FROM customer")
    copied.source.execute("ALTER TABLE customer DROP COLUMN nick")
    masks = copied.path / "masks.toml"
    masks.write_text(masks.read_text().replace('nick = "text"\n', ""))
    before = rows(copied.made)
    refused = reset(copied, "--keep-extra", "--rebuild-after", "0s")
    assert refused.code == 4, refused.err
    assert "nick" in refused.out
    assert rows(copied.made) == before


def test_the_connected_are_listed_told_and_disconnected(copied: Folder) -> None:
    with looking(copied.made, "ann's psql") as ann:
        ann.ask("LISTEN penstock; SELECT 1")
        done = copied.run("dev", "reset", "small", "--grace", "2s", "--json")
        assert done.code == 0, done.err
        assert "ann's psql" in done.err
        assert done.json["disconnected"] == [f"{copied.target.user}, ann's psql, 127.0.0.1, idle"]
        assert done.json["seconds"] >= 2
        assert ann.ask("SELECT 1") == "", "her session has ended"
    assert reset(copied).json["disconnected"] == []


def test_who_listens_is_told(copied: Folder) -> None:
    async def heard() -> list[object]:
        connection = await copied.made.connect()
        told: list[object] = []
        await connection.add_listener("penstock", lambda *arguments: told.append(arguments[3]))
        run = asyncio.to_thread(copied.run, "dev", "reset", "small", "--grace", "2s")
        assert (await run).code == 0
        with contextlib.suppress(Exception):
            await connection.close(timeout=1)
        return told

    (text,) = asyncio.run(heard())
    assert "you will be disconnected" in str(text)


def test_nobody_connected_is_nobody_waited_for(copied: Folder) -> None:
    done = copied.run("dev", "reset", "small", "--grace", "1h", "--json")
    assert done.code == 0, done.err


def test_what_was_granted_and_set_on_the_database_stays(copied: Folder, make_role: MakeRole) -> None:
    reader, _ = make_role()
    name = copied.database
    copied.target.maintenance.execute(
        f"GRANT CONNECT ON DATABASE {name} TO {reader}", f"ALTER DATABASE {name} SET work_mem = '7MB'"
    )
    assert reset(copied).code == 0
    assert copied.target.maintenance.value(
        "SELECT datacl::text FROM pg_database WHERE datname = $1", name
    ).count(reader)
    assert copied.made.value("SHOW work_mem") == "7MB"
    copied.target.drop(name)


def test_a_database_that_is_not_ours_is_never_reset(copied: Folder) -> None:
    bob = f"{copied.database}_bob"
    copied.target.create(bob)
    assert copied.run("dev", "reset", "small", "--database", bob).code == 4
    assert bob in copied.target.names()
    missing = copied.run("dev", "reset", "small", "--database", f"{bob}by")
    assert missing.code == 4
