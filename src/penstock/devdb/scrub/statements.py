"""The texts that pg_stat_statements keeps of statements: what is no query (a COMMENT, a CALL, a DO block) stands there with its
values. They are the server's, in memory and in two files, and no table shows them to another role.
"""

from __future__ import annotations

from penstock.engines.postgres.session import Session


def forget(session: Session) -> tuple[str, ...]:
    """Have it forget those of this database, where this role may; what stays, with what to type."""
    found = session.fetch(_FOUND_SQL)[0]
    if not found["loaded"]:
        unread = "texts of statements in pg_stat/pg_stat_statements.stat, which was last written while its library was loaded"
        return (unread,) if found["schema"] else ()
    if not found["may"]:
        typed = f"SELECT pg_stat_statements_reset(0, {found['database']}, 0);"
        where = "in a database that has the extension a superuser runs"
        return (
            f"texts of statements in pg_stat_statements and its files: {where} {typed} and the server is restarted",
        )
    session.fetch(
        f"SELECT {found['schema']}.pg_stat_statements_reset(0, {found['database']}, 0)",
        doing="forgetting texts of statements",
    )
    return ("texts of statements that pg_stat_statements forgot, in its file until the server is restarted",)


# The setting is listed when the library is loaded.
_FOUND_SQL = """
SELECT EXISTS (SELECT FROM pg_catalog.pg_settings WHERE name = 'pg_stat_statements.max') AS loaded,
       d.oid::int8 AS database, pg_catalog.quote_ident(n.nspname) AS schema,
       coalesce(pg_catalog.has_function_privilege(p.oid, 'EXECUTE')
                AND pg_catalog.has_schema_privilege(n.oid, 'USAGE'), false) AS may
  FROM pg_catalog.pg_database d
  LEFT JOIN pg_catalog.pg_extension e ON e.extname = 'pg_stat_statements'
  LEFT JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace
  LEFT JOIN pg_catalog.pg_proc p ON p.pronamespace = n.oid AND p.proname = 'pg_stat_statements_reset' AND p.pronargs >= 3
 WHERE d.datname = pg_catalog.current_database()
"""
