"""What a database holds besides the objects of its inventory, and no reset carries over: recorded when a copy is made, and
listed when it is to go.

Objects of the database as a whole (publications, foreign servers, casts, ...), large objects, comments, and settings of tables
and sequences. Only names, and hashes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from penstock.catalog.model import MANIFEST, ObjectAddress
from penstock.devdb.inventory import Item
from penstock.engines.postgres.session import Session


@dataclass(frozen=True, slots=True)
class Oddment:
    """One of them: "comment on table public.orders"."""

    text: str
    hash: str
    of: ObjectAddress  # (catalog oid, oid) of what it hangs on, or of itself


def take(session: Session, items: Sequence[Item]) -> tuple[Oddment, ...]:
    """All of them; comments are those on `items`, the database's inventory."""
    rows = [
        *session.fetch(_OBJECTS_SQL, doing="listing what the database holds"),
        *session.fetch(_SETTINGS_SQL, MANIFEST.schema, doing="listing what the database holds"),
        *session.fetch(
            _COMMENTS_SQL, [i.catalog_oid for i in items], [i.oid for i in items], doing="listing comments"
        ),
    ]
    return tuple(Oddment(row["text"], row["hash"], (row["c"], row["oid"])) for row in rows)


def as_document(found: Iterable[Oddment]) -> dict[str, str]:
    """The form a manifest keeps."""
    return {oddment.text: oddment.hash for oddment in found}


def differences(
    found: Iterable[Oddment], baseline: Mapping[str, str] | None, carried: frozenset[ObjectAddress]
) -> tuple[str, ...]:
    """What is new, changed or removed since the baseline, but for what hangs on the objects that are `carried` over."""
    found = [oddment for oddment in found if oddment.of not in carried]
    if baseline is None:  # an older Penstock made the copy: of settings there is no telling
        return tuple(f"{o.text} (not recorded)" for o in found if not o.text.startswith("settings of "))
    there = {oddment.text for oddment in found}
    return (
        *(f"{o.text} (new)" for o in found if o.text not in baseline),
        *(f"{o.text} (changed)" for o in found if baseline.get(o.text, o.hash) != o.hash),
        *(f"{text} (removed)" for text in baseline if text not in there),
    )


# A range type comes along with its cast to the multirange. User mappings hold passwords: of none of these is there a hash.
# The numbers of large objects are hashed together.
_OBJECTS_SQL = """
WITH own AS (
    SELECT 'pg_catalog.pg_publication'::regclass AS class, oid FROM pg_catalog.pg_publication
    UNION ALL
    SELECT 'pg_catalog.pg_subscription'::regclass, s.oid FROM pg_catalog.pg_subscription s
      JOIN pg_catalog.pg_database d ON d.oid = s.subdbid WHERE d.datname = pg_catalog.current_database()
    UNION ALL SELECT 'pg_catalog.pg_foreign_data_wrapper'::regclass, oid FROM pg_catalog.pg_foreign_data_wrapper
    UNION ALL SELECT 'pg_catalog.pg_foreign_server'::regclass, oid FROM pg_catalog.pg_foreign_server
    UNION ALL SELECT 'pg_catalog.pg_user_mapping'::regclass, umid FROM pg_catalog.pg_user_mappings
    UNION ALL SELECT 'pg_catalog.pg_event_trigger'::regclass, oid FROM pg_catalog.pg_event_trigger
    UNION ALL SELECT 'pg_catalog.pg_cast'::regclass, oid FROM pg_catalog.pg_cast
    UNION ALL SELECT 'pg_catalog.pg_language'::regclass, oid FROM pg_catalog.pg_language
    UNION ALL SELECT 'pg_catalog.pg_transform'::regclass, oid FROM pg_catalog.pg_transform
    UNION ALL SELECT 'pg_catalog.pg_am'::regclass, oid FROM pg_catalog.pg_am
    UNION ALL SELECT 'pg_catalog.pg_ts_parser'::regclass, oid FROM pg_catalog.pg_ts_parser
    UNION ALL SELECT 'pg_catalog.pg_ts_template'::regclass, oid FROM pg_catalog.pg_ts_template
)
SELECT i.type || ' ' || i.identity AS text, '' AS hash, coalesce(t.refclassid, own.class)::oid::int8 AS c,
       coalesce(t.refobjid, own.oid)::int8 AS oid
  FROM own LEFT JOIN (pg_catalog.pg_depend t JOIN pg_catalog.pg_range r ON r.rngtypid = t.refobjid)
    ON t.classid = own.class AND t.objid = own.oid AND t.deptype = 'i' AND t.refclassid = 'pg_catalog.pg_type'::regclass,
       pg_catalog.pg_identify_object(own.class, own.oid, 0) i
 WHERE own.oid >= 16384
   AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend e WHERE e.classid = own.class AND e.objid = own.oid AND e.deptype = 'e')
UNION ALL
SELECT 'large objects', pg_catalog.md5(string_agg(oid::text, ',' ORDER BY oid)), 0, 0
  FROM pg_catalog.pg_largeobject_metadata HAVING count(*) > 0
 ORDER BY 1
"""

# A sequence that belongs to a table comes along with it.
_SETTINGS_SQL = """
WITH relation AS (
    SELECT c.*, pg_catalog.format('%I.%I', n.nspname, c.relname) AS identity
      FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
     WHERE n.nspname <> $1 AND n.nspname <> 'information_schema' AND n.nspname NOT LIKE 'pg\\_%'
       AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend e WHERE e.classid = 'pg_catalog.pg_class'::regclass AND e.objid = c.oid
                                                            AND e.deptype = 'e')
)
SELECT 'settings of table ' || identity AS text,
       pg_catalog.left(pg_catalog.md5(concat_ws(' ', relforcerowsecurity, relreplident, relpersistence, reloptions)), 12) AS hash,
       'pg_catalog.pg_class'::regclass::oid::int8 AS c, oid::int8 AS oid
  FROM relation WHERE relkind IN ('r', 'p')
UNION ALL
SELECT 'settings of sequence ' || identity,
       pg_catalog.left(pg_catalog.md5(concat_ws(' ', seqtypid::int8, seqstart, seqincrement, seqmax, seqmin, seqcache,
                                                seqcycle)), 12),
       'pg_catalog.pg_class'::regclass::oid::int8,
       coalesce((SELECT d.refobjid FROM pg_catalog.pg_depend d
                  WHERE d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = r.oid AND d.deptype IN ('a', 'i')
                    AND d.refclassid = 'pg_catalog.pg_class'::regclass AND d.refobjsubid > 0 LIMIT 1), r.oid)::int8
  FROM relation r JOIN pg_catalog.pg_sequence s ON s.seqrelid = r.oid
 ORDER BY 1
"""

_COMMENTS_SQL = """
SELECT DISTINCT 'comment on ' || i.type || ' ' || i.identity AS text, pg_catalog.left(pg_catalog.md5(d.description), 12) AS hash,
       d.classoid::int8 AS c, d.objoid::int8 AS oid
  FROM pg_catalog.pg_description d, pg_catalog.pg_identify_object(d.classoid, d.objoid, d.objsubid) i
 WHERE (d.classoid::int8, d.objoid::int8) IN (SELECT * FROM unnest($1::int8[], $2::int8[]))
 ORDER BY 1
"""
