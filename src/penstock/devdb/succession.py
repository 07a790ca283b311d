"""What a database that takes another one's place is given of it: owner, rights, settings and connection limit, as statements."""

from __future__ import annotations

from penstock.engines.postgres.session import Session


def settings_of(maintenance: Session, name: str) -> list[str]:
    """ALTER and GRANT statements, with {name} for the database, that make another one like this one."""
    statements = [
        row["statement"]
        for row in maintenance.fetch(
            f"""
            SELECT format('ALTER DATABASE {{name}} OWNER TO %I', pg_get_userbyid(datdba)) AS statement
              FROM pg_catalog.pg_database WHERE datname = $1
            UNION ALL
            SELECT format('ALTER DATABASE {{name}} CONNECTION LIMIT %s', datconnlimit)
              FROM pg_catalog.pg_database WHERE datname = $1
            UNION ALL
            SELECT format('ALTER %s {{name}} SET %I = %s',
                          CASE WHEN r.setrole = 0 THEN 'DATABASE'
                               ELSE format('ROLE %I IN DATABASE', pg_get_userbyid(r.setrole)) END,
                          s.name, CASE WHEN s.name IN {_LISTS} THEN s.value ELSE quote_literal(s.value) END)
              FROM pg_catalog.pg_db_role_setting r JOIN pg_catalog.pg_database d ON d.oid = r.setdatabase,
                   unnest(r.setconfig) AS config,
                   LATERAL (SELECT split_part(config, '=', 1) AS name, substr(config, strpos(config, '=') + 1) AS value) s,
                   pg_catalog.pg_roles me
             WHERE d.datname = $1 AND me.rolname = current_user
               AND (r.setrole IN (0, me.oid) OR me.rolsuper OR me.rolcreaterole)
            UNION ALL
            SELECT 'REVOKE ALL ON DATABASE {{name}} FROM PUBLIC'
              FROM pg_catalog.pg_database d WHERE d.datname = $1 AND d.datacl IS NOT NULL
            UNION ALL
            SELECT format('GRANT %s ON DATABASE {{name}} TO %s%s', a.privilege_type,
                          CASE WHEN a.grantee = 0 THEN 'PUBLIC' ELSE format('%I', pg_get_userbyid(a.grantee)) END,
                          CASE WHEN a.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END)
              FROM pg_catalog.pg_database d, aclexplode(d.datacl) AS a WHERE d.datname = $1
            """,
            name,
        )
    ]
    return [s.replace("{", "{{").replace("}", "}}").replace("{{name}}", "{name}") for s in statements]


# Settings that are lists of names, which the catalog keeps quoted one by one.
_LISTS = "('search_path', 'temp_tablespaces', 'local_preload_libraries', 'session_preload_libraries')"
