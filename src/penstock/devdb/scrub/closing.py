"""Nobody but the scrub connects to a database that is half masked: CONNECT is taken from everybody until it is done.

Its owner (and members of the role), and superusers, can connect all the same: no right holds them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from penstock.catalog.model import quote_identifier, quote_literal
from penstock.engines.postgres.session import Session

_COMMENT = "penstock: being scrubbed, and closed until it is done"


def doors(session: Session) -> Mapping[str, Any]:
    """Who may connect and what the database's comment is: what `reopen` puts back."""
    rows = session.fetch(_DOORS_SQL)
    return {"connect": [[row["grantee"], row["is_grantable"]] for row in rows], "comment": _comment(session)}


def comment_of(session: Session, remembered: Mapping[str, Any]) -> str | None:
    """The comment to put back: the one there was, or what somebody wrote over ours since (a finding may ask for it)."""
    now = _comment(session)
    before: str | None = remembered["comment"]
    return before if now == _COMMENT else now


@contextmanager
def with_comment(session: Session, remembered: Mapping[str, Any]) -> Iterator[None]:
    """The database with the comment it will have, for nobody but this transaction."""
    now = _comment(session)
    _set_comment(session, comment_of(session, remembered))
    yield
    _set_comment(session, now)


def _comment(session: Session) -> str | None:
    found: str | None = session.fetchval(
        "SELECT pg_catalog.shobj_description(oid, 'pg_database') FROM pg_catalog.pg_database "
        "WHERE datname = pg_catalog.current_database()"
    )
    return found


def _set_comment(session: Session, comment: str | None) -> None:
    text = quote_literal(comment) if comment is not None else "NULL"
    session.execute(f"COMMENT ON DATABASE {quote_identifier(session.database)} IS {text}")


def close(session: Session, remembered: Mapping[str, Any]) -> None:
    """Take CONNECT from everybody but the owner. Part of the caller's transaction."""
    name = quote_identifier(session.database)
    statements = [f"REVOKE CONNECT ON DATABASE {name} FROM {who} CASCADE" for who, _ in remembered["connect"]]
    if statements:
        session.execute("; ".join(statements), doing=f"closing {session.database}")
    _set_comment(session, _COMMENT)


def reopen(session: Session, remembered: Mapping[str, Any]) -> None:
    """Give back what `close` took. Part of the caller's transaction."""
    name = quote_identifier(session.database)
    grants: Sequence[Sequence[Any]] = remembered["connect"]
    statements = [
        f"GRANT CONNECT ON DATABASE {name} TO {who}{' WITH GRANT OPTION' if grantable else ''}"
        for who, grantable in grants
    ]
    if statements:
        session.execute("; ".join(statements), doing=f"opening {session.database} again")
    _set_comment(session, comment_of(session, remembered))


_DOORS_SQL = """
SELECT CASE WHEN a.grantee = 0 THEN 'PUBLIC' ELSE format('%I', pg_catalog.pg_get_userbyid(a.grantee)) END AS grantee,
       bool_or(a.is_grantable) AS is_grantable
  FROM pg_catalog.pg_database d,
       pg_catalog.aclexplode(coalesce(d.datacl, pg_catalog.acldefault('d', d.datdba))) AS a
 WHERE d.datname = pg_catalog.current_database() AND a.privilege_type = 'CONNECT' AND a.grantee <> d.datdba
 GROUP BY a.grantee ORDER BY 1
"""
