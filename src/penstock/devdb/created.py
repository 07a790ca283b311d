"""What `create` makes, and what every way of making it begins and ends with."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path

from penstock.catalog.model import quote_identifier
from penstock.devdb import details, inventory, manifest, oddments, rights, roles
from penstock.devdb.context import Context
from penstock.devdb.disarm.relations import with_leaves
from penstock.devdb.manifest import Manifest
from penstock.devdb.planning.plan import Plan
from penstock.devdb.prepare import Prepared
from penstock.devdb.progress import Progress
from penstock.devdb.publication import Publication, require_createdb
from penstock.devdb.verify import Verification
from penstock.engines.postgres.session import Session
from penstock.errors import TargetRefused


@dataclass(frozen=True, slots=True)
class Created:
    """A development database that has just been published."""

    plan: Plan
    manifest: Manifest
    manifest_path: Path
    verification: Verification
    rows: int
    bytes: int
    seconds: float
    lost: tuple[str, ...] = ()  # of what developers had made in the one it replaced


def require_target(
    context: Context, maintenance: Session, progress: Progress, publication: Publication
) -> None:
    """Neither somebody else's database nor a finished one by mistake is in the way, and our role may do what is asked."""
    require_createdb(context, maintenance)
    if publication.stays:
        publication.require(context, maintenance)
        roles.require(context, maintenance, progress)


def require_sees_all(context: Context, maintenance: Session, prepared: Prepared) -> None:
    """Policies that hold for owners too would hide the copy's rows from the role that verifies it."""
    catalog, skip = (
        prepared.subset.catalog,
        frozenset(with_leaves(prepared.subset.catalog, prepared.subset.skip)),
    )
    forced = [t.name for t in catalog if t.row_security and t.row_security_forced and t.name not in skip]
    if forced and not maintenance.fetchval(
        "SELECT rolsuper OR rolbypassrls FROM pg_catalog.pg_roles WHERE rolname = current_user"
    ):
        raise TargetRefused(
            f"{context.target.user} could not see all rows of {forced[0]} in the copy, and so not verify it",
            why="its row-level security is forced: it holds for the owner too",
            hint=f"on the target's server: ALTER ROLE {quote_identifier(context.target.user)} BYPASSRLS;"
            "   or put the table in `skip`",
        )


def finish(context: Context, maintenance: Session, built: str, made: Manifest) -> Manifest:
    """Write the manifest, with what there is to be found in the copy, and hand the copy over to its developers."""
    roles.open_database(context, maintenance, built)
    with context.target_session(built) as target:
        with target.transaction():
            items = inventory.take(target)
            held = {
                "inventory": inventory.as_document(items, (right.text for right in rights.take(target))),
                "details": details.as_document(items, details.take(target)),
                "oddments": oddments.as_document(oddments.take(target, items)),
            }
        made = dataclasses.replace(made, document={**made.document, **held})
        manifest.write(target, made)
        roles.hand_over(context, target)
    return made
