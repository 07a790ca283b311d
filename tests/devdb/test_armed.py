"""A copy does nothing by itself and calls nobody: what would is left out or switched off, and named.

Extensions such as pg_cron are made up here, with the names of the real ones: PostgreSQL 18 takes them from any folder.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.conftest import MakeDatabase
from tests.devdb.comparing import WHOLE, keeping
from tests.devdb.conftest import Folder, MakeFolder, MakeRole
from tests.servers import Database, Server, temporary_folder, throw_away_server, wheel_programs

EXTENSIONS = {
    "pg_cron": """
        CREATE SCHEMA cron;
        CREATE TABLE cron.job (jobid bigserial PRIMARY KEY, schedule text, command text);
        SELECT pg_extension_config_dump('cron.job', '');
        CREATE FUNCTION cron.schedule(text, text) RETURNS bigint LANGUAGE sql AS 'INSERT INTO cron.job (schedule, command) VALUES ($1, $2) RETURNING jobid';
    """,
    "pg_net": """
        CREATE SCHEMA net;
        CREATE TYPE net.request_status AS ENUM ('PENDING');
        CREATE DOMAIN net.address AS text;
        CREATE SEQUENCE net.loose;
        CREATE TABLE net.http_request_queue (id bigserial, url text);
        CREATE FUNCTION net.http_post(url text) RETURNS bigint LANGUAGE sql AS 'INSERT INTO net.http_request_queue (url) VALUES ($1) RETURNING id';
        CREATE FUNCTION net.posts() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM net.http_post('https://live.example'); RETURN new; END $$;
    """,
    "parts": """
        CREATE TABLE part_config (id int, parent text);
        SELECT pg_extension_config_dump('part_config', 'WHERE id > 1');
        INSERT INTO part_config VALUES (1, 'its own');
    """,
}  # fmt: skip
ARMED = """
CREATE EXTENSION pg_cron;
CREATE EXTENSION pg_net;
CREATE EXTENSION parts SCHEMA public;
INSERT INTO public.part_config VALUES (2, 'ours'), (3, 'ours');
SELECT cron.schedule('* * * * *', 'SELECT net.http_post(''https://live.example/hook'')');
CREATE VIEW public.jobs AS SELECT jobid, schedule FROM cron.job;
CREATE VIEW public.of_jobs AS SELECT count(*) FROM public.jobs;
CREATE FUNCTION public.planned() RETURNS bigint LANGUAGE sql BEGIN ATOMIC SELECT cron.schedule('@daily', 'x'); END;
CREATE FUNCTION public.of_planned() RETURNS bigint LANGUAGE sql BEGIN ATOMIC SELECT public.planned(); END;
CREATE FUNCTION public.sends() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM "net"."http_post"('https://live.example'); RETURN new; END $$;
CREATE FUNCTION public.passes_on() RETURNS void LANGUAGE plpgsql AS $$ BEGIN PERFORM net.http_post ('x'); END $$;
CREATE FUNCTION public.sends_too() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM Public.Passes_On(); RETURN new; END $$;
CREATE FUNCTION public.stamps() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN new.at := now(); RETURN new; END $$;
CREATE FUNCTION public.tells() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NOTIFY orders; RETURN new; END $$;
CREATE TABLE public.orders (id int PRIMARY KEY, at timestamptz);
INSERT INTO public.orders VALUES (1, now()), (2, now());
CREATE TRIGGER sends AFTER INSERT ON public.orders FOR EACH ROW EXECUTE FUNCTION public.sends();
CREATE TRIGGER sends_too AFTER UPDATE ON public.orders FOR EACH ROW EXECUTE FUNCTION public.sends_too();
CREATE TRIGGER posts AFTER DELETE ON public.orders FOR EACH ROW EXECUTE FUNCTION net.posts();
CREATE TRIGGER stamps BEFORE INSERT ON public.orders FOR EACH ROW EXECUTE FUNCTION public.stamps();
CREATE TRIGGER tells AFTER INSERT ON public.orders FOR EACH ROW EXECUTE FUNCTION public.tells();
CREATE TABLE public.visits (id int) PARTITION BY RANGE (id);
CREATE TABLE public.visits_1 PARTITION OF public.visits FOR VALUES FROM (0) TO (10);
INSERT INTO public.visits VALUES (1);
CREATE TRIGGER each_visit AFTER INSERT ON public.visits FOR EACH ROW EXECUTE FUNCTION public.sends();
ALTER TABLE public.orders ENABLE ALWAYS TRIGGER sends_too;
GRANT USAGE ON SCHEMA cron TO pg_monitor;
GRANT SELECT ON cron.job TO pg_monitor;
GRANT EXECUTE ON FUNCTION net.http_post(text) TO pg_monitor;
"""
TRIGGERS = "SELECT tgrelid::regclass::text, tgname::text, tgenabled::text FROM pg_trigger WHERE NOT tgisinternal OR tgparentid <> 0 ORDER BY 1, 2"
KEEP = 'keep = ["public.*"]\n'


@pytest.fixture(scope="module")
def extended() -> Iterator[Server]:
    """A server that offers the extensions above."""
    with temporary_folder() as folder:
        (folder / "extension").mkdir()
        for name, sql in EXTENSIONS.items():
            (folder / "extension" / f"{name}.control").write_text("default_version = '1'\n")
            (folder / "extension" / f"{name}--1.sql").write_text(sql)
        options = {"extension_control_path": f"{folder}:$system"}
        with throw_away_server(wheel_programs(18), options=options) as server:
            yield server


@pytest.fixture
def armed(extended: Server, make_database: MakeDatabase) -> Database:
    return make_database(ARMED, server=extended)


def created(folder: Folder) -> str:
    done = folder.run("dev", "create", "small")
    assert done.code == 0, done.err + done.out
    again = folder.run("dev", "verify", "small")
    assert again.code == 0, again.err + again.out
    return done.out


def test_what_acts_by_itself_is_left_out_and_what_calls_out_is_switched_off(
    armed: Database, make_folder: MakeFolder
) -> None:
    folder = make_folder(armed, f"grants = true\n{KEEP}", keeping(armed), target=armed.server)
    planned = folder.run("dev", "plan", "small")
    said = created(folder)
    made = folder.made
    extensions = "SELECT extname::text FROM pg_extension ORDER BY 1"
    assert made.rows(extensions) == [("parts",), ("plpgsql",)]
    assert made.rows("SELECT count(*) FROM pg_proc WHERE proname ~ 'planned|passes_on|sends'") == [(3,)]
    assert made.rows(TRIGGERS) == [
        ("orders", "sends", "D"),
        ("orders", "sends_too", "D"),
        ("orders", "stamps", "O"),
        ("orders", "tells", "O"),
        ("visits", "each_visit", "D"),
        ("visits_1", "each_visit", "D"),
    ]
    expected = (
        "extension pg_cron: it runs scheduled jobs",
        "extension pg_net: it sends HTTP requests",
        "view public.jobs: depends on the extension pg_cron, which is left out",
        "view public.of_jobs: depends on the extension pg_cron, which is left out",
        "function public.planned(): depends on the extension pg_cron, which is left out",
        "function public.of_planned(): depends on the extension pg_cron, which is left out",
        "trigger posts of public.orders: depends on the extension pg_net, which is left out",
        "trigger sends of public.orders, which is switched off: its function uses the extension pg_net",
        "trigger sends_too of public.orders, which is switched off: its function calls public.passes_on",
        "trigger each_visit of public.visits, which is switched off: its function uses the extension pg_net",
        "2 rows of public.part_config: the table belongs to the extension parts, which makes it anew",
    )
    for line in expected:
        assert f"left out: {line}" in said
        assert f"    {line}" in planned.out
    manifest = made.value("SELECT document->'left_out' FROM penstock.manifest")
    assert all(line in manifest for line in expected)
    assert (
        "warning: triggers notify whoever listens to the copy (LISTEN), as in production: tells of public.orders"
        in said
    )
    # whoever arms it again is told so
    made.execute("ALTER TABLE public.orders ENABLE TRIGGER sends")
    found = folder.run("dev", "verify", "small")
    assert found.code == 1
    assert "structure table public.orders: trigger sends is not switched off" in found.out


def test_with_disarm_off_they_arrive_as_they_are(armed: Database, make_folder: MakeFolder) -> None:
    folder = make_folder(armed, f"disarm = false\n{KEEP}", keeping(armed), target=armed.server)
    said = created(folder)
    assert folder.made.rows(TRIGGERS) == armed.rows(TRIGGERS)
    assert folder.made.value("SELECT count(*) FROM pg_extension") == 4
    assert "1 rows of cron.job: the table belongs to the extension pg_cron" in said, (
        "jobs are rows of the extension"
    )
    assert folder.made.value("SELECT count(*) FROM cron.job") == 0


@pytest.mark.parametrize(
    "needing",
    [
        "CREATE TABLE public.needs (id int, s net.request_status);",
        "CREATE TABLE public.needs (id int, s bigint DEFAULT net.http_post('x'));",
        "CREATE TABLE public.needs (id int, CHECK (cron.schedule('a', 'b') > 0));",
    ],
)
def test_a_table_that_needs_what_is_left_out_is_refused(
    needing: str, armed: Database, make_folder: MakeFolder
) -> None:
    armed.psql(needing)
    folder = make_folder(armed, KEEP, keeping(armed), target=armed.server)
    refused = folder.run("dev", "plan", "small")
    assert refused.code == 4, refused.out + refused.err
    assert "which is left out" in refused.out
    assert "public.needs" in refused.out
    assert "set disarm = false" in refused.out
    assert folder.run("dev", "create", "small").code == 4
    assert folder.names() == []
    folder.write(devdb='skip = ["public.needs"]\nkeep = ["public.orders"]\n')
    created(folder)


def test_an_extension_the_target_lacks_is_left_out_or_the_copy_refused(
    make_database: MakeDatabase, make_folder: MakeFolder, embedded18: Server
) -> None:
    source = make_database("""
        CREATE EXTENSION pg_trgm;
        CREATE TABLE public.t (id int PRIMARY KEY, a text);
        INSERT INTO public.t VALUES (1, 'x');
        CREATE VIEW public.like_x AS SELECT id FROM public.t WHERE similarity(a, 'x') > 0.5;
        """)
    folder = make_folder(source, KEEP, keeping(source), target=embedded18)
    said = created(folder)
    assert "left out: extension pg_trgm: the target's server does not offer it" in said
    assert "left out: view public.like_x: depends on the extension pg_trgm, which is left out" in said
    source.execute("CREATE INDEX needs_it ON public.t USING gist (a gist_trgm_ops)")
    refused = folder.run("dev", "refresh", "small")
    assert refused.code == 4, refused.err
    assert "index public.needs_it needs something of the extension pg_trgm, which is left out" in refused.err
    assert folder.names() == [folder.database], "the old one is still there"


SECRETS = """
CREATE TABLE public.t (id int PRIMARY KEY);
INSERT INTO public.t VALUES (1);
CREATE FUNCTION public.quotes_one() RETURNS int LANGUAGE plpgsql AS $$ BEGIN PERFORM dblink('host=live.example dbname=shop user=app password=tr0ub4dor', 'x'); RETURN 1; END $$;
CREATE FUNCTION public.quotes_url() RETURNS text LANGUAGE sql AS $$ SELECT 'postgresql://app:tr0ub4dor@live.example/shop' $$;
CREATE FUNCTION public.quotes_token() RETURNS text LANGUAGE sql RETURN 'Authorization: Bearer tr0ub4dor-0123456789';
CREATE VIEW public.quotes_too AS SELECT 'Authorization: Bearer tr0ub4dor-0123456789' AS header;
CREATE FUNCTION public.innocent(password text) RETURNS text LANGUAGE plpgsql AS
    $$ BEGIN EXECUTE 'UPDATE t SET password = $1' USING password; RETURN 'the password = wrong, see https://help.example:80/a@b'; END $$;
