"""The catalog queries `reflect` runs: a handful, each for all objects at once, for PostgreSQL 14 to 18.

They read `pg_catalog` only (`information_schema` hides what the role cannot see, and is slower). Everything is
cast to types that need no lookup on the client. With `search_path = ''`, as every session of ours has, names come
out qualified.
"""

from __future__ import annotations

_USER_SCHEMA = r"n.nspname NOT LIKE 'pg\_%' AND n.nspname <> 'information_schema'"


def deparsed(attribute: str, default: str) -> str:
    """The second argument of `pg_get_expr` for a default: no relation where no column can be in it.

    With one, each call first makes the names of all its columns unique, column by column: 1,590 defaults took 13 s.
    """
    return f"CASE {attribute}.attgenerated WHEN '' THEN 0::oid ELSE {default}.adrelid END"


# `facts` has the columns of pg_database by name: that of the locale came with 15 and has another name from 17 on.
FACTS = """
SELECT current_database()::text AS name,
       current_setting('server_version_num')::int AS server_version,
       pg_encoding_to_char(d.encoding)::text AS encoding,
       d.datcollate::text AS collation, d.datctype::text AS ctype,
       facts ->> 'datlocprovider' AS locale_provider,
       coalesce(facts ->> 'datlocale', facts ->> 'daticulocale') AS locale, facts ->> 'daticurules' AS locale_rules,
       (SELECT system_identifier::text FROM pg_control_system()) AS system_identifier,
       d.oid::bigint AS database_oid,
       pg_is_in_recovery() AS in_recovery,
       pg_database_size(d.oid) AS size_bytes,
       (SELECT s.setconfig FROM pg_db_role_setting s
        WHERE s.setdatabase = d.oid AND s.setrole = 0)::text[] AS settings,
       ARRAY(SELECT e.extname::text FROM pg_extension e ORDER BY 1) AS extension_names,
       ARRAY(SELECT e.extversion FROM pg_extension e ORDER BY e.extname::text) AS extension_versions,
       ARRAY(SELECT n.nspname::text FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace
             ORDER BY e.extname::text) AS extension_schemas
FROM pg_database d, to_jsonb(d) AS facts WHERE d.datname = current_database()
"""

# Row types of tables are in here too: a column may be of one. Their fields come from ATTRIBUTES.
TYPES = """
SELECT t.oid::bigint AS oid, n.nspname::text AS schema, t.typname::text AS typname, t.typtype::text AS typtype,
       t.typcategory::text AS typcategory, t.typbasetype::bigint AS base_oid, t.typtypmod AS base_modifier,
       t.typnotnull AS not_null, t.typrelid::bigint AS relation_oid, c.relkind::text AS relation_kind,
       coalesce(element.oid, 0)::bigint AS element_oid,
       format_type(t.oid, NULL) AS name,
       CASE WHEN t.typtype = 'd' THEN format_type(t.typbasetype, t.typtypmod) END AS base_name,
       enum.labels, domain.checks,
       x.extname::text AS extension
FROM pg_type t
JOIN pg_namespace n ON n.oid = t.typnamespace
LEFT JOIN pg_class c ON c.oid = t.typrelid
LEFT JOIN pg_type element ON element.typarray = t.oid
LEFT JOIN (
    SELECT e.enumtypid, array_agg(e.enumlabel::text ORDER BY e.enumsortorder) AS labels FROM pg_enum e GROUP BY 1
) enum ON enum.enumtypid = t.oid
LEFT JOIN (
    SELECT k.contypid, array_agg(pg_get_constraintdef(k.oid) ORDER BY k.conname) AS checks
    FROM pg_constraint k WHERE k.contypid <> 0 AND k.contype = 'c' GROUP BY 1
) domain ON domain.contypid = t.oid
LEFT JOIN pg_depend d ON d.classid = 'pg_type'::regclass AND d.objid = t.oid AND d.deptype = 'e'
LEFT JOIN pg_extension x ON x.oid = d.refobjid
"""

