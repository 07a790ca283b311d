"""A scrubbed database does nothing by itself and leads nowhere: what would is dropped or switched off where it stands, and
said."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from penstock.devdb.scrub import traces
from tests.conftest import MakeDatabase
from tests.devdb.clones import Clone, make_clone
from tests.devdb.conftest import MakeRole
from tests.devdb.processes import wait_until
from tests.devdb.small_shop import MASKS, SHOP
from tests.devdb.test_armed import EXTENSIONS
from tests.devdb.test_interrupted_scrub import Killed
from tests.devdb.test_scrub_refusals import assert_refused
from tests.devdb.warm import warm
from tests.devdb.wire import wire
from tests.servers import (
    Server,
    temporary_folder,
    throw_away_server,
    unique_name,
    usable_programs,
    wheel_programs,
)

SECRET = "tr0ub4dor"
ARMED = (
    SHOP
    + """
CREATE FOREIGN DATA WRAPPER far;
CREATE SERVER crm FOREIGN DATA WRAPPER far OPTIONS (host 'live.example', dbname 'crm', fetch_size '10');
CREATE USER MAPPING FOR PUBLIC SERVER crm OPTIONS (user 'app', password 'tr0ub4dor');
CREATE USER MAPPING FOR CURRENT_USER SERVER crm OPTIONS (user 'app', password 'tr0ub4dor');
CREATE FOREIGN TABLE public.people (id int) SERVER crm OPTIONS (table_name 'people');
CREATE PUBLICATION everything FOR ALL TABLES;
CREATE FUNCTION public.logs() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'an event trigger fired'; END $$;
CREATE VIEW public.live WITH (security_barrier = true) AS
    SELECT name, 'host=live.example user=app password=tr0ub4dor'::varchar(80) AS how FROM public.customer;
