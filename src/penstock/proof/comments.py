"""Is everything in the target said of an object that is said of it in the source?

Of tables and their columns `structure` knows it. Objects that the target does not have are another check's, and what belongs
to an extension says what its version says. Only digests leave the servers: a comment may quote a row.
"""

from __future__ import annotations

from collections.abc import Iterator

from penstock.engines.postgres.session import Session

_CATALOGS = (
    "am", "cast", "class", "collation", "constraint", "conversion", "foreign_data_wrapper", "foreign_server", "language",
    "namespace", "opclass", "operator", "opfamily", "policy", "proc", "rewrite", "statistic_ext", "transform", "trigger",
    "ts_config", "ts_dict", "ts_parser", "ts_template", "type",
)  # fmt: skip


def lost_comments(source: Session, target: Session) -> Iterator[str]:
    """The comments of the source that are not the same in the target, by the name of their object."""
    here = {
        (row["type"], row["identity"]): (row["catalog"], row["digest"])
        for row in source.fetch(_SAID_SQL, doing="reading the comments")
    }
    catalogs = sorted({catalog for catalog, _ in here.values()})
    there = {
        (row["type"], row["identity"]): row["digest"]
        for row in target.fetch(_OBJECTS_SQL, catalogs, doing="comparing the comments")
    }
    for (kind, identity), (_, digest) in sorted(here.items()):
        found = there.get((kind, identity), digest)
        if found != digest:
            yield f"comment on {kind} {identity} {'differs' if found else 'is missing'}"


_OF_EXTENSION = """EXISTS (SELECT FROM pg_catalog.pg_depend e
                    WHERE e.classid = o.class AND e.objid = o.oid AND e.deptype = 'e')"""

# Names are qualified whatever the search_path says; of a column none but a composite type's.
_SAID_SQL = f"""
SELECT i.type, i.identity, o.class::regclass::text AS catalog, md5(o.description) AS digest
  FROM (SELECT classoid AS class, objoid AS oid, objsubid AS part, description FROM pg_catalog.pg_description) AS o,
       pg_catalog.pg_identify_object(o.class, o.oid, o.part) AS i
 WHERE o.oid >= 16384 AND i.type NOT IN ('table', 'view', 'materialized view', 'foreign table')
   AND NOT {_OF_EXTENSION}
   AND (o.part = 0 OR EXISTS (SELECT FROM pg_catalog.pg_class c WHERE c.oid = o.oid AND c.relkind = 'c'))
"""

_OBJECTS_SQL = f"""
SELECT i.type, i.identity, coalesce(md5(d.description), '') AS digest
  FROM ({
    " UNION ALL ".join(
        f"SELECT tableoid AS class, oid, 0 AS part FROM pg_catalog.pg_{name} WHERE 'pg_{name}' = ANY($1::text[])"
        for name in _CATALOGS
    )
} UNION ALL
        SELECT c.tableoid, c.oid, a.attnum FROM pg_catalog.pg_class c JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid
         WHERE c.relkind = 'c' AND a.attnum > 0 AND NOT a.attisdropped AND 'pg_class' = ANY($1::text[])) AS o
  LEFT JOIN pg_catalog.pg_description d ON d.classoid = o.class AND d.objoid = o.oid AND d.objsubid = o.part,
       pg_catalog.pg_identify_object(o.class, o.oid, o.part) AS i
 WHERE o.oid >= 16384
"""
