"""Whose database is it? What Penstock did not make, or made for another project, it neither replaces nor drops."""

from __future__ import annotations

from penstock.devdb.context import Context
from penstock.devdb.manifest import Manifest
from penstock.errors import TargetRefused


def require_ours(context: Context, manifests: tuple[Manifest, ...]) -> Manifest:
    """The latest manifest of a database this project made. Raises `TargetRefused` for any other."""
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
    return made
