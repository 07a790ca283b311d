"""`penstock init`: asks what it cannot know and writes a project. Every answer has a flag, except passwords.

A password on a command line can be read by everyone on the machine; it comes from a hidden prompt or from stdin.
"""

from __future__ import annotations

import sys
from pathlib import Path

import click

from penstock.api import start
from penstock.cli import output
from penstock.cli.options import common, json_option
from penstock.errors import SecretExposed
from penstock.project.redact import redact_url


@click.command("init")
@click.option("--name", help="The project's name. Default: the folder's.")
@click.option(
    "--source", metavar="URL", help="Production, without the password: postgresql://reader@host/shop."
)
@click.option(
    "--source-env", metavar="PREFIX", help="Take production from the variables PREFIX_HOST, … in .env."
)
@click.option("--target", metavar="URL", help="The server for development databases.")
@click.option(
    "--target-env", metavar="PREFIX", help="Take the target from the variables PREFIX_HOST, … in .env."
)
@click.option("--database", metavar="NAME", help="The development database's name. Default: NAME_dev.")
@click.option(
    "--password-stdin", is_flag=True, help="Read the source's password, then the target's, one per line."
)
@click.option("--no-input", is_flag=True, help="Ask nothing; what has no flag takes its default.")
@json_option
def command(
    name: str | None,
    source: str | None,
    source_env: str | None,
    target: str | None,
    target_env: str | None,
    database: str | None,
    *,
    password_stdin: bool,
    no_input: bool,
    as_json: bool,
) -> None:
    """Start a project: penstock.toml, .env with a fresh key, .env.example and .gitignore lines.

    Nothing is overwritten: an existing .env or .gitignore gets the lines it lacks.
    """
    root = (common.project or Path.cwd()).resolve()
    if start.is_started(root):
        output.talk("Everything is there already; nothing was changed.")
        if as_json:
            output.emit_json({"project": root, "files": []})
        return
    _refuse_password(source, "source")
    _refuse_password(target, "target")
    ask = _Asker(interactive=not no_input and not password_stdin and sys.stdin.isatty())
    passwords = [*(sys.stdin.read().splitlines() if password_stdin else []), "", ""]
    name = name or ask.text("Name of the project", start.default_name(root))
    if not (source or source_env):
        source, source_env = _production(ask, root)
    source, source_password = _with_password(ask, "source", source, passwords[0])
    if not (target or target_env):
        target = ask.text("URL of the server for development databases", start.default_target())
    target, target_password = _with_password(ask, "target", target, passwords[1])
    written = start.init(
        root,
        name=name,
        source=source or "",
        source_env=source_env or "",
        source_password=source_password,
        target=target or "",
        target_env=target_env or "",
        target_password=target_password,
        database=database or ask.text("Name of the first development database", start.default_database(name)),
    )
    if as_json:
        output.emit_json({"project": root, "files": written})
        return
    for item in written:
        output.emit(f"{item.file}: {item.what}")
    output.talk("Next: penstock doctor")


class _Asker:
    """Asks on a terminal; elsewhere takes defaults."""

    def __init__(self, *, interactive: bool) -> None:
        self.interactive = interactive

    def text(self, question: str, default: str | None = None) -> str:
        return str(click.prompt(question, default=default, err=True)) if self.interactive else default or ""

    def password(self, question: str) -> str:
        if not self.interactive:
            return ""
        return str(click.prompt(question, default="", show_default=False, hide_input=True, err=True))


def _production(ask: _Asker, root: Path) -> tuple[str, str]:
    """A URL, or the prefix of the variables in .env that describe the only connection there, if that is it."""
    found = start.detected(root)
    if len(found) == 1:
        (prefix, fields), *_ = found.items()
        output.talk(f".env describes a connection: {', '.join(fields.values())}")
        if not ask.interactive or click.confirm("Use it as the source?", default=True, err=True):
            return "", prefix
    return ask.text("URL of production (postgresql://user@host:5432/database)"), ""


def _with_password(ask: _Asker, role: str, url: str | None, given: str) -> tuple[str, str]:
    """The URL without a password, and the password: read already, in the URL as it was typed, or asked for."""
    if not url:
        return "", ""
    bare, in_url = start.split_password(url, role)
    return bare, given or in_url or ask.password(f"Password of {redact_url(bare)} (empty: none)")


def _refuse_password(url: str | None, role: str) -> None:
    if url is not None and start.split_password(url, role)[1]:
        raise SecretExposed(
            f"the URL given with --{role} holds a password",
            why="other users of this machine, and the shell's history, can read it",
            hint=f"penstock init --{role} {redact_url(url)} --password-stdin < FILE",
        )
