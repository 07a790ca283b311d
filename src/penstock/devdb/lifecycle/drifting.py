"""Drift of a section: of its database, or where it has but a template (and copies of it) of the template.

Nobody can connect to a template. A copy of it has the manifest that tells all; without a copy, the template's comment has a
fingerprint of production's schema, which tells whether it is another one now, and not in what.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial

from penstock.catalog.model import Catalog
from penstock.devdb import databases, manifest
from penstock.devdb.context import Context
from penstock.devdb.drift import Change, Drift, changes, compared, drift, is_of, shape_of
from penstock.devdb.lifecycle import copies, templates
from penstock.devdb.lifecycle.templates import Template
from penstock.devdb.manifest import Manifest
from penstock.devdb.planning.rules import look_up
from penstock.errors import ConfigError, PenstockError, TargetRefused, UnknownName


def drift_of(context: Context) -> Drift:
    """How far production has moved from what the database, or else the section's template, was made from.

    Raises `TargetRefused` where there is neither.
    """
    with context.target_session() as maintenance:
        if context.database != context.section_database or databases.exists(maintenance, context.database):
            return drift(context)
        template = templates.find(context, maintenance)
        beside = copies.names(context, maintenance)
    if template is None:
        return drift(context)  # which says that there is none
    return compared(
        context,
        template.database,
        template.made_at.isoformat(sep=" ", timespec="seconds"),
        changes_since(context, template, beside),
        f"penstock dev refresh {context.name} --template",
    )


def changes_since(
    context: Context, template: Template, beside: Iterable[str]
) -> Callable[[Catalog], Iterable[Change]]:
    """What tells the changes since a template was made, as far as a copy of it among those `beside` it can be asked."""
    made = _of_a_copy(context, beside, template)
    return partial(changes, context, made) if made else partial(_whether, context, template)


def _of_a_copy(context: Context, beside: Iterable[str], template: Template) -> Manifest | None:
    """The manifest of a copy of just this template, where one can be asked."""
    for name in beside:
        with suppress(PenstockError), context.target_session(name) as target:
            manifests = manifest.read(target)
            made = manifest.last_made(manifests) if manifests else None
            if made and made.document.get("template", {}).get("run_id") == template.run_id:
                return made
    return None


def _whether(context: Context, template: Template, catalog: Catalog) -> Iterable[Change]:
    if not template.made_from:
        raise TargetRefused(
            f"what {template.database} was made from is not known",
            why="nobody can connect to a template, and its comment does not say",
            hint=f"penstock dev create --from-template {context.name}; penstock dev drift {context.name}",
        )
    try:
        skip = look_up(catalog, context.settings, context.name).skip
    except (UnknownName, ConfigError):  # a table that a rule names is gone
        skip = frozenset()
    if not is_of(template.made_from, shape_of(catalog, skip)):
        yield Change("schema changed", template.database)
