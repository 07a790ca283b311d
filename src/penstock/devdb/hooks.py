"""Hooks: the project's own programs around the making of a database, so that infrastructure code can book and release
the machine.

A hook is a list of arguments, run without a shell: nothing in it is ever expanded. It runs where `penstock.toml` lies, and
learns from its environment what is made. What it prints is passed on, line by line, as talk, and never as commands to a terminal.
"""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import IO
from unicodedata import category
from urllib.parse import quote, urlencode

from penstock.devdb.context import Context
from penstock.devdb.durations import parse_duration
from penstock.devdb.progress import Progress, note
from penstock.errors import HookFailed
from penstock.project.connections import ConnectionSettings
from penstock.project.redact import remember

_LAST_WORDS_SECONDS = 2.0  # for what a hook has printed, or a child of its own still might
_RUN = "PENSTOCK_HOOK_RUN"
_MOST_LOOKS = 100  # for what a hook has started: a process that was killed is seen for a moment longer


def before_create(context: Context, operation: str, progress: Progress) -> None:
    """Run the hook, before anything is connected to. Raises `HookFailed`: then nothing is made."""
    again = "nothing was written; mend the hook, then run the command again"
    _run(context, "before_create", operation, progress, again)


def after_create(context: Context, operation: str, progress: Progress) -> None:
    """Run the hook: the database stands under its name. Raises `HookFailed`; the database stays."""
    command = {  # the same command would find the database in its way; what the hook had made goes, or is kept
        "copy": f"penstock dev reset {context.spoken} --yes",
        "reset": f"penstock dev reset {context.spoken} --keep-extra --yes",
    }.get(operation, f"penstock dev refresh {context.spoken}")
    stays = f"the database {context.database} is complete and stays"
    _run(
        context, "after_create", operation, progress, f"{stays}; mend the hook, then run it by hand, or: {command}"
    )  # fmt: skip


def after_drop(context: Context, progress: Progress) -> None:
    """Run the hook: the database is gone. Raises `HookFailed`."""
    again = f"the database {context.database} is gone; mend the hook, then run it by hand"
    _run(context, "after_drop", "drop", progress, again)


def _run(context: Context, hook: str, operation: str, progress: Progress, again: str) -> None:
    command: tuple[str, ...] = getattr(context.settings.hooks, hook)
    if not command:
        return
    limit = parse_duration(context.settings.hooks.timeout).total_seconds()
    place = f"[devdb.{context.name}.hooks] {hook}"
    run = secrets.token_hex(16)
    variables = environment(context, hook, operation)
    progress.start(hook)
    try:
        process = subprocess.Popen(
            command,
            cwd=context.state_dir.parent,
            env={**variables, _RUN: f"{variables.get(_RUN, '')} {run}".lstrip()},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # it is ended with all it has started
        )
    except OSError as error:
        raise HookFailed(f"{place} cannot be run", why=error.strerror or "", hint=again) from None
    assert process.stdout is not None  # noqa: S101 - a pipe was asked for
    reader = threading.Thread(target=_pass_on, args=(process.stdout, hook, progress), daemon=True)
    reader.start()
    try:
        code = process.wait(limit)
    except subprocess.TimeoutExpired:
        raise HookFailed(
            f"{place} did not end within {context.settings.hooks.timeout}",
            why="it was ended",
            hint=f'{again}; a longer limit: timeout = "1h" in [devdb.{context.name}.hooks]',
        ) from None
    finally:
        if process.poll() is None:
            _end(process, run)
        reader.join(_LAST_WORDS_SECONDS)
    if code:
        ended = f"it ended with exit code {code}" if code > 0 else f"it was ended by signal {-code}"
        raise HookFailed(f"{place} failed", why=ended, hint=again)
    progress.finish(hook)


def _end(process: subprocess.Popen[bytes], run: str) -> None:
    """End a hook with all it has started: its session, and whoever left that and still has its environment.

    Where there is no /proc (macOS) it is the session alone.
    """
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    for _ in range(_MOST_LOOKS):
        found = _of_run(run)
        if not found:
            return
        for pid in found:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.01)


def _of_run(run: str) -> list[int]:
    """The processes whose environment says that they are of this run of a hook."""
    found = []
    for place in Path("/proc").glob("[0-9]*/environ"):
        with suppress(OSError):  # somebody else's, or gone meanwhile
            if run.encode() in place.read_bytes():
                found.append(int(place.parent.name))
    return found


def _pass_on(output: IO[bytes], hook: str, progress: Progress) -> None:
    with output:
        for line in output:
            note(progress, f"{hook}: {_harmless(line.decode(errors='replace').rstrip())}")


def _harmless(line: str) -> str:
    """The line with whatever a terminal would obey, or not show, written out as in a Python text."""
    return "".join(
        repr(char)[1:-1] if category(char).startswith("C") and char != "\t" else char for char in line
    )


def environment(context: Context, hook: str, operation: str) -> dict[str, str]:
    """The hook's environment: ours without the project's secrets, and what is made. The target's password is in the URL only."""
    return {
        **{name: value for name, value in os.environ.items() if name not in context.held_back},
        "PENSTOCK_HOOK": hook,
        "PENSTOCK_OPERATION": operation,
        "PENSTOCK_PROJECT": str(Path(context.state_dir).parent),
        "PENSTOCK_DEVDB": context.name,
        "PENSTOCK_DATABASE": context.database,
        "PENSTOCK_DATABASE_URL": url(context.target, context.database),
    }


def url(target: ConnectionSettings, database: str) -> str:
    """A libpq URL with the password in it. It is remembered as a secret: no output of ours will show it."""
    secret = f":{quote(target.password.reveal(), safe='')}" if target.password else ""
    user = quote(target.user, safe="")
    options = {"sslmode": target.sslmode} if target.sslmode else {}
    options |= dict(target.params)
    if target.host.startswith("/"):
        place = ""
        options = {"host": target.host, "port": str(target.port), **options}
    else:
        host = f"[{target.host}]" if ":" in target.host else target.host
        place = f"{host}:{target.port}"
    query = f"?{urlencode(options)}" if options else ""
    made = f"postgresql://{user}{secret}@{place}/{quote(database, safe='')}{query}"
    if secret:
        remember(made)
    return made
