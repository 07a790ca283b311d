"""Database errors as Penstock's own, without a single row value.

PostgreSQL puts values into DETAIL (`Key (email)=(a@b.c) already exists`), CONTEXT (`COPY t, line 7, column email: …`)
and, for data errors, into the message itself (`invalid input syntax for type integer: "…"`). Only names the server
reports as fields, and messages of classes that speak about names, go on.
"""

from __future__ import annotations

import asyncio
import errno
import re
from collections.abc import Iterator
from contextlib import contextmanager

import asyncpg

from penstock.errors import (
    ConnectError,
    DatabaseError,
    NoSpace,
    PenstockError,
    QueryError,
    SnapshotLost,
    SourceRefused,
)

# SQLSTATE classes whose messages name objects and never rows.
_SPEAKS_OF_NAMES = ("0A", "25", "26", "28", "2B", "3D", "3F", "42", "53", "54", "55", "57", "58")
_AGAIN = "run the command again: it removes what was half-done, or, a scrub, goes on where it was"
LOCKED_WHY = "another session holds it or waits for it, as a migration or a REINDEX does"
LOCKED_HINT = (
    "run the command again when that session is done (a source's role whose lock_timeout is longer than 60 s waits so long); "
    "which one, whether it holds the table or waits for it: "
    "SELECT pid, granted, relation::regclass, query FROM pg_locks JOIN pg_stat_activity USING (pid) "
    "WHERE mode = 'AccessExclusiveLock' AND relation IS NOT NULL;"
)
# Until somebody up the stack knows that the statement holds SQL of penstock.toml, and says that instead.
NO_SQL_OF_YOURS = "the server's log says more; if nothing in the source explains it, please report this"
_UNQUALIFIED_HINT = (
    "a copy is built with an empty search_path, as pg_restore does it: qualify the names in that function (SCHEMA.NAME), or "
    "ALTER FUNCTION … SET search_path = …; or put the table in `empty` or `skip`"
)
_LATER_HINT = (
    "the name is qualified, and what it names is not in the copy, or not yet: no dump knows what a function's text reads, so it "
    "may come after the table that calls it; put that table in `skip`, or drop in the source what calls the function"
)
NAMING_HINT = (
    "values of regclass and the other reg… types are names: of an index, or of what the copy or its server does not have, they "
    "cannot be read; mask the column with `null`, or put the table in `empty` or `skip`"
)
BROKEN_KEY_HINT = (
    "look for them in the source, where triggers may have been off: mend them; or make the key NOT VALID there (DROP "
    "CONSTRAINT, ADD … NOT VALID); or here: `cut = true` on its [[devdb.NAME.edge]], or the table in `empty`; if the source "
    "has none, please report this"
)
_CHECK_HINT = (
    "in penstock.toml: leave the reference that becomes NULL uncut, or put the table in `empty` too; in masks.toml: another mask "
    "for what the constraint reads; if rows of the source break it already, make it NOT VALID there (DROP CONSTRAINT, ADD … "
    "NOT VALID)"
)
_NO_PARTITION_HINT = (
    "in the source, add a partition that takes such rows (DEFAULT, or a list with NULL); or leave the reference uncut, or the "
    "column that partitions unmasked"
)
_LITERAL = re.compile(r"'(?:[^']|'')*'|\"[^\"]{64,}\"")
# The one line of CONTEXT that is names alone: a function and the types of its arguments.
_NAME = r'(?:\w+|"[^"\n]+")(?:\.(?:\w+|"[^"\n]+"))?'
_INSIDE = re.compile(
    rf"(?:PL/pgSQL|SQL) function ({_NAME}|\"{_NAME}\")(?:\([\w ,.\"\[\]]*\))? (?:line \d|statement \d|during )"
)
_QUALIFIED = re.compile(r'(?:relation|type) "[^"]*\.|function [\w"]+\.|schema "')
_UNKNOWN = ("42P01", "42883", "42704", "3F000")  # no such relation, function, type or other object, schema
_RAISED_BY = re.compile(r'PL/pgSQL function ([\w."]+\([\w ,."\[\]]*\)) line \d+ at RAISE(?:\n|$)')


# InternalClientError: the driver meets bytes out of turn, as when a connection is cut in the middle of a COPY.
_DRIVERS = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)


@contextmanager
def translated(doing: str) -> Iterator[None]:
    """Turn any failure of the driver inside the block into a `PenstockError` that says what was being done."""
    try:
        yield
    except PenstockError:
        raise
    except (*_DRIVERS, TimeoutError, OSError, EOFError) as error:
        raise translate(error, doing) from None


def safe_message(error: asyncpg.PostgresError) -> str:
    """What may be shown of a server's message."""
    state = error.sqlstate or ""
    named = [
        f"{label} {value}"
        for label, value in (
            ("table", ".".join(filter(None, (error.schema_name, error.table_name)))),
            ("column", error.column_name),
            ("constraint", error.constraint_name),
            ("type", error.data_type_name),
        )
        if value
    ]
    if state.startswith(_SPEAKS_OF_NAMES):
        text = _LITERAL.sub("'…'", error.message or type(error).__name__)
        if state == "42601":  # "syntax error at or near TOKEN": the token may be a literal of the user's
            text = re.sub(r'at or near "(?![A-Za-z_]+")[^\n]*"', "at or near a literal", text)
    else:
        text = re.sub(r"(?<!^)(?=[A-Z])", " ", type(error).__name__.removesuffix("Error")).lower()
    return text + (f" ({', '.join(named)})" if named else "")


