"""What `penstock doctor` can tell without a database: the project file, `.env`, git, disk. One function per check."""

from __future__ import annotations

import importlib.metadata
import platform
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from penstock._version import __version__
from penstock.errors import PenstockError
from penstock.project import envfile, exposure
from penstock.project.connections import refuse_literal_secrets
from penstock.project.environment import reference
from penstock.project.key import KEY_NAME
from penstock.project.settings import PROJECT_FILE, ProjectSettings, find_project_file

Outcome = Literal["ok", "warn", "fail", "skip"]
LITTLE_SPACE_BYTES = 1_000_000_000
NO_SPACE_BYTES = 100_000_000


@dataclass(frozen=True, slots=True)
class CheckResult:
    """One line of the doctor: what was checked, on which connection if any, what it found, what to paste.

    `skip` means that it could not be checked; it is never a pass. `exposes` marks the findings for which every other
    command refuses to run (exit 4).
    """

    check: str
    outcome: Outcome
    what: str
    fix: str = ""
    connection: str = ""
    exposes: bool = False


def local_checks(
    path: Path | None, reload: Callable[[], ProjectSettings]
) -> tuple[list[CheckResult], ProjectSettings | None]:
    """All checks of the project's folder, and the project if its file can be read.

    `reload` loads the project without refusing exposed secrets.
    """
    results = [versions()]
    try:
        project: ProjectSettings | None = reload()
    except PenstockError as error:
        results.append(from_error("configuration", error))
        project = None
    if project is None:
        root = _root(path)
    else:
        root = project.root
        results.append(configuration(project))
        results.append(no_literal_password(project))
        results.append(key_present(project))
    if root is not None:
        results += [
            env_ignored(root),
            env_not_tracked(root),
            env_never_tracked(root, project),
            env_mode(root),
        ]
        results.append(disk_space(root, "the project's folder"))
    return results, project


def from_error(check: str, error: PenstockError, connection: str = "") -> CheckResult:
    """A failed check from the error that ended it."""
    what = error.what + (f": {error.why}" if error.why else "")
    return CheckResult(check, "fail", what, error.hint, connection)


def versions() -> CheckResult:
    """Python and the libraries that matter for a bug report."""
    parts = [f"penstock {__version__}", f"Python {platform.python_version()}"]
    parts += [f"{name} {importlib.metadata.version(name)}" for name in ("asyncpg", "pyarrow", "duckdb")]
    supported = sys.version_info >= (3, 11)
    fix = "" if supported else "install Python 3.11 or newer"
    return CheckResult(
        "versions", "ok" if supported else "fail", ", ".join(parts) + f" on {platform.system()}", fix
    )


def configuration(project: ProjectSettings) -> CheckResult:
    """Whether the project file, which was read, names what a project needs."""
    roles = [table.role for table in project.tables.values()]
    counts = ", ".join(f"{roles.count(role)} {role}" for role in sorted(set(roles)))
    what = f"{project.path}: {counts or 'no connections'}"
    if "source" not in roles:
        return CheckResult(
            "configuration", "warn", what, f'[connections.prod] … role = "source"   in {PROJECT_FILE}'
        )
    return CheckResult("configuration", "ok", what)


def no_literal_password(project: ProjectSettings) -> CheckResult:
    """No password stands in the committed file."""
    for name, table in project.tables.items():
        try:
            refuse_literal_secrets(name, table, project.origin_of(name))
        except PenstockError as error:
            return CheckResult("no literal password", "fail", error.what, error.hint, exposes=True)
    return CheckResult("no literal password", "ok", f"none in {PROJECT_FILE}")


def key_present(project: ProjectSettings) -> CheckResult:
    """The project key is there and is a key."""
    try:
        key = project.key()
    except PenstockError as error:
        return from_error("project key", error)
    return CheckResult("project key", "ok", f"{KEY_NAME} ({key.origin})")