CREATE FUNCTION public.hook() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN new; END $$;
CREATE TRIGGER hook AFTER INSERT ON public.t FOR EACH ROW EXECUTE FUNCTION public.hook('https://live.example', '{"apikey": "tr0ub4dor-0123456789"}');
"""


def test_secrets_in_functions_and_triggers_are_named_and_never_shown(
    make_database: MakeDatabase, make_folder: MakeFolder
) -> None:
    source = make_database(SECRETS)
    folder = make_folder(source, KEEP, keeping(source))
    planned = folder.run("dev", "plan", "small")
    assert planned.code == 0
    warned = [line for line in planned.out.splitlines() if "seems to" in line]
    named = [line.split()[3] for line in warned]
    assert named == ["public.quotes_one", "public.quotes_token", "public.quotes_url", "hook"]
    said = created(folder)
    assert "left out: view public.quotes_too: its query quotes a password or a token" in said
    assert "tr0ub4dor" not in planned.out + said
    assert "innocent" not in planned.out


def test_settings_of_the_database_that_say_how_to_read_come_along_and_others_are_named(
    make_database: MakeDatabase, make_folder: MakeFolder, make_role: MakeRole
) -> None:
    role, _ = make_role()
    source = make_database("""
        CREATE SCHEMA "My Shop";
        CREATE TABLE "My Shop".t (id int PRIMARY KEY);
        SELECT current_database() AS here \\gset
        ALTER DATABASE :"here" SET search_path = "My Shop", "$user", public;
        ALTER DATABASE :"here" SET "TimeZone" = 'Asia/Tokyo';
        ALTER DATABASE :"here" SET app.jwt_secret = 'tr0ub4dor';
        ALTER DATABASE :"here" SET work_mem = '3MB';
        COMMENT ON DATABASE :"here" IS 'said of it';
        """)
    source.execute(f"ALTER ROLE {role} IN DATABASE {source.name} SET work_mem = '2MB'")
    folder = make_folder(source, 'keep = ["*.*"]\n', keeping(source))
    said = created(folder)
    assert (
        folder.made.value("SHOW search_path")
        == source.value("SHOW search_path")
        == '"My Shop", "$user", public'
    )
    assert folder.made.value("SHOW timezone") == "Asia/Tokyo"
    settings = "SELECT setconfig::text FROM pg_db_role_setting WHERE setdatabase = (SELECT oid FROM pg_database WHERE datname = current_database())"
    assert "tr0ub4dor" not in str(folder.made.rows(settings)) + said
    for line in (
        "setting app.jwt_secret of the database: what it says may be a secret",
        "setting work_mem of the database: what it says may be a secret",
        f"setting work_mem of the role {role}: roles do not come along",
        "comment on the database: the copy has one of its own",
    ):
        assert f"left out: {line}" in said
    assert folder.run("dev", "refresh", "small").code == 0
    assert folder.made.value("SHOW timezone") == "Asia/Tokyo"


# What calls out with nothing but dblink, and leaves a mark in another database when it did.
CALLING = """
CREATE EXTENSION dblink;
CREATE FUNCTION public.hit(text) RETURNS int LANGUAGE plpgsql IMMUTABLE AS
    $$ BEGIN PERFORM public.dblink_exec('{log}', 'INSERT INTO hits VALUES (' || quote_literal($1) || ')'); RETURN 1; END $$;
