"""What becomes of an address, a number or an e-mail that is recognised in a text or a document: what its columns say.

A recogniser meets values of a domain without a line of its own. Where all masks of the domain agree, it does as they
do, so that one person has one pseudonym; where they do not, there is no telling, and it goes by the mask's defaults.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

from penstock.catalog.model import ColumnName
from penstock.catalog.types import Family
from penstock.masks import registry
from penstock.masks.contract import Mask, Site
from penstock.masks.free_text import DETECTORS
from penstock.masks.keys import Keyring
from penstock.masks.parts.arrays import strings
from penstock.policy.classes import KeyClass
from penstock.policy.decision import Notice

Agreed = dict[str, tuple[Any, int | None]]

_RECOGNISED = frozenset(name for name, _ in DETECTORS)
_RECOGNISERS = frozenset({"free_text", "json"})


def agreed(made: Mapping[KeyClass, Mask], keys: Keyring) -> tuple[Agreed, list[Notice]]:
    """The options and lengths other than the defaults that all masks of a domain agree on, by mask.

    Masks agree when they make the same of the mask's example: neither every option nor every length makes a difference.
    """
    ways: dict[str, dict[str, tuple[ColumnName, Mask]]] = defaultdict(dict)
    every = [(key_class.root, mask) for key_class, outer in made.items() for mask in _with_inner(outer)]
    if not any(mask.name in _RECOGNISERS for _, mask in every):
        return {}, []
    for column, mask in every:
        if mask.name in _RECOGNISED and mask.domain == mask.default_domain:
            ways[mask.name].setdefault(_of_example(mask), (column, mask))
    found: Agreed = {}
    notices = []
    for name, by_example in ways.items():
        (column, mask), *others = by_example.values()
        if others:
            notices.append(_disagreement(name, column, others[0][0]))
        elif _of_example(registry.get(name)(Site(Family.TEXT), keys)) not in by_example:
            found[name] = (mask.options, mask.site.max_length)
    return found, notices


def _with_inner(mask: Mask) -> Iterator[Mask]:
    yield mask
    for part in mask.inner:
        yield from _with_inner(part)


def _of_example(mask: Mask) -> str:
    return str(mask.mask(strings([mask.example[0]]))[0].as_py())


def _disagreement(name: str, column: ColumnName, other: ColumnName) -> Notice:
    where = "in itself" if other == column else f"in {other}"
    return Notice(
        column,
        f"the mask {name!r} has other options or another length here than {where}, so that one value has two pseudonyms; "
        "in texts and documents it goes by its defaults",
    )
