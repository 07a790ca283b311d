"""What every command about one development database starts from: its settings, both connections, the key, the masks."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from penstock.devdb.config import LIFECYCLE, DevdbSettings
from penstock.devdb.databases import MAX_NAME_BYTES, SERVERS_OWN
from penstock.engines.postgres.session import Session
from penstock.errors import ConfigError
from penstock.masks.keys import Keyring
from penstock.policy import registry_file
from penstock.policy.registry_file import Registry
from penstock.project import held_back
from penstock.project.connections import ConnectionSettings
from penstock.project.key import parse_key
from penstock.project.settings import ProjectSettings


@dataclass(frozen=True, slots=True)
class Context:
    """One `[devdb.NAME]`, resolved. `target` points at the server's maintenance database."""

    project: str
    name: str
    settings: DevdbSettings
    source: ConnectionSettings
    target: ConnectionSettings
    keys: Keyring
    registry: Registry
    state_dir: Path
    root: Path  # the project's folder, and what flags set: a worker reads them itself
    overrides: Mapping[str, str]
    target_is_own: bool  # a server of this run, which no worker knows
    held_back: frozenset[str]  # variables with the project's secrets, which no hook gets
    section_database: str  # of the section, also where a copy of another name is meant

    @property
    def database(self) -> str:
        """The final name of the database."""
        return self.settings.database or self.name

    @property
    def spoken(self) -> str:
        """What follows `penstock dev COMMAND` where this database is meant: `small`, or `small --database shop_dev_ann`."""
        own = self.database == self.section_database
        return shlex.join([self.name, *([] if own else ["--database", self.database])])

    @property
    def made_by(self) -> str:
        """The command that makes this database."""
        if self.database == self.section_database:
            return f"penstock dev create {self.spoken}"
        return f"penstock dev create --from-template {self.spoken}"

    @property
    def remade_by(self) -> str:
        """The command that makes this database anew."""
        if self.database == self.section_database:
            return f"penstock dev refresh {self.spoken}"
        return f"penstock dev reset {self.spoken}"

    @property
    def read_again_by(self) -> str:
        """What has this database made from production as it is now: a copy through its template."""
        if self.database == self.section_database:
            return self.remade_by
        return f"penstock dev refresh {self.name} --template; {self.remade_by}"

    def with_database(self, database: str) -> Context:
        """The same section, another database on its target."""
        return replace(self, settings=replace(self.settings, database=database))

    @contextmanager
    def source_session(self) -> Iterator[Session]:
        """The source, read-only, inside one exported snapshot, its tables locked against being rewritten."""
        with Session.open(
            self.source, read_only=True, application_name=f"penstock dev {self.name}"
        ) as session:
            session.begin_snapshot(export=True, locked=True)
            yield session

    @contextmanager
    def catalog_session(self) -> Iterator[Session]:
        """The source, read-only, in a snapshot, for who reads its catalog and no table."""
        with Session.open(
            self.source, read_only=True, application_name=f"penstock dev {self.name}"
        ) as session:
            session.begin_snapshot()
            yield session

    @contextmanager
    def target_session(self, database: str | None = None) -> Iterator[Session]:
        """The target's server: its maintenance database, or the one named."""
        with Session.open(
            self.target, read_only=False, application_name=f"penstock dev {self.name}", database=database
        ) as session:
            session.lift_limits()
            yield session


def context_of(
    project: ProjectSettings,
    name: str,
    settings: DevdbSettings | None = None,
    *,
    database: str | None = None,
    target: ConnectionSettings | None = None,
) -> Context:
    """The context of `[devdb.NAME]`; `settings` stand in for the file's (those of a saved plan), which knows its lifecycle;
    `database` for the name, where a developer's own copy is meant; `target` for its target.

    Raises `UnknownName`, `ConfigError`, `SecretExposed`, `RegistryError`.
    """
    own: DevdbSettings = project.section("devdb", name)
    settings = own if settings is None else replace(settings, **{key: getattr(own, key) for key in LIFECYCLE})
    section_database = settings.database or name
    if database is not None:
        settings = replace(settings, database=database)
    if len((settings.database or name).encode()) > MAX_NAME_BYTES:
        raise ConfigError(
            f"the database name of [devdb.{name}] is longer than {MAX_NAME_BYTES} bytes",
            why="PostgreSQL keeps no more of a name",
            hint="set a shorter `database` there",
        )
    section = f"[devdb.{name}]"
    target_is_own = target is not None
    target = target or project.only_connection("target", settings.target or None, section=section)
    if (settings.database or name) in (*SERVERS_OWN, target.dbname):
        raise ConfigError(
            f"{section} would make the database {settings.database or name}, which the target's server or connection needs",
            why=f"{', '.join(SERVERS_OWN)} are the server's own, and [connections.{target.name}] connects to {target.dbname}",
            hint=f'add to {section}: database = "{project.name}_dev"',
        )
    source = project.only_connection("source", settings.source or None, section=section)
    key = project.key()
    return Context(
        project=project.name,
        name=name,
        settings=settings,
        source=source,
        target=target,
        keys=Keyring(parse_key(key)),
        registry=registry_file.load(project.masks_path),
        state_dir=project.state_dir,
        root=project.root,
        overrides=project.overrides,
        target_is_own=target_is_own,
        held_back=held_back.names(project, (source.password, target.password, key)),
        section_database=section_database,
    )