CREATE FUNCTION public.passes_on(text) RETURNS int LANGUAGE sql IMMUTABLE AS $$ SELECT public.hit($1) $$;
CREATE FUNCTION public.runs() RETURNS int LANGUAGE plpgsql AS $$ BEGIN EXECUTE 'COPY (SELECT 1) TO PROGRAM ''curl live.example'''; RETURN 1; END $$;
CREATE TABLE public.fine (id int PRIMARY KEY);
INSERT INTO public.fine VALUES (1);
"""
EVALUATED = """
CREATE FUNCTION public.same(int, int) RETURNS bool LANGUAGE sql IMMUTABLE AS $$ SELECT public.hit($1::text) = 1 $$;
CREATE OPERATOR public.=== (LEFTARG = int, RIGHTARG = int, FUNCTION = public.same);
CREATE DOMAIN public.d AS int CHECK (public.hit(VALUE::text) = 1);
CREATE TYPE public.c AS (a public.d);
CREATE TABLE public.a1 (id int, CONSTRAINT named CHECK (public.hit(id::text) = 1));
CREATE TABLE public.a2 (id int, CONSTRAINT named CHECK (public.passes_on(id::text) = 1));
CREATE TABLE public.a3 (id int, CONSTRAINT named CHECK (id < 9 OR public.runs() = 1));
CREATE TABLE public.a4 (id int, CONSTRAINT named CHECK (id OPERATOR(public.===) id));
CREATE TABLE public.b1 (id public.d);
CREATE TABLE public.b2 (id public.c[]);
CREATE TABLE public.c1 (id int, g int GENERATED ALWAYS AS (public.hit(id::text)) STORED);
CREATE TABLE public.d1 (id int); CREATE INDEX named_d1 ON public.d1 ((public.hit(id::text) + id));
CREATE TABLE public.d2 (id int); CREATE INDEX named_d2 ON public.d2 (id) WHERE public.hit(id::text) = 1;
CREATE TABLE public.e1 (id int, CONSTRAINT named EXCLUDE USING btree ((public.hit(id::text) + id) WITH =));
CREATE TABLE public.f1 (id int); CREATE STATISTICS public.named ON (public.hit(id::text) + id) FROM public.f1;
CREATE TABLE public.g1 (id int) PARTITION BY LIST ((public.hit(id::text) + id)); CREATE TABLE public.g1_1 PARTITION OF public.g1 DEFAULT;
CREATE TABLE public.h1 (id int); CREATE TABLE public.h2 (CONSTRAINT named CHECK (public.hit(id::text) = 1)) INHERITS (public.h1);
INSERT INTO public.b2 VALUES (ARRAY[ROW(1)]::public.c[]);
"""
REFUSED = {
    "a1": "the CHECK named of public.a1 calls public.hit, which uses the extension dblink",
    "a2": "the CHECK named of public.a2 calls public.passes_on, which calls public.hit",
    "a3": "the CHECK named of public.a3 calls public.runs, which runs a program (COPY … PROGRAM)",
    "a4": "the CHECK named of public.a4 calls public.same, which calls public.hit",
    "b1": "the type of public.b1.id calls public.hit",
    "b2": "the type of public.b2.id calls public.hit",
    "c1": "the generated column of public.c1.g calls public.hit",
    "d1": "the index named_d1 of public.d1 calls public.hit",
    "d2": "the index named_d2 of public.d2 calls public.hit",
    "e1": "the exclusion constraint named of public.e1 calls public.hit",
    "f1": "the statistics named of public.f1 calls public.hit",
    "g1": "the partition key of public.g1 calls public.hit",
    "h2": "the CHECK named of public.h2 calls public.hit",
}


@pytest.fixture
def log(make_database: MakeDatabase) -> Database:
    """Where calls of `hit` leave their marks."""
    return make_database("CREATE TABLE public.hits (what text);")


def _calling(script: str, log: Database) -> str:
    server = log.server
    place = f"host={server.host} port={server.port} user={server.user} dbname={log.name} password={server.password or 'none'}"
    return (CALLING + script).replace("{log}", place)


@pytest.mark.parametrize("strategy", ["subset", "clone"])
def test_what_would_call_out_while_the_copy_is_built_is_refused(
    strategy: str, log: Database, make_database: MakeDatabase, make_folder: MakeFolder
) -> None:
    source = make_database(_calling(EVALUATED, log))
    source.execute(*(f"INSERT INTO public.{table} VALUES (1)" for table in REFUSED if table != "b2"))
    assert log.value("SELECT count(*) FROM public.hits") > 0, "it does call out"
    log.execute("TRUNCATE public.hits")
    folder = make_folder(source, WHOLE[strategy], keeping(source))
    refused = folder.run("dev", "plan", "small")
    assert refused.code == 4, refused.out + refused.err
    for table, line in REFUSED.items():
        assert line in refused.out
        assert f"put public.{table} in `skip`, or set disarm = false" in refused.out
    assert refused.out.count("PEN-4500") == len(REFUSED), "each of them once"
    assert folder.run("dev", "create", "small").code == 4
    skipped = ", ".join(f'"public.{table}"' for table in REFUSED)
    keep = 'keep = ["public.fine"]\n' if strategy == "subset" else WHOLE[strategy]
    folder.write(devdb=f"skip = [{skipped}]\n{keep}")
    created(folder)
    assert log.rows("SELECT * FROM public.hits") == []


WAITING = """
CREATE TABLE public.t (id int PRIMARY KEY, d int DEFAULT public.hit('default'), at date DEFAULT now());
INSERT INTO public.t VALUES (1, 1);
CREATE VIEW public.v AS SELECT id FROM public.t;
CREATE VIEW public.asks AS SELECT public.hit(id::text) FROM public.t;
CREATE RULE calls AS ON INSERT TO public.t DO ALSO SELECT public.hit('rule');
CREATE RULE calls AS ON INSERT TO public.v DO INSTEAD SELECT public.passes_on('rule');
CREATE RULE fine AS ON DELETE TO public.t DO ALSO SELECT 1;
CREATE RULE off AS ON DELETE TO public.t DO ALSO SELECT 2;
ALTER TABLE public.t DISABLE RULE off;
COMMENT ON RULE calls ON public.t IS 'arrives with its rule';
COMMENT ON RULE calls ON public.v IS 'stays behind with its rule';
CREATE RULE quotes AS ON INSERT TO public.t DO ALSO SELECT public.dblink_exec('{log}', 'INSERT INTO hits VALUES (1)');
CREATE POLICY theirs ON public.t USING (public.hit('policy') = 1);
CREATE FUNCTION public.stamps() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN new; END $$;
CREATE FUNCTION public.Writes() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN COPY (SELECT 1) TO PROGRAM 'curl live.example'; RETURN new; END $$;
CREATE TRIGGER asks BEFORE INSERT ON public.t FOR EACH ROW WHEN (public.hit('when') = 1) EXECUTE FUNCTION public.stamps();
CREATE TRIGGER writes BEFORE INSERT ON public.t FOR EACH ROW EXECUTE FUNCTION public.writes();
CREATE TRIGGER stamps BEFORE INSERT ON public.t FOR EACH ROW WHEN (new.id > 0) EXECUTE FUNCTION public.stamps();
"""
RULES = "SELECT ev_class::regclass::text, rulename::text, ev_enabled::text FROM pg_rewrite WHERE rulename <> '_RETURN' AND ev_class >= 16384 ORDER BY 1, 2"


@pytest.mark.parametrize("strategy", ["subset", "clone"])
def test_rules_and_triggers_that_call_out_are_switched_off_and_defaults_named(
    strategy: str, log: Database, make_database: MakeDatabase, make_folder: MakeFolder
) -> None:
    source = make_database(_calling(WAITING, log))
    folder = make_folder(source, WHOLE[strategy], keeping(source))
    planned = folder.run("dev", "plan", "small")
    said = created(folder)
    made = folder.made
    assert log.rows("SELECT * FROM public.hits") == []
    assert made.rows(RULES) == [("t", "calls", "D"), ("t", "fine", "O"), ("t", "off", "D")]
    assert dict(made.rows("SELECT tgname::text, tgenabled::text FROM pg_trigger WHERE tgrelid = 'public.t'::regclass AND NOT tgisinternal")) == {"asks": "D", "stamps": "O", "writes": "D"}  # fmt: skip
    for line in (
        "rule calls of public.t, which is switched off: it calls public.hit, which uses the extension dblink",
        "rule calls of public.v: it calls public.passes_on, which calls public.hit",
        "rule quotes of public.t: it quotes a password or a token",
        "trigger asks of public.t, which is switched off: its condition calls public.hit, which uses the extension dblink",
        "trigger writes of public.t, which is switched off: its function runs a program (COPY … PROGRAM)",
    ):
        assert f"left out: {line}" in said
        assert line in planned.out
    for what in ("the default of public.t.d", "the policy theirs of public.t"):
        warning = f"{what} calls public.hit, which uses the extension dblink, and arrives as it is"
        assert warning in said
        assert warning in planned.out
    assert "public.t.at" not in said
    assert "public.asks" not in said, "it calls nobody until somebody asks it"
    assert made.rows("SELECT description FROM pg_description WHERE classoid = 'pg_rewrite'::regclass") == [
        ("arrives with its rule",)
    ]
    made.execute("INSERT INTO public.t VALUES (2, 2)")
    assert log.rows("SELECT * FROM public.hits") == []
    made.execute("DELETE FROM public.t WHERE id = 2", "ALTER TABLE public.t ENABLE RULE calls")
    found = folder.run("dev", "verify", "small")
    assert found.code == 1
    assert "structure table public.t: rule calls is not switched off" in found.out
    folder.write(devdb=f"disarm = false\n{WHOLE[strategy]}")
    assert folder.run("dev", "refresh", "small").code == 0
    assert made.rows(RULES) == [row for row in source.rows(RULES) if row[1] != "quotes"]


def test_a_materialised_view_whose_function_runs_a_program_arrives_empty(
    make_database: MakeDatabase, make_folder: MakeFolder
) -> None:
    source = make_database("""
        CREATE FUNCTION public.runs() RETURNS int LANGUAGE plpgsql AS $$ BEGIN COPY (SELECT 1) TO PROGRAM 'cat > /dev/null'; RETURN 1; END $$;
        CREATE MATERIALIZED VIEW public.m AS SELECT public.runs() AS n;
        CREATE TABLE public.t (id int PRIMARY KEY);
        """)
    folder = make_folder(source, KEEP, keeping(source))
    said = created(folder)
    assert "its query calls public.runs, which runs a program (COPY … PROGRAM)" in said
    assert not folder.made.value("SELECT relispopulated FROM pg_class WHERE relname = 'm'")


REFILLING = """
CREATE TABLE public.t (id int PRIMARY KEY, body text, words tsvector);
CREATE FUNCTION public.fills() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN PERFORM public.hit('refill'); new.words := to_tsvector(new.body); RETURN new; END $$;
CREATE TRIGGER fills BEFORE INSERT ON public.t FOR EACH ROW EXECUTE FUNCTION public.fills();
INSERT INTO public.t VALUES (1, 'words');
"""


def test_a_trigger_that_refills_a_column_and_calls_out_is_refused(
    log: Database, make_database: MakeDatabase, make_folder: MakeFolder
) -> None:
    source = make_database(_calling(REFILLING, log))
    masks = '[public.t]\nbody = "text"\nwords = { mask = "rebuild", trigger = "fills" }\n'
    folder = make_folder(source, KEEP, masks)
    log.execute("TRUNCATE public.hits")
    refused = folder.run("dev", "create", "small")
    assert refused.code == 4, refused.err
    assert (
        "the trigger fills of public.t fills a column for each row that is copied, and calls out"
        in refused.err
    )
    assert log.rows("SELECT * FROM public.hits") == []