CREATE VIEW public.of_live AS SELECT how FROM public.live;
GRANT SELECT ON public.live TO pg_monitor;
CREATE TABLE public.outbox (id int PRIMARY KEY, payload text);
INSERT INTO public.outbox VALUES (1, 'x');
CREATE TABLE public.jobs (id int PRIMARY KEY);
CREATE FUNCTION public.quotes() RETURNS text LANGUAGE sql AS $$ SELECT 'postgresql://app:tr0ub4dor@live.example/shop' $$;
SELECT current_database() AS here \\gset
ALTER DATABASE :"here" SET app.jwt_secret = 'tr0ub4dor';
CREATE EVENT TRIGGER logs ON ddl_command_end EXECUTE FUNCTION public.logs();
"""
)
ARMED_MASKS = MASKS + '[public.outbox]\npayload = "keep"\n[public.jobs]\n'


@pytest.fixture
def armed(tmp_path: Path, make_database: MakeDatabase) -> Clone:
    return make_clone(tmp_path / "armed", make_database(SHOP), make_database(ARMED), ARMED_MASKS)


def test_what_a_copy_never_gets_is_dropped_or_switched_off_and_said(armed: Clone) -> None:
    done = armed.scrub()
    assert done.code == 0, done.err
    for line in (
        "event trigger logs, which is switched off: it would act on every change of the schema",
        "publication everything: it would carry rows out",
        "user mapping of public on the server crm: it may hold a password",
        f"user mapping of {armed.target.user} on the server crm: it may hold a password",
        "dbname, host of the server crm: the copy must not reach what production reaches",
        "query of the view public.live, which gives no rows now: it quotes a password or a token",
    ):
        assert f"  left out: {line}" in done.out
        assert line in armed.made.value("SELECT document->>'left_out' FROM penstock.manifest")
    for line in (
        "the function public.quotes seems to quote a password or a token, and stays as it is",
        "the setting app.jwt_secret of the database stays",
        "public.outbox looks like work still to be done, which a worker on the copy would do; if so, in a [devdb.NAME]",
    ):
        assert f"warning: {line}" in done.out
        assert f"warning: {line}" in done.err, "while it could still be put right"
    assert SECRET not in done.out + done.err
    made = armed.made
    assert made.value("SELECT evtenabled::text FROM pg_event_trigger") == "D"
    for catalog in ("pg_publication", "pg_user_mapping"):
        assert made.value(f"SELECT count(*) FROM {catalog}") == 0
    assert made.value("SELECT srvoptions::text FROM pg_foreign_server") == "{fetch_size=10}"
    assert made.rows("SELECT * FROM of_live") == []
    assert made.value("SELECT format_type(atttypid, atttypmod) FROM pg_attribute WHERE attname = 'how' AND attrelid = 'live'::regclass") == "character varying(80)"  # fmt: skip
    assert made.rows("SELECT reloptions::text, has_table_privilege('pg_monitor', oid, 'SELECT') FROM pg_class WHERE relname = 'live'") == [("{security_barrier=true}", True)]  # fmt: skip
    assert made.value("SELECT count(*) FROM outbox") == 1


def test_a_queue_is_emptied_and_the_servers_stay_where_a_section_says_so(armed: Clone) -> None:
    file = armed.path / "penstock.toml"
    file.write_text(file.read_text() + '[devdb.small]\nempty = ["public.outbox"]\ndisarm = false\n')
    done = armed.scrub("--for", "small")
    assert done.code == 0, done.err
    assert "work still to be done" not in done.out
    assert armed.made.value("SELECT count(*) FROM outbox") == 0
    assert "host=live.example" in armed.made.value("SELECT srvoptions::text FROM pg_foreign_server")
    assert armed.made.value("SELECT count(*) FROM pg_user_mapping") == 0, "whatever the settings say"


@pytest.mark.parametrize(
    ("statement", "says"),
    [
        (
            "CREATE MATERIALIZED VIEW m AS SELECT 'host=a password=tr0ub4dor' AS how",
            "the materialised view public.m",
        ),
        (
            "CREATE FOREIGN TABLE leads (id int) SERVER crm OPTIONS (program 'fetch')",
            "the foreign table public.leads",
        ),
    ],
)
def test_what_can_only_be_dropped_is_refused_with_the_statement(
    armed: Clone, statement: str, says: str
) -> None:
    armed.made.execute("ALTER EVENT TRIGGER logs DISABLE", f"SET search_path = public; {statement}")
    assert_refused(armed, says=says)
    assert armed.made.value("SELECT count(*) FROM pg_publication") == 1


def test_what_its_owner_alone_may_switch_off_is_refused_with_the_statement(
    armed: Clone, make_role: MakeRole
) -> None:
    user, password = make_role()
    armed.made.psql(f'ALTER DATABASE "{armed.database}" OWNER TO {user}; GRANT pg_read_all_data TO {user}')
    armed.log_in_as("clone", user, password)
    assert_refused(armed, says="ALTER EVENT TRIGGER logs DISABLE;")
    armed.made.execute("DROP EVENT TRIGGER logs")
    assert_refused(armed, says="DROP PUBLICATION everything;")
    armed.made.execute("DROP PUBLICATION everything")
    assert_refused(armed, says="DROP USER MAPPING FOR ")
    armed.made.execute(f"ALTER SERVER crm OWNER TO {armed.target.user}")
    armed.made.execute(
        "CREATE SUBSCRIPTION news CONNECTION 'host=127.0.0.1 password=tr0ub4dor' PUBLICATION p WITH (connect = false)"
    )
    assert_refused(armed, says='DROP SUBSCRIPTION "news"; VACUUM FULL pg_catalog.pg_subscription;')
    armed.made.execute("ALTER SUBSCRIPTION news SET (slot_name = NONE)", "DROP SUBSCRIPTION news")


@pytest.mark.parametrize("committed", [False, True])
def test_killed_at_its_beginning_it_is_armed_as_before_or_disarmed_and_said_so_in_the_end(
    armed: Clone, *, committed: bool
) -> None:
    with wire(armed.target, b'INSERT INTO "penstock"."scrub"') as line, warm() as processes:
        wired = make_clone(armed.path / "wired", armed.source, armed.made, ARMED_MASKS, port=line.port)
        killed = Killed(processes, wired, line)
        assert killed.kill(after=b"", committed=committed) == b"VALUES ('begin'"
    left = 0 if committed else 1
    assert armed.made.value("SELECT count(*) FROM pg_publication") == left
    assert armed.made.value("SELECT count(*) FROM pg_user_mapping") == 2 * left
    done = armed.scrub()
    assert done.code == 0, done.err
    assert "left out: publication everything" in done.out
    assert "warning: the function public.quotes" in done.out
    assert armed.made.value("SELECT count(*) FROM pg_user_mapping") == 0


def test_what_was_begun_armed_is_not_started_over_disarmed(armed: Clone) -> None:
    file = armed.path / "penstock.toml"
    toml = file.read_text()
    file.write_text(toml + "[devdb.small]\ndisarm = false\n")
    armed.made.execute("UPDATE country SET name = 'zebquart7' WHERE code = 'AT'")
    assert armed.scrub("--for", "small").code == 1, "the proof finds it"
    file.write_text(toml + "[devdb.small]\n")
    done = armed.scrub("--for", "small", "--start-over")
    assert (done.code, "was begun with disarm = false" in done.err) == (4, True), done.err
    armed.write(masks=ARMED_MASKS.replace('name = "keep"', 'name = "text"'))
    file.write_text(toml + "[devdb.small]\ndisarm = false\n")
    assert armed.scrub("--for", "small", "--start-over").code == 0


@pytest.fixture(scope="module")
def publishing() -> Iterator[Server]:
    with throw_away_server(usable_programs(), options={"wal_level": "logical"}) as server:
        yield server


def test_a_subscription_that_runs_is_dropped_and_its_publisher_hears_nothing(
    tmp_path: Path, publishing: Server, make_database: MakeDatabase
) -> None:
    publisher = publishing.create(unique_name("shop"))
    publisher.psql(SHOP + "CREATE PUBLICATION news FOR TABLE customer")
    clone = make_clone(tmp_path / "clone", make_database(SHOP), make_database(SHOP), MASKS)
    made = clone.made
    made.execute("DELETE FROM orders", "DELETE FROM customer")
    login = f"host=127.0.0.1 port={publishing.port} user={publishing.user} password={publishing.password} dbname={publisher.name}"
    made.execute(f"CREATE SUBSCRIPTION news CONNECTION '{login}' PUBLICATION news")
    wait_until(lambda: made.value("SELECT count(*) FROM customer") == 40)
    done = clone.scrub()
    assert done.code == 0, done.err
    assert "left out: subscription news: it would bring real rows in" in done.out
    assert made.value("SELECT count(*) FROM pg_subscription") == 0
    publisher.execute("INSERT INTO customer (name, country) VALUES ('Zebulon', 'AT')")
    assert publisher.value("SELECT slot_name::text FROM pg_replication_slots") == "news", (
        "nobody told it to drop it"
    )
    assert made.value("SELECT count(*) FROM customer WHERE name LIKE 'Zeb%'") == 0
    publisher.rows("SELECT pg_drop_replication_slot('news')")


def test_a_subscription_whose_tables_are_not_synchronised_is_dropped_without_a_call(
    tmp_path: Path, make_database: MakeDatabase
) -> None:
    """DROP SUBSCRIPTION would call its publisher then, slot or not."""
    clone = make_clone(tmp_path / "clone", make_database(SHOP), make_database(SHOP), MASKS)
    with socket.create_server(("127.0.0.1", 0)) as publisher:
        port = publisher.getsockname()[1]
        clone.made.execute(
            f"CREATE SUBSCRIPTION later CONNECTION 'host=127.0.0.1 port={port} dbname=x' PUBLICATION p WITH (connect = false)",
            "INSERT INTO pg_subscription_rel SELECT oid, 'public.customer'::regclass, 'i', NULL FROM pg_subscription WHERE subname = 'later'",
        )
        done = clone.scrub()
        assert done.code == 0, done.err
        publisher.settimeout(0.2)
        with pytest.raises(TimeoutError):
            publisher.accept()
    assert clone.made.value("SELECT count(*) FROM pg_subscription WHERE subname = 'later'") == 0


def test_a_replication_slot_is_refused_and_another_databases_slot_keeps_it_closed(
    tmp_path: Path, publishing: Server, make_database: MakeDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(traces, "_PATIENCE_SECONDS", 0.0)
    there = publishing.create(unique_name("clone"))
    there.psql(SHOP)
    clone = make_clone(tmp_path / "clone", make_database(SHOP), there, MASKS)
    slot = unique_name("slot")
    there.rows("SELECT pg_create_logical_replication_slot($1, 'pgoutput')", slot)
    assert_refused(clone, says=f"SELECT pg_drop_replication_slot('{slot}');")
    there.rows("SELECT pg_drop_replication_slot($1)", slot)
    other = publishing.create(unique_name("other"))
    other.rows("SELECT pg_create_logical_replication_slot($1, 'pgoutput')", slot)
    done = clone.scrub()
    assert (done.code, f"the replication slot {slot} still sees" in done.err) == (1, True), done.err
    other.rows("SELECT pg_drop_replication_slot($1)", slot)
    assert clone.scrub().code == 0


@pytest.fixture(scope="module")
def extended() -> Iterator[Server]:
    """A server that offers made-up extensions with the names, schemas and tables of the real ones."""
    scripts = {**EXTENSIONS, "pglogical": "CREATE TABLE node (id int);"}
    scripts["pg_cron"] += "ALTER TABLE cron.job ADD active boolean NOT NULL DEFAULT true;"
    scripts["pg_cron"] += """
        CREATE FUNCTION cron.job_cache_invalidate() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN new; END $$;
        CREATE TRIGGER cron_job_cache_invalidate AFTER UPDATE ON cron.job EXECUTE FUNCTION cron.job_cache_invalidate();
    """
    scripts["pg_net"] += "CREATE UNLOGGED TABLE net._http_response (id bigint, content text);"
    with temporary_folder() as folder:
        (folder / "extension").mkdir()
        for name, sql in scripts.items():
            (folder / "extension" / f"{name}.control").write_text("default_version = '1'\n")
            (folder / "extension" / f"{name}--1.sql").write_text(sql)
        with throw_away_server(
            wheel_programs(18), options={"extension_control_path": f"{folder}:$system"}
        ) as server:
            yield server


EXTENDED = (
    SHOP
    + """
