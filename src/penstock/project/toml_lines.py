"""On which line of a TOML file a key stands. `tomllib` does not say, and people edit lines.

Reads headers and the first key of each line; that is exact for files written by people, and a wrong guess (a header
inside a multi-line text) costs a line number in a message, nothing else.
"""

from __future__ import annotations

import re

Key = str | int

_HEADER = re.compile(r"\s*(\[\[?)\s*([^\[\]]+?)\s*\]\]?\s*(?:#.*)?$")
_ASSIGNMENT = re.compile(r"""\s*((?:[\w-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[\w-]+|"[^"]*"|'[^']*'))*)\s*=""")
_PART = re.compile(r"""[\w-]+|"[^"]*"|'[^']*'""")


def index(text: str) -> dict[tuple[Key, ...], int]:
    """The line, counted from 1, of every header and key; elements of `[[…]]` carry their number from 0."""
    lines: dict[tuple[Key, ...], int] = {}
    counts: dict[tuple[Key, ...], int] = {}
    current: tuple[Key, ...] = ()
    for number, line in enumerate(text.splitlines(), 1):
        if header := _HEADER.match(line):
            current = _with_indices(_parts(header[2]), counts)
            if header[1] == "[[":
                counts[current] = counts.get(current, -1) + 1
                lines.setdefault(current, number)
                current = (*current, counts[current])
            for end in range(1, len(current) + 1):
                lines.setdefault(current[:end], number)
        elif assignment := _ASSIGNMENT.match(line):
            keys = _parts(assignment[1])
            for end in range(1, len(keys) + 1):
                lines.setdefault((*current, *keys[:end]), number)
    return lines


def find(lines: dict[tuple[Key, ...], int], keys: tuple[Key, ...]) -> int | None:
    """The line of a key, or of the nearest table around it."""
    for end in range(len(keys), 0, -1):
        if (line := lines.get(keys[:end])) is not None:
            return line
    return None


def _parts(dotted: str) -> tuple[str, ...]:
    return tuple(part.strip("\"'") for part in _PART.findall(dotted))


def _with_indices(keys: tuple[str, ...], counts: dict[tuple[Key, ...], int]) -> tuple[Key, ...]:
    """`a.b` below `[[a]]` means the last element of a."""
    found: tuple[Key, ...] = ()
    for position, key in enumerate(keys):
        found = (*found, key)
        if position < len(keys) - 1 and found in counts:
            found = (*found, counts[found])
    return found
