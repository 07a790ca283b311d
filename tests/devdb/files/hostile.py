"""A database of every type Parquet has an opinion about, and of names that no path should believe."""

from __future__ import annotations

TYPES = r"""
CREATE TYPE public.mood AS ENUM ('fine', 'so, "so"');
CREATE TYPE public.pair AS (a int, b text);
CREATE DOMAIN public.price AS numeric(8, 3) CHECK (value >= 0);
CREATE TABLE public.everything (
    id int PRIMARY KEY, small smallint, big bigint, address oid, yes boolean,
    single real, double double precision, exact numeric(38, 10), money2 numeric(12, 2), wide numeric(60, 2), free numeric,
    rounded numeric(5, 0), priced public.price, cash money,
    day date, moment timestamp, moment_tz timestamptz, hour time, hour_tz timetz, span interval, moment3 timestamp(3),
    key uuid, words text, code char(6), letter "char", short varchar(40), blob bytea, flags bit(5), doc json, docb jsonb,
    tags text[], numbers int[], mood public.mood, pair public.pair, range int4range, net inet, point point, vector tsvector,
    doubled int GENERATED ALWAYS AS (small * 2) STORED
);
INSERT INTO public.everything VALUES
 (1, -32768, -9223372036854775808, 4294967295, true, 'NaN', 'NaN', -9999999999999999999999999999.9999999999, -0.01, 12345678901234567890.12, 'NaN',
  99999, 0.001, '-92233720368547758.08', '0001-01-01', '0001-01-01 00:00:00.000001', '9999-12-31 23:59:59.999999+00', '00:00:00', '00:00:00+14',
  '-1 years +2 days -03:00:00.5', '2020-02-29 12:00:00.125', '00000000-0000-0000-0000-000000000000', '', 'ab', 'x', 'tab	tab', '\x', B'10101', '{"a" : 1}', '{"a": "\\"}',
  '{}', '{1,NULL}', 'so, "so"', '(1,"a,b")', '[1,5)', '10.0.0.0/8', '(1.5,-0)', 'a fat cat', DEFAULT),
 (2, 16383, 9223372036854775807, 0, false, '-0', '-0', 0.0000000001, 99.10, 0, 1.10, -7, 12345.678, 0, '9999-12-31', '9999-12-31 23:59:59.999999',
  '0001-01-01 00:00:00+00', '23:59:59.999999', '12:00:00-05', '1 mon', '1999-12-31 23:59:59.999', 'ffffffff-ffff-ffff-ffff-ffffffffffff', E'quote '' back\\slash " \\N',
  '', '', E'new\nline\rreturn', '\x00ff5c4e0a09', B'00000', '[1, 2 ]', '[]', '{"a,b","NULL",NULL,"\""}', NULL, NULL, NULL, NULL, NULL, NULL, NULL, DEFAULT),
 (3, 0, 0, 1, NULL, '1.4e-45', '5e-324', 1, 1, 1, 0.000000000000000000000000001, 0, 0, 1, '1970-01-01', '1969-12-31 23:59:59.9', '2020-01-01 12:00+02', '12:34:56.1', NULL,
  '00:00', NULL, 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', E'\\N', 'NULL', NULL, E'\\.', '\x0102', NULL, 'null', 'null', NULL, NULL, NULL, '(,)', 'empty', NULL, NULL, NULL, DEFAULT),
 (4, NULL, NULL, NULL, NULL, 'Infinity', '-Infinity', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
  NULL, NULL, NULL, 'ünï 🐘 ' || U&'\FEFF', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, DEFAULT),
 (5, 1, 1, 1, true, 3.4028235e38, 0.1, 1, 1, 1, 1, 1, 1, 1, '2020-02-29', '2020-02-29', '2020-02-29 00:00+00', '01:00', NULL, NULL, NULL, NULL,
  (SELECT string_agg(md5(n::text), '') FROM generate_series(1, 40000) n), NULL, NULL, NULL, decode(repeat('00ff', 600000), 'hex'), NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, DEFAULT);
CREATE TABLE public.odd (id int PRIMARY KEY, day date, moment timestamp, moment_tz timestamptz, hour time, money2 numeric(12, 2), plain date);
INSERT INTO public.odd VALUES
 (1, 'infinity', '-infinity', '0044-03-15 00:00:00+00 BC', '24:00', 'NaN', '2020-01-01'),
 (2, '2020-01-01', '0044-03-15 BC', 'infinity', '23:00', 1.10, '2020-01-02'),
 (3, '10000-01-01', '294276-01-01', '10000-01-01 00:00+00', '00:00', NULL, NULL),
 (4, NULL, NULL, NULL, NULL, NULL, NULL);
CREATE TABLE public.none ();
INSERT INTO public.none DEFAULT VALUES; INSERT INTO public.none DEFAULT VALUES;
CREATE TABLE public.computed (a int GENERATED ALWAYS AS (7) STORED);
INSERT INTO public.computed DEFAULT VALUES;
CREATE TABLE public.nobody (id int, note text);
CREATE TABLE public.keyless (n int, note text);
INSERT INTO public.keyless SELECT n % 3, CASE WHEN n % 2 = 0 THEN 'b' END FROM generate_series(1, 20) n;
CREATE TABLE public.parted (id int, part text, PRIMARY KEY (id, part)) PARTITION BY LIST (part);
CREATE TABLE public.parted_a PARTITION OF public.parted FOR VALUES IN ('a');
CREATE TABLE public.parted_b PARTITION OF public.parted FOR VALUES IN ('b');
INSERT INTO public.parted SELECT n, CASE WHEN n % 2 = 0 THEN 'a' ELSE 'b' END FROM generate_series(1, 30) n;
CREATE TABLE public.parent (id int PRIMARY KEY);
CREATE TABLE public.child (extra int) INHERITS (public.parent);
INSERT INTO public.parent VALUES (1); INSERT INTO public.child VALUES (2, 3);
CREATE SCHEMA "Wörter und/..";
CREATE TABLE "Wörter und/.."."a ""b"" %2F../*.?" ("Id" int PRIMARY KEY, "t" text, "größe %" int);
INSERT INTO "Wörter und/.."."a ""b"" %2F../*.?" VALUES (1, 'x', 2);
CREATE TABLE public."Orders" (t int PRIMARY KEY); INSERT INTO public."Orders" VALUES (1);
CREATE TABLE public.orders (t int PRIMARY KEY); INSERT INTO public.orders VALUES (2);

-- Called like the files that lie beside the tables.
CREATE SCHEMA schema;
CREATE TABLE schema.sql (t int PRIMARY KEY); INSERT INTO schema.sql VALUES (3);
CREATE SCHEMA manifest;
CREATE TABLE manifest."JSON" (t int PRIMARY KEY); INSERT INTO manifest."JSON" VALUES (4);
CREATE SEQUENCE public.lonely START 5; SELECT nextval('public.lonely'), nextval('public.lonely');
CREATE SEQUENCE public."Never used" INCREMENT -2 MAXVALUE 100 START 50;
CREATE VIEW public.viewed AS SELECT id FROM public.everything;
CREATE MATERIALIZED VIEW public.summed AS SELECT count(*) AS n FROM public.everything;
CREATE UNIQUE INDEX ON public.summed (n);
CREATE FUNCTION public.shout(text) RETURNS text LANGUAGE sql IMMUTABLE AS $f$ SELECT upper($1) /* once, of a dump:
\restrict abc
\unrestrict abc
*/ $f$;
"""
"""`public.shout` is there for its text: two of its lines look like what pg_dump adds, and are not."""


def keep_all(columns: list[tuple[str, str, str]]) -> str:
    """A masks.toml that keeps every column: (schema, table, column)."""
    import json

    lines: dict[str, list[str]] = {}
    for schema, table, column in columns:
        head = f"[{json.dumps(schema, ensure_ascii=False)}.{json.dumps(table, ensure_ascii=False)}]"
        lines.setdefault(head, []).append(f"{json.dumps(column, ensure_ascii=False)} = 'keep'")
    return "\n".join([line for head, inner in lines.items() for line in (head, *inner)])


COLUMNS_SQL = """
SELECT n.nspname::text, c.relname::text, a.attname::text
  FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE a.attnum > 0 AND NOT a.attisdropped AND c.relkind IN ('r', 'p') AND NOT c.relispartition
   AND n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema'
 ORDER BY 1, 2, a.attnum
"""
TABLES_SQL = """
SELECT format('%I.%I', n.nspname, c.relname), c.relkind = 'p', format('%s.%s', n.nspname, c.relname)
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition
   AND n.nspname NOT LIKE 'pg\\_%' AND n.nspname NOT IN ('information_schema', 'penstock')
 ORDER BY 1
"""
