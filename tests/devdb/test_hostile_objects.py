"""Odd names, odd data, and objects that would rather not be copied: all of them arrive."""

from __future__ import annotations

from tests.conftest import MakeDatabase
from tests.devdb.conftest import MakeFolder
from tests.devdb.small_shop import DEVDB, MASKS, SHOP, created, rows

ODD = r"""
CREATE TABLE public."weird ""name"" with % and
newline, ünï 日本" ("select" int PRIMARY KEY, "a""b" text, "per%cent" text, "tab	bed" text, "日本語" text, "{brace}" text, "$1" text);
INSERT INTO public."weird ""name"" with % and
newline, ünï 日本" VALUES (1, E'\\N', E'\\.', E'a\tb\nc\rd\be\ff\vg\\h', '日本語 𝒳 e' || U&'\0301', '', NULL), (2, NULL, '', '\.', '%s', '{}', 'NULL');
CREATE TABLE public.aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffff123 (id int PRIMARY KEY,
    aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffff123 text);
INSERT INTO public.aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffff123 VALUES (1, 'x'), (2, 'y');
CREATE TABLE public."user" ("order" int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, "table" text NOT NULL,
    "upper" text GENERATED ALWAYS AS (upper("table")) STORED, UNIQUE ("table"));
INSERT INTO public."user" ("table") VALUES ('first person'), ('second person'), ('third person');
CREATE SCHEMA "Other Schema";
CREATE TABLE "Other Schema"."user" (id int PRIMARY KEY, name text REFERENCES public."user" ("table"));
INSERT INTO "Other Schema"."user" VALUES (1, 'first person'), (2, 'third person'), (3, NULL);
CREATE TABLE public.nothing ();
INSERT INTO public.nothing DEFAULT VALUES;
INSERT INTO public.nothing DEFAULT VALUES;
CREATE TABLE public.keyless (a int, b text);
INSERT INTO public.keyless SELECT n % 2, 'same thing' FROM generate_series(1, 6) n;
CREATE TABLE public.parted (region text NOT NULL, id int NOT NULL, secret text, PRIMARY KEY (region, id)) PARTITION BY LIST (region);
CREATE TABLE public.parted_north PARTITION OF public.parted FOR VALUES IN ('N', 'FN');
CREATE TABLE public.parted_rest PARTITION OF public.parted DEFAULT;
INSERT INTO public.parted SELECT CASE n % 3 WHEN 0 THEN 'N' WHEN 1 THEN 'FN' ELSE 'S' END, n, 'secret ' || n FROM generate_series(1, 30) n;
CREATE TABLE public.empty_one (id int PRIMARY KEY, name text);
CREATE TABLE public.dropped (id int PRIMARY KEY, gone text, name text);
INSERT INTO public.dropped VALUES (1, 'x', 'kept');
ALTER TABLE public.dropped DROP COLUMN gone;
ALTER TABLE public.dropped ADD COLUMN late text DEFAULT 'later';
ANALYZE;
"""
ODD_MASKS = r"""
[public."weird \"name\" with % and\nnewline, ünï 日本"]
"a\"b" = "text"
"per%cent" = "text"
"tab\tbed" = "keep"
"日本語" = "text"
"{brace}" = "text"
"$1" = "text"
[public.aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffff123]
aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffff123 = "text"
[public.user]
table = "text"
[public.keyless]
b = "text"
[public.parted]
region = "text"
secret = "text"
[public.empty_one]
name = "text"
[public.dropped]
name = "text"
late = "keep"
"""