# `pages` is the size now, not relpages of the last ANALYZE; a standby has both, but no pg_stat_user_tables.
RELATIONS = rf"""
SELECT c.oid::bigint AS oid, n.nspname::text AS schema, c.relname::text AS name, c.relkind::text AS kind,
       c.relpersistence::text AS persistence, c.relispartition AS is_partition,
       c.relrowsecurity AS row_security, c.relforcerowsecurity AS row_security_forced,
       c.reltuples::float8 AS reltuples, c.relpages AS relpages,
       current_setting('block_size')::int AS block_bytes,
       CASE WHEN c.relkind IN ('r', 'm') THEN pg_relation_size(c.oid) END AS main_bytes,
       CASE WHEN c.relkind IN ('r', 'm') AND c.reltoastrelid <> 0 THEN pg_relation_size(c.reltoastrelid) END
           AS toast_bytes,
       CASE WHEN c.relkind IN ('r', 'm') THEN pg_total_relation_size(c.oid) END AS total_bytes,
       pg_get_expr(c.relpartbound, c.oid) AS partition_bound,
       p.partattrs::int2[]::int[] AS partition_attributes, p.partexprs::text AS partition_expressions,
       ARRAY(SELECT i.inhparent::bigint FROM pg_inherits i
             WHERE i.inhrelid = c.oid ORDER BY i.inhseqno) AS parents,
       CASE WHEN c.relkind IN ('v', 'm') THEN pg_get_viewdef(c.oid) END AS definition,
       (SELECT pg_catalog.json_agg(pg_catalog.json_build_array(r.rulename, r.oid::int8, pg_get_ruledef(r.oid),
                                                               r.ev_enabled <> 'D') ORDER BY r.rulename)
          FROM pg_rewrite r WHERE r.ev_class = c.oid AND r.rulename <> '_RETURN')::text AS rules,
       obj_description(c.oid, 'pg_class') AS comment,
       x.extname::text AS extension
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_partitioned_table p ON p.partrelid = c.oid
LEFT JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e'
LEFT JOIN pg_extension x ON x.oid = d.refobjid
WHERE {_USER_SCHEMA} AND c.relkind IN ('r', 'p', 'f', 'v', 'm') AND c.relpersistence <> 't'
"""

# Composite types (relkind c) have their fields here as well. PostgreSQL 18 sets attnotnull for a NOT NULL that is
# still NOT VALID: such a column may hold NULLs.
ATTRIBUTES = rf"""
SELECT a.attrelid::bigint AS relation_oid, a.attname::text AS name, a.attnum::int AS position,
       a.atttypid::bigint AS type_oid, a.atttypmod AS modifier,
       format_type(a.atttypid, a.atttypmod) AS type_name,
       a.attnotnull AND a.attnum <> ALL (coalesce(unsure.columns, '{{}}')) AS not_null,
       a.attidentity::text AS identity, a.attgenerated::text AS generated,
       pg_get_expr(ad.adbin, {deparsed("a", "ad")}) AS expression,
       CASE WHEN a.attcollation <> t.typcollation THEN ln.nspname::text END AS collation_schema,
       CASE WHEN a.attcollation <> t.typcollation THEN l.collname::text END AS collation,
       coalesce(l.collisdeterministic, true) AS collation_deterministic,
       de.description AS comment,
       sq.schema AS sequence_schema, sq.name AS sequence_name
FROM pg_attribute a
JOIN pg_class c ON c.oid = a.attrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_type t ON t.oid = a.atttypid
LEFT JOIN pg_attrdef ad ON ad.adrelid = a.attrelid AND ad.adnum = a.attnum
LEFT JOIN pg_collation l ON l.oid = a.attcollation
LEFT JOIN pg_namespace ln ON ln.oid = l.collnamespace
LEFT JOIN pg_description de
    ON de.classoid = 'pg_class'::regclass AND de.objoid = c.oid AND de.objsubid = a.attnum
LEFT JOIN (
    SELECT k.conrelid, array_agg(u.attnum) AS columns FROM pg_constraint k, unnest(k.conkey) AS u (attnum)
    WHERE k.contype = 'n' AND NOT k.convalidated GROUP BY 1
) unsure ON unsure.conrelid = c.oid
LEFT JOIN (
    SELECT DISTINCT ON (users.relation, users.attnum) users.relation, users.attnum, sn.nspname::text AS schema,
           s.relname::text AS name
    FROM (
        SELECT d.refobjid AS relation, d.refobjsubid AS attnum, d.objid AS sequence
        FROM pg_depend d
        WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass AND d.deptype = 'i'
        UNION ALL
        SELECT f.adrelid, f.adnum, d.refobjid
        FROM pg_depend d JOIN pg_attrdef f ON f.oid = d.objid
        WHERE d.classid = 'pg_attrdef'::regclass AND d.refclassid = 'pg_class'::regclass AND d.refobjsubid = 0
    ) users
    JOIN pg_class s ON s.oid = users.sequence AND s.relkind = 'S'
    JOIN pg_namespace sn ON sn.oid = s.relnamespace
    ORDER BY 1, 2, s.oid
) sq ON sq.relation = a.attrelid AND sq.attnum = a.attnum
WHERE {_USER_SCHEMA} AND c.relkind IN ('r', 'p', 'f', 'v', 'm', 'c') AND c.relpersistence <> 't'
  AND a.attnum > 0 AND NOT a.attisdropped
ORDER BY a.attrelid, a.attnum
"""


