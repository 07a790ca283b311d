"""The names of a scrub's steps, as `penstock.scrub` knows them; those of a table or key begin with what is done to it."""

from __future__ import annotations

from collections.abc import Iterable

from penstock.catalog.model import TableName

BEGIN = "begin"
DETACH = "detach"
LARGE_OBJECTS = "large objects"
SEQUENCES = "sequences"
ARM = "triggers and rules"
VIEWS = "materialised views"
PROVE = "prove"
WHOLE = "found whole"  # by a proof that found something else: what is otherwise later, somebody made so
DROP_ORIGINALS = "drop originals"
CATALOGS = "statistics and catalogs"

_SET_ASIDE, _EMPTY, _PART, _REWRITE = "set aside ", "empty ", "part ", "rewrite "
_ATTACH, _VACUUM = "attach ", "vacuum "


def set_aside(name: TableName) -> str:
    return f"{_SET_ASIDE}{name}"


def empty(name: TableName) -> str:
    """Of a table that is filled in parts."""
    return f"{_EMPTY}{name}"


def part(name: TableName, first: int) -> str:
    """The originals from this page on, to where the next part begins."""
    return f"{_PART}from page {first} of {name}"


def rewrite(name: TableName) -> str:
    return f"{_REWRITE}{name}"


def attach(table: str, key: str) -> str:
    return f"{_ATTACH}{table} {key}"


def vacuum(name: TableName, *, full: bool) -> str:
    """One is not the other: who went on with `full` must not find it done."""
    return f"{_VACUUM}{'full ' if full else ''}{name}"


def is_set_aside(step: str) -> bool:
    return step.startswith(_SET_ASIDE)


def is_attach(step: str) -> bool:
    return step.startswith(_ATTACH)


def after_detaching(steps: Iterable[str]) -> list[str]:
    """Those that are done once more where the originals are masked once more."""
    kinds = (_EMPTY, _PART, _REWRITE, _ATTACH, _VACUUM)
    return [step for step in steps if step.startswith(kinds) or step in (SEQUENCES, ARM, VIEWS, PROVE, WHOLE)]
