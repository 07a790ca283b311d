"""The schema of a copy: one `pg_dump -Fc --schema-only` inside our snapshot, restored by section.

The archive's table of contents is filtered by object identity (catalog oid, object oid), never by parsing SQL; a comment
has none, and goes where the object goes that it depends on. Left out:
user mappings, event triggers, publications, subscriptions, grants and owners; extensions the target cannot install;
skipped tables and what depends on them. What is left out is returned, so that the report can say it.
"""

from __future__ import annotations

import re
import subprocess
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import IO

from penstock.catalog.model import ObjectAddress, TableName
from penstock.devdb.building.tools import ON_SOURCE, ON_TARGET, connection_environment, raise_for, run_tool
from penstock.devdb.disarm.extensions import grants_on
from penstock.devdb.disarm.left_out import LeftOut
from penstock.engines.postgres import locks
from penstock.engines.postgres.clients import ClientTools
from penstock.engines.postgres.errors import LOCKED_HINT, LOCKED_WHY
from penstock.engines.postgres.session import Session
from penstock.errors import DatabaseError, MigrationWaits, SchemaToolError
from penstock.project.connections import ConnectionSettings
from penstock.project.held_back import plain_environment

_ENTRY = re.compile(r"^(\d+); (\d+) (\d+) (.*)$")
_DEPENDS = re.compile(r"^;\s+depends on: ([\d ]+)$")  # under the entry, where the list is verbose
_SECTIONS = ("pre-data", "data", "post-data")
_NO_LOCK = re.compile(r"canceling statement due to (?:statement|lock) timeout")  # it waits under the former
_RESTRICT = re.compile(r"(?:--.*\n|\n)*\\restrict (\w+)\n")  # behind the first comments only


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of `pg_restore -l`."""

    line: str
    catalog_oid: int
    oid: int
    description: str  # "TABLE public customer owner"
    section: str
    about: ObjectAddress | None = None  # of a comment: what it is said of

    @property
    def identity(self) -> ObjectAddress:
        return self.catalog_oid, self.oid


class SchemaArchive:
    """The dumped schema of one snapshot, in a file without a name: a killed process leaves none behind."""

    def __init__(
        self, file: IO[bytes], tools: ClientTools, left_out: tuple[LeftOut, ...], never: tuple[str, ...] = ()
    ) -> None:
        self._file = file
        self._tools = tools
        self.left_out = left_out
        self._never = (*_NEVER, *never)
        sections = {
            number: section
            for section in _SECTIONS
            for number in _numbers(self._list(f"--section={section}"))
        }
        self.entries = tuple(_entries(self._list("--verbose"), sections))

    def _list(self, *options: str) -> str:
        listed = run_tool(
            [str(self._tools.pg_restore), "-l", *options], plain_environment(), stdin=self._file
        )
        raise_for(listed, "listing the schema archive")
        return listed.stdout

    @property
    def identities(self) -> frozenset[ObjectAddress]:
        """All it holds."""
        return frozenset((entry.catalog_oid, entry.oid) for entry in self.entries)

    def restore(
        self,
        target: ConnectionSettings,
        database: str,
        section: str,
        *,
        without: frozenset[ObjectAddress],
        done: frozenset[ObjectAddress] = frozenset(),
        only: frozenset[ObjectAddress] | None = None,
        described: Callable[[str], bool] = lambda _: False,
        grants: bool = False,
        role: str = "",
    ) -> None:
        """Restore one section (`pre-data`, `post-data`) into `database`, without some objects or with only some.

        What is `done` is there already, but for the comments on it. `described` says of entries without an identity
        (what owns a sequence) whether they are among `only`; comments go with what they are about.
        `role` is whom the restored objects belong to: it runs what they contain.

        Raises `SchemaToolError` for any error but the settings an older server does not know.
        """
        chosen = [
            entry
            for entry in self._section(section)
            if entry.identity not in without | done
            and entry.about not in without
            and (
                only is None
                or entry.identity in only
                or entry.about in only
                or (entry.oid == 0 and described(entry.description))
            )
        ]
        # --verbose: else it does not say which object an error is about
        options = ["--verbose", *([] if grants else ["--no-privileges"]), f"--dbname={database}"]
        options += [f"--role={role}"] if role else []
        result = self._restore(chosen, options, connection_environment(target, database))
        raise_for(result, f"restoring the schema ({section})", tolerate=_UNKNOWN_SETTING)

    def script(self, section: str, *, grants: bool = False) -> str:
        r"""One section as SQL that psql of any version runs, the same for the same schema: without the `\restrict` token,
        which is random, and without the one setting that servers before 17 do not know."""
        options = ["--file=-", *([] if grants else ["--no-privileges"])]
        result = self._restore(self._section(section), options, {})
        raise_for(result, f"writing the schema ({section})")
        text = result.stdout
        if token := _RESTRICT.match(text):
            text = text.replace(f"\\restrict {token[1]}\n", "", 1).replace(
                f"\\unrestrict {token[1]}\n", "", 1
            )
        return text.replace("\nSET transaction_timeout = 0;\n", "\n", 1)

    def _section(self, section: str) -> Iterator[Entry]:
        """What may be restored of a section."""
        for entry in self.entries:
            if (
                entry.section == section
                and not entry.description.startswith(self._never)
                and entry.catalog_oid != _DEFAULT_PRIVILEGES
            ):
                yield entry

    def _restore(
        self, chosen: Iterable[Entry], options: Sequence[str], environment: dict[str, str]
    ) -> subprocess.CompletedProcess[str]:
        """Restore these entries. Not by --section: a comment has none but that of whatever stands above it in the list."""
        with tempfile.TemporaryFile() as listing:
            listing.write("".join(f"{entry.line}\n" for entry in chosen).encode())
            listing.seek(0)
            command = [
                str(self._tools.pg_restore),
                f"--use-list=/dev/fd/{listing.fileno()}",
                "--no-owner",
                "--no-tablespaces",
                "--no-publications",
                "--no-subscriptions",
                "--no-security-labels",
                *options,
            ]
            return run_tool(command, environment, stdin=self._file, pass_fds=[listing.fileno()])


# Comments on extensions need their owner; the schema `public` is in every new database.
_NEVER = (
    "COMMENT - EXTENSION ", "EVENT TRIGGER ", "USER MAPPING ", "COMMENT - EVENT TRIGGER ", "SCHEMA - public ",
    "COMMENT - SCHEMA public ",
)  # fmt: skip
# pg_default_acl: what a role of production would grant on things it makes later. No GRANT on anything that was copied.
_DEFAULT_PRIVILEGES = 826
# Written by a pg_dump newer than the target, for settings that did not exist then. Nothing else is ever ignored.
_UNKNOWN_SETTING = re.compile(
    r'unrecognized configuration parameter "(transaction_timeout|default_table_access_method)"'
)


def dump_schema(
    source: Session,
    tools: ClientTools,
    file: IO[bytes],
    *,
    skip: Mapping[TableName, LeftOut],
    unavailable: Iterable[str],
) -> tuple[SchemaArchive, frozenset[ObjectAddress]]:
    """Dump the schema the source session's exported snapshot sees into `file`; also the identities to leave out on restore.

    `pg_dump` locks every table it dumps, those without rows in the copy too, and lifts `lock_timeout` in its session.
    """
    identities, left_out = _identities_to_leave_out(source, skip, list(unavailable))
    dump(source, tools, file, "--schema-only", *(f"--exclude-table={t.sql}" for t in skip))
    return SchemaArchive(file, tools, tuple(left_out), grants_on(source, unavailable)), identities


def dump(source: Session, tools: ClientTools, file: IO[bytes], *arguments: str) -> None:
    """What `pg_dump` says of the exported snapshot of a session, as an archive in `file`.

    Where the session has its locks, only a migration that waits for it can be in the way of `pg_dump`, and everybody else's
    queries wait behind both: so not for long. Raises `MigrationWaits`.
    """
    command = [
        str(tools.pg_dump),
        "--format=custom",
        f"--snapshot={source.snapshot_id}",
        f"--lock-wait-timeout={locks.PATIENCE}",
        "--no-publications",
        "--no-subscriptions",
        "--no-security-labels",
        *arguments,
    ]
    result = run_tool(command, connection_environment(source.settings, source.database), stdout=file)
    doing = f"dumping the schema of {'the source' if source.read_only else source.database}"
    if result.returncode and _NO_LOCK.search(result.stderr):
        raise MigrationWaits(
            f"no lock within {locks.PATIENCE} while {doing}", why=LOCKED_WHY, hint=LOCKED_HINT
        )
    raise_for(result, doing, connections=ON_SOURCE if source.read_only else ON_TARGET)


@contextmanager
def onto(source: Session, target: Session) -> Iterator[None]:
    """What fails inside, an older server may not know: then the error says so."""
    try:
        yield
    except DatabaseError as error:
        newer, older = (session.connection.get_server_version().major for session in (source, target))
        if older < newer and type(error) in (DatabaseError, SchemaToolError):
            error.why += f"; the target's server is PostgreSQL {older}, the source's {newer}"
            error.hint = f"use a target of PostgreSQL {newer} or newer; or: {error.hint}"
        raise


def _identities_to_leave_out(
    source: Session, skip: Mapping[TableName, LeftOut], unavailable: Sequence[str]
) -> tuple[frozenset[ObjectAddress], list[LeftOut]]:
    """(catalog oid, oid) of what must not be restored, found in the source's own dependency catalog."""
    identities: set[ObjectAddress] = set()
    left_out: list[LeftOut] = []
    for row in source.fetch(_EXTENSION_SQL, [*unavailable]):
        identities.add((row["c"], row["oid"]))
    if skip:
        for row in source.fetch(_DEPENDENT_KEYS_SQL, [name.sql for name in skip]):
            identities.add((row["c"], row["oid"]))
            left_out.append(LeftOut(row["what"], "depends on a skipped table"))
    return frozenset(identities), left_out


