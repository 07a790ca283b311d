"""What the proof would find in the end whatever the masks do, asked before the first write, while it is easily mended:
texts of the schema that quote a value that is masked.
"""

from __future__ import annotations

from penstock.devdb.progress import Progress
from penstock.devdb.scrub.request import Request
from penstock.devdb.scrub.work import Work
from penstock.devdb.verify import Tasks, policy_claims
from penstock.engines.postgres.session import Session
from penstock.errors import TargetRefused
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
