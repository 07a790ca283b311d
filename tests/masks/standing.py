"""Masks standing on a column, for tests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from penstock.catalog.types import Family
from penstock.masks import registry
from penstock.masks.contract import Mask, Site, build_options
from penstock.masks.keys import Keyring

KEY = Keyring(bytes(range(32)))
OTHER_KEY = Keyring(bytes(range(1, 33)))


def standing(
    name: str, *, keys: Keyring = KEY, options: Mapping[str, Any] | None = None, **site: Any
) -> Mask:
    """The mask of that name on a text column described by `site`."""
    kind = registry.get(name)
    return kind(Site(**{"family": Family.TEXT, **site}), keys, build_options(kind, options or {}))


def masked(name: str, values: Sequence[str | None], **described: Any) -> list[str | None]:
    """What the mask makes of the values."""
    return standing(name, **described).mask(pa.array(values, pa.string())).to_pylist()
