"""Files in the database's folders that no relation names: what a crash leaves of a table that was being made, or of one that was
being rewritten. A snapshot brings those of its origin along.

PostgreSQL never reads nor removes them, and no statement does: only who stops the server can. Files without a byte are its own
and go with the next checkpoint.
"""

from __future__ import annotations

import shlex

from penstock.engines.postgres.session import Session
from penstock.errors import Finding

UNSEEN = (
    "files in the database's folders that belong to no relation, as a crash of the server leaves them: for them to be "
    "looked for, a superuser runs GRANT EXECUTE ON FUNCTION pg_ls_dir(text, boolean, boolean), pg_stat_file(text, boolean)"
)
_SHOWN = 8


def may_look(session: Session) -> bool:
    """Whether this role may list the server's files."""
    return bool(session.fetchval(_MAY_LOOK_SQL))


def require_none(session: Session) -> None:
    """Raise `Finding` with their names. Nobody else may be making or rewriting tables meanwhile."""
    files = [row["path"] for row in session.fetch(_ORPHANS_SQL, doing="listing the files of the database")]
    if files:
        more = " …" if len(files) > _SHOWN else ""
        raise Finding(
            f"{len(files)} files in the folders of {session.database} belong to no relation of it",
            problems=files,
            hint="they may hold real values, and no statement removes them: stop the server, then in its data directory "
            f"(SHOW data_directory;) rm {shlex.join(files[:_SHOWN])}{more}, start it, and run this again",
        )


_MAY_LOOK_SQL = """
SELECT pg_catalog.has_function_privilege('pg_catalog.pg_ls_dir(text,boolean,boolean)', 'EXECUTE')
   AND pg_catalog.has_function_privilege('pg_catalog.pg_stat_file(text,boolean)', 'EXECUTE')
"""

_ORPHANS_SQL = """
WITH own AS (
    SELECT oid, dattablespace FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database()
), folder AS (
    SELECT t.oid AS tablespace, CASE WHEN t.spcname = 'pg_default' THEN format('base/%s', own.oid) ELSE
           format('pg_tblspc/%s/PG_%s_%s/%s', t.oid, pg_catalog.current_setting('server_version_num')::int / 10000,
                  (SELECT catalog_version_no FROM pg_catalog.pg_control_system()), own.oid) END AS path
      FROM pg_catalog.pg_tablespace t, own WHERE t.spcname <> 'pg_global'
), file AS (
    SELECT tablespace, format('%s/%s', path, name) AS path,
           substring(name FROM '^(?:t[0-9]+_)?([0-9]+)(?:_[a-z]+)?(?:[.][0-9]+)?$') AS node
      FROM folder, pg_catalog.pg_ls_dir(path, true, false) AS name
)
SELECT path FROM file
 WHERE node IS NOT NULL AND (pg_catalog.pg_stat_file(path, true)).size > 0 AND NOT EXISTS (
    SELECT FROM pg_catalog.pg_class c, own
     WHERE pg_catalog.pg_relation_filenode(c.oid)::text = node
       AND coalesce(nullif(c.reltablespace, 0), own.dattablespace) = tablespace)
 ORDER BY path
"""
