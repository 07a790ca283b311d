"""A new project on disk, and what an existing `.env` offers it. Nothing that is there is overwritten.

The order of writing matters: `.gitignore` before `.env`, so that no moment exists in which git would take the secrets;
`penstock.toml` last, so that an interrupted `init` can simply be run again.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from penstock.errors import ConfigError
from penstock.project import envfile, exposure
from penstock.project.key import KEY_NAME, new_key
from penstock.project.settings import PROJECT_FILE

IGNORED = (".env", ".env.*", "!.env.example", ".penstock/")
_SUFFIXES = {
    "host": ("HOSTNAME", "HOST"),
    "port": ("PORT",),
    "dbname": ("DB_NAME", "DBNAME", "DATABASE", "DB", "NAME"),
    "user": ("USERNAME", "USER"),
    "password": ("PASSWORD", "PASS", "PWD"),
}


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A connection to write: TOML fields (references or literals, never a password) and its secrets for `.env`."""

    name: str
    role: str
    fields: Mapping[str, str | int]
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Written:
    """What `write` did to one file: `created`, `added …` or `unchanged`."""

    file: str
    what: str


def detect(names: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """Connections that variables already describe: by prefix (`RDS`), the fields as `${RDS_HOSTNAME}`.

    A prefix counts when it has at least a host and a user or a password; `names` maps variables to values, of which
    only those called `…_URL` are looked at, for their scheme.
    """
    found: dict[str, dict[str, str]] = {}
    for name, value in names.items():
        if name.endswith("_URL") and value.startswith(("postgresql://", "postgres://")):
            found[name.removesuffix("_URL")] = {"url": f"${{{name}}}"}
    prefixes = {
        name.removesuffix(suffix) for name in names for suffix in _SUFFIXES["host"] if name.endswith(suffix)
    }
    for prefix in sorted(prefixes):
        fields: dict[str, str] = {}
        for key, suffixes in _SUFFIXES.items():
            match = next((prefix + suffix for suffix in suffixes if prefix + suffix in names), None)
            if match is not None:
                fields[key] = f"${{{match}}}"
        label = prefix.rstrip("_")
        if label and "host" in fields and {"user", "password"} & fields.keys() and label not in found:
            found[label] = fields
    return found


def refuse_existing(root: Path) -> bool:
    """Whether everything is there already (nothing to do); raises ConfigError when only the project file is.

    A missing key is never made up for an existing project: it would give every person another pseudonym than the
    colleagues' databases have.
    """
    if not (root / PROJECT_FILE).exists():
        return False
    if KEY_NAME not in envfile.read(root / ".env") and KEY_NAME not in os.environ:
        raise ConfigError(
            f"{root / PROJECT_FILE} is there already, but its key is not: {KEY_NAME} is not set",
            why="a new key would give every person another pseudonym than in your colleagues' databases",
            hint=f"get the project's key from a colleague: echo '{KEY_NAME}=…' >> .env && chmod 600 .env",
        )
    if missing := missing_ignores(root):
        raise ConfigError(
            f"{root / PROJECT_FILE} is there already",
            why=".gitignore lacks " + ", ".join(missing),
            hint="printf '%s\\n' " + " ".join(f"'{line}'" for line in missing) + " >> .gitignore",
        )
    return True


def write(root: Path, name: str, endpoints: list[Endpoint], database: str) -> list[Written]:
    """Write the files of a new project. Raises SecretExposed when git already tracks an env file."""
    exposure.refuse_tracked_env(root)
    secrets = {key: value for endpoint in endpoints for key, value in endpoint.secrets.items()}
    comments = {
        KEY_NAME: "The project key: all pseudonyms come from it. Share it by a password manager, never by git or mail.",
        **{key: f"Password of connections.{e.name}" for e in endpoints for key in e.secrets},
    }
    written = [_ignore(root)]
    present = envfile.read(root / ".env")
    fresh = {} if KEY_NAME in present or KEY_NAME in os.environ else {KEY_NAME: new_key().reveal()}
    written.append(_env(root / ".env", {**fresh, **secrets}, comments))
    written.append(_example(root / ".env.example", [KEY_NAME, *_referenced(endpoints)], comments))
    with (root / PROJECT_FILE).open("x", encoding="utf-8") as stream:
        stream.write(project_text(name, endpoints, database))
    written.append(Written(PROJECT_FILE, "created"))
    return written


def missing_ignores(root: Path) -> list[str]:
    """The lines `.gitignore` lacks."""
    path = root / ".gitignore"
    present = (
        {line.strip() for line in path.read_text(encoding="utf-8").splitlines()} if path.exists() else set()
    )
    return [line for line in IGNORED if line not in present and line.rstrip("/") not in present]


def _ignore(root: Path) -> Written:
    path = root / ".gitignore"
    missing = missing_ignores(root)
    if not missing:
        return Written(".gitignore", "unchanged")
    created = not path.exists()
    gap = "" if created or path.read_bytes().endswith(b"\n") or not path.stat().st_size else "\n"
    with path.open("a", encoding="utf-8") as stream:
        stream.write(gap + "".join(f"{line}\n" for line in missing))
    return Written(".gitignore", "created" if created else "added " + ", ".join(missing))


def _env(path: Path, values: Mapping[str, str], comments: Mapping[str, str]) -> Written:
    created = not path.exists()
    added = envfile.append(path, values, comments=comments)
    what = "created" if created else "added " + ", ".join(added) if added else "unchanged"
    if path.exists() and path.stat().st_mode & 0o077:
        path.chmod(0o600)
        what += ", mode set to 0600"
    return Written(".env", what)


def _example(path: Path, names: list[str], comments: Mapping[str, str]) -> Written:
    """The names a colleague needs, without a value."""
    created = not path.exists()
    added = envfile.append(path, dict.fromkeys(names, ""), comments=comments, mode=0o644)
    return Written(
        ".env.example", "created" if created else "added " + ", ".join(added) if added else "unchanged"
    )


def _referenced(endpoints: list[Endpoint]) -> list[str]:
    texts = [str(value) for endpoint in endpoints for value in endpoint.fields.values()]
    return [text[2:-1].partition(":")[0] for text in texts if text.startswith("${")]


def project_text(name: str, endpoints: list[Endpoint], database: str) -> str:
    """The text of penstock.toml, with the comments that make it ready to edit."""
    parts = [_HEAD.format(name=_toml(name))]
    for endpoint in endpoints:
        lines = [f"{key} = {_toml(value)}" for key, value in endpoint.fields.items()]
        comment = _ROLE_COMMENTS.get(endpoint.role, "")
        parts.append(
            f"{comment}[connections.{endpoint.name}]\n" + "\n".join([*lines, f'role = "{endpoint.role}"', ""])
        )
    roles = {endpoint.role: endpoint.name for endpoint in endpoints}
    parts.append(_DEVDB.format(source=roles["source"], target=roles["target"], database=_toml(database)))
    return "\n".join(parts)


def _toml(value: str | int) -> str:
    """A TOML basic string (its escapes are those of JSON) or a number."""
    return (
        str(value)
        if isinstance(value, int)
        else json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    )


_HEAD = """\
# Penstock's project file: commit it. Secrets stand in .env, never here; ${{VAR}} takes them from there.
# `penstock config show --origin` prints every setting in force; `penstock doctor` checks all of it.

[project]
name = {name}
"""

_ROLE_COMMENTS = {
    "source": "# Production: only ever read. A standby and a role without write rights are best.\n",
    "target": "# Where development databases are created. The role needs CREATEDB.\n",
}

_DEVDB = """\
# A development database. First `penstock discover`, then `penstock dev plan small` and `penstock dev create small`.
[devdb.small]
source   = "{source}"
target   = "{target}"
database = {database}
# unclassified = "refuse"            # columns nobody decided about: refuse, or mask them by type
# keep  = ["public.country"]         # nomenclature: copied whole
# empty = ["public.audit_log"]       # structure only
# skip  = ["public.cache_*"]         # not even structure

# Where the subset starts; what these rows need comes along.
# [[devdb.small.root]]
# table = "public.customer"
# where = "store_id = 1"             # any SQL condition
# limit = 100

# How far to follow a foreign key to its children, or a relation the schema does not declare.
# [[devdb.small.edge]]
# from = "public.payment.rental_id"
# to   = "public.rental.rental_id"
# children = 20                      # at most so many per parent

# Rows that stay real, listed in the manifest.
# [[devdb.small.real]]
# table = "public.users"
# where = "email LIKE '%@ourshop.example'"
"""
