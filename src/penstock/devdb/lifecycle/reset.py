"""`dev reset`: the finished template again, beside, and swapped; from production where there is no template, or an old one.

Who is connected is warned at the beginning and disconnected at the swap. What developers made is listed first, and given up only
when somebody said so.
"""

from __future__ import annotations

import dataclasses
import time
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from penstock.devdb import attached, hooks
from penstock.devdb.context import Context
from penstock.devdb.create import create
from penstock.devdb.created import Created
from penstock.devdb.durations import in_words, parse_duration
from penstock.devdb.lifecycle import carrying, copies, templates
from penstock.devdb.lifecycle.copies import Copied
from penstock.devdb.lifecycle.extras import Extras, extras_of
from penstock.devdb.lifecycle.notice import Notice
from penstock.devdb.lifecycle.templates import Template
from penstock.devdb.progress import Progress, note
from penstock.devdb.publication import Build, Replacement, swapped
from penstock.errors import TargetRefused

GRACE = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class ResetOptions:
    """How a reset treats what it finds."""

    keep_extra: bool = False  # carry over what developers made
    discard_extra: bool = False  # give up what is not carried over
    grace: timedelta = GRACE
    rebuild_after: timedelta | None = None  # the template's age; default: the section's ttl, else never


@dataclass(frozen=True, slots=True)
class Reset:
    """A database that is production's again."""

    name: str
    database: str
    source: str  # template | production
    template_made_at: str  # "" where there is none
    rebuilt_template: bool
    rows: int
    kept: tuple[str, ...]
    lost: tuple[str, ...]
    notes: tuple[str, ...]  # what could not be carried over as it was
    disconnected: tuple[str, ...]
    seconds: float
    manifest_path: Path

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        document = dataclasses.asdict(self)
        path = document.pop("manifest_path")
        return {**document, "manifest": str(path)}


def reset(context: Context, progress: Progress, options: ResetOptions = ResetOptions()) -> Reset:
    """Make the database of `context` anew. Kill it at any moment: the old or the new one stands under the name.

    Raises `TargetRefused` where there is no such database of ours, where something of the developers' would be lost that
    nobody agreed to lose, or where what is to be kept does not fit.
    """
    started = time.monotonic()
    found = extras_of(context)
    _require_agreed(context, found, options)
    for text in (*found.listed, *found.lost):
        note(progress, f"made by developers: {text}")
    with context.target_session() as maintenance:
        for line in attached.require_free(maintenance, context.database):
            note(progress, line)
        template = templates.find(context, maintenance)
        swap = _Swap(found, options, Notice(context, maintenance, options.grace, progress))
        rebuilt = template is not None and _is_old(context, template, options, progress)
        if rebuilt:
            templates.create_template(context, progress, replace=True)
        made: Copied | Created
        if template is not None:
            hooks.before_create(context, "reset", progress)
            made = copies.copy(context, swap, "reset", progress)
            hooks.after_create(context, "reset", progress)
        else:
            note(progress, f"there is no template {templates.name_of(context)}: production is read")
            made = create(context, progress, publication=swap)
    return Reset(
        context.name,
        context.database,
        "template" if template else "production",
        made.template_made_at if isinstance(made, Copied) else "",
        rebuilt,
        made.rows,
        swap.found.listed if options.keep_extra else (),
        swap.found.lost if options.keep_extra else (*swap.found.listed, *swap.found.lost),
        swap.notes,
        tuple(map(str, swap.notice.warned)),
        round(time.monotonic() - started, 3),
        made.manifest_path,
    )


def _require_agreed(context: Context, found: Extras, options: ResetOptions) -> None:
    if options.discard_extra and not options.keep_extra:
        return
    if options.keep_extra and found.unknown:
        raise TargetRefused(
            f"what developers made in {context.database} cannot be told from what was copied",
            why="an older Penstock made it, which did not record that",
            hint=f"penstock dev reset {context.spoken} --yes gives it up",
        )
    losing = found.lost if options.keep_extra else (*found.listed, *found.lost)
    if (losing or found.unknown) and not options.discard_extra:
        raise TargetRefused(
            f"a reset of {context.database} would lose what developers made"
            if losing
            else f"a reset of {context.database} may lose what developers made: an older Penstock did not record what was copied",
            why="; ".join(losing[:8]) + (f" (and {len(losing) - 8} more)" if len(losing) > 8 else ""),
            hint="--keep-extra carries tables, schemas and grants over; --yes gives up the rest",
        )


def _is_old(context: Context, template: Template, options: ResetOptions, progress: Progress) -> bool:
    limit = options.rebuild_after
    if limit is None and context.settings.ttl:
        limit = parse_duration(context.settings.ttl)
    if template.key_fingerprint != context.keys.fingerprint:
        note(progress, f"{template.database} was made with another key: it is built anew")
        return True
    if limit is not None and template.age >= limit:
        note(progress, f"{template.database} is {in_words(template.age)} old: it is built anew")
        return True
    return False


class _Swap(Replacement):
    """A swap that waits for the end of the notice, and carries over what is to be kept."""

    operation = "reset"

    def __init__(self, found: Extras, options: ResetOptions, notice: Notice) -> None:
        self.found, self.notice = found, notice
        self._options = options

    def publish(self, context: Context, build: Build) -> None:
        self.notice.wait()
        now = extras_of(context)  # they went on working while the fresh copy was made
        _require_agreed(context, now, self._options)
        if not (self._options.keep_extra and (now.made or now.rights)):
            self.found = now
            self.notes = swapped(context, build)
            return
        build.progress.start("what developers made")
        with carrying.carried(context, now, build.database) as carried:
            build.progress.finish("what developers made")
            _require_agreed(context, _newer(extras_of(context), now), self._options)
            left = swapped(context, build, lock_holder=carried.lock_holder)
            self.notes = (*carried.notes, *left)
        self.found = now


def _newer(later: Extras, carried: Extras) -> Extras:
    """What was made since, which is not among what was carried over and so would be lost."""
    late = tuple(text for text in later.listed if text not in carried.listed)
    return Extras(lost=(*later.lost, *late))
