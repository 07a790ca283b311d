"""The public samples, and GitLab's 969 tables with rows of our own, copied whole: their schema dumps and all rows are equal."""

from __future__ import annotations

import pytest

from tests.conftest import MakeDatabase
from tests.devdb.comparing import (
    WHOLE,
    broken_indexes,
    checksums,
    constraints,
    differences,
    keeping,
    objects,
    sequences,
)
from tests.devdb.conftest import MakeFolder
from tests.servers import Database

# Rows for every table of GitLab: of each type a few values that differ, and no trigger fires. Whatever a CHECK refuses is tried
# again with other values, then left out; foreign keys are seen to at the end, by removing what refers to nothing.
FILL = r"""
CREATE FUNCTION pg_temp.sample(type oid, typmod int, n int) RETURNS text LANGUAGE plpgsql AS $$
DECLARE t pg_type; e text;
BEGIN
    SELECT * INTO t FROM pg_type WHERE oid = type;
    IF t.typtype = 'd' THEN RETURN pg_temp.sample(t.typbasetype, t.typtypmod, n); END IF;
    IF t.typtype = 'e' THEN
        SELECT enumlabel INTO e FROM pg_enum WHERE enumtypid = type ORDER BY enumsortorder OFFSET n % (SELECT count(*) FROM pg_enum WHERE enumtypid = type) LIMIT 1;
        RETURN quote_literal(e);
    END IF;
    RETURN CASE
        WHEN t.typcategory = 'A' THEN quote_literal('{}')
        WHEN t.typname IN ('int2', 'int4', 'int8', 'numeric', 'float4', 'float8') THEN n::text
        WHEN t.typname = 'bool' THEN CASE WHEN n % 2 = 0 THEN 'true' ELSE 'false' END
        WHEN t.typname IN ('text', 'varchar', 'bpchar') THEN quote_literal(left('it''s ' || n || E'\té\\', CASE WHEN typmod > 4 THEN typmod - 4 ELSE 40 END))
        WHEN t.typname IN ('timestamp', 'timestamptz', 'date') THEN quote_literal((timestamp '2024-01-05 06:07:08.9' + n * interval '1 hour')::text)
        WHEN t.typname IN ('json', 'jsonb') THEN quote_literal(format('{"n": %s, "t": "a\\u0041"}', n))
        WHEN t.typname = 'bytea' THEN format('decode(md5(%s::text) || md5(%s::text), ''hex'')', n, -n)
        WHEN t.typname = 'uuid' THEN format('md5(%s::text)::uuid', n)
        WHEN t.typname IN ('inet', 'cidr') THEN quote_literal('10.0.0.' || n % 250)
        WHEN t.typname = 'interval' THEN quote_literal(n || ' minutes')
        WHEN t.typname = 'tsvector' THEN format('to_tsvector(''words %s'')', n)
        WHEN t.typname = 'int4range' OR t.typname = 'int8range' THEN format('%s(%s, %s)', t.typname, n, n + 2)
        WHEN t.typname LIKE '%range' THEN quote_literal('empty')
        WHEN t.typname = 'xid8' OR t.typname = 'oid' THEN quote_literal(n::text)
        ELSE 'NULL' END;
END $$;
CREATE FUNCTION pg_temp.fill(target regclass, n int, full_row bool) RETURNS bool LANGUAGE plpgsql AS $$
DECLARE names text; vals text; bounds text;
BEGIN
    SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum), string_agg(coalesce(pg_temp.sample(atttypid, atttypmod, n), 'NULL'), ', ' ORDER BY attnum)
      INTO names, vals FROM pg_attribute
     WHERE attrelid = target AND attnum > 0 AND NOT attisdropped AND attgenerated = '' AND (attnotnull AND NOT atthasdef OR full_row OR attname = 'id');
    EXECUTE format('INSERT INTO %s (%s) OVERRIDING SYSTEM VALUE VALUES (%s)', target, names, vals);
    RETURN true;
EXCEPTION WHEN OTHERS THEN RETURN false;
END $$;
SET session_replication_role = replica;
SELECT count(*) FILTER (WHERE done) FROM (
    SELECT pg_temp.fill(c.oid, n, true) OR pg_temp.fill(c.oid, n, false) AS done
      FROM pg_class c JOIN pg_namespace s ON s.oid = c.relnamespace, generate_series(1, 8) n
     WHERE c.relkind = 'r' AND s.nspname !~ '^(pg_|information_schema$)') q;
DO $$
DECLARE k record; removed bigint; again bool := true;
BEGIN
    WHILE again LOOP
        again := false;
        FOR k IN SELECT conrelid::regclass AS child, confrelid::regclass AS parent,
                        (SELECT string_agg(format('c.%I = p.%I', a.attname, b.attname), ' AND ')
                           FROM unnest(conkey, confkey) AS u(ck, pk) JOIN pg_attribute a ON a.attrelid = conrelid AND a.attnum = ck
                           JOIN pg_attribute b ON b.attrelid = confrelid AND b.attnum = pk) AS joined,
                        (SELECT string_agg(format('c.%I IS NOT NULL', attname), ' AND ') FROM unnest(conkey) ck JOIN pg_attribute ON attrelid = conrelid AND attnum = ck) AS whole
                   FROM pg_constraint WHERE contype = 'f' AND conparentid = 0 LOOP
            EXECUTE format('DELETE FROM %s c WHERE %s AND NOT EXISTS (SELECT FROM %s p WHERE %s)', k.child, k.whole, k.parent, k.joined);
            GET DIAGNOSTICS removed = ROW_COUNT;
            again := again OR removed > 0;
        END LOOP;
    END LOOP;
END $$;
DO $$
DECLARE s record;
BEGIN
    FOR s IN SELECT d.objid::regclass AS sequence, d.refobjid::regclass AS owner, a.attname, q.seqmin
               FROM pg_depend d JOIN pg_class c ON c.oid = d.objid AND c.relkind = 'S' JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid JOIN pg_sequence q ON q.seqrelid = d.objid
              WHERE d.classid = 'pg_class'::regclass AND d.deptype IN ('a', 'i') LOOP
        EXECUTE format('SELECT setval(%L, max(%I)) FROM %s HAVING max(%I) >= %s', s.sequence, s.attname, s.owner, s.attname, s.seqmin);
    END LOOP;
END $$;
RESET session_replication_role;
ANALYZE;
"""


@pytest.mark.timeout(900)  # GitLab alone takes minutes on a busy machine
# GitLab one way only: it takes a minute, and the other goes through the same dump.
@pytest.mark.parametrize(
    ("sample", "way"),
    [*((s, w) for s in ("chinook", "northwind", "pagila") for w in WHOLE), ("gitlab", "clone")],
)
def test_a_whole_sample_arrives_as_it_was(
    sample: str, way: str, make_database: MakeDatabase, make_folder: MakeFolder
) -> None:
    source = make_database(template=sample)
    if sample == "gitlab":
        source.psql(FILL)
        assert sum(rows for rows, _ in checksums(source).values()) > 3_000
    folder = make_folder(source, WHOLE[way], keeping(source))
    done = folder.run("dev", "create", "small")
    assert done.code == 0, done.err[-3000:] + done.out
    assert_equal(source, folder.made)


def assert_equal(source: Database, made: Database) -> None:
    assert differences(objects(source, grants=False), objects(made, grants=False)) == []
    assert checksums(made) == checksums(source)
    assert sequences(made) == sequences(source)
    assert constraints(made) == constraints(source)
    assert broken_indexes(made) == []
