"""Running pg_dump and pg_restore, and what they complain of, without a row's value in it."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO

from penstock.engines.postgres.errors import BROKEN_KEY_HINT, function_inside, unknown_hint
from penstock.errors import NoSpace, SchemaToolError
from penstock.project.connections import ConnectionSettings
from penstock.project.held_back import plain_environment

_ERROR = re.compile(r"ERROR:\s+(.*)")
_OBJECT = re.compile(r"from TOC entry \d+; \d+ \d+ (.*) \S+$")  # its last word is the owner
# What is added to rows that are there, and what PostgreSQL itself then says, which is names. Anything else may be the text
# of somebody's function, with a row's value in it.
_READS_ROWS = re.compile(r" \((?:INDEX|(?:(?:FK|CHECK) )?CONSTRAINT) ")
_OF_NAMES = re.compile(
    r'could not (?:create|extend|write|open)|check constraint "|(?:insert or )?update (?:or delete )?on table "|column "|'
    r"index row |out of |permission denied |must be owner |canceling |unrecognized |syntax error |data type |"
    r'functions in |No space|foreign key constraint "|there is no unique constraint |'
    r"(?:relation|function|operator|operator class|type|role|schema|collation|access method|language) .* does not exist"
)
# What a tool says before it quotes a server that speaks another language, so that nothing tells names from values.
_QUOTES_SERVER = re.compile(r"(could not execute query|query failed|command failed): .*")
_FOREIGN = r"\1: an error in another language, whose text is not shown: it may hold data"
_HIDDEN = "an error whose text is not shown: it may hold data"
_UNKNOWN = re.compile(r"(?:relation|function|type|schema|operator) .* does not exist")
_BREAKS_KEY = re.compile(r"(?:insert or )?update (?:or delete )?on table .* violates foreign key constraint ")
_CONTEXT = re.compile(r"CONTEXT:\s+(.*)")
_NO_ROLE = re.compile(r'role (".*") does not exist')
_LITERAL = re.compile(r"'(?:[^']|'')*'")


# What a command needs of each server at once, itself included. `dev reset` has the sessions of the copy it replaces beside
# those of the new one.
ON_SOURCE = "two connections at once on the source"
ON_TARGET = "three connections at once on the target, `penstock dev reset` up to five"


def connection_environment(settings: ConnectionSettings, database: str) -> dict[str, str]:
    """libpq's variables. The password travels in the child's environment, never in its arguments."""
    environment = plain_environment() | {
        "PGHOST": str(settings.host),
        "PGPORT": str(settings.port),
        "PGUSER": settings.user,
        "PGDATABASE": database,
        "PGCLIENTENCODING": "UTF8",
        "PGAPPNAME": "penstock",
        "PGCONNECT_TIMEOUT": "15",
        "LC_ALL": "C",
    }
    if settings.password:
        environment["PGPASSWORD"] = settings.password.reveal()
    if settings.sslmode:
        environment["PGSSLMODE"] = settings.sslmode
    for key, value in settings.params.items():  # connect_timeout, sslrootcert, sslcert, sslkey
        environment["PG" + key.upper()] = value
    return environment


def run_tool(
    command: Sequence[str],
    environment: dict[str, str],
    *,
    stdin: IO[bytes] | None = None,
    stdout: IO[bytes] | None = None,
    pass_fds: Sequence[int] = (),
) -> subprocess.CompletedProcess[str]:
    """Run a program to its end; it reads `stdin` from its beginning."""
    if stdin is not None:
        stdin.seek(0)
    try:
        return subprocess.run(
            command,
            env=environment,
            stdin=stdin,
            stdout=stdout or subprocess.PIPE,
            stderr=subprocess.PIPE,
            pass_fds=pass_fds,
            check=False,
            encoding="utf-8",
        )
    except OSError as error:
        raise SchemaToolError(
            f"{Path(command[0]).name} cannot be run", why=error.strerror or "", hint="penstock doctor"
        ) from None


def raise_for(
    result: subprocess.CompletedProcess[str],
    doing: str,
    tolerate: re.Pattern[str] | None = None,
    connections: str = ON_TARGET,
) -> None:
    """Raise what a program complained of, if anything it did not only say in passing. `connections`: what it takes where the
    server lets no more connect."""
    errors = list(_errors(result.stderr))
    serious = [e for e in errors if not (tolerate and tolerate.search(e))]
    if result.returncode == 0 or (errors and not serious):
        return
    first = _LITERAL.sub("'…'", (serious or ["it did not say why"])[0])
    if not serious:  # no ERROR from the server: the tool itself complains, about versions, locks, connections
        lines = [line for line in result.stderr.splitlines() if "error:" in line or "detail:" in line]
        said = [_QUOTES_SERVER.sub(_FOREIGN, line) for line in lines[:2]]
        first = _LITERAL.sub("'…'", " ".join(said)) or first
    if "No space left" in first or "could not extend file" in first:
        raise NoSpace(
            f"the disk is full while {doing}", hint="free space on the target's server and run again"
        )
    function = _function_at(result.stderr, serious[0]) if serious and _UNKNOWN.match(first) else ""
    if function:
        first += f", in the function {function}"
    role = _NO_ROLE.match(first)  # a policy names it, or a grant
    raise SchemaToolError(
        f"{doing} failed",
        why=first + (f" (and {len(serious) - 1} more)" if len(serious) > 1 else ""),
        hint=f"on the target's server: CREATE ROLE {role[1]};"
        if role
        else f"a copy needs {connections}: raise max_connections, or the role's CONNECTION LIMIT"
        if "too many " in first
        else "as a superuser of that server, to read what it says: ALTER ROLE … SET lc_messages = 'C';"
        if "in another language" in first
        else "it accepts no masked row: choose another mask for the columns it reads, or put the table in `empty`"
        if first.startswith(_HIDDEN)
        else unknown_hint(first)
        if function
        else BROKEN_KEY_HINT
        if _BREAKS_KEY.match(first)
        else "penstock doctor shows versions and rights; `skip` leaves a table out",
    )


def _function_at(output: str, error: str) -> str:
    """The function in which the server met this error, if its context says so before the next one's."""
    _, _, after = output.partition(error.partition(" (")[0])
    context = _CONTEXT.search(after.partition("ERROR:")[0])
    return function_inside(context[1]) if context else ""


def _errors(output: str) -> Iterator[str]:
    """The server's errors, each with the object it happened to."""
    at = ""
    for line in output.splitlines():
        if found := _OBJECT.search(line):
            at = f" ({found[1]})"
        elif found := _ERROR.search(line):
            hidden = _READS_ROWS.match(at) and not _OF_NAMES.match(found[1])
            yield (_HIDDEN if hidden else found[1]) + at
