"""Is the scrubbed database whole, and does anything survive in it of the originals that were set aside?

Asked before the originals go, of the whole database as it is, so a run that was killed and went on proves as much as one
that was not. The structure is compared by digests taken before anything was touched.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any

from penstock.catalog.model import ColumnName, TableName, quote_identifier
from penstock.catalog.types import Family
from penstock.devdb.progress import Progress
from penstock.devdb.scrub import aside, closing
from penstock.devdb.scrub.state import ASIDE, STATE
from penstock.devdb.scrub.work import Work, catalog_of
from penstock.devdb.verify import Tasks, Verification, policy_claims
from penstock.engines.postgres.session import Session
from penstock.proof.integrity import check_integrity
from penstock.proof.leak import check_leaks
from penstock.proof.report import Check, IntegrityReport, Status

_STRUCTURE = "structure"


def structure(session: Session) -> dict[str, str]:
    """A digest of each kind of object of the schema. Part of the caller's transaction, whose settings are pinned."""
    own = [ASIDE, STATE.schema]
    return {
        row["kind"]: row["digest"]
        for row in session.fetch(_STRUCTURE_SQL, own, doing="reading the structure of the database")
    }


def prove(
    session: Session,
    reader: Session,
    work: Work,
    originals: Mapping[TableName, TableName],
    expected: Mapping[TableName, int],
    begun: Mapping[str, Any],
    known: Mapping[str, int],
    progress: Progress,
    *,
    was_whole: bool,
) -> Verification:
    """Both checks. Both sessions are on the database, the reader in a snapshot of its own. `was_whole`: the proof before
    found all objects of the schema; what is otherwise now is so on purpose."""
    tasks = Tasks(progress)
    with session.transaction():
        now = catalog_of(session, None)
        checked = check_integrity(
            session,
            now,
            now,
            expected,
            emptied=frozenset(_may_be_null(reader, work, originals)),
            progress=tasks,
        )
        checks = [_known(check, known) for check in checked.checks if check.kind != _STRUCTURE]
        checks += _same_structure(begun["structure"], structure(session), was_whole=was_whole)
        checks += _nothing_added(session, work)
        with closing.with_comment(session, begun):
            leaks = check_leaks(
                reader,
                session,
                policy_claims(work.policy, work.nulled),
                nomenclature=work.rules.keep,
                acknowledged=work.acknowledged,
                originals=originals,
                without=frozenset({STATE}),  # what it holds of the schema is there as well by now
                progress=tasks,
            )
    tasks.finish()
    return Verification(IntegrityReport(tuple(checks), checked.seconds), leaks)


def _known(check: Check, known: Mapping[str, int]) -> Check:
    """A NOT VALID key that is broken in as many rows as before."""
    if (
        check.kind == "foreign key"
        and check.status is Status.FAILED
        and known.get(check.subject) == check.count
    ):
        detail = f"{check.count} rows refer to nothing, as before; the constraint is NOT VALID"
        return dataclasses.replace(check, status=Status.KNOWN, detail=detail)
    return check


def _same_structure(
    before: Mapping[str, str], after: Mapping[str, str], *, was_whole: bool
) -> Iterable[Check]:
    for kind in sorted({*before, *after}):
        if before.get(kind) == after.get(kind):
            yield Check(_STRUCTURE, kind, Status.OK)
        elif was_whole:
            yield Check(_STRUCTURE, kind, Status.EXTRA, f"{kind} were changed while the database was closed")
        else:
            yield Check(_STRUCTURE, kind, Status.FAILED, "not as they were before the scrub")


def is_whole(found: Verification) -> bool:
    """Whether all objects of the schema are as they were."""
    return all(c.status is Status.OK for c in found.integrity.checks if c.kind == _STRUCTURE)


def _nothing_added(session: Session, work: Work) -> Iterable[Check]:
    """The catalog may hold the value that a column was added with; of a table that is masked it must not."""
    for name in work.touched:
        for leaf in aside.with_added(session, work.catalog.leaves[name]):
            detail = "the catalog still holds the value that a column was added with"
            yield Check("catalog", str(leaf), Status.FAILED, detail)


