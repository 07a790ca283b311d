"""The tree of errors.

Every error says what happened (`what`), why (`why`), what to type next (`hint`), carries a stable `code` that is
explained in `docs/errors.md`, and an `exit_code`. No error may hold a row value or a secret: texts of database
errors enter through `penstock.engines.postgres.errors`, which drops DETAIL, CONTEXT and quoted values.

    PenstockError
    ├── UsageError            exit 2   the command line or a file of the project is wrong
    │   ├── ConfigError              penstock.toml, .env
    │   ├── RegistryError            masks.toml
    │   ├── MaskError                a mask cannot be used there, or with these options
    │   └── UnknownName              no such table, column, connection, devdb (did you mean …)
    ├── DatabaseError         exit 3   a database or store failed
    │   ├── ConnectError
    │   ├── QueryError
    │   │   └── MigrationWaits       for a table of the source, behind which nobody else gets to it
    │   ├── SnapshotLost             the source's snapshot or connection went away
    │   ├── SchemaToolError          pg_dump or pg_restore is missing or failed
    │   ├── NoSpace
    │   ├── HookFailed               a hook of the project failed
    │   └── StoreError               a folder or an object store failed
    ├── Refused               exit 4   a guard said no; nothing was done
    │   ├── SecretExposed            a tracked .env, a literal password
    │   ├── Unclassified             columns nobody decided about
    │   ├── ContractBroken           a mask would break a constraint
    │   ├── TargetRefused            the target is the source, not empty, or not ours
    │   ├── SourceRefused            the source cannot be read safely (encoding, row-level security, rights)
    │   ├── PlanDrift                the counts moved since the plan was saved
    │   └── DeletionRefused          a prune would delete from a protected table
    ├── Finding               exit 1   a check found something (verification, `masks check`)
    └── Interrupted           exit 130
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

_SHOWN = 8  # problems that `why` names


class PenstockError(Exception):
    """Base of all errors. Under its own code: an error nobody foresaw, of which only type and place are shown."""

    code: ClassVar[str] = "PEN-0000"
    exit_code: ClassVar[int] = 3

    def __init__(self, what: str, *, why: str = "", hint: str = "", problems: Sequence[str] = ()) -> None:
        """`problems`: what was found, a line each, where there may be many. The first ones end `why`; all are in `--json`."""
        super().__init__(what)
        self.what = what
        self.why = "; ".join(filter(None, (why, *problems[:_SHOWN], _of_the_rest(problems))))
        self.hint = hint
        self.problems = tuple(problems)

    def as_dict(self) -> dict[str, Any]:
        """The error as `--json` prints it."""
        return {
            "code": self.code,
            "what": self.what,
            "why": self.why,
            "hint": self.hint,
            "exit_code": self.exit_code,
            **({"problems": list(self.problems)} if self.problems else {}),
        }


def _of_the_rest(problems: Sequence[str]) -> str:
    left = len(problems) - _SHOWN
    return f"and {left} more, which --json lists" if left > 0 else ""


class UsageError(PenstockError):
    """The command line is wrong."""

    code = "PEN-2000"
    exit_code = 2


class ConfigError(UsageError):
    """`penstock.toml` or `.env` is missing, malformed or incomplete."""

    code = "PEN-2100"


class RegistryError(UsageError):
    """`masks.toml` is malformed or contradicts itself."""

    code = "PEN-2200"


class MaskError(UsageError):
    """A mask does not exist, does not fit the column's type, or has wrong options."""

    code = "PEN-2300"


class UnknownName(UsageError):
    """No table, column, connection or section of that name, or more than one."""

    code = "PEN-2400"


class DatabaseError(PenstockError):
    """A database failed for a reason with no class of its own."""

    code = "PEN-3000"
    exit_code = 3


class ConnectError(DatabaseError):
    """No connection: unreachable, wrong password, no such database, TLS."""

    code = "PEN-3100"


class QueryError(DatabaseError):
    """The server refused a statement (syntax, rights, time limit)."""

    code = "PEN-3200"


class MigrationWaits(QueryError):
    """A migration of the source waits for this run, and the run for it: `create` and `refresh` let it pass, twice at most."""

    code = "PEN-3800"


class SnapshotLost(DatabaseError):
    """A connection, or the snapshot of the source, was lost during a run."""

    code = "PEN-3300"


class SchemaToolError(DatabaseError):
    """`pg_dump` or `pg_restore` is missing, too old, or failed."""

    code = "PEN-3400"


class NoSpace(DatabaseError):
    """The target or this machine has too little disk space."""

    code = "PEN-3500"


class HookFailed(DatabaseError):
    """A program of `[devdb.NAME.hooks]` failed or took too long; the hint says what became of the database."""

    code = "PEN-3600"


class StoreError(DatabaseError):
    """A folder or an object store could not be read or written."""

    code = "PEN-3700"


class Refused(PenstockError):
    """A guard said no; source and target are as before."""

    code = "PEN-4000"
    exit_code = 4


class SecretExposed(Refused):
    """A secret lies where others can read it: a tracked `.env`, a password in a committed file."""

    code = "PEN-4100"


class Unclassified(Refused):
    """Columns that may hold personal data have no decision in `masks.toml`."""

    code = "PEN-4200"


class ContractBroken(Refused):
    """A mask would break a unique, length, CHECK, enum, domain or NOT NULL constraint, or a foreign key."""

    code = "PEN-4300"


class TargetRefused(Refused):
    """The target is the source, is not empty, was not made by Penstock, or the role may not create databases there."""

    code = "PEN-4400"


class SourceRefused(Refused):
    """The source cannot be read faithfully: encoding, row-level security, missing rights."""

    code = "PEN-4500"


class PlanDrift(Refused):
    """The source changed by more than the tolerance since the plan was saved."""

    code = "PEN-4600"


class DeletionRefused(Refused):
    """A delete rule would reach rows of a table that is protected."""

    code = "PEN-4700"


class Finding(PenstockError):
    """A check found something: a failed verification, an undecided column."""

    code = "PEN-1000"
    exit_code = 1


class Interrupted(PenstockError):
    """The user stopped the run; what was half-done is removed. Where that was not possible, or a second Ctrl-C cut it short,
    the hint names the database or the uploads that may remain, and what removes them. A scrub removes nothing: the same
    command goes on with it."""

    code = "PEN-1300"
    exit_code = 130


class Remains(str):
    """A note on an exception (`__notes__`), without names from rows: what the failed run left behind, and what removes it."""

    __slots__ = ()


def remains(error: BaseException) -> list[Remains]:
    """What an error, or one it interrupted, says is left behind."""
    found: list[Remains] = []
    step: BaseException | None = error
    while step is not None:
        found += [note for note in getattr(step, "__notes__", ()) if isinstance(note, Remains)]
        step = step.__cause__ or step.__context__
    return list(dict.fromkeys(found))
