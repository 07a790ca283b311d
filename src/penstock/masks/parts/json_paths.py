"""Paths into JSON values, and which decision a leaf falls under.

A path is written as in JSONPath: `$.customer.email`, `$.items[*].sku`, `$['odd key']`, `$.*` for any key, `$..email`
for that key at any depth, `$.meta.**` for everything below. Where several match, the one with the fewest wildcards
wins, then the longer one, then the one written first.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from penstock.errors import MaskError

ANY_KEY = "*"
ANY_ELEMENT = "[*]"
ANY_DEPTH = "**"

_STEP = re.compile(
    r"""(?P<deep>\.\.)(?=[^.\[*]) | \.\*\*(?P<below>) | \.(?P<any>\*) | \.(?P<key>[^.\[\]*'"]+)
      | \[(?P<element>\*)\] | \['(?P<quoted>(?:[^'\\]|\\.)*)'\]""",
    re.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a path. Kind: "key", or one of the wildcards above."""

    kind: str
    key: str = ""


Path = tuple[Step, ...]
ELEMENT = Step(ANY_ELEMENT)  # any element: its number makes no difference


def parse_path(text: str) -> Path:
    """The steps of a path as written in `masks.toml`. Raises `MaskError`."""
    steps: list[Step] = []
    position = 1
    if not text.startswith("$"):
        raise MaskError(f"a path begins with $: {text!r}", hint=f'"$.{text}"')
    while position < len(text):
        if text.startswith("..", position):
            steps.append(Step(ANY_DEPTH))
            position += 1
        match = _STEP.match(text, position)
        if match is None:
            raise MaskError(
                f"this is no path: {text!r}",
                hint="$.customer.email, $.items[*].sku, $['odd key'], $..email, $.meta.**",
            )
        position = match.end()
        if match["below"] is not None:
            steps.append(Step(ANY_DEPTH))
        elif match["any"] is not None:
            steps.append(Step(ANY_KEY))
        elif match["element"] is not None:
            steps.append(ELEMENT)
        elif match["quoted"] is not None:
            steps.append(Step("key", re.sub(r"\\(.)", r"\1", match["quoted"])))
        else:
            steps.append(Step("key", match["key"]))
    return tuple(steps)


State = tuple[frozenset[int], ...]  # per pattern: how many of its steps may be behind us


class Decisions:
    """Patterns, and which of them decides at a place. Places are reached step by step, from `start`."""

    def __init__(self, patterns: Sequence[Path]) -> None:
        def weight(i: int) -> tuple[int, int, int, int]:
            kinds = [step.kind for step in patterns[i]]
            return (kinds.count(ANY_DEPTH), kinds.count(ANY_KEY), -len(kinds), i)

        self._patterns = patterns
        self._winning_first = sorted(range(len(patterns)), key=weight)
        self.start: State = tuple(_with_skips(pattern, {0}) for pattern in patterns)

    def after(self, state: State, step: Step) -> State:
        """One step further down: a key, or the elements of an array."""
        return tuple(
            _after(pattern, reached, step) for pattern, reached in zip(self._patterns, state, strict=True)
        )

    def at(self, state: State) -> int:
        """The number of the pattern that decides about a leaf there; -1 where none does."""
        return next((i for i in self._winning_first if len(self._patterns[i]) in state[i]), -1)

    @property
    def keys(self) -> frozenset[str]:
        """The keys that stand in some pattern: whoever wrote the patterns knows them."""
        return frozenset(step.key for pattern in self._patterns for step in pattern if step.kind == "key")


def _after(pattern: Path, reached: frozenset[int], step: Step) -> frozenset[int]:
    further = set()
    for i in reached - {len(pattern)}:
        wanted = pattern[i]
        if wanted.kind == ANY_DEPTH:
            further.add(i)
        elif step == wanted or (wanted.kind == ANY_KEY and step.kind == "key"):
            further.add(i + 1)
    return _with_skips(pattern, further)


def _with_skips(pattern: Path, reached: set[int]) -> frozenset[int]:
    """`**` also stands for no step at all."""
    for i, step in enumerate(pattern):
        if i in reached and step.kind == ANY_DEPTH:
            reached.add(i + 1)
    return frozenset(reached)
