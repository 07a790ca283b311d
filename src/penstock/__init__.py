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
    from penstock.devdb.created import Created
    from penstock.devdb.drift import Drift
    from penstock.devdb.files.export import Exported
    from penstock.devdb.inspect import Listed, Verified
    from penstock.devdb.lifecycle.ci import Pipeline
    from penstock.devdb.lifecycle.copies import Copied
    from penstock.devdb.lifecycle.extras import Extras
    from penstock.devdb.lifecycle.listing import Due
    from penstock.devdb.lifecycle.reset import Reset, ResetOptions
    from penstock.devdb.lifecycle.rounds import Round
    from penstock.devdb.planning.plan import Plan
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
    "Copied",
    "Created",
    "Discovered",
    "Drift",
    "Due",
    "Exported",
    "Extras",
    "Imported",
    "Listed",
    "MaskFacts",
    "PenstockError",
    "Pipeline",
    "Plan",
    "Policy",
    "Preview",
    "Progress",
    "Project",
    "Reset",
    "ResetOptions",
    "Round",
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
    "Copied": "penstock.devdb.lifecycle.copies",
    "Created": "penstock.devdb.created",
    "Discovered": "penstock.api.masks",
    "Drift": "penstock.devdb.drift",
    "Due": "penstock.devdb.lifecycle.listing",
    "Extras": "penstock.devdb.lifecycle.extras",
    "Exported": "penstock.devdb.files.export",
    "Imported": "penstock.api.masks",
    "Listed": "penstock.devdb.inspect",
    "MaskFacts": "penstock.policy.reference",
    "Pipeline": "penstock.devdb.lifecycle.ci",
    "Plan": "penstock.devdb.planning.plan",
    "Policy": "penstock.policy.decision",
    "Preview": "penstock.api.masks",
    "Progress": "penstock.devdb.progress",
    "Project": "penstock.api.project",
    "Reset": "penstock.devdb.lifecycle.reset",
    "ResetOptions": "penstock.devdb.lifecycle.reset",
    "Round": "penstock.devdb.lifecycle.rounds",
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
