"""What to ask for every text of a schema that may quote data: whatever `pg_dump` writes, of every kind of object.

Left out, for they hold names, numbers and keywords alone: access methods, casts, conversions, default privileges,
operators with their classes and families, sequences, transforms. A name is looked at where it holds more than letters,
digits, `_` and `$`: an e-mail may be one, `person_2024` says nothing. Those of rules, statistics and triggers stand in
their definitions.
"""

from penstock.engines.postgres.reflect_queries import deparsed

# One row per text: kind, schema, relation, column, text, is SQL.
CATALOG_TEXTS = f"""
WITH relation AS (
    SELECT c.oid, c.relkind, n.nspname, c.relname, c.relispartition, c.relpartbound
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname !~ '^pg_(toast|temp_)'
)
SELECT 'default' AS kind, r.nspname AS schema, r.relname AS name, a.attname AS "column",
       pg_catalog.pg_get_expr(d.adbin, {deparsed("a", "d")}) AS text, true AS code
FROM pg_catalog.pg_attrdef d JOIN relation r ON r.oid = d.adrelid
JOIN pg_catalog.pg_attribute a ON a.attrelid = d.adrelid AND a.attnum = d.adnum
UNION ALL
SELECT 'comment', r.nspname, r.relname, a.attname, d.description, false
FROM pg_catalog.pg_description d
JOIN relation r ON d.classoid = 'pg_catalog.pg_class'::pg_catalog.regclass AND r.oid = d.objoid
LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = d.objoid AND a.attnum = d.objsubid AND d.objsubid > 0
UNION ALL
SELECT 'comment on an object', '', d.classoid::pg_catalog.regclass::text, NULL, d.description, false
FROM pg_catalog.pg_description d
WHERE d.classoid <> 'pg_catalog.pg_class'::pg_catalog.regclass
  AND (d.objoid >= 16384  -- or what has a number of its own choice, or is in every new database
       OR d.classoid = 'pg_catalog.pg_largeobject'::pg_catalog.regclass
       OR d.classoid = 'pg_catalog.pg_namespace'::pg_catalog.regclass
          AND d.objoid = (SELECT oid FROM pg_catalog.pg_namespace WHERE nspname = 'public')
          AND d.description <> 'standard public schema')
UNION ALL
SELECT 'comment on the database', '', '', NULL, description, false
FROM pg_catalog.pg_shdescription s JOIN pg_catalog.pg_database b ON b.oid = s.objoid
WHERE s.classoid = 'pg_catalog.pg_database'::pg_catalog.regclass AND b.datname = pg_catalog.current_database()
UNION ALL
SELECT 'constraint ' || pg_catalog.quote_ident(c.conname), coalesce(r.nspname, ''), coalesce(r.relname, 'domain'), NULL,
       pg_catalog.pg_get_constraintdef(c.oid), true
FROM pg_catalog.pg_constraint c LEFT JOIN relation r ON r.oid = c.conrelid
WHERE c.contype IN ('c', 'x') AND (r.oid IS NOT NULL OR c.contypid >= 16384)
UNION ALL
SELECT 'definition of the view', r.nspname, r.relname, NULL, pg_catalog.pg_get_viewdef(r.oid), true
FROM relation r WHERE r.relkind IN ('v', 'm')
UNION ALL
SELECT 'rule', r.nspname, r.relname, NULL, pg_catalog.pg_get_ruledef(w.oid), true
FROM pg_catalog.pg_rewrite w JOIN relation r ON r.oid = w.ev_class WHERE w.rulename <> '_RETURN'
UNION ALL
SELECT 'index', r.nspname, r.relname, NULL, pg_catalog.pg_get_indexdef(i.indexrelid), true
FROM pg_catalog.pg_index i JOIN relation r ON r.oid = i.indexrelid
WHERE i.indexprs IS NOT NULL OR i.indpred IS NOT NULL
UNION ALL
SELECT 'trigger ' || pg_catalog.quote_ident(t.tgname), r.nspname, r.relname, NULL,
       pg_catalog.pg_get_triggerdef(t.oid), true
FROM pg_catalog.pg_trigger t JOIN relation r ON r.oid = t.tgrelid WHERE NOT t.tgisinternal
UNION ALL
SELECT 'partition bound', r.nspname, r.relname, NULL, pg_catalog.pg_get_expr(r.relpartbound, r.oid), true
FROM relation r WHERE r.relispartition
UNION ALL
SELECT 'policy ' || pg_catalog.quote_ident(p.polname), r.nspname, r.relname, NULL,
       pg_catalog.concat_ws(' ', pg_catalog.pg_get_expr(p.polqual, p.polrelid),
                            pg_catalog.pg_get_expr(p.polwithcheck, p.polrelid)), true
FROM pg_catalog.pg_policy p JOIN relation r ON r.oid = p.polrelid
UNION ALL
SELECT 'function', n.nspname, p.proname, NULL,
       pg_catalog.concat_ws(E'\n', CASE WHEN p.pronargdefaults > 0 THEN pg_catalog.pg_get_function_arguments(p.oid) END,
                            pg_catalog.pg_get_function_sqlbody(p.oid),
                            CASE WHEN l.lanname IN ('sql', 'plpgsql') THEN p.prosrc  -- others quote in other ways
                                 ELSE pg_catalog.quote_literal(p.prosrc) END), true
FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
JOIN pg_catalog.pg_language l ON l.oid = p.prolang
WHERE n.nspname NOT IN ('pg_catalog', 'information_schema')
  AND (l.lanname NOT IN ('c', 'internal') OR p.pronargdefaults > 0)
UNION ALL
SELECT 'setting of the function', n.nspname, p.proname, NULL, s.value, false
FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
CROSS JOIN LATERAL pg_catalog.unnest(p.proconfig) AS c(setting)
CROSS JOIN LATERAL (SELECT pg_catalog.split_part(c.setting, '=', 1) AS name,
                           pg_catalog.substr(c.setting, pg_catalog.strpos(c.setting, '=') + 1) AS value) s
WHERE n.nspname NOT IN ('pg_catalog', 'information_schema')
  AND NOT (s.name IN ('search_path', 'role') AND s.value ~ '^[A-Za-z0-9_$", ]*$')
UNION ALL
SELECT 'initial state of the aggregate', n.nspname, p.proname, NULL,
       pg_catalog.concat_ws(E'\n', a.agginitval, a.aggminitval), false
FROM pg_catalog.pg_aggregate a JOIN pg_catalog.pg_proc p ON p.oid = a.aggfnoid
JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
WHERE n.nspname NOT IN ('pg_catalog', 'information_schema')
UNION ALL
SELECT 'statistics', n.nspname, s.stxname, NULL, pg_catalog.pg_get_statisticsobjdef(s.oid), true
FROM pg_catalog.pg_statistic_ext s JOIN pg_catalog.pg_namespace n ON n.oid = s.stxnamespace
UNION ALL
SELECT CASE t.typtype WHEN 'd' THEN 'default of the domain' ELSE 'default of the type' END,
       n.nspname, t.typname, NULL, t.typdefault, false
FROM pg_catalog.pg_type t JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
WHERE t.typdefault IS NOT NULL AND n.nspname NOT IN ('pg_catalog', 'information_schema')
UNION ALL
SELECT 'collation', n.nspname, c.collname, NULL,
       (SELECT pg_catalog.string_agg(v.value, E'\n') FROM pg_catalog.jsonb_each_text(pg_catalog.to_jsonb(c)) v
        WHERE v.key IN ('colllocale', 'colliculocale', 'collcollate', 'collctype', 'collicurules')), false
FROM pg_catalog.pg_collation c JOIN pg_catalog.pg_namespace n ON n.oid = c.collnamespace
WHERE n.nspname NOT IN ('pg_catalog', 'information_schema')
UNION ALL
SELECT 'text search dictionary', n.nspname, d.dictname, NULL, d.dictinitoption, true
FROM pg_catalog.pg_ts_dict d JOIN pg_catalog.pg_namespace n ON n.oid = d.dictnamespace
WHERE n.nspname NOT IN ('pg_catalog', 'information_schema')
UNION ALL
SELECT 'publication ' || pg_catalog.quote_ident(t.pubname), t.schemaname, t.tablename, NULL,
       pg_catalog.to_jsonb(t) ->> 'rowfilter', true  -- since PostgreSQL 15
FROM pg_catalog.pg_publication_tables t
UNION ALL
SELECT 'security label on an object', '', l.classoid::pg_catalog.regclass::text, NULL, l.label, false
FROM pg_catalog.pg_seclabel l
UNION ALL
SELECT 'enum label', n.nspname, t.typname, NULL, e.enumlabel, false
FROM pg_catalog.pg_enum e JOIN pg_catalog.pg_type t ON t.oid = e.enumtypid
JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
UNION ALL
SELECT 'setting of the database', '', '', NULL, s.setting, false
FROM pg_catalog.pg_db_role_setting r CROSS JOIN LATERAL pg_catalog.unnest(r.setconfig) AS s(setting)
WHERE r.setdatabase = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())
UNION ALL
SELECT o.kind, o.schema, o.name, o."column", t.option_value, false
FROM (
    SELECT 'option of the foreign-data wrapper' AS kind, '' AS schema, fdwname AS name, NULL AS "column", fdwoptions AS options
    FROM pg_catalog.pg_foreign_data_wrapper
    UNION ALL
    SELECT 'option of the foreign server', '', srvname, NULL, srvoptions FROM pg_catalog.pg_foreign_server
    UNION ALL
    SELECT 'option of the user mapping for', '', srvname, NULL, umoptions FROM pg_catalog.pg_user_mappings
    UNION ALL
    SELECT 'option of', r.nspname, r.relname, NULL, f.ftoptions
    FROM pg_catalog.pg_foreign_table f JOIN relation r ON r.oid = f.ftrelid
    UNION ALL
    SELECT 'option of', r.nspname, r.relname, a.attname, a.attfdwoptions
    FROM pg_catalog.pg_attribute a JOIN relation r ON r.oid = a.attrelid
    UNION ALL
    SELECT 'option of', r.nspname, r.relname, NULL, c.reloptions
    FROM pg_catalog.pg_class c JOIN relation r ON r.oid = c.oid
) o CROSS JOIN LATERAL pg_catalog.pg_options_to_table(o.options) t
UNION ALL
SELECT 'version of the foreign server', '', srvname, NULL, pg_catalog.concat_ws(' ', srvtype, srvversion), false
FROM pg_catalog.pg_foreign_server
UNION ALL
SELECT o.kind, o.schema, o.name, o."column", pg_catalog.quote_literal(o.said), true
FROM (
    SELECT 'name of' AS kind, nspname AS schema, relname AS name, NULL AS "column", relname AS said FROM relation
    UNION ALL
    SELECT 'name of', r.nspname, r.relname, a.attname, a.attname
    FROM pg_catalog.pg_attribute a JOIN relation r ON r.oid = a.attrelid
    WHERE a.attnum > 0 AND NOT a.attisdropped AND r.relkind IN ('r', 'v', 'm', 'f', 'p', 'c') AND NOT r.relispartition
    UNION ALL
    SELECT 'name of the schema', '', nspname, NULL, nspname FROM pg_catalog.pg_namespace
    UNION ALL
    SELECT 'name of the constraint ' || pg_catalog.quote_ident(c.conname), n.nspname,
           coalesce(r.relname, 'domain'), NULL, c.conname
    FROM pg_catalog.pg_constraint c JOIN pg_catalog.pg_namespace n ON n.oid = c.connamespace
    LEFT JOIN relation r ON r.oid = c.conrelid WHERE c.contype NOT IN ('p', 'u', 'x')  -- their indexes have the name
    UNION ALL
    SELECT 'name of the policy ' || pg_catalog.quote_ident(p.polname), r.nspname, r.relname, NULL, p.polname
    FROM pg_catalog.pg_policy p JOIN relation r ON r.oid = p.polrelid
    UNION ALL
    SELECT 'name of the function', n.nspname, p.proname, NULL, p.proname
    FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
    UNION ALL
    SELECT 'name of an argument of the function', n.nspname, p.proname, NULL, a.name
    FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
    CROSS JOIN LATERAL pg_catalog.unnest(p.proargnames) AS a(name)
    UNION ALL
    SELECT 'name of the type', n.nspname, t.typname, NULL, t.typname
    FROM pg_catalog.pg_type t JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
    WHERE t.typrelid = 0 AND t.typcategory <> 'A'
    UNION ALL
    SELECT 'name of the collation', n.nspname, c.collname, NULL, c.collname
    FROM pg_catalog.pg_collation c JOIN pg_catalog.pg_namespace n ON n.oid = c.collnamespace
    UNION ALL
    SELECT 'name of the text search object', n.nspname, c.cfgname, NULL, c.cfgname
    FROM pg_catalog.pg_ts_config c JOIN pg_catalog.pg_namespace n ON n.oid = c.cfgnamespace
    UNION ALL
    SELECT 'name of the text search object', n.nspname, d.dictname, NULL, d.dictname
    FROM pg_catalog.pg_ts_dict d JOIN pg_catalog.pg_namespace n ON n.oid = d.dictnamespace
    UNION ALL
    SELECT 'name of the foreign server', '', srvname, NULL, srvname FROM pg_catalog.pg_foreign_server
    UNION ALL
    SELECT 'name of the foreign-data wrapper', '', fdwname, NULL, fdwname FROM pg_catalog.pg_foreign_data_wrapper
    UNION ALL
    SELECT 'name of the publication', '', pubname, NULL, pubname FROM pg_catalog.pg_publication
) o
WHERE o.said ~ '[^A-Za-z0-9_$]' AND o.schema NOT IN ('pg_catalog', 'information_schema') AND o.schema !~ '^pg_(toast|temp_)'
"""
