"""Secrets that lie where others can read them: what git knows of `.env`. Asked on every load, in a few milliseconds."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from penstock.errors import SecretExposed


def in_git(root: Path) -> bool:
    """Whether `root` lies in a git work tree (by its files: no process is started)."""
    return any((folder / ".git").exists() for folder in (root, *root.parents))


def git(root: Path, *arguments: str) -> subprocess.CompletedProcess[str] | None:
    """Run git in `root`; None when git is not installed or hangs.

    The caller's GIT_* variables are dropped (inside a hook they point elsewhere), nobody's fsmonitor is started, and a
    work tree of another user is read all the same: to refuse to look would be to miss the leak.
    """
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    command = ["git", "-c", "core.fsmonitor=false", "-c", "safe.directory=*", "-C", str(root), *arguments]
    try:
        return subprocess.run(
            command,
            env=environment,
            capture_output=True,
            text=True,
            timeout=20,
            check=False,
            stdin=subprocess.DEVNULL,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None


def tracked_env(root: Path) -> list[str]:
    """The env files of the project that git tracks (`.env`, `.env.local`, …; not the example)."""
    if not in_git(root):
        return []
    link = root / ".env"
    behind = (
        [str(link.resolve())] if link.is_symlink() and link.resolve().is_relative_to(root.resolve()) else []
    )
    listed = git(root, "ls-files", "-z", "--", ".env", ".env.*", *behind)
    names = [] if listed is None else listed.stdout.split("\0")
    return [name for name in names if name and not name.endswith((".example", ".sample", ".template"))]


def refuse_tracked_env(root: Path) -> None:
    """Raise SecretExposed when git tracks an env file of the project."""
    if tracked := tracked_env(root):
        raise SecretExposed(
            f"git tracks {', '.join(tracked)}",
            why="whoever can read the repository, now or in its history, has its passwords and the project key",
            hint=f"git rm --cached {' '.join(tracked)} && echo '.env' >> .gitignore && git commit; "
            "then change every password in it",
        )