def constraints(server_version: int) -> str:
    """Foreign keys and CHECKs. Operators come in the order of the key's columns."""
    enforced = "k.conenforced" if server_version >= 180000 else "true"
    return rf"""
SELECT k.conrelid::bigint AS relation_oid, k.conname::text AS name, k.contype::text AS kind,
       k.conkey::int[] AS columns, k.confrelid::bigint AS referenced_oid,
       k.confkey::int[] AS referenced_columns,
       equal.operators,
       k.confmatchtype::text AS match, k.confdeltype::text AS on_delete, k.confupdtype::text AS on_update,
       k.condeferrable AS is_deferrable, k.condeferred AS initially_deferred, k.convalidated AS validated,
       {enforced} AS enforced, k.conparentid <> 0 OR (k.contype = 'c' AND NOT k.conislocal) AS inherited,
       CASE WHEN k.contype = 'c' THEN pg_get_constraintdef(k.oid) END AS definition
FROM pg_constraint k
JOIN pg_class c ON c.oid = k.conrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN (
    SELECT f.oid, array_agg('OPERATOR(' || quote_ident(opn.nspname) || '.' || op.oprname || ')' ORDER BY u.place)
           AS operators
    FROM pg_constraint f, unnest(f.conpfeqop) WITH ORDINALITY AS u (oid, place)
    JOIN pg_operator op ON op.oid = u.oid JOIN pg_namespace opn ON opn.oid = op.oprnamespace
    WHERE f.contype = 'f' GROUP BY 1
) equal ON equal.oid = k.oid
WHERE {_USER_SCHEMA} AND k.contype IN ('f', 'c') AND c.relpersistence <> 't'
ORDER BY k.conrelid, k.conname
"""


def indexes(server_version: int) -> str:
    """All indexes, with the constraint that stands on each.

    Expressions and predicates also come as node trees, from which the columns inside them are read: `pg_depend`
    knows the columns, but not which part they belong to.
    """
    nulls = "i.indnullsnotdistinct" if server_version >= 150000 else "false"
    return rf"""
SELECT i.indrelid::bigint AS relation_oid, x.relname::text AS name, am.amname::text AS method,
       i.indkey::int2[]::int[] AS columns, i.indnkeyatts::int AS key_columns, i.indisunique AS is_unique,
       i.indisprimary AS is_primary, i.indisvalid AS is_valid, {nulls} AS nulls_not_distinct,
       pg_get_indexdef(i.indexrelid) AS definition,
       pg_get_expr(i.indpred, i.indrelid) AS predicate, i.indpred::text AS predicate_tree,
       i.indexprs::text AS expression_tree,
       CASE WHEN i.indexprs IS NOT NULL THEN ARRAY(
           SELECT pg_get_indexdef(i.indexrelid, place, true)
           FROM generate_series(1, i.indnkeyatts) AS place WHERE i.indkey[place - 1] = 0 ORDER BY place
       ) END AS expressions,
       k.contype::text AS constraint_kind, k.conname::text AS constraint_name,
       k.condeferrable AS is_deferrable, k.condeferred AS initially_deferred,
       CASE WHEN k.contype = 'x' THEN pg_get_constraintdef(k.oid) END AS constraint_definition
FROM pg_index i
JOIN pg_class x ON x.oid = i.indexrelid
JOIN pg_am am ON am.oid = x.relam
JOIN pg_class c ON c.oid = i.indrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_constraint k ON k.conindid = i.indexrelid AND k.contype IN ('p', 'u', 'x')
WHERE {_USER_SCHEMA} AND c.relkind IN ('r', 'p', 'm') AND c.relpersistence <> 't'
ORDER BY i.indrelid, x.relname
"""


# Copies that partitions get of their root's trigger are left out: rows are written through the root.
TRIGGERS = rf"""
SELECT g.tgrelid::bigint AS relation_oid, g.tgname::text AS name, fn.nspname::text AS function_schema,
       f.proname::text AS function_name, pg_get_triggerdef(g.oid) AS definition, g.tgenabled::text AS enabled,
       g.tgtype::int AS type, g.tgnargs::int AS argument_count
FROM pg_trigger g
JOIN pg_proc f ON f.oid = g.tgfoid
JOIN pg_namespace fn ON fn.oid = f.pronamespace
JOIN pg_class c ON c.oid = g.tgrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE {_USER_SCHEMA} AND NOT g.tgisinternal AND g.tgparentid = 0 AND c.relpersistence <> 't'
ORDER BY g.tgrelid, g.tgname
"""

SEQUENCES = rf"""
SELECT n.nspname::text AS schema, c.relname::text AS name, format_type(s.seqtypid, NULL) AS data_type,
       s.seqstart AS start, s.seqincrement AS increment, s.seqmin AS minimum, s.seqmax AS maximum,
       s.seqcycle AS cycle, d.deptype::text AS dependency,
       onn.nspname::text AS owner_schema, owner.relname::text AS owner_table, oa.attname::text AS owner_column
FROM pg_sequence s
JOIN pg_class c ON c.oid = s.seqrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = c.oid
    AND d.refclassid = 'pg_class'::regclass AND d.refobjsubid > 0 AND d.deptype IN ('a', 'i')
LEFT JOIN pg_class owner ON owner.oid = d.refobjid
LEFT JOIN pg_namespace onn ON onn.oid = owner.relnamespace
LEFT JOIN pg_attribute oa ON oa.attrelid = d.refobjid AND oa.attnum = d.refobjsubid
WHERE {_USER_SCHEMA} AND c.relpersistence <> 't'
ORDER BY 1, 2
"""
