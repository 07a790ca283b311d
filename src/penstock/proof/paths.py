"""Which leaves of a JSON document were to change, by the JSONPaths of a claim: the proof's own reading of them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from penstock.proof.cells import fold
from penstock.proof.leaves import is_json, leaves
from penstock.proof.relations import Shape

# A place in a document is one text: \x00 and the key for each object, \x01 for each array on the way down.
_KEY, _ELEMENT = "\x00", "\x01"
_STEP = re.compile(r"\.\.(?=[^.\[*])|\.\*\*|\.\*|\[\*\]|\['((?:[^'\\]|\\.)*)'\]|\.?([^.\[\]*]+)")
_ANY_KEY = "\x00[^\x00\x01]*"
_ANY_DEPTH = "(?:\x01|\x00[^\x00\x01]*)*"
_WILD = {"[*]": _ELEMENT, ".*": _ANY_KEY, "..": _ANY_DEPTH, ".**": _ANY_DEPTH}

_DIGITS = 3

Stays = Callable[[str], bool]


def staying(paths: Iterable[tuple[str, bool]]) -> Stays:
    """Whether a leaf at a place was to stay. Of several paths the one with the fewest wildcards says it, then the longest."""
    ranked = []
    for i, (path, stays) in enumerate(paths):
        steps = [_pattern(step) for step in _STEP.finditer(path.removeprefix("$"))]
        weight = (steps.count(_ANY_DEPTH), steps.count(_ANY_KEY), -len(steps), i)
        ranked.append((weight, re.compile("".join(steps), re.DOTALL), stays))
    ranked.sort(key=lambda rule: rule[0])
    return lambda place: next((stays for _, rule, stays in ranked if rule.fullmatch(place)), False)


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
    """The leaves of the document `text` that were to change; a text that is no document, as a whole.

    Numbers of a digit or two are left out: their pseudonyms are their own values too often by chance, and zero stays.
    """
    try:
        document = json.loads(text, parse_int=_Number, parse_float=_Number)
    except (ValueError, RecursionError):
        yield text
        return
    waiting: list[tuple[str, Any]] = [("", document)]
    while waiting:
        place, value = waiting.pop()
        if isinstance(value, dict):
            waiting.extend((f"{place}{_KEY}{_folded(key)}", inner) for key, inner in value.items())
        elif isinstance(value, list):
            waiting.extend((place + _ELEMENT, inner) for inner in value)
        elif isinstance(value, _Number):
            if not stays(place) and sum(map(str.isdigit, value)) >= _DIGITS:
                yield value
        elif isinstance(value, str) and not stays(place):
            yield from leaves(value, Shape.JSON) if value[:1] in ("{", "[") and is_json(value) else (value,)
