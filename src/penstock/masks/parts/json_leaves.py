"""Where the leaves of JSON texts stand.

The text between them is never written again, so that it stays as it is: structure, blanks, key order, duplicate keys,
and the spelling of whatever is kept.
"""

from __future__ import annotations

import json
import re
from array import array
from collections.abc import Callable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from penstock.detect.spans import Spans, Texts
from penstock.masks.parts.arrays import I64
from penstock.masks.parts.json_paths import ELEMENT, Decisions, State, Step

STRING, NUMBER, OTHER, KEY = range(4)

# A key is a string before a colon; no other string is.
_TOKEN = re.compile(rb'("[^"\\]*(?:\\.[^"\\]*)*")(\s*:)?|[{}\[\],]|[^\s{}\[\],:"]+', re.DOTALL)
_OPENING, _CLOSING = b"{[", b"}]"
_ARRAY, _COMMA, _NINE = b"[,9"
_BACKSLASH = ord("\\")
_ELEMENTS = b""  # no key token is empty: keys keep their quotes


@dataclass(slots=True)
class _Node:
    """A place in the values of one block: what was decided about leaves there, and the places below."""

    state: State
    decision: int  # number of the pattern, -1: none
    stays: bool
    key_stays: bool
    below: dict[bytes, _Node] = field(default_factory=dict)


class _Places:
    """The paths met so far, each looked up once. `staying`: the decisions under which a leaf stays as it is."""

    def __init__(
        self, decisions: Decisions, staying: AbstractSet[int], keeps_key: Callable[[str], bool]
    ) -> None:
        self._decisions = decisions
        self._staying = staying
        self._keeps_key = keeps_key
        self.root = self._node(decisions.start, ELEMENT)

    def _node(self, state: State, step: Step) -> _Node:
        decision = self._decisions.at(state)
        stays = decision in self._staying
        return _Node(state, decision, stays, stays or step is ELEMENT or self._keeps_key(step.key))

    def below(self, node: _Node, token: bytes) -> _Node:
        """The place of a key (its token, quotes included), or of the elements of an array."""
        found = node.below.get(token)
        if found is None:
            step = ELEMENT if token == _ELEMENTS else Step("key", decoded(token))
            found = node.below[token] = self._node(self._decisions.after(node.state, step), step)
        return found


def leaves(
    texts: Texts,
    decisions: Decisions,
    staying: AbstractSet[int],
    *,
    keeps_key: Callable[[str], bool] = lambda _: True,
) -> I64:
    """(n, 4): start, end, kind and decision of every leaf and every key that does not stay, in their order.

    The texts are valid JSON or empty. Decision -1: no pattern matches. `keeps_key` is asked once per path.
    """
    places = _Places(decisions, staying, keeps_key)
    found = array("q")
    for row in np.flatnonzero(np.diff(texts.offsets)).tolist():
        _collect(texts, row, places, found)
    return np.frombuffer(found, np.int64).reshape(-1, 4) if found else np.empty((0, 4), np.int64)


def _collect(texts: Texts, row: int, places: _Places, found: array[int]) -> None:
    base = int(texts.offsets[row])
    text = texts.data[base : int(texts.offsets[row + 1])].tobytes()
    # For each container around the current place: itself, and where leaves without a key stood before it.
    stack: list[tuple[_Node, _Node]] = []
    elements = target = places.root
    for match in _TOKEN.finditer(text):
        string, colon = match.groups()
        if colon is not None:
            target = places.below(stack[-1][0], string)
            if not target.key_stays:
                start = base + match.start()
                found.extend((start, start + len(string), KEY, target.decision))
            continue
        first = text[match.start()]
        if first in _OPENING:
            stack.append((target, elements))
            if first == _ARRAY:
                elements = target = places.below(target, _ELEMENTS)
        elif first in _CLOSING:
            elements = target = stack.pop()[1]
        elif first == _COMMA:
            target = elements  # in an object the next key says better
        elif not target.stays:
            kind = STRING if string is not None else NUMBER if first <= _NINE else OTHER
            found.extend((base + match.start(), base + match.end(), kind, target.decision))


def decoded(token: bytes) -> str:
    """The string a JSON string token says. A lone surrogate, which no column can hold as text, becomes '?'."""
    if b"\\" not in token:
        return token[1:-1].decode()
    value: str = json.loads(token)
    return value.encode(errors="replace").decode()


def contents(texts: Texts, spans: Spans) -> pa.Array:
    """What the string tokens at `spans` say."""
    plain = texts.slices(spans.starts + 1, spans.ends - 1)
    escaped = _rows_having(texts, spans)
    if len(escaped) == 0:
        return plain
    flags = np.zeros(len(spans), np.bool_)
    flags[escaped] = True
    said = [decoded(texts.data[spans.starts[i] : spans.ends[i]].tobytes()) for i in escaped.tolist()]
    return pc.replace_with_mask(plain, pa.array(flags), pa.array(said, pa.large_string()))


def _rows_having(texts: Texts, spans: Spans) -> I64:
    """Which spans hold a backslash."""
    places = np.flatnonzero(texts.data == _BACKSLASH)
    return np.flatnonzero(np.searchsorted(places, spans.ends) > np.searchsorted(places, spans.starts))


def tokens(values: pa.Array) -> pa.Array:
    """Strings as JSON string tokens, `null` for NULL."""
    escaped = pc.replace_substring(pc.replace_substring(values, "\\", "\\\\"), '"', '\\"')
    mark, nothing = pa.scalar('"', values.type), pa.scalar("", values.type)
    spelled = pc.binary_join_element_wise(mark, escaped, mark, nothing)
    odd = pc.fill_null(pc.match_substring_regex(values, r"[\x00-\x1f]"), fill_value=False)
    if pc.any(odd).as_py():
        slow = [json.dumps(v, ensure_ascii=False) for v in values.filter(odd).to_pylist()]
        spelled = pc.replace_with_mask(spelled, odd, pa.array(slow, values.type))
    return pc.fill_null(spelled, "null")


def is_json(text: str) -> bool:
    """Whether PostgreSQL would take the text as JSON (Python's reader also takes NaN and Infinity)."""
    try:
        json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return False
    return True


def _refuse(constant: str) -> None:
    raise ValueError(constant)
