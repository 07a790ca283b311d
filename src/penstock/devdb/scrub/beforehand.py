"""What the proof would find in the end whatever the masks do, asked before the first write, while it is easily mended:
texts of the schema that quote a value that is masked, and keys that the rows break already.
"""

from __future__ import annotations

from penstock.catalog.model import Catalog, ForeignKey, quote_identifier
from penstock.devdb.progress import Progress
from penstock.devdb.scrub.request import Request
from penstock.devdb.scrub.work import Work
from penstock.devdb.verify import Tasks, policy_claims
from penstock.engines.postgres.session import Session
from penstock.errors import TargetRefused
from penstock.proof.integrity import orphan_query
from penstock.proof.leak import quoting_texts


def require_no_quotes(session: Session, work: Work, request: Request, progress: Progress) -> None:
    """Raise `TargetRefused` for texts of the schema that quote values of masked columns: an index's predicate, a CHECK, a
    default, a view, a function, a comment."""
    tasks = Tasks(progress)
    found = quoting_texts(
        session,
        policy_claims(work.policy, work.nulled),
        nomenclature=work.rules.keep,
        acknowledged=work.acknowledged,
        progress=tasks,
    )
    tasks.finish()
    places: dict[str, list[str]] = {}
    for finding in found:
        places.setdefault(finding.place, []).append(str(finding.origin))
    if places:
        named = " (COMMENT ON DATABASE … IS …;)" if "comment on the database" in places else ""
        raise TargetRefused(
            f"{len(places)} texts of the schema of {session.database} quote values that are masked",
            problems=[f"{place} quotes {', '.join(origins)}" for place, origins in places.items()],
            hint=f"change or drop what is named{named}, and run this again; or accept it in "
            f'{request.section} (* and ? may be used): acknowledged = ["{next(iter(places))}", …]',
        )


def require_whole_keys(session: Session, work: Work) -> None:
    """Raise `TargetRefused` for validated foreign keys with rows that refer to nothing, as rows can that came while triggers
    were off: such a key could not be put back."""
    broken = {
        key: count
        for key in work.catalog.foreign_keys
        if key.validated and key.enforced and _keeps_its_rows(work, key)
        if (count := int(session.fetchval(orphan_query(key, work.catalog), doing=f"checking {key.name}")))
    }
    if broken:
        raise TargetRefused(
            f"{len(broken)} foreign keys of {session.database} are broken by rows that are there already",
            why="rows came or went while triggers were off, and a key cannot be put back over them",
            problems=[
                f"{count} rows of {key.table} refer to nothing by {key.name}" for key, count in broken.items()
            ],
            hint=_mending(session, work.catalog, next(iter(broken))),
        )


def _keeps_its_rows(work: Work, key: ForeignKey) -> bool:
    root = work.catalog.root_of(key.table)
    return root not in work.emptied and not work.nulled.get(root, frozenset()) & {*key.columns}


def _mending(session: Session, catalog: Catalog, key: ForeignKey) -> str:
    """Two statements to choose from; before PostgreSQL 18 a partitioned table has no key that is not valid."""
    delete = orphan_query(key, catalog).replace("SELECT count(*)", "DELETE", 1)
    if (
        catalog.tables[key.table].kind == "partitioned"
        and session.connection.get_server_version().major < _NOT_VALID_SINCE
    ):
        return f"be rid of those rows: {delete};"
    name = quote_identifier(key.name)
    definition = session.fetchval(_DEFINITION_SQL, key.table.sql, key.name)
    return (
        f"be rid of those rows: {delete}; or keep them, and have the key looked at for new rows only: "
        f"ALTER TABLE {key.table.sql} DROP CONSTRAINT {name}, ADD CONSTRAINT {name} {definition} NOT VALID;"
    )


_NOT_VALID_SINCE = 18
_DEFINITION_SQL = """
SELECT pg_catalog.pg_get_constraintdef(oid) FROM pg_catalog.pg_constraint
 WHERE conrelid = $1::text::regclass AND conname = $2 AND contype = 'f'
"""