def test_odd_names_and_odd_data_arrive(make_database: MakeDatabase, make_folder: MakeFolder) -> None:
    source = make_database(ODD)
    folder = make_folder(source, 'keep = ["*"]\n', ODD_MASKS)
    made, original = created(folder), rows(source)
    assert {name: len(found) for name, found in made.items()} == {
        name: len(found) for name, found in original.items()
    }
    dev = folder.made
    weird = 'public."weird ""name"" with % and\nnewline, ünï 日本"'
    kept = f'SELECT "tab\tbed" FROM {weird} ORDER BY "select"'
    assert dev.rows(kept) == source.rows(kept)
    empties = f'SELECT "select", "a""b" IS NULL, "per%cent" = \'\', "{{brace}}" = \'\', "$1" IS NULL FROM {weird} ORDER BY 1'
    assert dev.rows(empties) == source.rows(empties), "NULL stays NULL and empty stays empty"
    # what is generated follows the masked column; children follow their parents; identities continue
    assert dev.value('SELECT bool_and("upper" = upper("table")) FROM public."user"')
    assert dev.rows(
        'SELECT c.id, p."order" FROM "Other Schema"."user" c LEFT JOIN public."user" p ON p."table" = c.name ORDER BY 1'
    ) == [(1, 1), (2, 3), (3, None)]
    assert dev.value('INSERT INTO public."user" ("table") VALUES (\'new\') RETURNING "order"') == 4
    # duplicates are still duplicates, as often as before
    counted = "SELECT a, count(*), count(DISTINCT b) FROM public.keyless GROUP BY a ORDER BY a"
    assert dev.rows(counted) == source.rows(counted) == [(0, 3, 1), (1, 3, 1)]
    # masked partition keys go where they belong now
    assert dev.value("SELECT count(*) FROM public.parted_rest") == 30
    assert dev.value("SELECT count(DISTINCT region) FROM public.parted") == 3


BRISTLING = """
CREATE FUNCTION public.fires() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'it fired'; END $$;
CREATE TRIGGER fires BEFORE INSERT ON public.orders FOR EACH ROW EXECUTE FUNCTION public.fires();
CREATE TRIGGER fires_always AFTER INSERT ON public.customer FOR EACH ROW EXECUTE FUNCTION public.fires();
ALTER TABLE public.customer ENABLE ALWAYS TRIGGER fires_always;
CREATE FUNCTION public.never() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'it fired'; END $$;
CREATE MATERIALIZED VIEW public.sales AS SELECT customer_id, sum(amount) FROM public.orders GROUP BY 1 WITH NO DATA;
CREATE VIEW public.buyers AS SELECT id, name FROM public.customer;
CREATE VIEW public.names AS SELECT name FROM public.buyers;
CREATE UNLOGGED TABLE public.session (id int PRIMARY KEY, owner text);
INSERT INTO public.session VALUES (1, 'Quartermaine session');
CREATE RULE aside AS ON INSERT TO public.session DO ALSO NOTIFY aside;
CREATE TABLE public.deep (id int PRIMARY KEY, who text) PARTITION BY RANGE (id);
CREATE TABLE public.deep_1 PARTITION OF public.deep FOR VALUES FROM (0) TO (10) PARTITION BY RANGE (id);
CREATE TABLE public.deep_1_1 PARTITION OF public.deep_1 FOR VALUES FROM (0) TO (5);
CREATE TABLE public.deep_1_2 PARTITION OF public.deep_1 FOR VALUES FROM (5) TO (10);
INSERT INTO public.deep SELECT n, 'Quartermaine number ' || n FROM generate_series(0, 9) n;
CREATE TABLE public.base (id int PRIMARY KEY, who text);
CREATE TABLE public.heir (extra text) INHERITS (public.base);
INSERT INTO public.base VALUES (1, 'Quartermaine the first');
INSERT INTO public.heir VALUES (2, 'Quartermaine the second', 'Quartermaine extra');
ANALYZE;
"""


def test_triggers_rules_views_and_trees_of_tables_arrive_quietly(
    make_database: MakeDatabase, make_folder: MakeFolder
) -> None:
    source = make_database(SHOP + BRISTLING)
    roots = "".join(
        f'[[devdb.small.root]]\ntable = "public.{t}"\n' for t in ("session", "deep", "base", "heir")
    )
    folder = make_folder(source, 'unclassified = "mask"\n' + DEVDB + roots, MASKS)
    created(folder)
    roots_to_add = ("public.orders:id = 399", "public.deep:id = 3", "public.heir:true")
    added = folder.run("dev", "add", "small", *(x for root in roots_to_add for x in ("--root", root)))
    assert added.code == 0, added.err
    triggers = "SELECT tgname::text, tgenabled FROM pg_trigger WHERE NOT tgisinternal ORDER BY 1"
    assert folder.made.rows(triggers) == source.rows(triggers), "and each is as armed as it was"
    verified = folder.run("dev", "verify", "small")
    assert verified.code == 0, verified.out
    assert folder.made.value("SELECT count(*) FROM public.deep") == 10
    assert folder.made.value("SELECT count(*) FROM ONLY public.base") == 1
