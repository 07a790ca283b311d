"""Penstock: safe data from a production database, masked, complete and proven so.

Public names are imported on first use, so that `import penstock` costs nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from penstock._version import __version__
from penstock.errors import PenstockError

if TYPE_CHECKING:
    from penstock.api.project import Discovered, Project
    from penstock.catalog.model import Catalog
    from penstock.devdb.add import Added
    from penstock.devdb.create import Created
    from penstock.devdb.inspect import Listed, Verified
    from penstock.devdb.plan import Plan
    from penstock.devdb.progress import Progress
    from penstock.devdb.why import Why

__all__ = [
    "Added",
    "Catalog",
    "Created",
    "Discovered",
    "Listed",
    "PenstockError",
    "Plan",
    "Progress",
    "Project",
    "Verified",
    "Why",
    "__version__",
]

_HOME = {
    "Added": "penstock.devdb.add",
    "Catalog": "penstock.catalog.model",
    "Created": "penstock.devdb.create",
    "Discovered": "penstock.api.project",
    "Listed": "penstock.devdb.inspect",
    "Plan": "penstock.devdb.plan",
    "Progress": "penstock.devdb.progress",
    "Project": "penstock.api.project",
    "Verified": "penstock.devdb.inspect",
    "Why": "penstock.devdb.why",
}


def __getattr__(name: str) -> Any:
    if name in _HOME:
        from importlib import import_module

        return getattr(import_module(_HOME[name]), name)
    raise AttributeError(f"module 'penstock' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
