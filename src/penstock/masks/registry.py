"""Finds the masks: every module of this package that defines a `Mask` subclass with a `name`.

Adding a mask means adding one file here and one test file beside it; `make docs` writes it into the reference.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping
from difflib import get_close_matches
from functools import cache
from types import MappingProxyType

import penstock.masks
from penstock.errors import MaskError
from penstock.masks.contract import Mask


@cache
def masks() -> Mapping[str, type[Mask]]:
    """All masks by name, sorted."""
    found: dict[str, type[Mask]] = {}
    for module_info in pkgutil.iter_modules(penstock.masks.__path__):
        module = importlib.import_module(f"penstock.masks.{module_info.name}")
        for item in vars(module).values():
            is_here = isinstance(item, type) and issubclass(item, Mask) and item.__module__ == module.__name__
            if is_here and "name" in vars(item):
                found[item.name] = item
    return MappingProxyType(dict(sorted(found.items())))


def get(name: str) -> type[Mask]:
    """The mask of that name. Raises `MaskError` with a did-you-mean."""
    try:
        return masks()[name]
    except KeyError:
        close = get_close_matches(name, masks(), n=1)
        raise MaskError(
            f"there is no mask {name!r}",
            hint=f"did you mean {close[0]!r}?" if close else "penstock masks list",
        ) from None