_EXTENSION_SQL = """
SELECT 'pg_catalog.pg_extension'::regclass::oid::int8 AS c, oid::int8 FROM pg_catalog.pg_extension WHERE extname = ANY($1::text[])
"""

# pg_dump leaves out the tables and views themselves, with all that is theirs.
_DEPENDENT_KEYS_SQL = """
SELECT 'pg_catalog.pg_constraint'::regclass::oid::int8 AS c, k.oid::int8 AS oid,
       'foreign key ' || k.conname || ' of ' || k.conrelid::regclass::text AS what
  FROM pg_catalog.pg_constraint k
 WHERE k.contype = 'f' AND k.confrelid = ANY($1::text[]::regclass[]) AND k.conrelid <> ALL($1::text[]::regclass[])
"""


def _numbers(listing: str) -> Iterator[int]:
    for line in listing.splitlines():
        if match := _ENTRY.match(line):
            yield int(match[1])


def _entries(listing: str, sections: Mapping[int, str]) -> Iterator[Entry]:
    """The entries that are in a section; what a comment depends on is what it is about."""
    found: dict[int, Entry] = {}
    number = 0
    for line in listing.splitlines():
        if match := _ENTRY.match(line):
            number = int(match[1])
            if number in sections:
                found[number] = Entry(line, int(match[2]), int(match[3]), match[4], sections[number])
        elif (match := _DEPENDS.match(line)) and number in found:
            entry, of = found[number], found.get(int(match[1].split()[0]))
            if of is not None and entry.description.startswith("COMMENT "):
                found[number] = replace(entry, section=of.section, about=of.identity)
    yield from found.values()
