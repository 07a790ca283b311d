"""From a decision's text to a mask on its site: the one place where `masks.toml` values become masks.

Masks with masks inside (array, composite, json) build those here too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from penstock.catalog.types import Family
from penstock.errors import MaskError
from penstock.masks import registry
from penstock.masks.contract import Mask, Site, build_options
from penstock.masks.keys import Keyring

Spec = str | Mapping[str, Any]  # "text", or {"mask": "email", "keep_domain": True}


def build(spec: Spec, site: Site, keys: Keyring) -> Mask:
    """The mask that `spec` names, with its options, standing on `site`.

    `domain` in the spec is the semantic domain and goes to the site. On an array, a mask that takes no arrays masks the
    elements: `phones = "phone"` says enough. Raises `MaskError`.
    """
    options = dict(spec) if isinstance(spec, Mapping) else {"mask": spec}
    name = options.pop("mask", None)
    if not isinstance(name, str):
        raise MaskError("a mask is a name or a table with the key 'mask'", hint='{ mask = "text" }')
    if domain := options.pop("domain", None):
        site = replace(site, domain=str(domain))
    mask = registry.get(name)
    if site.family not in mask.families:
        if site.family is Family.ARRAY and site.element is not None:
            return build({"mask": "array", "element": {"mask": name, **options}}, site, keys)
        raise MaskError(
            f"the mask {name!r} does not take values of type {site.type_name}",
            hint=f"it takes: {', '.join(sorted(mask.families))}",
        )
    return mask(site, keys, build_options(mask, options))


def recognising(name: str, site: Site, keys: Keyring) -> Mask:
    """The mask `name` for values recognised by their looks inside of `site`: they become what they do in their columns."""
    options, max_length = site.agreed.get(name, (None, None))
    return registry.get(name)(site.inside(Site(Family.TEXT, max_length=max_length)), keys, options)


# What hides a value of which nothing but the type is known: of columns under `unclassified = "mask"`, and of the parts
# of a value that is masked. Types that are not listed are emptied.
BY_FAMILY: Mapping[Family, str] = {
    Family.TEXT: "text",
    Family.JSON: "json",
    Family.DATE: "date_shift",
    Family.TIMESTAMP: "date_shift",
    Family.NETWORK: "ip",
    Family.MAC: "mac",
    Family.UUID: "uuid",
    Family.INTEGER: "integer",
    Family.ARRAY: "array",  # element by element, by the same table
    Family.COMPOSITE: "composite",  # field by field
}


def spec_by_family(site: Site) -> str | None:
    """The mask for a part (array element, field) nobody decided about; None: somebody must.

    Nothing of a value passes by its type here: that the whole is masked says that it may speak of a person.
    """
    chosen = BY_FAMILY.get(site.family)
    return "null" if chosen is None and site.nullable else chosen
