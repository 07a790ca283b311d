"""Penstock: safe data from a production database, masked, complete and proven so.

Public names are imported on first use, so that `import penstock` costs nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from penstock._version import __version__
from penstock.errors import PenstockError

if TYPE_CHECKING:
    from penstock.api.connections import Answer, Connection
    from penstock.api.doctor import doctor
    from penstock.api.masks import Discovered, Imported, Preview
    from penstock.api.project import Project
    from penstock.api.start import init
    from penstock.catalog.model import Catalog
    from penstock.devdb.add import Added
    from penstock.devdb.create import Created
    from penstock.devdb.inspect import Listed, Verified
    from penstock.devdb.plan import Plan
    from penstock.devdb.progress import Progress
    from penstock.devdb.scrub.request import Scrubbed
    from penstock.devdb.why import Why
    from penstock.policy.decision import Policy
    from penstock.policy.reference import MaskFacts
    from penstock.project.checks import CheckResult
    from penstock.project.report import Setting
    from penstock.project.scaffold import Written

__all__ = [
    "Added",
    "Answer",
    "Catalog",
    "CheckResult",
    "Connection",
    "Created",
    "Discovered",
    "Imported",
    "Listed",
    "MaskFacts",
    "PenstockError",
    "Plan",
    "Policy",
    "Preview",
    "Progress",
    "Project",
    "Scrubbed",
    "Setting",
    "Verified",
    "Why",
    "Written",
    "__version__",
    "doctor",
    "init",
]

_HOME = {
    "Added": "penstock.devdb.add",
    "Answer": "penstock.api.connections",
    "Catalog": "penstock.catalog.model",
    "CheckResult": "penstock.project.checks",
    "Connection": "penstock.api.connections",
    "Created": "penstock.devdb.create",
    "Discovered": "penstock.api.masks",
    "Imported": "penstock.api.masks",
    "Listed": "penstock.devdb.inspect",
    "MaskFacts": "penstock.policy.reference",
    "Plan": "penstock.devdb.plan",
    "Policy": "penstock.policy.decision",
    "Preview": "penstock.api.masks",
    "Progress": "penstock.devdb.progress",
    "Project": "penstock.api.project",
    "Scrubbed": "penstock.devdb.scrub.request",
    "Setting": "penstock.project.report",
    "Verified": "penstock.devdb.inspect",
    "Why": "penstock.devdb.why",
    "Written": "penstock.project.scaffold",
    "doctor": "penstock.api.doctor",
    "init": "penstock.api.start",
}


def __getattr__(name: str) -> Any:
    if name in _HOME:
        from importlib import import_module

        return getattr(import_module(_HOME[name]), name)
    raise AttributeError(f"module 'penstock' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
