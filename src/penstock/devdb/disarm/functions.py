"""Functions that call out: found by what they call.

plpgsql has no dependencies the catalog knows, so bodies are read as text: a body that names a function of an extension
which calls out, or a function that does, is taken for one that does. Nothing of a body is ever shown.
"""

from __future__ import annotations

import re

from penstock.devdb.disarm.extensions import ACTING
from penstock.engines.postgres.session import Session


def calling_out(source: Session) -> dict[int, str]:
    """By its oid, in which way a function calls out."""
    functions = source.fetch(FUNCTIONS_SQL)
    out = {row["oid"]: "runs a program (COPY … PROGRAM)" for row in functions if _PROGRAM.search(row["body"])}
    out |= {row["oid"]: f"is in the language {row['language']}" for row in functions if row["untrusted"]}
    names = {row["name"]: row["extension"] for row in source.fetch(_MEMBERS_SQL, [*_CALLING])}
    out |= {
        row["oid"]: f"is of the extension {row['extension']}"
        for row in source.fetch(_MEMBERS_SQL, [*_CALLING])
    }
    reasons = {name: f"uses the extension {extension}" for name, extension in names.items()}
    reasons |= {row["short"].lower(): f"calls {row['name']}" for row in functions if row["oid"] in out}
    called = {row["oid"]: frozenset(_CALLED.findall(row["body"].lower())) for row in functions}
    while True:
        found = [
            (row, min(called[row["oid"]] & reasons.keys()))
            for row in functions
            if row["oid"] not in out and called[row["oid"]] & reasons.keys()
        ]
        if not found:
            return out
        for row, name in found:
            out[row["oid"]] = reasons[name]
            reasons.setdefault(row["short"].lower(), f"calls {row['name']}")


_CALLING = (*ACTING, "dblink", "pg_background", "plsh")
_CALLED = re.compile(r'([^\W\d][\w$]*)"?\s*\(')
_PROGRAM = re.compile(r"\bCOPY\b[^;]*\b(?:FROM|TO)\s+PROGRAM\b", re.IGNORECASE)
FUNCTIONS_SQL = """
SELECT p.oid::int8 AS oid, p.oid::regproc::text AS name, p.proname::text AS short, l.lanname::text AS language,
       NOT l.lanpltrusted AND l.lanname NOT IN ('internal', 'c') AS untrusted,
       pg_catalog.concat_ws(E'\n', p.prosrc, pg_catalog.pg_get_function_sqlbody(p.oid)) AS body
  FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_language l ON l.oid = p.prolang
  JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
 WHERE n.nspname NOT IN ('pg_catalog', 'information_schema')
   AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.classid = 'pg_catalog.pg_proc'::regclass AND d.objid = p.oid
                      AND d.deptype = 'e')
 ORDER BY 2
"""

_MEMBERS_SQL = """
SELECT p.oid::int8 AS oid, pg_catalog.lower(p.proname::text) AS name, e.extname::text AS extension
  FROM pg_catalog.pg_extension e JOIN pg_catalog.pg_depend d
    ON d.refclassid = 'pg_catalog.pg_extension'::regclass AND d.refobjid = e.oid AND d.deptype = 'e'
  JOIN pg_catalog.pg_proc p ON d.classid = 'pg_catalog.pg_proc'::regclass AND p.oid = d.objid
 WHERE e.extname = ANY($1::text[])
"""
