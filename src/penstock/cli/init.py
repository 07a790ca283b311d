"""`penstock init`: asks what it cannot know and writes a project. Every answer has a flag, except passwords.

A password on a command line can be read by everyone on the machine; it comes from a hidden prompt or from stdin.
"""

from __future__ import annotations

import getpass
import sys
from pathlib import Path
from urllib.parse import quote

import click

from penstock.cli import output
from penstock.cli.options import common
from penstock.errors import ConfigError, SecretExposed, UsageError
from penstock.project import envfile, scaffold
from penstock.project.redact import REDACTED_DSN, redact_url, remember, split_url
from penstock.project.scaffold import Endpoint


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
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
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
    if not root.is_dir():
        raise UsageError(f"{root} is not a folder", hint=f"mkdir -p {root}")
    if scaffold.refuse_existing(root):
        output.talk("Everything is there already; nothing was changed.")
        if as_json:
            output.emit_json({"project": root, "files": []})
        return
    ask = _Asker(interactive=not no_input and not password_stdin and sys.stdin.isatty())
    passwords = sys.stdin.read().splitlines() if password_stdin else []
    detected = scaffold.detect({key: line.value for key, line in envfile.read(root / ".env").items()})

    name = name or ask.text("Name of the project", root.name or "shop")
    production = _endpoint(ask, "prod", "source", source, source_env, detected, passwords[0:1])
    development = _endpoint(
        ask, "dev", "target", target, target_env, {} if target_env is None else detected, passwords[1:2]
    )
    database = database or ask.text("Name of the first development database", f"{name}_dev".replace("-", "_"))
    written = scaffold.write(root, name, [production, development], database)
    if as_json:
        output.emit_json({"project": root, "files": written})
        return
    for item in written:
        output.emit(f"{item.file}: {item.what}")
    output.talk("Next: penstock doctor")


class _Asker:
    """Asks on a terminal; elsewhere takes defaults and refuses where there is none."""

    def __init__(self, *, interactive: bool) -> None:
        self.interactive = interactive

    def text(self, question: str, default: str) -> str:
        return str(click.prompt(question, default=default, err=True)) if self.interactive else default

    def password(self, question: str) -> str:
        if not self.interactive:
            return ""
        return str(click.prompt(question, default="", show_default=False, hide_input=True, err=True))


def _endpoint(
    ask: _Asker,
    name: str,
    role: str,
    url: str | None,
    prefix: str | None,
    detected: dict[str, dict[str, str]],
    given: list[str],
) -> Endpoint:
    """One connection from its flags, the variables of `.env`, or questions."""
    if url is not None and prefix is not None:
        raise UsageError(f"--{role} and --{role}-env exclude each other", hint=f"keep --{role}-env {prefix}")
    if url is None and (chosen := _chosen_prefix(ask, role, prefix, detected)) is not None:
        return Endpoint(name, role, detected[chosen])
    if url is not None:
        _refuse_password(url, role)
    elif role == "target":
        url = ask.text("URL of the server for development databases", _default_target())
    elif ask.interactive:
        url = str(click.prompt("URL of production (postgresql://user@host:5432/database)", err=True))
    else:
        raise UsageError(
            "no source was named", hint="penstock init --source postgresql://reader@host:5432/shop"
        )
    url, in_url = _split_password(url, role)
    secret = next(iter(given), None) or in_url or ask.password(f"Password of {redact_url(url)} (empty: none)")
    variable = f"{name.upper()}_PASSWORD"
    return Endpoint(name, role, {"url": url, "password": f"${{{variable}:-}}"}, {variable: secret})


def _chosen_prefix(
    ask: _Asker, role: str, prefix: str | None, detected: dict[str, dict[str, str]]
) -> str | None:
    if prefix is not None:
        if prefix.rstrip("_") not in detected:
            raise ConfigError(
                f".env does not describe a connection with variables {prefix.rstrip('_')}_HOST, …",
                why="found: " + (", ".join(detected) or "none"),
                hint=f"penstock init --{role} postgresql://user@host:5432/database",
            )
        return prefix.rstrip("_")
    if len(detected) != 1:
        return None
    only = next(iter(detected))
    output.talk(f".env describes a connection: {', '.join(detected[only].values())}")
    if ask.interactive and not click.confirm(f"Use it as the {role}?", default=True, err=True):
        return None
    return only


def _refuse_password(url: str, role: str) -> None:
    _, password = _split_password(url, role)
    if password:
        raise SecretExposed(
            f"the URL given with --{role} holds a password",
            why="other users of this machine, and the shell's history, can read it",
            hint=f"penstock init --{role} {redact_url(url)} --password-stdin < FILE",
        )


def _split_password(url: str, role: str) -> tuple[str, str]:
    """The URL without its password, and the password, decoded."""
    from urllib.parse import unquote

    parts = split_url(url)
    if parts is None or parts["scheme"] not in ("postgresql", "postgres") or redact_url(url) == REDACTED_DSN:
        remember(url)
        raise UsageError(f"the URL of the {role} cannot be read", hint="postgresql://user@host:5432/database")
    user, _, password = parts["userinfo"].partition(":")
    remember(password)
    bare = f"{parts['scheme']}://{quote(unquote(user), safe='') + '@' if user else ''}{parts['host']}"
    bare += f":{parts['port']}" if parts["port"] else ""
    bare += f"/{parts['database']}" if parts["database"] else ""
    return bare + (f"?{parts['query']}" if parts["query"] else ""), unquote(password)


def _default_target() -> str:
    return f"postgresql://{quote(getpass.getuser(), safe='')}@localhost:5432/postgres"
