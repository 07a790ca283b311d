"""Who may do what in a database that nobody may do by default, and who may not that everybody may: as statements.

Taken when a copy is made, compared when it is to go, and said again in the fresh one. What an object's owner may not do is
said of "its owner": copies are handed over to another role than the one that made them.
"""

from __future__ import annotations

from dataclasses import dataclass

from penstock.catalog.model import MANIFEST, ObjectAddress
from penstock.engines.postgres.session import Session


@dataclass(frozen=True, slots=True)
class Right:
    """One privilege that differs from the default."""

    text: str  # what a manifest keeps
    statement: str
    of: ObjectAddress  # what it is on; of default privileges (0, 0)

    @property
    def takes_away(self) -> bool:
        return not self.text.startswith("GRANT ") and " GRANT " not in self.text

    @property
    def recorded_since_details(self) -> bool:
        """Whether manifests without `details` say nothing of rights like this."""
        return self.takes_away or " ON LANGUAGE " in self.text or " ON FOREIGN " in self.text


def take(session: Session) -> tuple[Right, ...]:
    """Every GRANT to another than the owner that is not there by default, every default that was revoked, and default
    privileges but for those that copies are handed over with."""
    rows = session.fetch(_RIGHTS_SQL, MANIFEST.schema, doing="listing grants")
    return tuple(Right(row["text"], row["statement"], (row["c"], row["oid"])) for row in rows)


