"""A database that a prune starts from may hold what a clone refuses or switches off: so does the prune, and says so."""

from __future__ import annotations

import pytest

from tests.conftest import MakeDatabase
from tests.devdb.comparing import WHOLE, keeping
from tests.devdb.conftest import Folder, MakeFolder
from tests.devdb.prune.test_prune_dev import created, made_of, name_of
from tests.devdb.test_armed import EVALUATED, REFUSED, RULES, WAITING, _calling, log  # noqa: F401 - log: a fixture
from tests.servers import Database

QUEUE = "CREATE TABLE public.outbox (id int PRIMARY KEY, payload text); INSERT INTO public.outbox VALUES (1, 'x');"
# Nobody could delete from it while a publication has it.
PLAIN = "CREATE TABLE public.plain (id int); INSERT INTO public.plain SELECT generate_series(1, 1000);"
ARMED = """
CREATE FOREIGN DATA WRAPPER far;
CREATE SERVER crm FOREIGN DATA WRAPPER far OPTIONS (host 'live.example', fetch_size '10');
CREATE USER MAPPING FOR PUBLIC SERVER crm OPTIONS (user 'app', password 'tr0ub4dor');
CREATE PUBLICATION everything FOR ALL TABLES;
CREATE VIEW public.live AS SELECT 'host=live.example user=app password=tr0ub4dor' AS how;
CREATE FUNCTION public.logs() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'an event trigger fired'; END $$;
CREATE EVENT TRIGGER logs ON ddl_command_end EXECUTE FUNCTION public.logs();
"""
TWICE = """
CREATE RULE twice AS ON INSERT TO public.plain DO ALSO
    SELECT public.hit('host=live.example user=app password=tr0ub4dor');
"""
TRIGGERS = "SELECT tgname::text, tgenabled::text FROM pg_trigger WHERE tgrelid = 'public.t'::regclass AND NOT tgisinternal ORDER BY 1"


def armed_copy(folder: Folder, table: str, *, disarm: bool = True) -> Folder:
    """The project's whole copy, made with everything armed, and a section `cut` that prunes it."""
    small = f"disarm = false\n{WHOLE['clone']}"
    cut = f'[devdb.cut]\ndatabase = "{name_of(folder)}"\nstrategy = "prune"\nfrom_database = "{folder.database}"\n'
    rule = f'[[devdb.cut.delete]]\ntable = "{table}"\nwhere = "id = 1"\n'
    folder.write(devdb=f"{small}\n{cut}{'' if disarm else 'disarm = false'}\n{rule}")
    if not folder.names():
        done = folder.run("dev", "create", "small")
        assert done.code == 0, done.err
    return folder


def test_what_would_call_out_while_rows_are_written_and_indexed_is_refused_before_anything_is_copied(
    log: Database,  # noqa: F811
    make_database: MakeDatabase,
    make_folder: MakeFolder,
) -> None:
    source = make_database(_calling(EVALUATED, log))
    source.execute("INSERT INTO public.a1 VALUES (1), (2), (3)")
    folder = armed_copy(make_folder(source, "", keeping(source)), "public.a1")
    log.execute("TRUNCATE public.hits")
    refused = folder.run("dev", "plan", "cut")
    assert refused.code == 4, refused.out + refused.err
    for said in REFUSED.values():
        assert f"{folder.database}: {said}" in refused.out
    assert "drop it there, or set disarm = false in [devdb.cut]" in refused.out
    done = folder.run("dev", "create", "cut")
    assert (done.code, "which uses the extension dblink" in done.err) == (4, True), done.err
    assert log.rows("SELECT * FROM public.hits") == []
    assert folder.names() == [folder.database]


