"""What is asked of a scrub, and what it answers."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from penstock.devdb.labour import Vacuum


@dataclass(frozen=True, slots=True)
class Request:
    """What was asked for."""

    connection: str
    confirm: str
    # the [devdb.NAME] whose `real`, `empty`, `skip`, `keep`, `acknowledged`, `unclassified`, `disarm` and edges hold
    rules_of: str | None = None
    jobs: int | None = None  # workers; None: as many as pay for themselves
    vacuum: Vacuum = "full"
    end_sessions: bool = False
    drop_large_objects: bool = False
    start_over: bool = False

    @property
    def command(self) -> str:
        """What to type to go on."""
        rules = ["--for", self.rules_of] if self.rules_of else []
        return shlex.join(["penstock", "dev", "scrub", self.connection, "--confirm", self.confirm, *rules])

    @property
    def section(self) -> str:
        """Where rules are written, for people."""
        return f"[devdb.{self.rules_of}]" if self.rules_of else "a [devdb.NAME], with --for NAME"


@dataclass(frozen=True, slots=True)
class Scrubbed:
    """A database that was masked in place."""

    connection: str
    database: str
    rewritten: Mapping[str, int]  # rows
    emptied: tuple[str, ...]
    left_empty: Mapping[str, str]  # materialised views that could not be filled, and why
    left_out: tuple[str, ...]  # what is dropped or switched off
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
            "left_out": list(self.left_out),
            "large_objects": self.large_objects,
            "continued": self.continued,
            "warnings": list(self.warnings),
            "out_of_reach": list(self.out_of_reach),
            "seconds": round(self.seconds, 3),
            "manifest": str(self.manifest_path),
            "verification": self.verification,
        }