# The functions that make values of a range type are the server's. MAINTAIN came with 17: older grants say nothing of it. The last
# condition is on what `roles.hand_over` grants.
_RIGHTS_SQL = """
WITH space AS (
    SELECT oid, nspname, nspowner, nspacl FROM pg_catalog.pg_namespace
     WHERE nspname <> $1 AND nspname <> 'information_schema' AND nspname NOT LIKE 'pg\\_%'
), holder AS (
    SELECT 'pg_catalog.pg_namespace'::regclass AS class, oid, 'SCHEMA' AS keyword, quote_ident(nspname) AS identity, '' AS part,
           nspowner AS owner, nspacl AS acl,
           CASE WHEN nspname <> 'public' THEN acldefault('n', nspowner)
                ELSE array_cat(acldefault('n', nspowner), ARRAY[makeaclitem(0, nspowner, 'USAGE', false),
                                                                makeaclitem(0, nspowner, 'CREATE', false)]) END AS initial
      FROM space
    UNION ALL
    SELECT 'pg_catalog.pg_class'::regclass, c.oid, CASE WHEN relkind = 'S' THEN 'SEQUENCE' ELSE 'TABLE' END,
           format('%I.%I', s.nspname, relname), '', relowner, relacl,
           acldefault((CASE WHEN relkind = 'S' THEN 's' ELSE 'r' END)::"char", relowner)
      FROM pg_catalog.pg_class c JOIN space s ON s.oid = relnamespace WHERE relkind IN ('r', 'p', 'f', 'v', 'm', 'S')
    UNION ALL
    SELECT 'pg_catalog.pg_class'::regclass, c.oid, 'TABLE', format('%I.%I', s.nspname, relname), format('(%I)', attname),
           relowner, attacl, NULL
      FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_class c ON c.oid = attrelid JOIN space s ON s.oid = relnamespace
     WHERE attacl IS NOT NULL AND NOT attisdropped
    UNION ALL
    SELECT 'pg_catalog.pg_proc'::regclass, p.oid, 'ROUTINE',
           format('%I.%I(%s)', s.nspname, proname, pg_catalog.pg_get_function_identity_arguments(p.oid)), '',
           proowner, proacl, acldefault('f', proowner)
      FROM pg_catalog.pg_proc p JOIN space s ON s.oid = pronamespace
     WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.classid = 'pg_catalog.pg_proc'::regclass AND d.objid = p.oid
                                                            AND d.deptype = 'i')
    UNION ALL
    SELECT 'pg_catalog.pg_type'::regclass, t.oid, 'TYPE', format('%I.%I', s.nspname, typname), '', typowner, typacl,
           acldefault('T', typowner)
      FROM pg_catalog.pg_type t JOIN space s ON s.oid = typnamespace
    UNION ALL
    SELECT 'pg_catalog.pg_language'::regclass, oid, 'LANGUAGE', quote_ident(lanname), '', lanowner, lanacl,
           acldefault('l', lanowner)
      FROM pg_catalog.pg_language
    UNION ALL
    SELECT 'pg_catalog.pg_foreign_data_wrapper'::regclass, oid, 'FOREIGN DATA WRAPPER', quote_ident(fdwname), '', fdwowner,
           fdwacl, acldefault('F', fdwowner)
      FROM pg_catalog.pg_foreign_data_wrapper
    UNION ALL
    SELECT 'pg_catalog.pg_foreign_server'::regclass, oid, 'FOREIGN SERVER', quote_ident(srvname), '', srvowner, srvacl,
           acldefault('S', srvowner)
      FROM pg_catalog.pg_foreign_server
), granted AS (
    SELECT holder.class, holder.oid, format('GRANT %s%s ON %s %s TO %s%s', a.privilege_type, part, keyword, identity,
                  CASE WHEN a.grantee = 0 THEN 'PUBLIC' ELSE format('%I', pg_get_userbyid(a.grantee)) END,
                  CASE WHEN a.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END) AS text
      FROM holder, LATERAL (
           SELECT grantee, privilege_type, is_grantable FROM aclexplode(holder.acl) WHERE grantee <> holder.owner
           EXCEPT SELECT grantee, privilege_type, is_grantable FROM aclexplode(holder.initial)) a
), revoked AS (
    SELECT holder.class, holder.oid, owner, format('REVOKE %s ON %s %s FROM ', a.privilege_type, keyword, identity) AS head,
           a.grantee
      FROM holder, LATERAL (
           SELECT grantee, privilege_type FROM aclexplode(holder.initial)
           EXCEPT SELECT grantee, privilege_type FROM aclexplode(holder.acl)) a
     WHERE holder.acl IS NOT NULL AND a.privilege_type <> 'MAINTAIN'
), standing AS (
    SELECT d.*, format('ALTER DEFAULT PRIVILEGES FOR ROLE %I%s ', pg_get_userbyid(defaclrole),
                       (SELECT format(' IN SCHEMA %I', nspname) FROM pg_catalog.pg_namespace n
                         WHERE n.oid = defaclnamespace)) AS head,
           CASE defaclobjtype WHEN 'r' THEN 'TABLES' WHEN 'S' THEN 'SEQUENCES' WHEN 'f' THEN 'ROUTINES' WHEN 'T' THEN 'TYPES'
                              WHEN 'n' THEN 'SCHEMAS' ELSE 'LARGE OBJECTS' END AS what,
           CASE WHEN defaclnamespace = 0
                THEN acldefault((CASE defaclobjtype WHEN 'S' THEN 's' ELSE defaclobjtype END)::"char", defaclrole) END AS initial
      FROM pg_catalog.pg_default_acl d
), by_default AS (
    SELECT defaclrole, defaclnamespace, a.grantee,
           format('%sGRANT %s ON %s TO %s%s', head, a.privilege_type, what,
                  CASE WHEN a.grantee = 0 THEN 'PUBLIC' ELSE format('%I', pg_get_userbyid(a.grantee)) END,
                  CASE WHEN a.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END) AS text
      FROM standing, LATERAL (SELECT grantee, privilege_type, is_grantable FROM aclexplode(defaclacl)
                              EXCEPT SELECT grantee, privilege_type, is_grantable FROM aclexplode(initial)) a
    UNION ALL
    SELECT defaclrole, defaclnamespace, a.grantee,
           format('%sREVOKE %s ON %s FROM %s', head, a.privilege_type, what,
                  CASE WHEN a.grantee = 0 THEN 'PUBLIC' ELSE format('%I', pg_get_userbyid(a.grantee)) END)
      FROM standing, LATERAL (SELECT grantee, privilege_type FROM aclexplode(initial)
                              EXCEPT SELECT grantee, privilege_type FROM aclexplode(defaclacl)) a
     WHERE a.privilege_type <> 'MAINTAIN'
)
SELECT DISTINCT text, text AS statement, class::oid::int8 AS c, oid::int8 AS oid FROM granted
UNION
SELECT head || CASE WHEN grantee = 0 THEN 'PUBLIC' ELSE 'its owner' END,
       head || CASE WHEN grantee = 0 THEN 'PUBLIC' ELSE format('%I', pg_get_userbyid(owner)) END, class::oid::int8, oid::int8
  FROM revoked
UNION
SELECT text, text, 0, 0 FROM by_default
 WHERE NOT (pg_get_userbyid(defaclrole) = current_user AND defaclnamespace = 0 AND grantee NOT IN (0, defaclrole))
 ORDER BY 1
"""
