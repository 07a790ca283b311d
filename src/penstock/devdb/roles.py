"""The developers' role (`developers = "role"`): it owns what was copied, so that its members may change all of it.

Owning and not only granted: ALTER TABLE is the owner's alone. And functions that run with their owner's rights must not run
with those of the role that built the copy, which may be a superuser's. Penstock's own schema and the database stay
the builder's, so that nobody can forge a manifest or rename the database.
"""

from __future__ import annotations

from itertools import groupby

from penstock.catalog.model import MANIFEST, quote_identifier
from penstock.devdb import inventory
from penstock.devdb.context import Context
from penstock.devdb.inventory import Item
from penstock.devdb.progress import Progress, note
from penstock.engines.postgres.session import Session
from penstock.errors import ConfigError, DatabaseError, TargetRefused

_PER_TRANSACTION = 50  # a table's indexes are locked with it, and a server has some thousand locks
_ROUTINES = ("function", "procedure", "aggregate")
_KEYWORDS = {"statistics object": "statistics", **dict.fromkeys(_ROUTINES, "routine")}
_SET_SINCE = 16  # from then on membership says whether it inherits, and whether SET ROLE is allowed


def require(context: Context, maintenance: Session, progress: Progress) -> None:
    """The role exists and ours may hand objects to it; made where it is missing and our role may make roles.

    Raises `ConfigError` for a role nobody should work as, `TargetRefused` with the statement an administrator is to run.
    """
    role = context.settings.developers
    if not role:
        return
    quoted, us = quote_identifier(role), quote_identifier(maintenance.settings.user)
    if role.startswith("pg_") or role in ("public", "none"):
        raise ConfigError(
            f"[devdb.{context.name}] developers names {role}, which is no role of people",
            hint='developers = "dev"',
        )
    me = maintenance.fetch(
        "SELECT rolsuper, rolcreaterole FROM pg_catalog.pg_roles WHERE rolname = current_user"
    )[0]
    found = maintenance.fetch(
        "SELECT rolsuper, rolname = current_user AS is_me FROM pg_catalog.pg_roles WHERE rolname = $1", role
    )
    if found and (found[0]["rolsuper"] or found[0]["is_me"]):
        what = "is a superuser" if found[0]["rolsuper"] else "builds the copy"
        raise TargetRefused(
            f"the role {role} of [devdb.{context.name}] developers {what}",
            why="functions that run with their owner's rights would run with those of that role",
            hint='name a role of its own there: developers = "dev"',
        )
    if not found:
        if not (me["rolsuper"] or me["rolcreaterole"]):
            raise TargetRefused(
                f"there is no role {role}, and {maintenance.settings.user} may not make it",
                hint=f"on the target's server: CREATE ROLE {quoted}; GRANT {quoted} TO {us};",
            )
        maintenance.execute(f"CREATE ROLE {quoted} NOLOGIN", doing=f"making the role {role}")
        note(progress, f"made the role {role}, without login: GRANT {quoted} TO somebody;")
    if not me["rolsuper"] and not _may_act_as(maintenance, role):
        _join(maintenance, role, f"GRANT {quoted} TO {us}")


def _may_act_as(maintenance: Session, role: str) -> bool:
    """Whether our role has its rights, and may hand objects to it."""
    wanted = ["USAGE"] + (["SET"] if maintenance.connection.get_server_version().major >= _SET_SINCE else [])
    return all(
        maintenance.fetchval("SELECT pg_catalog.pg_has_role($1::name, $2)", role, what) for what in wanted
    )


def _join(maintenance: Session, role: str, statement: str) -> None:
    options = (
        " WITH INHERIT TRUE, SET TRUE"
        if maintenance.connection.get_server_version().major >= _SET_SINCE
        else ""
    )
    try:
        maintenance.execute(statement + options, doing=f"becoming a member of {role}")
    except DatabaseError as error:
        raise TargetRefused(
            f"{maintenance.settings.user} is no member of the role {role}, and could not hand the copy over to it",
            why=error.why,
            hint=f"on the target's server: {statement};",
        ) from None


def open_database(context: Context, maintenance: Session, database: str) -> None:
    """Let the developers in, and make schemas. Rights on a database do not come along with a template."""
    if role := context.settings.developers:
        maintenance.execute(
            f"GRANT CONNECT, CREATE, TEMPORARY ON DATABASE {quote_identifier(database)} "
            f"TO {quote_identifier(role)}",
            doing=f"granting {database} to {role}",
        )


def hand_over(context: Context, target: Session) -> None:
    """Make the developers' role the owner of everything in this database but the manifest, which it may read.

    The role may be in it already (`open_database`): owning a schema asks for CREATE on the database.
    """
    role = context.settings.developers
    if not role:
        return
    quoted = quote_identifier(role)
    with target.transaction():
        items = [item for item in inventory.take(target) if item.owner not in ("", role)]
        may = {
            row["rolname"]
            for row in target.fetch(
                "SELECT rolname::text FROM pg_catalog.pg_roles WHERE pg_catalog.pg_has_role(oid, 'USAGE')"
            )
        }
    ours = [i for i in items if i.owner in may and i.kind != "extension"]  # of 14, the schema public is not
    ours.sort(
        key=lambda item: item.kind != "schema"
    )  # who owns a table must be able to make one in its schema
    statements = [f"{alter(item)} OWNER TO {quoted}" for item in ours]
    _run(target, statements, role)
    hand_over_large_objects(context, target)
    mine = ("TABLES", "SEQUENCES", "ROUTINES", "TYPES", "SCHEMAS")
    target.execute(
        "; ".join(
            [f"ALTER DEFAULT PRIVILEGES GRANT ALL ON {what} TO {quoted}" for what in mine]
            + [
                f"GRANT USAGE ON SCHEMA {MANIFEST.schema} TO {quoted}",
                f"GRANT SELECT ON {MANIFEST.sql} TO {quoted}",
            ]
        ),
        doing=f"granting what is made later to {role}",
    )


def hand_over_large_objects(context: Context, target: Session) -> None:
    """Make the developers' role the owner of the large objects that are our role's, as those that have just come."""
    if role := context.settings.developers:
        rows = target.fetch(_LARGE_OBJECTS_SQL, doing="listing the large objects")
        _run(target, [f"ALTER LARGE OBJECT {r['oid']} OWNER TO {quote_identifier(role)}" for r in rows], role)


def _run(target: Session, statements: list[str], role: str) -> None:
    for _, group in groupby(enumerate(statements), lambda pair: pair[0] // _PER_TRANSACTION):
        target.execute("; ".join(text for _, text in group), doing=f"handing the copy over to {role}")


_LARGE_OBJECTS_SQL = """
SELECT oid::int8 AS oid FROM pg_catalog.pg_largeobject_metadata
 WHERE lomowner = (SELECT oid FROM pg_catalog.pg_roles WHERE rolname = current_user) ORDER BY 1
"""


def alter(item: Item) -> str:
    """The beginning of an ALTER statement for an object that has an owner."""
    return f"ALTER {_KEYWORDS.get(item.kind, item.kind).upper()} {item.identity}"
