"""A plan: what `dev create` will copy, how, and what it will refuse. Immutable, printable, saved as JSON.

A saved plan fixes *rules*. `create --plan FILE` applies them to a fresh snapshot and refuses when a table's count has
moved by more than the tolerance, or when a column's mask is another one.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from penstock.devdb.config import LIFECYCLE, DevdbSettings
from penstock.errors import ConfigError, PlanDrift
from penstock.project.loader import Place, build

FORMAT = 1


@dataclass(frozen=True, slots=True)
class TablePlan:
    """What happens to one table."""

    table: str
    role: str  # root | subset | keep | clone | empty | skip | unreached
    rows: int  # in the plan's snapshot
    bytes: int  # estimated: rows x the table's mean row size, heap and TOAST
    source_rows: int | None  # planner's estimate; None: never analysed
    source_bytes: int
    exact: bool = True  # False: `rows` is the planner's estimate

    def __post_init__(self) -> None:
        if not 0 <= self.rows < 2**63:
            raise ValueError("`rows` is no number of rows")


@dataclass(frozen=True, slots=True)
class ColumnPlan:
    """How one column leaves."""

    column: str
    mask: str
    domain: str
    codomain: str
    uniqueness: str
    origin: str
    inherited_from: str = ""
    options: str = ""  # a digest of the mask's options; "" where it has none

    @property
    def rule(self) -> str:
        """The mask with the digest of its options: two columns with one rule and one domain mask alike."""
        return " ".join(filter(None, (self.mask, self.domain, self.options)))


@dataclass(frozen=True, slots=True)
class EdgePlan:
    """How many rows a relation brought in."""

    relation: str
    direction: str  # parents | children | deleted (taken along by a delete rule)
    rows: int
    share: float  # of all rows of the plan


@dataclass(frozen=True, slots=True)
class WayPlan:
    """How a prune brings one storage table to what stays."""

    table: str
    way: str  # keep | delete | rewrite | empty
    why: str
    go: int  # rows, exact in the plan's snapshot
    stay: int
    share: float  # of its rows, what goes
    bytes: int  # now, with indexes and TOAST


@dataclass(frozen=True, slots=True)
class Refusal:
    """A reason why `create` would refuse."""

    code: str
    what: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """The whole plan of one development database."""

    name: str
    source: str
    target: str
    database: str
    made_at: str
    settings: Mapping[str, Any]
    key_fingerprint: str
    tables: tuple[TablePlan, ...]
    columns: tuple[ColumnPlan, ...]
    edges: tuple[EdgePlan, ...]
    dangling: tuple[str, ...] = ()  # references the source itself leaves without a parent
    nulled: tuple[str, ...] = ()  # foreign key columns written as NULL
    ways: tuple[WayPlan, ...] = ()  # strategy "prune"
    real: tuple[str, ...] = ()  # rules of rows that stay real, with counts
    left_out: tuple[str, ...] = ()  # of the source, or switched off, as far as the source alone can tell
    warnings: tuple[str, ...] = ()
    refusals: tuple[Refusal, ...] = ()
    leak_check_bytes: int = 0  # what the leak check reads of the source, estimated: it reads whole tables
    snapshot_minutes: float = 0.0  # estimated life of the source's snapshot when this plan is carried out
    seconds: float = 0.0

    @property
    def rows(self) -> int:
        return sum(t.rows for t in self.tables)

    @property
    def bytes(self) -> int:
        return sum(t.bytes for t in self.tables)

    @property
    def most_snapshot_minutes(self) -> float:
        """Beyond this `create` refuses."""
        return settings_from_dict(self.settings, self.name).max_snapshot_minutes

    @property
    def rules_hash(self) -> str:
        """Names the rules (settings and masks), not the counts: 16 hex digits of SHA-256."""
        rules = {
            "settings": self.settings,
            "columns": [dataclasses.astuple(c) for c in self.columns],
            "key": self.key_fingerprint,
        }
        return hashlib.sha256(json.dumps(rules, sort_keys=True, default=str).encode()).hexdigest()[:16]

    def as_dict(self) -> dict[str, Any]:
        """The plan as `--json` prints it and as it is saved; keys are stable."""
        return {
            "format": FORMAT,
            **dataclasses.asdict(self),
            "rows": self.rows,
            "bytes": self.bytes,
            "rules_hash": self.rules_hash,
        }

    def save(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(
            json.dumps(self.as_dict(), indent=1, sort_keys=True, default=str) + "\n", encoding="utf-8"
        )

    @classmethod
    def load(cls, path: Path) -> Plan:
        """A saved plan. Raises `ConfigError` when the file is none."""
        try:
            document = json.loads(path.read_text(encoding="utf-8"))
            if document["format"] != FORMAT:
                raise ConfigError(
                    f"{path} is a plan of another version",
                    hint="make it again: penstock dev plan --save FILE",
                )
            fields = {f.name: document[f.name] for f in dataclasses.fields(cls)}
            promised = document["rules_hash"]
            plan = build(cls, fields, Place((), lambda _: "the saved plan"))
        except OSError as error:
            raise ConfigError(
                f"the plan {path} cannot be read",
                why=error.strerror or "",
                hint="penstock dev plan NAME --save FILE",
            ) from None
        except (
            ValueError,
            KeyError,
            TypeError,
            OverflowError,
            RecursionError,
        ):  # no JSON, or of another shape
            raise ConfigError(
                f"{path} is not a saved plan", hint="penstock dev plan NAME --save FILE"
            ) from None
        except ConfigError as error:
            error.hint = "make it again: penstock dev plan NAME --save FILE"
            raise
        if plan.rules_hash != promised:
            raise ConfigError(
                f"the plan {path} was edited: its rules are not the ones its rules_hash names",
                hint="change penstock.toml or masks.toml and plan again: penstock dev plan NAME --save FILE",
            )
        return plan


def settings_as_dict(settings: DevdbSettings) -> dict[str, Any]:
    """The settings as the file spells them (`from`, not `from_`), defaults and the lifecycle left out."""
    return {
        f.name: _plain(value)
        for f in dataclasses.fields(settings)
        if f.name not in LIFECYCLE
        and (value := getattr(settings, f.name))
        != (f.default if f.default is not dataclasses.MISSING else None)
    }


def settings_from_dict(document: Mapping[str, Any], name: str) -> DevdbSettings:
    """The inverse of `settings_as_dict`. Raises `ConfigError` for what no settings can be."""
    return build(DevdbSettings, document, Place(("devdb", name), lambda _: "the saved plan"))


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {
            f.name.rstrip("_"): _plain(item)
            for f in dataclasses.fields(value)
            if (item := getattr(value, f.name)) is not None
        }
    return [_plain(item) for item in value] if isinstance(value, tuple) else value


def require_no_drift(saved: Plan, fresh: Plan, tolerance_percent: float) -> None:
    """Raise `PlanDrift` where `fresh`, made by the rules of `saved`, moved too far from it."""
    moved = [*_moved_counts(saved.tables, fresh.tables, tolerance_percent), *_moved_masks(saved, fresh)]
    if moved:
        raise PlanDrift(
            f"the plan no longer fits: {moved[0]}"
            + (f" (and {len(moved) - 1} more)" if len(moved) > 1 else ""),
            why="; ".join(moved[1:6]),
            hint=f"look at a fresh plan: penstock dev plan {saved.name}",
        )


def _moved_counts(saved: Iterable[TablePlan], fresh: Iterable[TablePlan], tolerance: float) -> list[str]:
    before = {t.table: t.rows for t in saved}
    after = {t.table: t.rows for t in fresh}
    return [
        f"{table} has {after.get(table, 0)} rows instead of {before.get(table, 0)}"
        for table in sorted(before | after)
        if abs(after.get(table, 0) - before.get(table, 0)) > before.get(table, 0) * tolerance / 100
    ]


def _moved_masks(saved: Plan, fresh: Plan) -> list[str]:
    before = {c.column: c for c in saved.columns}
    after = {c.column: c for c in fresh.columns}
    changed = [
        f"{name} has the mask {after[name].mask if name in after else 'none'} instead of "
        f"{before[name].mask if name in before else 'none'}"
        for name in sorted(before | after)
        if before.get(name) != after.get(name)
    ]
    return changed if saved.key_fingerprint == fresh.key_fingerprint else ["the key is another one", *changed]