def env_ignored(root: Path) -> CheckResult:
    """Git ignores `.env` and `.penstock/`."""
    if not exposure.in_git(root):
        return CheckResult(".env ignored", "ok", "not a git repository")
    for name in (".env", ".penstock/x"):
        asked = exposure.git(root, "check-ignore", "-q", "--no-index", name)
        if asked is None:
            return CheckResult(".env ignored", "skip", "git is not installed", "apt install git")
        if asked.returncode:
            shown = name.removesuffix("x")
            return CheckResult(
                ".env ignored", "fail", f"git does not ignore {shown}", f"echo '{shown}' >> .gitignore"
            )
    return CheckResult(".env ignored", "ok", "git ignores .env and .penstock/")


def env_not_tracked(root: Path) -> CheckResult:
    """Git tracks no env file now."""
    try:
        exposure.refuse_tracked_env(root)
    except PenstockError as error:
        return CheckResult(".env not tracked", "fail", error.what, error.hint, exposes=True)
    return CheckResult(".env not tracked", "ok", "git tracks no .env")


def env_never_tracked(root: Path, project: ProjectSettings | None) -> CheckResult:
    """No commit ever held `.env`; if one did, the secrets in it must have been changed since."""
    check = ".env never tracked"
    if not exposure.in_git(root):
        return CheckResult(check, "ok", "not a git repository")
    listed = exposure.git(root, "log", "--all", "--format=%H", "--", ".env")
    if listed is None:
        return CheckResult(check, "skip", "git is not installed", "apt install git")
    commits = listed.stdout.split()
    if not commits:
        return CheckResult(check, "ok", "no commit holds it")
    same = _unchanged_secrets(root, commits, project)
    where = f"history holds .env (commit {commits[0][:12]})"
    if same:
        return CheckResult(
            check,
            "fail",
            f"{where}, and in it {', '.join(same)} as today",
            f"change {', '.join(same)} at the server and in .env: whoever has a clone has them",
        )
    return CheckResult(
        check,
        "warn",
        f"{where}; the secrets in it have changed since",
        "git filter-repo --path .env --invert-paths",
    )


def _unchanged_secrets(root: Path, commits: list[str], project: ProjectSettings | None) -> list[str]:
    """Names of today's secrets that an earlier, committed `.env` already had with the same value."""
    names = {KEY_NAME}
    for table in project.tables.values() if project else ():
        for text in (table.password, table.url, table.access_key, table.secret_key):
            if text and (found := reference(text, "")) is not None:
                names.add(found.name)
    try:
        today = envfile.read(root / ".env")
    except PenstockError:
        return []
    same: set[str] = set()
    for commit in commits[:100]:
        shown = exposure.git(root, "show", f"{commit}:./.env")
        if shown is None or shown.returncode:
            continue
        for name, line in envfile.parse(shown.stdout).items():
            if name in names and name in today and line.value and today[name].value == line.value:
                same.add(name)
    return sorted(same)


def env_mode(root: Path) -> CheckResult:
    """Nobody else on the machine can read `.env`."""
    path = root / ".env"
    if not path.exists():
        return CheckResult(".env mode", "ok", "there is no .env")
    mode = path.stat().st_mode & 0o777
    if mode & 0o077:
        return CheckResult(
            ".env mode", "fail", f"others may read .env (mode {mode:04o})", f"chmod 600 {path}"
        )
    return CheckResult(".env mode", "ok", f"mode {mode:04o}")


def disk_space(folder: Path, what: str, connection: str = "") -> CheckResult:
    """There is room in a folder of this machine."""
    free = shutil.disk_usage(folder).free
    text = f"{free / 1e9:.1f} GB free in {what}"
    if free >= LITTLE_SPACE_BYTES:
        return CheckResult("disk space", "ok", text, connection=connection)
    outcome: Outcome = "fail" if free < NO_SPACE_BYTES else "warn"
    return CheckResult("disk space", outcome, text, f"du -xh {folder} | sort -h | tail", connection)


def _root(path: Path | None) -> Path | None:
    if path is not None:
        return path if path.is_dir() else path.parent
    try:
        return find_project_file(Path.cwd()).parent
    except PenstockError:
        return None
