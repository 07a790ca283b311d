"""Whose database is it? What Penstock did not make, or made for another project, it neither replaces nor drops.

A copy by hand (`CREATE DATABASE … TEMPLATE`, or a dump that was restored) holds the manifest of what it was copied from. The
name in there tells: nobody asked Penstock for the copy, so it is its maker's.
"""

from __future__ import annotations

from penstock.catalog.model import quote_identifier
from penstock.devdb.context import Context
from penstock.devdb.manifest import Manifest
from penstock.errors import TargetRefused


def require_ours(
    context: Context, manifests: tuple[Manifest, ...], *, copied_from: str | None = None
) -> Manifest:
    """The latest manifest of a database this project made; `copied_from` another one, a moment ago by this run.

    Raises `TargetRefused` for any other.
    """
    if not manifests:
        raise TargetRefused(
            f"the database {context.database} was not made by Penstock",
            why="it holds no manifest",
            hint="set another `database` in penstock.toml, or remove that one yourself",
        )
    made = manifests[-1]
    whose = (made.document.get("project", context.project), made.document["name"])
    if whose != (context.project, context.name):
        raise TargetRefused(
            f"the database {context.database} belongs to [devdb.{whose[1]}] of the project {whose[0]!r}",
            why=f"this is [devdb.{context.name}] of the project {context.project!r}",
            hint="set another `database` in penstock.toml",
        )
    name, made_as = copied_from or context.database, made.document["database"]
    if made_as != name:
        raise TargetRefused(
            f"the database {name} was not made by Penstock: somebody copied or renamed {made_as}",
            why=f"its manifest is that of {made_as}",
            hint=f"it is yours to remove: DROP DATABASE {quote_identifier(name)};   or, if it was renamed: "
            f"ALTER DATABASE {quote_identifier(name)} RENAME TO {quote_identifier(made_as)};",
        )
    return made
