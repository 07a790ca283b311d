"""The decision on every column, by the rules of one section: the same for a plan, a drift, a scrub and `masks check`."""

from __future__ import annotations

from collections.abc import Mapping

from penstock.catalog.model import Catalog, ColumnName
from penstock.devdb.config import DevdbSettings
from penstock.devdb.planning.rules import Rules, joins_of
from penstock.discover import flagged
from penstock.masks.keys import Keyring
from penstock.policy.decision import Policy
from penstock.policy.registry_file import Registry
from penstock.policy.resolve import resolve


def decide(
    catalog: Catalog,
    rules: Rules,
    settings: DevdbSettings,
    registry: Registry,
    keys: Keyring,
    real: Mapping[ColumnName, frozenset[str]] | None = None,
) -> Policy:
    """What becomes of each column of `catalog`. `real`: values that stay as they are (the staff allow-list)."""
    return resolve(
        catalog,
        registry=registry,
        keys=keys,
        virtual_edges=joins_of(rules),
        unclassified=settings.unclassified,
        skip=rules.skip,
        empty=rules.empty,
        real=real or {},
        flagged=flagged(catalog),
    )
