-- At least one object of every kind that PostgreSQL has and a copy can meet. Run through psql; the server may be 14 to 18.
-- What no copy has (publications, subscriptions, event triggers, user mappings …) is in test_disarmed.py.
SELECT current_setting('server_version_num')::int >= 150000 AS since15,
       current_setting('server_version_num')::int >= 160000 AS since16,
       current_setting('server_version_num')::int >= 170000 AS since17,
       current_setting('server_version_num')::int >= 180000 AS since18,
       EXISTS (SELECT FROM pg_collation WHERE collprovider = 'i') AS has_icu \gset
SET client_min_messages = warning;
SET check_function_bodies = off;

CREATE SCHEMA app;
CREATE SCHEMA "We""ird Schéma";
COMMENT ON SCHEMA app IS 'the application''s';

-- Extensions, one of them in a schema of ours, one with objects that others need.
CREATE EXTENSION citext SCHEMA app;
CREATE EXTENSION btree_gist;
CREATE EXTENSION hstore SCHEMA app;
CREATE EXTENSION pg_trgm;

-- Types: enums, domains over domains, nested composites, ranges with their multiranges, base types, shell types.
CREATE TYPE app.mood AS ENUM ('sad', 'it''s ok', 'happy', 'Größe');
COMMENT ON TYPE app.mood IS 'how one feels';
CREATE DOMAIN app.positive AS integer CONSTRAINT above_zero CHECK (VALUE > 0);
CREATE DOMAIN app.small_positive AS app.positive DEFAULT 7 NOT NULL CONSTRAINT below_1000 CHECK (VALUE < 1000);
CREATE DOMAIN app.label AS text COLLATE "C" CHECK (VALUE ~ '^[a-z]');
ALTER DOMAIN app.label ADD CONSTRAINT short CHECK (length(VALUE) < 3) NOT VALID;
CREATE DOMAIN app.moods AS app.mood[];
COMMENT ON DOMAIN app.positive IS 'more than nothing';
COMMENT ON CONSTRAINT above_zero ON DOMAIN app.positive IS 'not even nothing';
CREATE TYPE app.point3 AS (x float8, y float8, z float8);
CREATE TYPE app.box3 AS (low app.point3, high app.point3, "the mood" app.mood, tags text[] COLLATE "C");
ALTER TYPE app.box3 DROP ATTRIBUTE "the mood", ADD ATTRIBUTE made date;
COMMENT ON COLUMN app.box3.made IS 'when';
CREATE FUNCTION app.float_distance(float8, float8) RETURNS float8 LANGUAGE sql IMMUTABLE STRICT AS 'SELECT $1 - $2';
CREATE TYPE app.span AS RANGE (subtype = float8, subtype_diff = app.float_distance, multirange_type_name = app.spans);
CREATE TYPE app.forward;
CREATE FUNCTION app.forward_in(cstring) RETURNS app.forward LANGUAGE internal IMMUTABLE STRICT AS 'int4in';
CREATE FUNCTION app.forward_out(app.forward) RETURNS cstring LANGUAGE internal IMMUTABLE STRICT AS 'int4out';
CREATE TYPE app.forward (INPUT = app.forward_in, OUTPUT = app.forward_out, LIKE = int4, CATEGORY = 'N', DEFAULT = '42');
CREATE TYPE app.shell;

-- Casts, operators with a commutator and a negator, operator families and classes, access by them.
CREATE CAST (app.forward AS integer) WITHOUT FUNCTION AS ASSIGNMENT;
CREATE CAST (integer AS app.forward) WITHOUT FUNCTION AS IMPLICIT;
CREATE CAST (app.point3 AS text) WITH INOUT;
COMMENT ON CAST (app.forward AS integer) IS 'the same bytes';
CREATE FUNCTION app.length_cmp(text, text) RETURNS int LANGUAGE sql IMMUTABLE STRICT AS
    'SELECT CASE WHEN length($1) < length($2) THEN -1 WHEN length($1) > length($2) THEN 1 ELSE 0 END';
CREATE FUNCTION app.length_lt(text, text) RETURNS bool LANGUAGE sql IMMUTABLE STRICT AS 'SELECT length($1) < length($2)';
CREATE FUNCTION app.length_le(text, text) RETURNS bool LANGUAGE sql IMMUTABLE STRICT AS 'SELECT length($1) <= length($2)';
CREATE FUNCTION app.length_eq(text, text) RETURNS bool LANGUAGE sql IMMUTABLE STRICT AS 'SELECT length($1) = length($2)';
CREATE FUNCTION app.length_ge(text, text) RETURNS bool LANGUAGE sql IMMUTABLE STRICT AS 'SELECT length($1) >= length($2)';
CREATE FUNCTION app.length_gt(text, text) RETURNS bool LANGUAGE sql IMMUTABLE STRICT AS 'SELECT length($1) > length($2)';
CREATE OPERATOR app.<# (FUNCTION = app.length_lt, LEFTARG = text, RIGHTARG = text, COMMUTATOR = OPERATOR(app.>#), NEGATOR = OPERATOR(app.>=#), RESTRICT = scalarltsel);
CREATE OPERATOR app.<=# (FUNCTION = app.length_le, LEFTARG = text, RIGHTARG = text);
CREATE OPERATOR app.=# (FUNCTION = app.length_eq, LEFTARG = text, RIGHTARG = text, COMMUTATOR = OPERATOR(app.=#));
CREATE OPERATOR app.>=# (FUNCTION = app.length_ge, LEFTARG = text, RIGHTARG = text);
CREATE OPERATOR app.># (FUNCTION = app.length_gt, LEFTARG = text, RIGHTARG = text, COMMUTATOR = OPERATOR(app.<#));
COMMENT ON OPERATOR app.<# (text, text) IS 'is shorter';
CREATE OPERATOR FAMILY app.by_length USING btree;
CREATE OPERATOR CLASS app.by_length_ops FOR TYPE text USING btree FAMILY app.by_length AS
    OPERATOR 1 app.<#, OPERATOR 2 app.<=#, OPERATOR 3 app.=#, OPERATOR 4 app.>=#, OPERATOR 5 app.>#,
    FUNCTION 1 app.length_cmp(text, text);
