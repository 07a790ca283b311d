"""Large objects, as the proof reads them: those this role may read, in pieces that overlap, so that none is held whole.

No value that is searched for is longer than the overlap. A piece begins and ends with a whole letter, else its text
would count as octets.
"""

from __future__ import annotations

from collections.abc import Iterator

from penstock.engines.postgres.session import Session
from penstock.proof.report import Check, Status

_STEP = 1 << 20
_OVERLAP = 1 << 14


def _octets(first: int, last: int) -> str:
    return "'\\x" + "".join(f"{octet:02x}" for octet in range(first, last + 1)) + "'::pg_catalog.bytea"


_HEADS, _TAILS = _octets(0xC0, 0xFF), _octets(0x80, 0xBF)  # of letters of several octets in UTF-8

LARGE_OBJECTS = """
SELECT m.oid, pg_catalog.current_setting('lo_compat_privileges') = 'on' OR pg_catalog.pg_has_role(m.lomowner, 'USAGE')
       OR EXISTS (SELECT FROM pg_catalog.aclexplode(m.lomacl) a
                   WHERE a.privilege_type = 'SELECT'
                     AND CASE WHEN a.grantee = 0 THEN true ELSE pg_catalog.pg_has_role(a.grantee, 'USAGE') END) AS readable
  FROM pg_catalog.pg_largeobject_metadata m
"""

PIECES = f"""
WITH RECURSIVE piece AS (
    SELECT oid, 0::int8 AS start FROM ({LARGE_OBJECTS}) AS o WHERE readable
  UNION ALL
    SELECT oid, start + {_STEP} FROM piece
     WHERE pg_catalog.length(pg_catalog.lo_get(oid, start + {_STEP}, 1)) > 0
)
SELECT CASE WHEN start = 0 THEN first ELSE pg_catalog.ltrim(first, {_TAILS}) END || middle ||
       CASE WHEN size < {_STEP + _OVERLAP} THEN last ELSE pg_catalog.rtrim(pg_catalog.rtrim(last, {_TAILS}), {_HEADS}) END
  FROM (SELECT start, size, pg_catalog.substr(bytes, 1, 3) AS first,
               pg_catalog.substr(bytes, 4, greatest(size - 7, 0)) AS middle,
               pg_catalog.substr(bytes, greatest(size - 3, 4)) AS last
          FROM (SELECT start, bytes, pg_catalog.length(bytes) AS size
                  FROM (SELECT start, pg_catalog.lo_get(oid, start, {_STEP + _OVERLAP}) AS bytes FROM piece) AS p) AS q) AS r
"""


_AT_ONCE = 500

# A hash of the hashes of pieces: each server computes its own, and none holds an object whole.
_HASHES = f"""
WITH RECURSIVE piece AS (
    SELECT o::oid AS oid, 0::int8 AS start FROM pg_catalog.unnest($1::int8[]) AS n(o)
  UNION ALL
    SELECT oid, start + {_STEP} FROM piece
     WHERE pg_catalog.length(pg_catalog.lo_get(oid, start + {_STEP}, 1)) > 0
)
SELECT oid::int8 AS oid, pg_catalog.string_agg(
           pg_catalog.sha256(pg_catalog.lo_get(oid, start, {_STEP})), '\\x'::pg_catalog.bytea ORDER BY start) AS hash
  FROM piece GROUP BY oid
"""


def check_large_objects(source: Session, target: Session, *, kept: bool) -> Iterator[Check]:
    """Whether the target has the source's large objects, if they were to be kept, and none if not."""
    expected, found = (
        {
            row["oid"]
            for row in session.fetch("SELECT oid::int8 AS oid FROM pg_catalog.pg_largeobject_metadata")
        }
        for session in (source, target)
    )
    if not kept:
        expected = set()
    if expected == found:
        if found:
            yield Check("large object count", str(len(found)), Status.OK)
            yield _bytes(source, target, sorted(found))
        return
    detail = f"{len(expected - found)} are missing, {len(found - expected)} are not expected"
    yield Check("large object count", str(len(found)), Status.FAILED, detail, len(expected ^ found))


def _bytes(source: Session, target: Session, numbers: list[int]) -> Check:
    """Whether each of them holds the same bytes on both sides."""
    differing = 0
    for at in range(0, len(numbers), _AT_ONCE):
        batch = numbers[at : at + _AT_ONCE]
        here, there = (
            {row["oid"]: row["hash"] for row in session.fetch(_HASHES, batch, doing="hashing large objects")}
            for session in (source, target)
        )
        differing += sum(here[number] != there[number] for number in batch)
    if not differing:
        return Check("large object content", str(len(numbers)), Status.OK)
    return Check(
        "large object content", str(len(numbers)), Status.FAILED, f"{differing} hold other bytes", differing
    )