CREATE EXTENSION pg_cron;
CREATE EXTENSION pg_net;
CREATE FUNCTION public.sends() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM net.http_post('https://live.example'); RETURN new; END $$;
CREATE TRIGGER sends AFTER INSERT ON public.country FOR EACH ROW EXECUTE FUNCTION public.sends();
CREATE TRIGGER sends AFTER INSERT ON public.customer FOR EACH ROW EXECUTE FUNCTION public.sends();
ALTER TABLE public.customer ENABLE ALWAYS TRIGGER sends;
SELECT cron.schedule('* * * * *', 'SELECT 1'), cron.schedule('* * * * *', 'SELECT 2');
SELECT net.http_post('https://live.example');
INSERT INTO net._http_response VALUES (1, 'welcome, Zebulon Quartermaine 3');
"""
)


def test_scheduled_jobs_requests_and_triggers_that_call_out_are_switched_off(
    tmp_path: Path, extended: Server, make_database: MakeDatabase
) -> None:
    made = make_database(EXTENDED, server=extended)
    clone = make_clone(tmp_path / "clone", make_database(SHOP), made, MASKS)
    done = clone.scrub()
    assert done.code == 0, done.err
    for line in (
        "trigger sends of public.country, which is switched off: its function uses the extension pg_net",
        "trigger sends of public.customer, which is switched off: its function uses the extension pg_net",
        "2 rows of cron.job: jobs of pg_cron, which are inactive now",
        "1 rows of net.http_request_queue: requests that pg_net would have sent",
        "1 rows of net._http_response: what others answered",
    ):
        assert f"  left out: {line}" in done.out
    assert made.rows("SELECT DISTINCT tgenabled::text FROM pg_trigger WHERE tgname = 'sends'") == [("D",)]
    assert (
        made.value("SELECT tgenabled::text FROM pg_trigger WHERE tgname = 'cron_job_cache_invalidate'") == "O"
    )
    assert made.rows("SELECT DISTINCT active FROM cron.job") == [(False,)]
    assert made.value("SELECT count(*) FROM net.http_request_queue") == 0
    assert made.value("SELECT count(*) FROM net._http_response") == 0


def test_an_extension_that_replicates_is_refused(
    tmp_path: Path, extended: Server, make_database: MakeDatabase
) -> None:
    made = make_database(SHOP + "CREATE EXTENSION pglogical;", server=extended)
    clone = make_clone(tmp_path / "clone", make_database(SHOP), made, MASKS)
    assert_refused(clone, says='DROP EXTENSION "pglogical" CASCADE;')


CALLING = """
SET search_path = public;
CREATE FUNCTION runs() RETURNS int LANGUAGE plpgsql AS $$ BEGIN COPY (SELECT 1) TO PROGRAM 'false'; RETURN 1; END $$;
CREATE RULE calls AS ON UPDATE TO jobs DO ALSO SELECT runs();
CREATE VIEW of_jobs AS SELECT id FROM jobs;
CREATE RULE calls AS ON INSERT TO of_jobs DO INSTEAD SELECT runs();
CREATE RULE quotes AS ON INSERT TO jobs DO ALSO SELECT 'host=a password=tr0ub4dor';
ALTER TABLE jobs ALTER id SET DEFAULT runs();
"""


def test_rules_that_call_out_or_quote_a_secret_do_nothing_and_defaults_are_named(armed: Clone) -> None:
    armed.made.execute("ALTER EVENT TRIGGER logs DISABLE", *CALLING.strip().split("\n"))
    done = armed.scrub()
    assert done.code == 0, done.err
    rules = "SELECT ev_class::regclass::text, rulename::text, ev_enabled::text FROM pg_rewrite WHERE rulename IN ('calls', 'quotes')"
    assert armed.made.rows(rules) == [("jobs", "calls", "D")]
    for line in (
        "rule calls of public.jobs, which is switched off: it calls public.runs, which runs a program (COPY … PROGRAM)",
        "rule calls of public.of_jobs, which is switched off: it calls public.runs",
        "rule quotes of public.jobs: it quotes a password or a token",
    ):
        assert f"left out: {line}" in done.out
    assert "warning: the default of public.jobs.id calls public.runs" in done.out


def test_a_table_that_would_call_out_while_it_is_filled_is_refused(armed: Clone) -> None:
    armed.made.execute(
        "ALTER EVENT TRIGGER logs DISABLE",
        *CALLING.strip().split("\n")[:2],
        "CREATE TABLE asked (id int, CONSTRAINT asks CHECK (runs() = 1))",
    )
    assert_refused(armed, says="the CHECK asks of public.asked calls public.runs, which runs a program")
    assert armed.made.value("SELECT count(*) FROM pg_publication") == 1
