"""What to install so that a machine asks regularly: a crontab line, or a systemd service and timer.

They ask often (every night, or every hour for schedules in hours) and `dev reset --due` does what is due: cron knows no
"every two weeks", and a machine that was off at the hour would skip a turn.
"""

from __future__ import annotations

import shlex
from datetime import timedelta
from pathlib import Path

from penstock.devdb.durations import parse_schedule
from penstock.errors import UsageError
from penstock.project.settings import ProjectSettings

_NIGHTLY, _HOURLY = ("17 3 * * *", "*-*-* 03:17:00"), ("17 * * * *", "*-*-* *:17:00")


def arguments(name: str, *, keep_extra: bool) -> list[str]:
    """`dev reset` as a machine runs it, which nobody can ask."""
    return ["dev", "reset", name, "--due", "--yes", *(["--keep-extra"] if keep_extra else [])]


def schedule(project: ProjectSettings, name: str, program: str, *, keep_extra: bool = False) -> str:
    """The text to install for `[devdb.NAME]`. Raises `UsageError` where it has no schedule."""
    said = project.section("devdb", name).schedule
    if not said:
        raise UsageError(f"[devdb.{name}] has no schedule", hint='schedule = "every 2 weeks"')
    return installation(name, said, project.root, program, keep_extra=keep_extra)


def installation(name: str, schedule: str, folder: Path, program: str, *, keep_extra: bool = False) -> str:
    """The text to install for `[devdb.NAME]` with this schedule. `program` is the command `penstock`, with its path."""
    cron, calendar = _HOURLY if parse_schedule(schedule) < timedelta(days=1) else _NIGHTLY
    words = [program, "-C", str(folder), *arguments(name, keep_extra=keep_extra)]
    line = shlex.join(words).replace("%", r"\%")  # cron makes lines of %
    command = " ".join(
        f'"{word}"'
        for word in (w.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%") for w in words)
    )
    unit = f"penstock-reset-{_unit_name(name)}"
    return f"""\
# [devdb.{name}] schedule = "{schedule}": asked more often than that, and done when due.

# crontab -e
{cron} {line}

# /etc/systemd/system/{unit}.service
[Unit]
Description=Reset the development database {name} when it is due
Wants=network-online.target
After=network-online.target

[Service]
Type=oneshot
User={folder.owner()}
ExecStart={command.replace("$", "$$")}

# /etc/systemd/system/{unit}.timer
[Unit]
Description=Ask whether the development database {name} is due

[Timer]
OnCalendar={calendar}
Persistent=true

[Install]
WantedBy=timers.target

# systemctl daemon-reload && systemctl enable --now {unit}.timer
"""


def _unit_name(name: str) -> str:
    return "".join(c if c.isascii() and (c.isalnum() or c in "_-") else "-" for c in name)
