"""What a plan says of what makes a copy dangerous: what stays behind, what arrives all the same and is worth a warning, what
has to be decided first.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from penstock.devdb.config import DevdbSettings
from penstock.devdb.disarm.behind import behind, reasons_against
from penstock.devdb.disarm.expressions import waiting
from penstock.devdb.disarm.outbox import queue_warnings
from penstock.devdb.disarm.outward import outward_warnings
from penstock.devdb.largeobjects import unreadable
from penstock.devdb.planning.named_indexes import named_index_warnings
from penstock.devdb.planning.subset import Subset
from penstock.engines.postgres.session import Session
from penstock.errors import PenstockError


@dataclass(frozen=True, slots=True)
class Arming:
    """Of one plan."""

    left_out: tuple[str, ...]
    warnings: tuple[str, ...]
    errors: tuple[PenstockError, ...]


def arming(name: str, settings: DevdbSettings, source: Session, subset: Subset) -> Arming:
    """Asked of the source alone: what its target does not offer only the build knows."""
    return Arming(
        tuple(map(str, behind(source, subset, None).told)),
        tuple(_warnings(name, settings, source, subset)),
        (
            *reasons_against(source, subset, None),
            *(unreadable(source) if subset.large_objects else ()),
        ),
    )


def _warnings(name: str, settings: DevdbSettings, source: Session, subset: Subset) -> Iterator[str]:
    if subset.large_objects:
        count = source.fetchval("SELECT count(*) FROM pg_catalog.pg_largeobject_metadata")
        yield f"{count} large objects are copied as they are: no mask looks into them"
    if subset.disarm:
        yield from waiting(source, subset.catalog, subset.skip)
    yield from outward_warnings(source, subset.catalog)
    yield from named_index_warnings(source, subset)
    copied = subset.whole | {table for table, rows in subset.closure.rows.items() if rows.count}
    yield from queue_warnings(subset.catalog, copied, f"[devdb.{name}]", settings.empty)