def test_what_a_copy_has_switched_off_is_switched_off_in_a_pruned_one_and_the_origin_stays_as_it_is(
    log: Database,  # noqa: F811
    make_database: MakeDatabase,
    make_folder: MakeFolder,
) -> None:
    source = make_database(_calling(WAITING + QUEUE + PLAIN, log))
    folder = armed_copy(make_folder(source, "", keeping(source)), "public.plain")
    origin = folder.made
    origin.psql(TWICE + ARMED)  # somebody at work in it
    before = origin.rows(RULES), origin.rows(TRIGGERS)
    log.execute("TRUNCATE public.hits")
    planned = folder.run("dev", "plan", "cut")
    assert planned.code == 0, planned.out + planned.err
    assert planned.out.count("rule twice of public.plain") == 1, planned.out
    assert (origin.rows(RULES), origin.rows(TRIGGERS)) == before
    done = created(folder)
    made = made_of(folder)
    assert made.rows(RULES) == [("t", "calls", "D"), ("t", "fine", "O"), ("t", "off", "D")]
    assert made.rows(TRIGGERS) == [("asks", "D"), ("stamps", "O"), ("writes", "D")]
    for line in (
        "rule calls of public.t, which is switched off: it calls public.hit, which uses the extension dblink",
        "rule calls of public.v, which is dropped: it calls public.passes_on, which calls public.hit",
        "trigger asks of public.t, which is switched off: its condition calls public.hit",
        "trigger writes of public.t, which is switched off: its function runs a program (COPY … PROGRAM)",
        "event trigger logs, which is switched off: it would act on every change of the schema",
        "publication everything: it would carry rows out",
        "user mapping of public on the server crm: it may hold a password",
        "host of the server crm: the copy must not reach what production reaches",
        "query of the view public.live, which gives no rows now: it quotes a password or a token",
    ):
        assert line in planned.out
        assert f"left out: {line}" in done.out
    for what in (
        "the default of public.t.d calls public.hit, which uses the extension dblink, and arrives as it is",
        'empty = ["public.outbox"]',
    ):
        assert what in planned.out
    assert "tr0ub4dor" not in planned.out + done.out
    gone = "SELECT (SELECT count(*) FROM pg_publication), (SELECT count(*) FROM pg_user_mappings), (SELECT count(*) FROM public.live)"
    assert made.rows(gone) == [(0, 0, 0)]
    assert made.rows("SELECT srvoptions::text FROM pg_foreign_server") == [("{fetch_size=10}",)]
    assert made.rows("SELECT evtenabled::text FROM pg_event_trigger") == [("D",)]
    assert origin.rows(gone) == [(1, 1, 1)]
    assert (origin.rows(RULES), origin.rows(TRIGGERS)) == before
    assert log.rows("SELECT * FROM public.hits") == []
    verified = folder.run("dev", "verify", "cut")
    assert verified.code == 0, verified.out
    manifest = str(made.rows("SELECT document->>'left_out' FROM penstock.manifest"))
    assert "publication everything" in manifest


def test_with_disarm_off_what_calls_out_stays_armed_and_what_no_copy_has_goes_all_the_same(
    log: Database,  # noqa: F811
    make_database: MakeDatabase,
    make_folder: MakeFolder,
) -> None:
    source = make_database(_calling(WAITING + QUEUE + PLAIN, log))
    folder = armed_copy(make_folder(source, "", keeping(source)), "public.plain", disarm=False)
    folder.made.psql(ARMED)
    done = created(folder)
    assert made_of(folder).rows(TRIGGERS) == folder.made.rows(TRIGGERS)
    assert "trigger asks" not in done.out
    assert "left out: publication everything: it would carry rows out" in done.out
    assert made_of(folder).rows("SELECT srvoptions::text FROM pg_foreign_server") == [
        ("{host=live.example,fetch_size=10}",)
    ]


def test_what_this_role_may_not_switch_off_is_refused_with_the_statement_and_leaves_nothing(
    make_database: MakeDatabase, make_folder: MakeFolder, make_role: object
) -> None:
    role, password = make_role("CREATEDB")  # type: ignore[operator]
    source = make_database(
        "CREATE TABLE public.t (id int PRIMARY KEY); INSERT INTO public.t VALUES (1), (2);"
    )
    folder = make_folder(source, "", keeping(source))
    armed = 'keep = ["public.t"]\n'
    folder.write(devdb=armed)
    folder.log_in_as("dev", role, password)
    assert folder.run("dev", "create", "small").code == 0
    armed_copy(folder, "public.t")
    folder.log_in_as("dev", role, password)
    folder.made.psql("CREATE PUBLICATION everything FOR ALL TABLES;")
    done = folder.run("dev", "create", "cut")
    assert done.code == 4, done.err
    assert "cannot switch off the publication everything" in done.err
    assert f"run in {folder.database}: DROP PUBLICATION everything;" in done.err
    assert folder.names() == [folder.database]


@pytest.mark.parametrize("changes", [True, False], ids=["of a table that changes", "of another"])
def test_an_invalid_index_is_told_where_it_is_dropped(
    *, changes: bool, make_database: MakeDatabase, make_folder: MakeFolder
) -> None:
    source = make_database(
        "CREATE TABLE t (id int PRIMARY KEY); CREATE TABLE u (id int PRIMARY KEY, k int);"
        "INSERT INTO t VALUES (1), (2); INSERT INTO u VALUES (1, 1), (2, 1);"
    )
    folder = armed_copy(make_folder(source, "", keeping(source)), "public.u" if changes else "public.t")
    with pytest.raises(AssertionError, match="could not create unique index"):
        folder.made.psql("CREATE UNIQUE INDEX CONCURRENTLY bad ON u (k)")
    told = "index bad of public.u: it is invalid"
    assert (told in folder.run("dev", "plan", "cut").out) is changes
    done = created(folder)
    assert (told in done.out) is changes
    left = made_of(folder).rows("SELECT document->>'left_out' FROM penstock.manifest")
    assert ("index bad of public.u" in str(left)) is changes
    assert made_of(folder).value("SELECT count(*) FROM pg_class WHERE relname = 'bad'") == (
        0 if changes else 1
    )
