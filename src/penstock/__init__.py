"""Penstock: safe data from a production database, masked, complete and proven so.

Public names are imported on first use, so that `import penstock` costs nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from penstock._version import __version__
from penstock.errors import PenstockError

if TYPE_CHECKING:
    from penstock.api.project import Project
    from penstock.devdb.plan import Plan

__all__ = ["PenstockError", "Plan", "Project", "__version__"]

_PUBLIC = {"Project": "penstock.api.project", "Plan": "penstock.devdb.plan"}


def __getattr__(name: str) -> Any:
    if name in _PUBLIC:
        from importlib import import_module

        return getattr(import_module(_PUBLIC[name]), name)
    raise AttributeError(f"module 'penstock' has no attribute {name!r}")
