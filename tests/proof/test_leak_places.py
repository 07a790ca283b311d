"""Wherever a value may hide in a target, in whatever escapes and structures: it is found."""

from __future__ import annotations

import json

import pytest

from tests.proof.conftest import MASKED, PERSON
from tests.servers import unique_name

PLACES = {
    "a kept note": (
        "UPDATE person SET note = 'wrote to Erika.7@Mail.example today' WHERE id = 1",
        "person.note",
    ),
    "a text without separators": (
        "UPDATE person SET note = 'xxErika.7@Mail.examplexx' WHERE id = 1",
        "person.note",
    ),
    "another case": ("UPDATE person SET note = 'ERIKA.7@MAIL.EXAMPLE' WHERE id = 1", "person.note"),
    "a twin column": (
        "ALTER TABLE person ADD login text; UPDATE person SET login = 'erika.7@mail.example' WHERE id = 1",
        "person.login",
    ),
    "citext": ("CREATE TABLE t (c citext); INSERT INTO t VALUES ('ERIKA.7@mail.example')", "t.c"),
    "a domain": (
        "CREATE DOMAIN address AS text; CREATE TABLE t (c address); INSERT INTO t VALUES ('erika.7@mail.example')",
        "t.c",
    ),
    "an enum label": ("CREATE TYPE who AS ENUM ('Erika.7@Mail.example')", "enum label who"),
    "a JSON value": (
        """CREATE TABLE t (c jsonb); INSERT INTO t VALUES ('{"a": [1, {"b": "to Erika.7@Mail.example"}]}')""",
        "t.c",
    ),
    "a JSON key": (
        """CREATE TABLE t (c jsonb); INSERT INTO t VALUES ('{"Erika.7@Mail.example": 1}')""",
        "t.c",
    ),
    "JSON escapes": (
        r"""CREATE TABLE t (c json); INSERT INTO t VALUES ('{"a": "\u0045rika.7\u0040Mail.example"}')""",
        "t.c",
    ),
    "JSON in JSON": (
        r"""CREATE TABLE t (c jsonb); INSERT INTO t VALUES (to_jsonb('{"a": "\u0045rika.7\u0040Mail.example"}'::text))""",
        "t.c",
    ),
    "an array": (
        "CREATE TABLE t (c text[]); INSERT INTO t VALUES (ARRAY['x', 'Erika.7@Mail.example'])",
        "t.c",
    ),
    "an array of arrays": (
        "CREATE TABLE t (c text[]); INSERT INTO t VALUES (ARRAY[['a b', 'say \"Erika.7@Mail.example\"']])",
        "t.c",
    ),
    "a composite": (
        "CREATE TYPE pair AS (a int, b text); CREATE TABLE t (c pair); INSERT INTO t VALUES (ROW(1, 'is \"Erika.7@Mail.example\"'))",
        "t.c",
    ),
    "an array of composites": (
        "CREATE TYPE pair AS (a int, b text); CREATE TABLE t (c pair[]); INSERT INTO t VALUES (ARRAY[ROW(1, 'Erika.7@Mail.example, x')::pair])",
        "t.c",
    ),
    "bytea": ("CREATE TABLE t (c bytea); INSERT INTO t VALUES ('to Erika.7@Mail.example'::bytea)", "t.c"),
    "bytea that is no text": (
        r"CREATE TABLE t (c bytea); INSERT INTO t VALUES ('\xfffe00'::bytea || 'Erika.7@Mail.example'::bytea || '\x00ff')",
        "t.c",
    ),
    "an array of bytea": (
        "CREATE TABLE t (c bytea[]); INSERT INTO t VALUES (ARRAY['Erika.7@Mail.example'::bytea])",
        "t.c",
    ),
    "a tsvector": (
        "CREATE TABLE t (c tsvector); INSERT INTO t VALUES (to_tsvector('english', 'dear Erika.7@Mail.example'))",
        "t.c",
    ),
    "XML": ("CREATE TABLE t (c xml); INSERT INTO t VALUES ('<a b=\"Erika.7&#64;Mail.example\"/>')", "t.c"),
    "a URL": (
        "CREATE TABLE t (c text); INSERT INTO t VALUES ('https://x.example/?mail=Erika.7%40Mail.example&b=1')",
        "t.c",
    ),
    "a generated column": (
        "CREATE TABLE t (a text, b text, c text GENERATED ALWAYS AS (a || '.7@Mail.' || b) STORED); INSERT INTO t VALUES ('Erika', 'example')",
        "t.c",
    ),
    "a materialised view": (
        "CREATE MATERIALIZED VIEW t AS SELECT 'Erika.' || 7 || '@Mail.' || 'example' AS c",
        "t.c",
    ),
    "a partition": (
        "CREATE TABLE t (c text) PARTITION BY LIST (c); CREATE TABLE t1 PARTITION OF t DEFAULT; INSERT INTO t VALUES ('Erika.7@Mail.example')",
        "t.c",
    ),
    "an inheritance child": (
        "CREATE TABLE t (c text); CREATE TABLE t2 () INHERITS (t); INSERT INTO t2 VALUES ('Erika.7@Mail.example')",
        "t2.c",
    ),
    "a table with an odd name": (
        'CREATE TABLE "a\nb" ("c%s" text); INSERT INTO "a\nb" VALUES (\'Erika.7@Mail.example\')',
        "a\nb.c%s",
    ),
    "a large object": (
        "SELECT lo_from_bytea(0, 'to Erika.7@Mail.example'::bytea)",
        "pg_catalog.pg_largeobject.data",
    ),
}
TEXTS = {
    "a comment": ("COMMENT ON COLUMN person.note IS 'ask Erika.7@Mail.example'", "comment person.note"),
    "a comment on a function": ("CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'; COMMENT ON FUNCTION f() IS 'by Erika.7@Mail.example'", "comment on an object pg_proc"),
    "a default": ("ALTER TABLE person ALTER note SET DEFAULT 'Erika.7@Mail.example'", "default person.note"),
    "a view": ("CREATE VIEW v AS SELECT * FROM person WHERE email <> 'Erika.7@Mail.example'", "definition of the view v"),
    "a check": ("ALTER TABLE person ADD CONSTRAINT c CHECK (note <> 'Erika.7@Mail.example')", "constraint c person"),
    "a partial index": ("CREATE INDEX i ON person (id) WHERE note = 'Erika.7@Mail.example'", "index i"),
    "a function body": ("CREATE FUNCTION f() RETURNS text LANGUAGE sql AS $$ SELECT 'Erika.7@Mail.example' -- him $$", "function f"),
    "a comment in a function body": ("CREATE FUNCTION f() RETURNS int LANGUAGE sql AS $$ SELECT 1 -- ask Erika.7@Mail.example $$", "function f"),
    "a partition bound": ("CREATE TABLE t (c text) PARTITION BY LIST (c); CREATE TABLE t1 PARTITION OF t FOR VALUES IN ('Erika.7@Mail.example')", "partition bound t1"),
    "a trigger's argument": ("CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'; CREATE TRIGGER g BEFORE INSERT ON person FOR EACH ROW EXECUTE FUNCTION f('Erika.7@Mail.example')", "trigger g person"),
    "a function's default": ("CREATE FUNCTION f(a text DEFAULT 'Erika.7@Mail.example') RETURNS int LANGUAGE sql AS 'SELECT 1'", "function f"),
    "a procedure's default": ("CREATE PROCEDURE f(a text DEFAULT 'Erika.7@Mail.example') LANGUAGE sql AS 'SELECT 1'", "function f"),
    "a function's expression": ("CREATE FUNCTION f() RETURNS int LANGUAGE sql RETURN length('Erika.7@Mail.example')", "function f"),
    "a function's statements": ("CREATE FUNCTION f() RETURNS text LANGUAGE sql BEGIN ATOMIC SELECT 'Erika.7@Mail.example'; END", "function f"),
    "a literal after an escaped quote": (r"CREATE FUNCTION f() RETURNS text LANGUAGE sql AS $$ SELECT E'it\'s' || 'Erika.7@Mail.example' $$", "function f"),
    "a literal after a name with a quote": ("CREATE VIEW v AS SELECT 1 AS \"it's\", 'Erika.7@Mail.example' AS b", "definition of the view v"),
    "a dollar quote with a digit": ("CREATE FUNCTION f() RETURNS text LANGUAGE sql AS $$ SELECT $b1$Erika.7@Mail.example$b1$ $$", "function f"),
    "double quotes": ("CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1 AS \"Erika.7@Mail.example\"'", "function f"),
    "a body in another language": ("CREATE LANGUAGE tongue HANDLER plpgsql_call_handler; CREATE FUNCTION f() RETURNS int LANGUAGE tongue AS $$ # don't: \"a\" + q(Erika.7@Mail.example) $$", "function f"),
    "a function's setting": ("CREATE FUNCTION f() RETURNS int LANGUAGE sql SET application_name = 'Erika.7@Mail.example' AS 'SELECT 1'", "setting of the function f"),
    "an aggregate's first state": ("CREATE AGGREGATE f(text) (SFUNC = textcat, STYPE = text, INITCOND = 'Erika.7@Mail.example')", "initial state of the aggregate f"),
    "a moving aggregate's first state": ("CREATE AGGREGATE f(text) (SFUNC = textcat, STYPE = text, MSFUNC = textcat, MINVFUNC = textcat, MSTYPE = text, MINITCOND = 'Erika.7@Mail.example')", "initial state of the aggregate f"),
    "statistics": ("CREATE STATISTICS s ON (email = 'Erika.7@Mail.example'), id FROM person", "statistics s"),
    "a rule": ("CREATE RULE r AS ON DELETE TO person WHERE old.email = 'Erika.7@Mail.example' DO INSTEAD NOTHING", "rule person"),
    "a policy": ("CREATE POLICY p ON person USING (email = 'Erika.7@Mail.example')", "policy p person"),
    "a trigger's condition": ("CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'; CREATE TRIGGER g BEFORE INSERT ON person FOR EACH ROW WHEN (NEW.email = 'Erika.7@Mail.example') EXECUTE FUNCTION f()", "trigger g person"),
    "a domain's default": ("CREATE DOMAIN d AS text DEFAULT 'Erika.7@Mail.example'", "default of the domain d"),
    "a domain's check": ("CREATE DOMAIN d AS text CONSTRAINT of_domain CHECK (VALUE <> 'Erika.7@Mail.example')", "constraint of_domain domain"),
    "a type's default": ("CREATE TYPE d; CREATE FUNCTION d_in(cstring) RETURNS d IMMUTABLE STRICT LANGUAGE internal AS 'textin'; CREATE FUNCTION d_out(d) RETURNS cstring IMMUTABLE STRICT LANGUAGE internal AS 'textout'; CREATE TYPE d (INPUT = d_in, OUTPUT = d_out, LIKE = text, DEFAULT = 'Erika.7@Mail.example')", "default of the type d"),
    "a text search dictionary": ("CREATE TEXT SEARCH DICTIONARY d (TEMPLATE = simple); UPDATE pg_ts_dict SET dictinitoption = $$stopwords = 'Erika.7@Mail.example'$$ WHERE dictname = 'd'", "text search dictionary d"),
    "a collation": ("CREATE COLLATION k FROM \"C\"; UPDATE pg_collation SET collctype = 'Erika.7@Mail.example' WHERE collname = 'k'", "collation k"),
    "a publication's filter": ("CREATE PUBLICATION filtering FOR TABLE person WHERE (note = 'Erika.7@Mail.example')", "publication filtering person"),
    "a security label": ("INSERT INTO pg_seclabel SELECT 'person'::regclass, 'pg_class'::regclass, 0, 'none', 'Erika.7@Mail.example'", "security label on an object pg_class"),
    "a comment on a large object": ("SELECT lo_create(4711); COMMENT ON LARGE OBJECT 4711 IS 'of Erika.7@Mail.example'", "comment on an object pg_largeobject"),
    "a comment on the schema public": ("COMMENT ON SCHEMA public IS 'of Erika.7@Mail.example'", "comment on an object pg_namespace"),
    "a wrapper's option": ("CREATE FOREIGN DATA WRAPPER wo OPTIONS (a 'Erika.7@Mail.example')", "option of the foreign-data wrapper wo"),
    "a server's option": ("CREATE FOREIGN DATA WRAPPER ws; CREATE SERVER so FOREIGN DATA WRAPPER ws OPTIONS (a 'Erika.7@Mail.example')", "option of the foreign server so"),
    "a server's version": ("CREATE FOREIGN DATA WRAPPER wv; CREATE SERVER sv VERSION 'Erika.7@Mail.example' FOREIGN DATA WRAPPER wv", "version of the foreign server sv"),
    "a user mapping": ("CREATE FOREIGN DATA WRAPPER wu; CREATE SERVER su FOREIGN DATA WRAPPER wu; CREATE USER MAPPING FOR CURRENT_USER SERVER su OPTIONS (a 'Erika.7@Mail.example')", "option of the user mapping for su"),
    "a foreign table's option": ("CREATE FOREIGN DATA WRAPPER wt; CREATE SERVER st FOREIGN DATA WRAPPER wt; CREATE FOREIGN TABLE t (c text) SERVER st OPTIONS (a 'Erika.7@Mail.example')", "option of t"),
    "a foreign column's option": ("CREATE FOREIGN DATA WRAPPER wc; CREATE SERVER sc FOREIGN DATA WRAPPER wc; CREATE FOREIGN TABLE t (c text OPTIONS (a 'Erika.7@Mail.example')) SERVER sc", "option of t.c"),
    "a storage option": ("UPDATE pg_class SET reloptions = ARRAY['a=Erika.7@Mail.example'] WHERE oid = 'person_pkey'::regclass", "option of person_pkey"),
    "a setting of the database": ("DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET application_name = %L', current_database(), 'Erika.7@Mail.example'); END $$", "setting of the database"),
    "a comment on the database": ("DO $$ BEGIN EXECUTE format('COMMENT ON DATABASE %I IS %L', current_database(), 'Erika.7@Mail.example'); END $$", "comment on the database"),
    "a table's name": ('CREATE TABLE "Erika.7@Mail.example" (id int)', "name of Erika.7@Mail.example"),
    "a view's name": ('CREATE VIEW "v Erika.7@Mail.example" AS SELECT 1 AS a', "name of v Erika.7@Mail.example"),
    "a column's name": ('CREATE TABLE t ("Erika.7@Mail.example" int)', "name of t.Erika.7@Mail.example"),
    "a field's name": ('CREATE TYPE t AS ("Erika.7@Mail.example" int)', "name of t.Erika.7@Mail.example"),
    "a schema's name": ('CREATE SCHEMA "Erika.7@Mail.example"', "name of the schema Erika.7@Mail.example"),
    "an index's name": ('CREATE INDEX "Erika.7@Mail.example" ON person (note)', "name of Erika.7@Mail.example"),
    "a sequence's name": ('CREATE SEQUENCE "Erika.7@Mail.example"', "name of Erika.7@Mail.example"),
    "a key's name": ('ALTER TABLE person ADD CONSTRAINT "Erika.7@Mail.example" UNIQUE (note, id)', "name of Erika.7@Mail.example"),
    "a constraint's name": ('ALTER TABLE person ADD CONSTRAINT "Erika.7@Mail.example" CHECK (id > 0)', 'name of the constraint "Erika.7@Mail.example" person'),
    "a trigger's name": ("CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'; CREATE TRIGGER \"Erika.7@Mail.example\" BEFORE INSERT ON person FOR EACH ROW EXECUTE FUNCTION f()", 'trigger "Erika.7@Mail.example" person'),
    "a policy's name": ('CREATE POLICY "Erika.7@Mail.example" ON person USING (true)', 'name of the policy "Erika.7@Mail.example" person'),
    "a rule's name": ('CREATE RULE "Erika.7@Mail.example" AS ON DELETE TO person DO INSTEAD NOTHING', "rule person"),
    "a function's name": ("CREATE FUNCTION \"Erika.7@Mail.example\"() RETURNS int LANGUAGE sql AS 'SELECT 1'", "name of the function Erika.7@Mail.example"),
    "an argument's name": ("CREATE FUNCTION f(\"Erika.7@Mail.example\" int) RETURNS int LANGUAGE sql AS 'SELECT 1'", "name of an argument of the function f"),
    "a type's name": ("CREATE TYPE \"Erika.7@Mail.example\" AS ENUM ('a')", "name of the type Erika.7@Mail.example"),
    "the name of statistics": ('CREATE STATISTICS "Erika.7@Mail.example" ON id, note FROM person', "statistics Erika.7@Mail.example"),
    "a collation's name": ('CREATE COLLATION "Erika.7@Mail.example" FROM "C"', "name of the collation Erika.7@Mail.example"),
    "a text search configuration's name": ('CREATE TEXT SEARCH CONFIGURATION "Erika.7@Mail.example" (COPY = simple)', "name of the text search object Erika.7@Mail.example"),
    "a text search dictionary's name": ('CREATE TEXT SEARCH DICTIONARY "Erika.7@Mail.example" (TEMPLATE = simple)', "name of the text search object Erika.7@Mail.example"),
    "a server's name": ('CREATE FOREIGN DATA WRAPPER wn; CREATE SERVER "Erika.7@Mail.example" FOREIGN DATA WRAPPER wn', "name of the foreign server Erika.7@Mail.example"),
    "a wrapper's name": ('CREATE FOREIGN DATA WRAPPER "Erika.7@Mail.example"', "name of the foreign-data wrapper Erika.7@Mail.example"),
    "a publication's name": ('CREATE PUBLICATION "Erika.7@Mail.example"', "name of the publication Erika.7@Mail.example"),
}  # fmt: skip


