"""The demo's folder: its secrets, its server, its project file. What is there already stays."""

from __future__ import annotations

import os
import re
import secrets
import shutil
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from penstock.engines.postgres.embedded import EmbeddedServer, reachable_directory, wheel_programs
from penstock.errors import UsageError
from penstock.project.connections import ConnectionSettings, Role
from penstock.project.envfile import read
from penstock.project.key import KEY_NAME, new_key
from penstock.project.secret import Secret

PRODUCTION = "shop"
READER = "shop_reader"
DEVELOPER = "developer"
_PASSWORDS = {
    "postgres": "SHOP_SUPERUSER_PASSWORD",
    READER: "SHOP_READER_PASSWORD",
    DEVELOPER: "DEVELOPER_PASSWORD",
}


class DemoHome:
    """One folder with a demo in it, or about to get one."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.env_file = folder / ".env"
        self.project_file = folder / "penstock.toml"
        self.masks_file = folder / "masks.toml"
        self.state = folder / ".penstock"
        self.password_file = self.state / "pgpass"

    @property
    def exists(self) -> bool:
        """Whether the folder holds a demo made by this command."""
        return self.env_file.exists() and (self.state / "demo").exists()

    def prepare(self) -> None:
        """Make the folder and its secrets. Raises UsageError where something else lives there."""
        if self.exists:
            return
        if self.folder.exists() and any(self.folder.iterdir()):
            raise UsageError(
                f"{self.folder} is not empty",
                why="the demo makes a project of its own and overwrites nothing",
                hint="penstock demo another-folder",
            )
        self.state.mkdir(parents=True)
        (self.state / "demo").touch()
        copy_example("gitignore", self.folder / ".gitignore")
        names = dict.fromkeys(_PASSWORDS.values(), "")
        values = {name: secrets.token_urlsafe(18) for name in names}
        lines = [f"{KEY_NAME}={new_key().reveal()}", *(f"{name}={value}" for name, value in values.items())]
        write_private(
            self.env_file, "# Secrets of the demo. Never commit this file.\n" + "\n".join(lines) + "\n"
        )
        example = [f"{name}=" for name in (KEY_NAME, *values)]
        (self.folder / ".env.example").write_text("# Copy to .env and fill in.\n" + "\n".join(example) + "\n")

    def secret(self, user: str) -> Secret:
        """The password of one of the demo's database users."""
        name = _PASSWORDS[user]
        return Secret(read(self.env_file)[name].value, f".env ({name})")

    def server(self) -> EmbeddedServer:
        """The demo's server, in the folder itself or, for root, where the server's account can get at it."""
        return EmbeddedServer(
            reachable_directory(self.state / "postgres"),
            programs=wheel_programs(),
            password=self.secret("postgres").reveal(),
            # A demo's databases are made again in seconds: no need to wait for the disk.
            options={"max_connections": "60", "synchronous_commit": "off", "fsync": "off"},
        )

    def connection(self, server: EmbeddedServer, user: str, database: str, role: Role) -> ConnectionSettings:
        return ConnectionSettings(
            name=user,
            role=role,
            host=server.host,
            port=server.port,
            dbname=database,
            user=user,
            password=self.secret(user),
        )

    def write_project(self, server: EmbeddedServer) -> None:
        """penstock.toml and what people decided about masks (once), a password file so that psql asks nothing."""
        if not self.masks_file.exists():
            copy_example("masks.toml", self.masks_file)
        text = (self.project_file if self.project_file.exists() else example("penstock.toml")).read_text(
            "utf-8"
        )
        # The server moves to another port when somebody took its own while it was down.
        moved = re.sub(r"(?m)^(port +=) \S+", rf"\1 {server.port}", text)
        if moved != text:
            self.project_file.write_text(moved, encoding="utf-8")
        entries = [
            f"{server.host}:{server.port}:*:{user}:{self.secret(user).reveal()}\n"
            for user in (READER, DEVELOPER)
        ]
        write_private(self.password_file, "".join(entries))

    def remove(self) -> None:
        """Stop the server and delete the demo's folder and its databases."""
        server = self.server()
        server.stop()
        shutil.rmtree(server.directory, ignore_errors=True)
        shutil.rmtree(self.folder)


def example(name: str) -> Traversable:
    """A file of the package that the demo puts into its folder."""
    return files("penstock.cli.demo").joinpath("project", name)


def copy_example(name: str, destination: Path) -> None:
    destination.write_text(example(name).read_text(encoding="utf-8"), encoding="utf-8")


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner may read, never readable by others even for a moment."""
    path.unlink(missing_ok=True)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
