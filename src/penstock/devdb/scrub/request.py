"""What is asked of a scrub, and what it answers."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

Vacuum = Literal["full", "analyze"]


@dataclass(frozen=True, slots=True)
class Request:
    """What was asked for."""

    connection: str
    confirm: str
    as_name: str | None = (
        None  # the [devdb.NAME] whose `real`, `empty`, `skip`, `keep`, `acknowledged` and edges hold
    )
    vacuum: Vacuum = "full"
    end_sessions: bool = False
    drop_large_objects: bool = False
    start_over: bool = False

    @property
    def command(self) -> str:
        """What to type to go on."""
        rules = ["--as", self.as_name] if self.as_name else []
        return shlex.join(["penstock", "dev", "scrub", self.connection, "--confirm", self.confirm, *rules])


@dataclass(frozen=True, slots=True)
class Scrubbed:
    """A database that was masked in place."""

    connection: str
    database: str
    rewritten: Mapping[str, int]  # rows
    emptied: tuple[str, ...]
    left_empty: Mapping[str, str]  # materialised views that could not be filled, and why
    large_objects: int
    continued: bool  # whether an earlier run had begun it
    warnings: tuple[str, ...]
    out_of_reach: tuple[str, ...]
    seconds: float
    manifest_path: Path
    verification: Mapping[str, Any]

    def as_dict(self) -> dict[str, Any]:
        return {
            "connection": self.connection,
            "database": self.database,
            "rewritten": dict(self.rewritten),
            "emptied": list(self.emptied),
            "left_empty": dict(self.left_empty),
            "large_objects": self.large_objects,
            "continued": self.continued,
            "warnings": list(self.warnings),
            "out_of_reach": list(self.out_of_reach),
            "seconds": round(self.seconds, 3),
            "manifest": str(self.manifest_path),
            "verification": self.verification,
        }