CASES = PLACES | TEXTS


@pytest.fixture(scope="module")
def everywhere(postgres, source, prove_once):
    """Every case planted in a schema of its own; the report on all of them."""
    target = postgres.create(unique_name("target"))
    script = "CREATE EXTENSION citext; SET allow_system_table_mods = on;"  # to put what no tool would write
    for number, (sql, _) in enumerate(CASES.values()):
        script += f"CREATE SCHEMA case_{number}_; SET search_path = case_{number}_, public; {PERSON} {MASKED} {sql};"
    target.psql(script)
    yield prove_once(source, target, fresh="person.email", same="person.id person.note")
    postgres.drop(target.name)


@pytest.mark.parametrize("case", CASES)
def test_a_value_is_found_in(case, everywhere):
    schema = f"case_{list(CASES).index(case)}_."
    place = CASES[case][1]
    found = [f for f in everywhere.leaks if schema in f.place or f.place == place]
    assert [(str(f.origin), f.place.replace(schema, ""), f.values, f.rows) for f in found] == [
        ("public.person.email", place, 1, 1)
    ]


def test_nothing_else_is_found(everywhere):
    assert len(everywhere.leaks) == len(CASES)
    assert everywhere.findings == everywhere.leaks


def test_plain_names_are_not_data(make_database, prove):
    source = make_database("CREATE TABLE s (v text); INSERT INTO s VALUES ('customers'), ('reporting');")
    target = make_database(
        """CREATE SCHEMA reporting; CREATE TABLE customers (reporting int);
        CREATE FUNCTION reporting(customers int) RETURNS int LANGUAGE sql SET search_path = reporting, "$user"
        AS 'SELECT 1 AS "customers"';"""
    )
    assert prove(source, target, fresh="s.v").findings == ()


