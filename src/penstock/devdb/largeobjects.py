"""Large objects (`large_objects = "keep"`): every one arrives with its number, its bytes and its comment.

They belong to no table: no mask looks into them and no foreign key leads to them. So they stay behind unless somebody
says otherwise, and then all of them come. They are read in the source's snapshot, a piece at a time, never whole.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from penstock.catalog.model import quote_identifier, quote_literal
from penstock.devdb.progress import Progress
from penstock.engines.postgres.session import Session
from penstock.errors import PenstockError, SourceRefused

_PIECE = 1 << 20  # bytes of one object in memory
_SMALL = 1 << 16  # of many objects at once
_AT_ONCE = 64
_TASK = "large objects"


def unreadable(source: Session) -> Iterable[PenstockError]:
    """Why they could not be copied: the role may not read each of them (`pg_read_all_data` does not help)."""
    row = source.fetch(f"SELECT count(*) AS n, min(m.oid)::int8 AS first {_UNREADABLE}")[0]
    if row["n"]:
        role = quote_identifier(source.settings.user)
        yield SourceRefused(
            f"this role may not read {row['n']} of the source's large objects",
            why="PostgreSQL has no right that covers all of them",
            hint=f"GRANT SELECT ON LARGE OBJECT {row['first']} TO {role};   or use a superuser, or their owner; "
            'or large_objects = "leave"',
        )


def copy_large_objects(source: Session, target: Session, progress: Progress, *, grants: bool) -> int:
    """Copy those whose number the target does not have yet; returns bytes."""
    there = {row["oid"] for row in target.fetch(_NUMBERS)}
    missing = [row["oid"] for row in source.fetch(_NUMBERS) if row["oid"] not in there]
    if not missing:
        return 0
    progress.start(_TASK, len(missing))
    size = 0
    for at in range(0, len(missing), _AT_ONCE):
        batch = missing[at : at + _AT_ONCE]
        copied = _copy_batch(source, target, batch)
        for statement in _about(source, batch, grants=grants):
            target.execute(statement, doing="commenting large objects")
        progress.advance(_TASK, len(batch), copied)
        size += copied
    progress.finish(_TASK)
    return size


def _copy_batch(source: Session, target: Session, numbers: list[int]) -> int:
    """The beginning of all of them at once, then the rest of those that are longer."""
    rows = source.fetch(
        "SELECT o AS oid, pg_catalog.lo_get(o::oid, 0, $2) AS bytes FROM pg_catalog.unnest($1::int8[]) AS n(o)",
        numbers,
        _SMALL,
        doing="reading large objects",
    )
    target.fetch(
        "SELECT pg_catalog.lo_from_bytea(o::oid, b) "
        "FROM ROWS FROM (pg_catalog.unnest($1::int8[]), pg_catalog.unnest($2::bytea[])) AS n(o, b)",
        [row["oid"] for row in rows],
        [row["bytes"] for row in rows],
        doing="writing large objects",
    )
    size = sum(len(row["bytes"]) for row in rows)
    for row in rows:
        if len(row["bytes"]) == _SMALL:
            size += _copy_rest(source, target, row["oid"])
    return size


def _copy_rest(source: Session, target: Session, number: int) -> int:
    at = _SMALL
    while True:
        piece = source.fetchval(
            "SELECT pg_catalog.lo_get($1::int8::oid, $2, $3)",
            number,
            at,
            _PIECE,
            doing="reading large objects",
        )
        if piece:
            target.fetchval(
                "SELECT pg_catalog.lo_put($1::int8::oid, $2, $3)",
                number,
                at,
                piece,
                doing="writing large objects",
            )
        at += len(piece)
        if len(piece) < _PIECE:
            return at - _SMALL


def _about(source: Session, numbers: list[int], *, grants: bool) -> Iterator[str]:
    for row in source.fetch(_COMMENTS, numbers):
        yield f"COMMENT ON LARGE OBJECT {row['oid']} IS {quote_literal(row['description'])}"
    if grants:
        for row in source.fetch(_GRANTS, numbers):
            yield row["statement"]


_NUMBERS = "SELECT oid::int8 AS oid FROM pg_catalog.pg_largeobject_metadata ORDER BY 1"

_UNREADABLE = """
  FROM pg_catalog.pg_largeobject_metadata m
 WHERE pg_catalog.current_setting('lo_compat_privileges') = 'off' AND NOT pg_catalog.pg_has_role(m.lomowner, 'USAGE')
   AND NOT EXISTS (SELECT FROM pg_catalog.aclexplode(m.lomacl) a
                    WHERE a.privilege_type = 'SELECT'
                      AND CASE WHEN a.grantee = 0 THEN true ELSE pg_catalog.pg_has_role(a.grantee, 'USAGE') END)
"""

_COMMENTS = """
SELECT objoid::int8 AS oid, description FROM pg_catalog.pg_description
 WHERE classoid = 'pg_catalog.pg_largeobject'::pg_catalog.regclass AND objoid = ANY($1::int8[]::oid[]) ORDER BY 1
"""

_GRANTS = """
SELECT pg_catalog.format('GRANT %s ON LARGE OBJECT %s TO %s%s', a.privilege_type, m.oid,
                         CASE WHEN a.grantee = 0 THEN 'PUBLIC'
                              ELSE pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(a.grantee)) END,
                         CASE WHEN a.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END) AS statement
  FROM pg_catalog.pg_largeobject_metadata m, pg_catalog.aclexplode(m.lomacl) AS a
 WHERE m.oid = ANY($1::int8[]::oid[]) AND a.grantee <> m.lomowner ORDER BY 1
"""
