"""What people gave to a database as a whole, and the one in its place gets: owner, rights, connection limit, settings.

Settings may be a superuser's, for parameters or for roles that ours has no say over: what cannot be put back is told, with
the statement to type, and is no reason to give up what has been built.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from penstock.engines.postgres.session import Session
from penstock.errors import DatabaseError


@dataclass(frozen=True, slots=True)
class Setting:
    """`ALTER DATABASE … SET` or `ALTER ROLE … IN DATABASE … SET`."""

    statement: str
    shown: str  # without the value, where an application keeps it there, who may keep secrets so


def rights_of(maintenance: Session, name: str) -> list[str]:
    """Statements that make another database of this name like this one, but for settings."""
    return [row["statement"] for row in maintenance.fetch(_RIGHTS_SQL, name)]


def settings_of(maintenance: Session, name: str) -> list[Setting]:
    """Its settings: everybody's, and single roles'."""
    return [Setting(row["statement"], row["shown"]) for row in maintenance.fetch(_SETTINGS_SQL, name)]


def put_back(maintenance: Session, settings: Iterable[Setting]) -> tuple[str, ...]:
    """Set them again, within the caller's transaction. Returns in words those that our role may not set."""
    left = []
    for setting in settings:
        try:
            maintenance.execute(f"SAVEPOINT setting; {setting.statement}; RELEASE SAVEPOINT setting")
        except DatabaseError as error:
            maintenance.execute("ROLLBACK TO SAVEPOINT setting")
            why = f" ({error.why})" if error.why and setting.shown == setting.statement else ""
            left.append(f"not set again{why}: {setting.shown};")
    return tuple(left)


_RIGHTS_SQL = """
SELECT format('ALTER DATABASE %I OWNER TO %I', datname, pg_get_userbyid(datdba)) AS statement
  FROM pg_catalog.pg_database WHERE datname = $1
UNION ALL
SELECT format('ALTER DATABASE %I CONNECTION LIMIT %s', datname, datconnlimit)
  FROM pg_catalog.pg_database WHERE datname = $1
UNION ALL
SELECT format('REVOKE ALL ON DATABASE %I FROM PUBLIC', datname)
  FROM pg_catalog.pg_database d WHERE d.datname = $1 AND d.datacl IS NOT NULL
UNION ALL
SELECT format('GRANT %s ON DATABASE %I TO %s%s', a.privilege_type, datname,
              CASE WHEN a.grantee = 0 THEN 'PUBLIC' ELSE format('%I', pg_get_userbyid(a.grantee)) END,
              CASE WHEN a.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END)
  FROM pg_catalog.pg_database d, aclexplode(d.datacl) AS a WHERE d.datname = $1
"""

# Settings that are lists of names, which the catalog keeps quoted one by one.
_LISTS = "('search_path', 'temp_tablespaces', 'local_preload_libraries', 'session_preload_libraries')"

_SETTINGS_SQL = f"""
SELECT head || CASE WHEN s.name IN {_LISTS} THEN s.value ELSE quote_literal(s.value) END AS statement,
       head || CASE WHEN s.name LIKE '%.%' THEN '''…'''
            WHEN s.name IN {_LISTS} THEN s.value ELSE quote_literal(s.value) END AS shown
  FROM pg_catalog.pg_db_role_setting r JOIN pg_catalog.pg_database d ON d.oid = r.setdatabase,
       unnest(r.setconfig) AS config,
       LATERAL (SELECT split_part(config, '=', 1) AS name, substr(config, strpos(config, '=') + 1) AS value) s,
       LATERAL (SELECT format('ALTER %s %I SET %I = ',
                              CASE WHEN r.setrole = 0 THEN 'DATABASE'
                                   ELSE format('ROLE %I IN DATABASE', pg_get_userbyid(r.setrole)) END,
                              d.datname, s.name) AS head) h
 WHERE d.datname = $1
"""