COMMENT ON OPERATOR CLASS app.by_length_ops USING btree IS 'short ones first';
COMMENT ON OPERATOR FAMILY app.by_length USING btree IS 'of length';
CREATE FUNCTION app.negated(boolean) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT NOT $1';
CREATE OPERATOR app.!! (FUNCTION = app.negated, RIGHTARG = boolean);

-- Collations, conversions, text search objects, languages, transforms, access methods.
CREATE COLLATION app.bytewise (LC_COLLATE = 'C', LC_CTYPE = 'C');
COMMENT ON COLLATION app.bytewise IS 'as the bytes go';
\if :has_icu
CREATE COLLATION app.nocase (PROVIDER = icu, LOCALE = 'und-u-ks-level2', DETERMINISTIC = false);
\endif
CREATE CONVERSION app.from_latin FOR 'LATIN1' TO 'UTF8' FROM iso8859_1_to_utf8;
COMMENT ON CONVERSION app.from_latin IS 'of old';
CREATE TEXT SEARCH DICTIONARY app.plain (TEMPLATE = simple, ACCEPT = false);
CREATE TEXT SEARCH CONFIGURATION app.german (COPY = pg_catalog.german);
ALTER TEXT SEARCH CONFIGURATION app.german ALTER MAPPING FOR word, asciiword WITH app.plain, simple;
COMMENT ON TEXT SEARCH DICTIONARY app.plain IS 'all words';
COMMENT ON TEXT SEARCH CONFIGURATION app.german IS 'deutsch';
CREATE TEXT SEARCH PARSER app.parser (START = prsd_start, GETTOKEN = prsd_nexttoken, END = prsd_end, LEXTYPES = prsd_lextype, HEADLINE = prsd_headline);
CREATE TEXT SEARCH TEMPLATE app.template (INIT = dsimple_init, LEXIZE = dsimple_lexize);
CREATE ACCESS METHOD heap_too TYPE TABLE HANDLER heap_tableam_handler;
COMMENT ON ACCESS METHOD heap_too IS 'a heap by another name';
CREATE FUNCTION app.of_point(internal) RETURNS internal LANGUAGE internal IMMUTABLE STRICT AS 'prsd_lextype';
CREATE TRANSFORM FOR app.point3 LANGUAGE plpgsql (FROM SQL WITH FUNCTION app.of_point(internal));
COMMENT ON TEXT SEARCH PARSER app.parser IS 'word by word';
COMMENT ON TEXT SEARCH TEMPLATE app.template IS 'a simple one';
COMMENT ON TRANSFORM FOR app.point3 LANGUAGE plpgsql IS 'of points';
COMMENT ON TYPE app.point3 IS 'a composite';
COMMENT ON TYPE app.span IS 'a range';
COMMENT ON TYPE app.forward IS 'a base type';
COMMENT ON TYPE app.shell IS 'nothing yet';

-- Functions and procedures, in an order in which they do not depend on each other: bodies as text, SQL-standard bodies,
-- overloads, defaults, OUT, VARIADIC, sets, tables, polymorphic types, settings, costs, support functions, window.
CREATE FUNCTION app.double(i integer) RETURNS integer LANGUAGE sql IMMUTABLE PARALLEL SAFE AS 'SELECT i * 2';
CREATE FUNCTION app.double(t text, again integer DEFAULT 1, sep text DEFAULT ', ') RETURNS text LANGUAGE sql IMMUTABLE AS
    $$ SELECT t || sep || repeat(t, again) $$;
COMMENT ON FUNCTION app.double(integer) IS 'twice';
CREATE FUNCTION app.quadruple(i integer) RETURNS integer LANGUAGE sql IMMUTABLE RETURN app.double(app.double(i));
CREATE FUNCTION app.zz_used_first(i integer) RETURNS integer LANGUAGE sql IMMUTABLE BEGIN ATOMIC SELECT app.quadruple(i) + 1; END;
CREATE FUNCTION app.aa_uses_it(i integer) RETURNS integer LANGUAGE sql IMMUTABLE BEGIN ATOMIC SELECT app.zz_used_first(i); END;
CREATE FUNCTION app.mutual_a(i integer) RETURNS integer LANGUAGE plpgsql AS $$ BEGIN RETURN CASE WHEN i > 0 THEN app.mutual_b(i - 1) ELSE 0 END; END $$;
CREATE FUNCTION app.mutual_b(i integer) RETURNS integer LANGUAGE plpgsql AS $$ BEGIN RETURN app.mutual_a(i) + 1; END $$;
CREATE FUNCTION app.made_up(OUT a integer, INOUT b text, VARIADIC rest integer[]) LANGUAGE sql STABLE STRICT LEAKPROOF COST 7 AS 'SELECT $2[1], $1';
CREATE FUNCTION app.listed(n integer) RETURNS TABLE (k integer, v app.mood) LANGUAGE sql STABLE ROWS 3
    SET search_path = app, pg_temp SET work_mem = '1MB' AS $$ SELECT i, 'happy'::app.mood FROM generate_series(1, n) i $$;