AWKWARD = [
    "Zoë Ångström",
    "ΑΛΕΞΑΝΔΡΟΣ",
    "山田太郎さん",
    "tab\there",
    "new\nline",
    "back\\slash",
    'quo"ted name',
    "O'Brien-Smith",
    "a,b{c}(d)",
    "emoji \U0001f600 grin",
    "\\N is not null",
    "100%25 sure",
    "carriage\rreturn",
    "&amp; so on",
    "five5",
    "sixsix",
    "seven77",
    "eight888",
]


@pytest.mark.parametrize("kind", ["text", "jsonb", "json", "text[]", "bytea", "xml"])
def test_awkward_values_are_found_behind_the_escapes_of(kind, make_database, prove):
    def literal(value: str) -> str:
        return "U&'" + "".join(f"\\+{ord(c):06x}" for c in value) + "'"

    source = make_database(
        "CREATE TABLE s (v text);" + "".join(f"INSERT INTO s VALUES ({literal(v)});" for v in AWKWARD)
    )
    written = {
        "text": lambda v: f"'<<' || {literal(v)} || '>>'",
        "jsonb": lambda v: f"jsonb_build_object('k', jsonb_build_array(1, {literal(v)}))",
        "json": lambda v: literal(json.dumps({"k": [v]}).replace("/", "\\/")) + "::json",
        "text[]": lambda v: f"ARRAY['x', {literal(v)}]",
        "bytea": lambda v: f"convert_to({literal(v)}, 'UTF8')",
        "xml": lambda v: f"xmlelement(name a, {literal(v)})",
    }[kind]
    target = make_database(
        f"CREATE TABLE t (v {kind});" + "".join(f"INSERT INTO t VALUES ({written(v)});" for v in AWKWARD)
    )
    report = prove(source, target, fresh="s.v")
    (finding,) = report.leaks
    assert (finding.values, finding.rows) == (len(AWKWARD), len(AWKWARD))


