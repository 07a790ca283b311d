"""Which parts of a document, composite or array were to change, and which to become fresh, by what a claim says.

The proof's own reading of JSONPaths and of PostgreSQL's literals.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any

from penstock.proof.cells import fold
from penstock.proof.leaves import elements, fields, is_json, leaves
from penstock.proof.relations import Shape
from penstock.proof.report import Parts

# A place in a document is one text: \x00 and the key for each object, \x01 for each array on the way down.
_KEY, _ELEMENT = "\x00", "\x01"
_STEP = re.compile(r"\.\.(?=[^.\[*])|\.\*\*|\.\*|\[\*\]|\['((?:[^'\\]|\\.)*)'\]|\.?([^.\[\]*]+)")
_ANY_KEY = "\x00[^\x00\x01]*"
_ANY_DEPTH = "(?:\x01|\x00[^\x00\x01]*)*"
_WILD = {"[*]": _ELEMENT, ".*": _ANY_KEY, "..": _ANY_DEPTH, ".**": _ANY_DEPTH}

_NOWHERE = "\x02"  # the place of a text that is no document
_EMAIL = re.compile(r"[^\s@]+@[^\s@]+\.[^\s@]+")

_NUMBER = re.compile(r"[-+]?[0-9.]+(?:e[-+]?[0-9]+)?")
_DIGITS = 3

Stays = Callable[[str], bool | None]  # None: nothing is said of that place
ToChange = Callable[[str], Iterator[str]]


def changing(parts: Parts) -> ToChange:
    """What to ask for the values in a text that were to change.

    Numbers of a digit or two are left out: their pseudonyms are their own values too often by chance, and zero stays.
    """
    return _by_parts(
        parts,
        of_document=lambda part: partial(to_change, stays=staying(part.paths or ())),
        of_value=lambda part: lambda text: iter(() if part.stays or _is_short_number(text) else (text,)),
    )


def fresh(parts: Parts) -> ToChange:
    """What to ask for the values in a text that were to become fresh: those to search the target for.

    Numbers in documents become other numbers, which may be somebody's.
    """
    return _by_parts(
        parts,
        of_document=lambda part: partial(
            _fresh_leaves, is_fresh=staying((path, path in part.fresh_paths) for path, _ in part.paths or ())
        ),
        of_value=lambda part: lambda text: iter((text,) if part.fresh else ()),
    )


def _by_parts(
    parts: Parts, of_document: Callable[[Parts], ToChange], of_value: Callable[[Parts], ToChange]
) -> ToChange:
    """Down through arrays and composites to the documents and plain values in them."""
    if parts.paths is not None:
        return of_document(parts)
    if parts.element is not None:
        of_element = _by_parts(parts.element, of_document, of_value)
        return lambda text: (value for element in elements(text) for value in of_element(element))
    if parts.fields:
        each = [_by_parts(field, of_document, of_value) for field in parts.fields]
        return lambda text: _of_fields(text, each)
    return of_value(parts)


def _fresh_leaves(text: str, is_fresh: Stays) -> Iterator[str]:
    for place, value in _placed(text):
        said = is_fresh(place)
        if said is not False and not isinstance(value, _Number):
            yield from (leaf for leaf in _inside(place, value) if said or is_email(leaf))


def is_email(text: str) -> bool:
    """Whether a text is an e-mail, by its looks."""
    return _EMAIL.fullmatch(text.strip()) is not None


def _of_fields(text: str, each: list[ToChange]) -> Iterator[str]:
    found = fields(text)
    if len(found) != len(each):
        yield text
        return
    for value, of_field in zip(found, each, strict=True):
        if value:
            yield from of_field(value)


def _is_short_number(text: str) -> bool:
    return _NUMBER.fullmatch(text) is not None and sum(map(str.isdigit, text)) < _DIGITS


def staying(paths: Iterable[tuple[str, bool]]) -> Stays:
    """Whether a leaf at a place was to stay. Of several paths the one with the fewest wildcards says it, then the longest."""
    ranked = []
    for i, (path, stays) in enumerate(paths):
        steps = [_pattern(step) for step in _STEP.finditer(path.removeprefix("$"))]
        weight = (steps.count(_ANY_DEPTH), steps.count(_ANY_KEY), -len(steps), i)
        ranked.append((weight, re.compile("".join(steps), re.DOTALL), stays))
    ranked.sort(key=lambda rule: rule[0])
    return lambda place: next((stays for _, rule, stays in ranked if rule.fullmatch(place)), None)


def _pattern(step: re.Match[str]) -> str:
    quoted, bare = step.groups()
    if quoted is None and bare is None:
        return _WILD[step[0]]
    return _KEY + re.escape(_folded(re.sub(r"\\(.)", r"\1", quoted) if quoted is not None else bare))


def _folded(key: str) -> str:
    return fold(key.encode(errors="replace")).decode()


class _Number(str):
    __slots__ = ()


def to_change(text: str, stays: Stays) -> Iterator[str]:
    """The leaves of the document `text` that were to change; a text that is no document, as a whole."""
    for place, value in _placed(text):
        if not (stays(place) or (isinstance(value, _Number) and _is_short_number(value))):
            yield from _inside(place, value)


def _placed(text: str) -> Iterator[tuple[str, str]]:
    """The strings and numbers of a document, and where they are."""
    try:
        document = json.loads(text, parse_int=_Number, parse_float=_Number)
    except (ValueError, RecursionError):
        yield _NOWHERE, text
        return
    waiting: list[tuple[str, Any]] = [("", document)]
    while waiting:
        place, value = waiting.pop()
        if isinstance(value, dict):
            waiting.extend((f"{place}{_KEY}{_folded(key)}", inner) for key, inner in value.items())
        elif isinstance(value, list):
            waiting.extend((place + _ELEMENT, inner) for inner in value)
        elif isinstance(value, str):
            yield place, value


def _inside(place: str, value: str) -> Iterable[str]:
    """A leaf, or the leaves of the document it holds as a string."""
    nested = place != _NOWHERE and value[:1] in ("{", "[") and is_json(value)
    return leaves(value, Shape.JSON) if nested else (value,)