CREATE FUNCTION app.same(anyelement) RETURNS anyelement LANGUAGE sql IMMUTABLE AS 'SELECT $1';
CREATE FUNCTION app.secured() RETURNS text LANGUAGE sql SECURITY DEFINER SET search_path = '' AS 'SELECT current_user::text';
CREATE FUNCTION app."We""ird ""Fün"(" a b" integer) RETURNS text LANGUAGE plpgsql AS $body$ BEGIN RETURN $a$it's \ $a$ || " a b"; END $body$;
CREATE PROCEDURE app.proceed(INOUT a integer DEFAULT 3) LANGUAGE plpgsql AS $$ BEGIN a := a + 1; COMMIT; END $$;
CREATE PROCEDURE app.proceed_too(a integer) LANGUAGE sql BEGIN ATOMIC SELECT app.double(a); END;
COMMENT ON PROCEDURE app.proceed(integer) IS 'onwards';
CREATE FUNCTION app.sum_step(app.point3, app.point3) RETURNS app.point3 LANGUAGE sql IMMUTABLE AS
    'SELECT ROW($1.x + $2.x, $1.y + $2.y, $1.z + $2.z)::app.point3';
CREATE AGGREGATE app.total(app.point3) (SFUNC = app.sum_step, STYPE = app.point3, INITCOND = '(0,0,0)', COMBINEFUNC = app.sum_step, PARALLEL = SAFE);
CREATE AGGREGATE app.longest(text) (SFUNC = text_larger, STYPE = text, SORTOP = OPERATOR(app.>#));
CREATE AGGREGATE app.middle(float8 ORDER BY anyelement) (SFUNC = ordered_set_transition, STYPE = internal, FINALFUNC = percentile_disc_final, FINALFUNC_EXTRA);
COMMENT ON AGGREGATE app.total(app.point3) IS 'all together';

-- Sequences: nobody's, shared by two tables, with options, owned by a column that does not draw from it.
CREATE SEQUENCE app.nobodys INCREMENT -3 MINVALUE -900 MAXVALUE 99 START 90 CYCLE CACHE 5;
SELECT nextval('app.nobodys'), nextval('app.nobodys');
COMMENT ON SEQUENCE app.nobodys IS 'drawn by hand';
CREATE SEQUENCE app.shared AS bigint START 1000;
CREATE SEQUENCE app.never_called AS smallint;
CREATE TABLE app.shares_a (id bigint DEFAULT nextval('app.shared') PRIMARY KEY, a text);
CREATE TABLE app.shares_b (id bigint DEFAULT nextval('app.shared') PRIMARY KEY, b text);
INSERT INTO app.shares_a (a) VALUES ('one'), ('two');
INSERT INTO app.shares_b (b) VALUES ('three');
CREATE TABLE app.numbered (
    id serial PRIMARY KEY,
    always integer GENERATED ALWAYS AS IDENTITY (START 10 INCREMENT 5),
    by_default bigint GENERATED BY DEFAULT AS IDENTITY UNIQUE,
    code text DEFAULT 'INV-' || nextval('app.nobodys')
);
CREATE SEQUENCE app.owned OWNED BY app.numbered.code;
INSERT INTO app.numbered (code) SELECT 'x' || n FROM generate_series(1, 12) n;
ALTER SEQUENCE app.numbered_id_seq RESTART 500;

-- The table that has nearly everything a column can have.
CREATE TABLE app.everything (
    id integer PRIMARY KEY,
    dropped_1 text,
    m app.mood DEFAULT 'it''s ok',
    ms app.mood[] DEFAULT '{sad,NULL}',
    p app.positive,
    sp app.small_positive,
    l app.label,
    lm app.moods,
    pt app.point3,
    bx app.box3,
    sn app.span,
    sns app.spans,
    f app.forward,
    ci app.citext,
    hs app.hstore,
    dropped_2 integer,
    t text COLLATE "C" DEFAULT app.double('a'),
    doubled integer GENERATED ALWAYS AS (app.double(id)) STORED,
    upper_t text GENERATED ALWAYS AS (upper(t)) STORED,
    by bytea, js json, jb jsonb, xm xml, ts tsvector, tq tsquery, u uuid, mn money, iv interval, bt bit(3), vb bit varying,
    ip inet, cd cidr, mc macaddr, m8 macaddr8, nu numeric(12, 4), re real, dp double precision, tz timestamptz, tt timetz, d date,
    pg point, pa path, po polygon, ci2 circle, ln line, ls lseg, bo box, xid8 xid8, lsn pg_lsn, rc regclass, ch "char", na name,
    ar text[][], vc character varying(30), fc character(5), r4 int4range, mr datemultirange, jp jsonpath, o oid,
    " odd ""column"" {x} $1" text,
    CONSTRAINT positive_double CHECK (app.double(id) >= 0),
    CONSTRAINT not_inherited CHECK (id < 1000000) NO INHERIT
) WITH (fillfactor = 70, autovacuum_enabled = off, toast.autovacuum_enabled = off, parallel_workers = 2);
ALTER TABLE app.everything DROP COLUMN dropped_1, DROP COLUMN dropped_2;
ALTER TABLE app.everything ALTER COLUMN t SET STATISTICS 500, ALTER COLUMN by SET STORAGE EXTERNAL, ALTER COLUMN jb SET COMPRESSION pglz,
    ALTER COLUMN id SET (n_distinct = -1, n_distinct_inherited = -0.5);
INSERT INTO app.everything (id, m, ms, p, sp, l, lm, pt, bx, sn, sns, f, ci, hs, t, by, js, jb, xm, ts, tq, u, mn, iv, bt, vb, ip, cd, mc, m8, nu,
    re, dp, tz, tt, d, pg, pa, po, ci2, ln, ls, bo, xid8, lsn, rc, ch, na, ar, vc, fc, r4, mr, jp, o, " odd ""column"" {x} $1")
SELECT n, (enum_range(NULL::app.mood))[1 + n % 4], ARRAY['happy', NULL, 'Größe']::app.mood[], n, 1 + n % 900, 'ab', '{sad}', ROW(n, 0.1, '-Infinity'::float8)::app.point3,
    '("(1,2,3)",,"{""a,b"",""c\\""d"",NULL}",2020-02-29)'::app.box3, '[0.1,0.30000000000000004)', '{[1,2),[3,4)}', n, 'MixED', 'a=>1, "b c"=>NULL',
    E'tab\t nl\n bs\\ ' || n, decode(md5(n::text), 'hex'), '{"b":1, "a" : [null, 1.50], "b":2}', '{"k": "é\u0001", "n": 1e400}', '<a b="c">d</a>',
    to_tsvector('app.german', 'Die Häuser ' || n), 'a & !b:*', md5(n::text)::uuid, n * 1.01, '1 mon -2 days 03:04:05.6', B'101', B'11',
    '10.1.2.3/8', '::1', '08:00:2b:01:02:03', '08:00:2b:01:02:03:04:05', n / 7.0, 'NaN', 0.1 + 0.2, 'infinity', '10:11:12+05:30', '4714-11-24 BC',
    '(1,2)', '[(0,0),(1,1)]', '((0,0),(1,1),(1,0))', '<(1,2),3>', '{1,2,3}', '[(0,0),(1,1)]', '((0,0),(1,1))', n::text::xid8, '16/B374D848', 'pg_class', 'x',
    'a name', '{{a,NULL},{"",null}}'::text[], 'varchar', 'abc', '(,5]', '{[2020-01-01,2020-02-01)}', '$.a[*] ? (@ > 1)', 16384 + n, 'odd'
  FROM generate_series(0, 299) n WHERE n > 0;
INSERT INTO app.everything (id, sp) VALUES (0, 1), (-0, 2) ON CONFLICT DO NOTHING;
COMMENT ON TABLE app.everything IS 'nearly';
COMMENT ON COLUMN app.everything.t IS E'a comment\nof two lines';
COMMENT ON CONSTRAINT positive_double ON app.everything IS 'of course';
CREATE TABLE app.without_columns ();
INSERT INTO app.without_columns SELECT FROM generate_series(1, 5);
CREATE TABLE app.only_generated (a integer, b integer GENERATED ALWAYS AS (1 + 1) STORED);
ALTER TABLE app.only_generated DROP COLUMN a;
INSERT INTO app.only_generated DEFAULT VALUES;
CREATE UNLOGGED TABLE app.unlogged (id integer PRIMARY KEY, a text) USING heap_too;
INSERT INTO app.unlogged VALUES (1, 'not in the log');
CREATE TABLE app.of_type OF app.point3 (PRIMARY KEY (x), z WITH OPTIONS NOT NULL DEFAULT 4);
INSERT INTO app.of_type VALUES (1, 2, 3);
CREATE TABLE app."We""ird Näme {$1} --" ("select" integer PRIMARY KEY, "We""ird Col" text NOT NULL, " " integer);
INSERT INTO app."We""ird Näme {$1} --" VALUES (1, 'a', 2), (2, '\N', NULL), (3, '', NULL);
CREATE TABLE "We""ird Schéma"."order" ("user" integer PRIMARY KEY REFERENCES app."We""ird Näme {$1} --");
INSERT INTO "We""ird Schéma"."order" VALUES (1), (3);
CREATE TABLE app.self_typed (id integer PRIMARY KEY, parents app.everything[]);
INSERT INTO app.self_typed VALUES (1, NULL);
CREATE TABLE app.not_null_later (id integer PRIMARY KEY, a integer);
INSERT INTO app.not_null_later VALUES (1, NULL);

-- Indexes of every sort, extended statistics, clustering, replica identity.
CREATE INDEX everything_expression ON app.everything (lower(t), (jb ->> 'k')) WHERE id % 2 = 0;
CREATE INDEX everything_function ON app.everything (app.quadruple(id));
CREATE INDEX everything_desc ON app.everything (t COLLATE "POSIX" DESC NULLS LAST, m) INCLUDE (id, u) WITH (fillfactor = 50);
CREATE INDEX everything_opclass ON app.everything (t app.by_length_ops, vc varchar_pattern_ops);
CREATE INDEX everything_gin ON app.everything USING gin (jb jsonb_path_ops) WITH (fastupdate = off);
CREATE INDEX everything_trgm ON app.everything USING gist (t gist_trgm_ops (siglen = 64));
CREATE INDEX everything_brin ON app.everything USING brin (id) WITH (pages_per_range = 4);
CREATE INDEX everything_hash ON app.everything USING hash (u);
CREATE INDEX everything_spgist ON app.everything USING spgist (pg);
CREATE UNIQUE INDEX everything_partial ON app.everything (o) WHERE o > 16390;
CREATE UNIQUE INDEX "everything ""odd""" ON app.everything (" odd ""column"" {x} $1", id);
ALTER INDEX app.everything_expression ALTER COLUMN 2 SET STATISTICS 77;
COMMENT ON INDEX app.everything_desc IS 'downwards';
CREATE STATISTICS app.two_columns (ndistinct, dependencies, mcv) ON m, p FROM app.everything;
CREATE STATISTICS app.of_expression ON (app.double(id)), lower(t) FROM app.everything;
ALTER STATISTICS app.two_columns SET STATISTICS 333;
COMMENT ON STATISTICS app.two_columns IS 'together';
ALTER TABLE app.everything CLUSTER ON everything_pkey;
ALTER TABLE app.numbered REPLICA IDENTITY FULL;
ALTER TABLE app.shares_a REPLICA IDENTITY NOTHING;
ALTER TABLE app.shares_b REPLICA IDENTITY USING INDEX shares_b_pkey;

-- Constraints: deferrable uniques, exclusions, NOT VALID ones that are broken, keys of every sort.
CREATE TABLE app.unique_ways (
    id integer PRIMARY KEY DEFERRABLE INITIALLY DEFERRED, a integer, b integer, c text, during tstzrange, room integer,
    CONSTRAINT later UNIQUE (a) DEFERRABLE INITIALLY DEFERRED,
    CONSTRAINT included UNIQUE (b, c) INCLUDE (a) WITH (fillfactor = 60),
    CONSTRAINT no_overlap EXCLUDE USING gist (room WITH =, during WITH &&) WHERE (a > 0) DEFERRABLE,
    CONSTRAINT hashed EXCLUDE USING hash (c WITH =)
);
INSERT INTO app.unique_ways SELECT n, n, n, 'c' || n, tstzrange(now()::date + n, now()::date + n + 1), n % 3 FROM generate_series(1, 50) n;
ALTER TABLE app.unique_ways ADD CONSTRAINT broken_check CHECK (a < 10) NOT VALID;
COMMENT ON CONSTRAINT no_overlap ON app.unique_ways IS 'one at a time';
\if :since15
ALTER TABLE app.unique_ways ADD CONSTRAINT no_nulls UNIQUE NULLS NOT DISTINCT (b, room, c);
\endif
CREATE TABLE app.parent (a integer, b integer, c text UNIQUE, PRIMARY KEY (a, b));
INSERT INTO app.parent SELECT n, n % 5, 'p' || n FROM generate_series(1, 40) n;
CREATE TABLE app.child (
    id integer PRIMARY KEY, a integer, b integer, c text, up integer,
    CONSTRAINT full_match FOREIGN KEY (a, b) REFERENCES app.parent MATCH FULL ON UPDATE CASCADE ON DELETE SET NULL,
    CONSTRAINT to_unique FOREIGN KEY (c) REFERENCES app.parent (c) ON DELETE SET DEFAULT DEFERRABLE INITIALLY DEFERRED,
    CONSTRAINT to_self FOREIGN KEY (up) REFERENCES app.child ON DELETE CASCADE DEFERRABLE
);
INSERT INTO app.child SELECT n, 1 + n % 40, (1 + n % 40) % 5, 'p' || 1 + n % 40, nullif(n - 1, 0) FROM generate_series(1, 60) n;
INSERT INTO app.child (id) VALUES (100);
COMMENT ON CONSTRAINT to_self ON app.child IS 'upwards';
ALTER TABLE app.child ADD CONSTRAINT broken FOREIGN KEY (up) REFERENCES app.numbered NOT VALID;
\if :since15
CREATE TABLE app.child_15 (id integer PRIMARY KEY, a integer, b integer, FOREIGN KEY (a, b) REFERENCES app.parent ON DELETE SET NULL (b));
INSERT INTO app.child_15 VALUES (1, 1, 1), (2, 2, NULL);
\endif
CREATE TABLE app.hen (id integer PRIMARY KEY, egg integer NOT NULL);
CREATE TABLE app.egg (id integer PRIMARY KEY, hen integer NOT NULL REFERENCES app.hen DEFERRABLE);
BEGIN;
INSERT INTO app.hen VALUES (1, 2), (2, 1);
INSERT INTO app.egg VALUES (1, 2), (2, 1);
COMMIT;
ALTER TABLE app.hen ADD CONSTRAINT of_egg FOREIGN KEY (egg) REFERENCES app.egg DEFERRABLE INITIALLY DEFERRED;

-- Partitions by range, list and hash, sub-partitions, defaults, another order of columns, dropped columns, own indexes.
CREATE TABLE app.visit (id integer, at date NOT NULL, region text DEFAULT 'x', note text, n integer GENERATED ALWAYS AS (id * 3) STORED) PARTITION BY RANGE (at);
CREATE TABLE app.visit_old PARTITION OF app.visit FOR VALUES FROM (MINVALUE) TO ('2020-01-01');
CREATE TABLE app.visit_2020 (note text, gone integer, region text, at date NOT NULL, id integer, n integer GENERATED ALWAYS AS (id * 3) STORED);
ALTER TABLE app.visit_2020 DROP COLUMN gone;
ALTER TABLE app.visit ATTACH PARTITION app.visit_2020 FOR VALUES FROM ('2020-01-01') TO ('2021-01-01');
CREATE TABLE app.visit_2021 PARTITION OF app.visit FOR VALUES FROM ('2021-01-01') TO ('2022-01-01') PARTITION BY LIST (region);
CREATE TABLE app.visit_2021_a PARTITION OF app.visit_2021 (CONSTRAINT small CHECK (id < 100000)) FOR VALUES IN ('a', NULL) WITH (fillfactor = 80);
CREATE TABLE app.visit_2021_rest PARTITION OF app.visit_2021 DEFAULT PARTITION BY HASH (id);
CREATE TABLE app.visit_2021_rest_0 PARTITION OF app.visit_2021_rest FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE app.visit_2021_rest_1 PARTITION OF app.visit_2021_rest FOR VALUES WITH (MODULUS 2, REMAINDER 1);
CREATE UNLOGGED TABLE app.visit_default PARTITION OF app.visit DEFAULT;
ALTER TABLE app.visit ADD PRIMARY KEY (id, at, region);
CREATE INDEX visit_note ON app.visit (lower(note));
CREATE INDEX visit_own ON app.visit_2020 (region DESC);
CREATE INDEX visit_attached ON app.visit_2020 (region);
CREATE INDEX visit_partly ON ONLY app.visit (region);
ALTER INDEX app.visit_partly ATTACH PARTITION app.visit_attached;
ALTER TABLE app.visit_2020 ALTER COLUMN region SET DEFAULT 'other';
COMMENT ON TABLE app.visit_2021 IS 'of that year';
INSERT INTO app.visit (id, at, region, note)
SELECT n, date '2019-06-01' + n * 3, (ARRAY['a', 'b', 'c'])[1 + n % 3], 'note ' || n FROM generate_series(1, 500) n;
CREATE TABLE app.of_visit (id integer PRIMARY KEY, visit integer, at date, region text, FOREIGN KEY (visit, at, region) REFERENCES app.visit);
INSERT INTO app.of_visit SELECT id, id, at, region FROM app.visit WHERE id % 7 = 0;
CREATE TABLE app.by_expression (id integer NOT NULL, name text NOT NULL) PARTITION BY HASH (lower(name), (id / 2));
CREATE TABLE app.by_expression_0 PARTITION OF app.by_expression FOR VALUES WITH (MODULUS 1, REMAINDER 0);
INSERT INTO app.by_expression VALUES (1, 'A'), (2, 'b');
CREATE TABLE app.by_two (a integer REFERENCES app.numbered, b text) PARTITION BY RANGE (a, b COLLATE "C" text_pattern_ops);
CREATE TABLE app.by_two_low PARTITION OF app.by_two FOR VALUES FROM (MINVALUE, MINVALUE) TO (5, 'k');
CREATE TABLE app.by_two_high PARTITION OF app.by_two FOR VALUES FROM (5, 'k') TO (MAXVALUE, MAXVALUE);
INSERT INTO app.by_two VALUES (1, 'z'), (5, 'a'), (5, 'x'), (9, '');
CREATE TABLE app.without_partitions (id integer) PARTITION BY RANGE (id);

-- Inheritance, multiple too.
CREATE TABLE app.base_a (id integer NOT NULL, a text DEFAULT 'a', CONSTRAINT a_check CHECK (a <> 'never'));
CREATE TABLE app.base_b (id integer NOT NULL, b text, CHECK (b <> 'never') NO INHERIT);
CREATE TABLE app.heir (c text, a text DEFAULT 'own') INHERITS (app.base_a, app.base_b);
CREATE TABLE app.grandchild () INHERITS (app.heir);
CREATE TABLE app.adopted (b text, x integer, id integer NOT NULL);
ALTER TABLE app.adopted DROP COLUMN x;
ALTER TABLE app.adopted INHERIT app.base_b;
INSERT INTO app.base_a VALUES (1);
INSERT INTO app.base_b VALUES (2, 'b');
INSERT INTO app.heir VALUES (3);
INSERT INTO app.grandchild (id, b, c) VALUES (4, 'b', 'c');
INSERT INTO app.adopted VALUES ('x', 5);

-- Views on views, with everything they can have; materialised views on each other; rules.
CREATE VIEW app.zz_below WITH (security_barrier) AS SELECT id, t AS "The Text", m FROM app.everything WHERE id > 3;
CREATE VIEW app.above_it AS SELECT id, "The Text" FROM app.zz_below WHERE id < 100 WITH CASCADED CHECK OPTION;
CREATE VIEW app.local_check AS SELECT * FROM app.shares_a WHERE id > 0 WITH LOCAL CHECK OPTION;
CREATE RECURSIVE VIEW app.counted (n) AS SELECT 1 UNION ALL SELECT n + 1 FROM counted WHERE n < 5;
CREATE VIEW app.with_default AS SELECT id, a FROM app.shares_a;
ALTER VIEW app.with_default ALTER COLUMN a SET DEFAULT 'from the view';
CREATE VIEW app.grouped AS SELECT p.a, p.b, p.c, count(*) FROM app.parent p JOIN app.child USING (a) GROUP BY p.a, p.b;
COMMENT ON VIEW app.above_it IS 'a view on a view';
COMMENT ON COLUMN app.above_it."The Text" IS 'its column';
CREATE MATERIALIZED VIEW app.zz_first WITH (fillfactor = 90) AS SELECT m, count(*) AS n FROM app.everything GROUP BY m;
CREATE UNIQUE INDEX zz_first_m ON app.zz_first (m);
CREATE MATERIALIZED VIEW app.aa_second AS SELECT sum(n) AS n, app.longest(m::text) AS l FROM app.zz_first;
CREATE VIEW app.between AS SELECT n * 2 AS n FROM app.aa_second;
CREATE MATERIALIZED VIEW app.third AS SELECT n FROM app.between;
CREATE MATERIALIZED VIEW app.unfilled AS SELECT id FROM app.everything WITH NO DATA;
ALTER MATERIALIZED VIEW app.zz_first CLUSTER ON zz_first_m;
ALTER MATERIALIZED VIEW app.zz_first ALTER COLUMN n SET STATISTICS 12;
COMMENT ON MATERIALIZED VIEW app.third IS 'of the second';
CREATE RULE insert_instead AS ON INSERT TO app.with_default DO INSTEAD INSERT INTO app.shares_a (a) VALUES (new.a) RETURNING id, a;
CREATE RULE update_conditional AS ON UPDATE TO app.shares_b WHERE old.b = 'fixed' DO INSTEAD NOTHING;
CREATE RULE also_insert AS ON INSERT TO app.numbered DO ALSO INSERT INTO app.shares_b (b) VALUES ('also');
CREATE RULE quiet AS ON DELETE TO app.parent DO ALSO NOTIFY parents;
ALTER TABLE app.shares_b DISABLE RULE update_conditional;
COMMENT ON RULE also_insert ON app.numbered IS 'and that';
COMMENT ON RULE insert_instead ON app.with_default IS 'of a view';
COMMENT ON RULE update_conditional ON app.shares_b IS 'switched off';

-- Triggers that would damage rows, were they to fire.
CREATE FUNCTION app.damage() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN new.a := 'DAMAGED'; RETURN new; END $$;
CREATE FUNCTION app.explode() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'it fired'; END $$;
CREATE TRIGGER damage BEFORE INSERT OR UPDATE OF a ON app.shares_a FOR EACH ROW WHEN (new.a <> 'x') EXECUTE FUNCTION app.damage('an', 'argument');
CREATE TRIGGER damage BEFORE INSERT ON app.base_a FOR EACH ROW EXECUTE FUNCTION app.damage();
ALTER TABLE app.base_a ENABLE ALWAYS TRIGGER damage;
CREATE TRIGGER explode AFTER INSERT ON app.shares_b FOR EACH STATEMENT EXECUTE FUNCTION app.explode();
ALTER TABLE app.shares_b ENABLE REPLICA TRIGGER explode;
CREATE TRIGGER changed AFTER INSERT ON app.everything REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION app.explode();
ALTER TABLE app.everything ENABLE ALWAYS TRIGGER changed;
CREATE TRIGGER truncated BEFORE TRUNCATE ON app.everything EXECUTE FUNCTION app.explode();
CREATE TRIGGER disabled BEFORE INSERT ON app.parent FOR EACH ROW EXECUTE FUNCTION app.explode();
ALTER TABLE app.parent DISABLE TRIGGER disabled;
CREATE CONSTRAINT TRIGGER deferred AFTER INSERT ON app.child FROM app.parent DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION app.explode();
ALTER TABLE app.child ENABLE ALWAYS TRIGGER deferred;
CREATE TRIGGER of_view INSTEAD OF INSERT ON app.zz_below FOR EACH ROW EXECUTE FUNCTION app.explode();
CREATE TRIGGER on_all AFTER INSERT ON app.visit FOR EACH ROW EXECUTE FUNCTION app.explode();
ALTER TABLE app.visit_2020 DISABLE TRIGGER on_all;
ALTER TABLE app.visit_old ENABLE ALWAYS TRIGGER on_all;
CREATE TRIGGER on_one BEFORE INSERT ON app.visit_default FOR EACH ROW EXECUTE FUNCTION app.explode();
COMMENT ON TRIGGER damage ON app.shares_a IS 'careful';
COMMENT ON TRIGGER deferred ON app.child IS 'a constraint''s';
COMMENT ON TRIGGER of_view ON app.zz_below IS 'of a view';
COMMENT ON TRIGGER on_all ON app.visit IS 'of all partitions';
COMMENT ON TRIGGER on_one ON app.visit_default IS 'of one partition';

-- Row-level security, forced too.
CREATE POLICY own_rows ON app.parent FOR SELECT TO PUBLIC USING (a > 2);
CREATE POLICY restricted ON app.parent AS RESTRICTIVE FOR UPDATE TO pg_monitor, pg_read_all_stats USING (b > 1) WITH CHECK (app.double(b) > 1);
COMMENT ON POLICY own_rows ON app.parent IS 'more than two';
ALTER TABLE app.parent ENABLE ROW LEVEL SECURITY;
CREATE POLICY nobody ON app.egg USING (false);
ALTER TABLE app.egg ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;

-- Foreign data, without a foreign server anywhere.
CREATE FOREIGN DATA WRAPPER nothing_at_all;
COMMENT ON FOREIGN DATA WRAPPER nothing_at_all IS 'no handler';
CREATE SERVER bare FOREIGN DATA WRAPPER nothing_at_all;
COMMENT ON SERVER bare IS 'nowhere';
CREATE FOREIGN TABLE app.far (id integer OPTIONS (column_name 'Id') NOT NULL, a text) SERVER bare OPTIONS (table_name 'x');
COMMENT ON FOREIGN TABLE app.far IS 'away';
COMMENT ON COLUMN app.far.a IS 'of the foreign table';
COMMENT ON COLUMN app.third.n IS 'of the materialised view';
COMMENT ON ROUTINE app."We""ird ""Fün"(integer) IS E'two lines:\nit''s \\ "quoted"';

-- Rights: default ones, of columns, of everything else.
GRANT USAGE ON SCHEMA app TO pg_monitor;
GRANT SELECT, INSERT ON app.everything TO pg_monitor WITH GRANT OPTION;
GRANT UPDATE (t, m) ON app.everything TO pg_read_all_stats;
GRANT SELECT ON app.zz_below, app.third TO PUBLIC;
GRANT USAGE ON SEQUENCE app.shared TO pg_monitor;
GRANT USAGE ON TYPE app.mood TO pg_monitor;
REVOKE ALL ON TYPE app.span FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION app.secured() FROM PUBLIC;
GRANT EXECUTE ON PROCEDURE app.proceed(integer) TO pg_monitor;
ALTER DEFAULT PRIVILEGES IN SCHEMA app GRANT SELECT ON TABLES TO pg_monitor;
ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;

-- Large objects, one longer than a piece of a read, one empty, one sparse.
SELECT lo_create(4711), lo_put(4711, 0, decode(repeat('00ff5c0a', 700000), 'hex'));
SELECT lo_create(4712);
SELECT lo_create(4713), lo_put(4713, 100000, 'after a hole');
COMMENT ON LARGE OBJECT 4711 IS 'a long one';

-- What came with a version.
\if :since15
CREATE VIEW app.invokers WITH (security_invoker) AS SELECT p.c FROM app.parent p;
CREATE TABLE app.scaled (id integer PRIMARY KEY, a numeric(4, -2), b numeric(2, 4));
INSERT INTO app.scaled VALUES (1, 12345, 0.0012);
\endif
\if :since16
CREATE TABLE app.json_check (id integer PRIMARY KEY, a text CHECK (a IS JSON OBJECT), st text STORAGE EXTERNAL);
INSERT INTO app.json_check VALUES (1, '{"a": 1}', 'x');
\endif
\if :since17
CREATE COLLATION app.builtin (PROVIDER = builtin, LOCALE = 'C.UTF-8');
CREATE TABLE app.part_identity (id integer GENERATED ALWAYS AS IDENTITY, a integer) PARTITION BY LIST (a);
CREATE TABLE app.part_identity_1 PARTITION OF app.part_identity FOR VALUES IN (1);
INSERT INTO app.part_identity (a) VALUES (1), (1);
CREATE VIEW app.json_table AS SELECT x.b FROM app.everything, JSON_TABLE(jb, '$[*]' COLUMNS (b text PATH '$.k')) x;
\endif
\if :since18
CREATE TABLE app.virtual (id integer PRIMARY KEY, a integer, v integer GENERATED ALWAYS AS (a * 2) VIRTUAL, CHECK (v < 1000),
    CONSTRAINT unenforced CHECK (a < 0) NOT ENFORCED);
INSERT INTO app.virtual VALUES (1, 2);
ALTER TABLE app.not_null_later ADD CONSTRAINT later NOT NULL a NOT VALID;
CREATE TABLE app.period (id int4range, during daterange, PRIMARY KEY (id, during WITHOUT OVERLAPS));
CREATE TABLE app.of_period (id integer PRIMARY KEY, p int4range, during daterange, FOREIGN KEY (p, PERIOD during) REFERENCES app.period (id, PERIOD during));
INSERT INTO app.period VALUES ('[1,2)', '[2020-01-01,2021-01-01)');
INSERT INTO app.of_period VALUES (1, '[1,2)', '[2020-02-01,2020-03-01)');
ALTER TABLE app.of_period ADD CONSTRAINT loose FOREIGN KEY (id) REFERENCES app.numbered NOT ENFORCED;
\endif
\if :has_icu
CREATE TABLE app.nocase_key (name text COLLATE app.nocase PRIMARY KEY);
CREATE TABLE app.of_nocase (id integer PRIMARY KEY, name text COLLATE app.nocase REFERENCES app.nocase_key);
INSERT INTO app.nocase_key VALUES ('Anna'), ('berta');
INSERT INTO app.of_nocase VALUES (1, 'ANNA'), (2, 'Berta');
\endif
COMMENT ON DATABASE :DBNAME IS 'said of the whole';
DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET app.flavour = %L', current_database(), 'vanilla'); END $$;
ANALYZE;