STRUCTURED = {
    "jsonb": """'{"name": "Erika Mustermann", "tags": ["secret tag"], "n": 12345678, "deep": {"x": "say \\"hi\\" é"}}'""",
    "json": """'{"name": "Erika Mustermann", "tags": ["secret tag"], "n": 12345678, "deep": {"x": "say \\"hi\\" \\u00e9"}}'""",
    "text[]": """ARRAY['Erika Mustermann', 'secret tag', '12345678', 'say "hi" é']""",
    "four": """ROW('Erika Mustermann', 'secret tag', 12345678, 'say "hi" é')::four""",
    "four[]": """ARRAY[ROW('Erika Mustermann', 'secret tag', 12345678, 'say "hi" é')::four]""",
    "xml": """'<a name="Erika Mustermann"><b>secret tag</b><c>12345678</c>say "hi" é</a>'""",
    "hstore": """hstore(ARRAY['a', 'Erika Mustermann', 'b', 'secret tag', 'c', '12345678', 'd', 'say "hi" é'])""",
}


@pytest.mark.parametrize("kind", STRUCTURED)
def test_the_leaves_of_a_structured_source_column_are_searched_for(kind, make_database, prove):
    types = "CREATE EXTENSION hstore; CREATE TYPE four AS (a text, b text, c bigint, d text);"
    source = make_database(f"{types} CREATE TABLE s (v {kind}); INSERT INTO s VALUES ({STRUCTURED[kind]});")
    target = make_database(
        "CREATE TABLE t (v text); INSERT INTO t VALUES ('by erika mustermann'), ('(secret tag)'), ('no 12345678'), ('I say \"hi\" é');"
    )
    (finding,) = prove(source, target, fresh="s.v").leaks
    assert (finding.values, finding.rows) == (4, 4)