def function_inside(context: str) -> str:
    """The innermost function an error's CONTEXT begins with; "" where it begins with something else, maybe with a value."""
    found = _INSIDE.match(context)
    return found[1] if found else ""


def unknown_hint(why: str) -> str:
    """What to do about a function that names something unknown; `why` is what the server says of it."""
    return _LATER_HINT if _QUALIFIED.match(why) else _UNQUALIFIED_HINT


def translate(error: BaseException, doing: str) -> PenstockError:
    """The `PenstockError` for a failure of the driver while `doing` something ("reading public.orders")."""
    if isinstance(error, asyncpg.PostgresError):
        return _from_server(error, doing)
    if isinstance(error, asyncio.TimeoutError):
        return ConnectError(f"no answer while {doing}", why="the time limit passed", hint="penstock doctor")
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        return NoSpace(
            f"this machine's disk is full ({doing})",
            hint="free space in the folder for temporary files (TMPDIR)",
        )
    if isinstance(error, OSError):
        reason = error.strerror or type(error).__name__
        return ConnectError(
            f"the connection failed while {doing}",
            why=reason,
            hint="is the server running, and host and port right? penstock conn test",
        )
    if isinstance(error, asyncpg.InterfaceError) and "closed" not in str(error):
        # The driver's own complaint about how it was used: its text speaks of methods, not of rows, but is not for people.
        return DatabaseError(
            f"the driver refused while {doing}", why=type(error).__name__, hint="please report this"
        )
    return SnapshotLost(
        f"the connection was lost while {doing}",
        why="the server closed it",
        hint=f"{_AGAIN}; a standby cancels long reads unless hot_standby_feedback is on",
    )


def _from_server(error: asyncpg.PostgresError, doing: str) -> PenstockError:
    state = error.sqlstate or ""
    why = safe_message(error)
    what = f"the database failed while {doing}"
    if state in ("28P01", "28000"):
        return ConnectError(
            f"the server refused the login while {doing}", why=why, hint="check user and password in .env"
        )
    if state == "3D000":
        return ConnectError(
            f"there is no such database ({doing})", why=why, hint="check dbname in penstock.toml"
        )
    if state in ("53300", "57P03"):
        return ConnectError(f"the server takes no connection now ({doing})", why=why, hint="try again later")
    if state == "53200":
        return QueryError(
            what,
            why=why,
            hint="if it is the memory for locks: ALTER SYSTEM SET max_locks_per_transaction = 256;   and restart that server",
        )
    if state == "53100":
        return NoSpace(what, why=why, hint="free disk space on that server and run the command again")
    if state == "40001":
        return SnapshotLost(
            what,
            why=why,
            hint="run the command again; on a standby raise max_standby_streaming_delay or use hot_standby_feedback",
        )
    if state.startswith(("57P", "08")):
        return SnapshotLost(what, why=why, hint=_AGAIN)
    if state == "55P03":
        return QueryError(f"no lock in time while {doing}", why=LOCKED_WHY, hint=LOCKED_HINT)
    if state == "57014":
        return QueryError(
            what, why=why, hint="a time limit ended the statement; raise statement_timeout for this role"
        )
    if state == "42501" and "row-level security" in (error.message or ""):
        return SourceRefused(
            what,
            why=why,
            hint="rows would be missing without notice: give the role BYPASSRLS, or put the table in `skip`",
        )
    if state == "42501":
        return QueryError(what, why=why, hint="grant the role the right, or skip the table; penstock doctor")
    if state in _UNKNOWN and (function := function_inside(error.context or "")):
        return QueryError(what, why=f"{why}, in the function {function}", hint=unknown_hint(why))
    if state in _UNKNOWN and doing.startswith("copying"):
        return QueryError(
            what, why=f"a value names what is not there when rows arrive: {why}", hint=NAMING_HINT
        )
    if state.startswith("42"):
        return QueryError(what, why=why, hint=NO_SQL_OF_YOURS)
    if state == "23503" and doing.startswith(("adding", "validating")):
        return DatabaseError(what, why=f"rows refer to what is not there: {why}", hint=BROKEN_KEY_HINT)
    if state == "23514":
        return _broken_check(error, what, why)
    if state == "P0001":
        raised = _RAISED_BY.match(error.context or "")
        return DatabaseError(
            what,
            why=f"the function {raised[1] if raised else 'of a CHECK, a domain or a trigger'} raised an error, whose text "
            "is not shown: it may hold data [SQLSTATE P0001]",
            hint="choose another mask for the columns it reads (`penstock dev plan` names those whose CHECK may refuse), or put "
            "the table in `empty`"
            if doing.startswith(("copying", "adding"))
            else NO_SQL_OF_YOURS,
        )
    return DatabaseError(
        what,
        why=f"{why} [SQLSTATE {state}]",
        hint="the server's log says more; please report this with the SQLSTATE",
    )


def _broken_check(error: asyncpg.PostgresError, what: str, why: str) -> DatabaseError:
    """A row as it is written, which may be other than in the source: masked, or cut."""
    if not error.constraint_name:
        return DatabaseError(
            what,
            why=f"no partition takes a row whose key is masked, or NULL because a reference is cut: {why} [SQLSTATE 23514]",
            hint=_NO_PARTITION_HINT,
        )
    return DatabaseError(
        what,
        why=f"the constraint does not hold for a row as it is written, masked or with a reference that became NULL (`cut`, "
        f"`empty`): {why} [SQLSTATE 23514]",
        hint=_CHECK_HINT,
    )
