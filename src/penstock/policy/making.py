"""From a decision's text to a mask standing on its site."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from penstock.masks import registry
from penstock.masks.contract import Mask, Site, build_options
from penstock.masks.keys import Keyring


def make_mask(spec: Mapping[str, Any], site: Site, keys: Keyring) -> Mask:
    """The mask of `spec` ({"mask": name, **options}) at `site`. Raises `MaskError`."""
    options = dict(spec)
    mask = registry.get(options.pop("mask"))
    return mask(site, keys, build_options(mask, options))