def _may_be_null(
    reader: Session, work: Work, originals: Mapping[TableName, TableName]
) -> Iterable[ColumnName]:
    """The tsvector columns that may be NULL in every row: masked so, untouched, or NULL in every row before."""
    for name in work.catalog.leaves:
        for column in work.catalog.tables[name].columns:
            if column.type.family is not Family.SEARCH:
                continue
            decision = work.policy.of(name).get(column.name)
            refilled = decision is not None and decision.rebuild_trigger is not None and name in originals
            if not refilled or not reader.fetchval(
                f"SELECT count({quote_identifier(column.name)}) > 0 FROM {originals[name].sql}"
            ):
                yield ColumnName(name, column.name)


# No text leaves the server: definitions may quote values. Of keys and triggers those that somebody declared, not the
# copies PostgreSQL makes of them for partitions.
_STRUCTURE_SQL = """
WITH relation AS (
    SELECT c.*, format('%I.%I', n.nspname, c.relname) AS name
      FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
     WHERE n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema' AND n.nspname <> ALL($1::text[])
), said AS (
    SELECT 'tables' AS kind, concat_ws(' ', name, relkind, relpersistence, relowner, relrowsecurity, relforcerowsecurity,
           relreplident, reltablespace, relacl::text, reloptions::text, relispartition,
           pg_catalog.pg_get_expr(relpartbound, oid), pg_catalog.obj_description(oid, 'pg_class')) AS text
      FROM relation WHERE relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
    UNION ALL
    SELECT 'columns', concat_ws(' ', r.name, a.attnum, a.attname, pg_catalog.format_type(a.atttypid, a.atttypmod), a.attnotnull,
           a.attidentity, a.attgenerated, a.attstorage, a.attcompression, a.attcollation, a.attacl::text, a.attoptions::text,
           pg_catalog.pg_get_expr(d.adbin, d.adrelid), pg_catalog.col_description(r.oid, a.attnum))
      FROM relation r JOIN pg_catalog.pg_attribute a ON a.attrelid = r.oid
      LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = r.oid AND d.adnum = a.attnum
     WHERE a.attnum > 0 AND NOT a.attisdropped AND r.relkind IN ('r', 'p', 'v', 'm', 'f')
    UNION ALL
    SELECT 'constraints', concat_ws(' ', r.name, k.conname, pg_catalog.pg_get_constraintdef(k.oid), k.convalidated,
           pg_catalog.obj_description(k.oid, 'pg_constraint'))
      FROM relation r JOIN pg_catalog.pg_constraint k ON k.conrelid = r.oid WHERE k.conparentid = 0 AND k.contype <> 't'
    UNION ALL
    SELECT 'indexes', concat_ws(' ', pg_catalog.pg_get_indexdef(i.indexrelid), i.indisvalid, i.indisclustered,
           i.indisreplident, i.indisprimary)
      FROM relation r JOIN pg_catalog.pg_index i ON i.indrelid = r.oid
    UNION ALL
    SELECT 'triggers', concat_ws(' ', r.name, pg_catalog.pg_get_triggerdef(t.oid), t.tgenabled)
      FROM relation r JOIN pg_catalog.pg_trigger t ON t.tgrelid = r.oid WHERE NOT t.tgisinternal
    UNION ALL
    SELECT 'triggers of foreign keys', concat_ws(' ', r.name, p.proname, t.tgenabled)
      FROM relation r JOIN pg_catalog.pg_trigger t ON t.tgrelid = r.oid JOIN pg_catalog.pg_proc p ON p.oid = t.tgfoid
     WHERE t.tgisinternal AND t.tgconstrrelid <> 0
    UNION ALL
    SELECT 'policies', concat_ws(' ', r.name, p.polname, p.polcmd, p.polpermissive, p.polroles::text,
           pg_catalog.pg_get_expr(p.polqual, r.oid), pg_catalog.pg_get_expr(p.polwithcheck, r.oid))
      FROM relation r JOIN pg_catalog.pg_policy p ON p.polrelid = r.oid
    UNION ALL
    SELECT 'views and rules', concat_ws(' ', r.name, w.rulename, w.ev_enabled, pg_catalog.pg_get_ruledef(w.oid))
      FROM relation r JOIN pg_catalog.pg_rewrite w ON w.ev_class = r.oid
    UNION ALL
    SELECT 'statistics objects', pg_catalog.pg_get_statisticsobjdef(s.oid)
      FROM relation r JOIN pg_catalog.pg_statistic_ext s ON s.stxrelid = r.oid
)
SELECT kind, pg_catalog.encode(pg_catalog.sha256(pg_catalog.convert_to(
           string_agg(text, E'\\n' ORDER BY text COLLATE "C"), 'UTF8')), 'hex') AS digest
  FROM said GROUP BY kind
"""
