"""`dev ci`: a pipeline that creates, resets and destroys the databases of a section, and gates on masks and drift.

Text, made once and then the team's own. Nothing of it holds a secret: it names the variables that the project file refers to.
A review database per change is a copy of the template, made when the change is opened and dropped when it is closed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from textwrap import indent
from typing import Literal

from penstock._version import __version__
from penstock.devdb.config import DevdbSettings
from penstock.devdb.lifecycle.ci_texts import GITHUB, GITLAB, JENKINS, PARTS
from penstock.errors import ConfigError, UsageError
from penstock.project.key import KEY_NAME
from penstock.project.settings import ProjectSettings

Service = Literal["github", "gitlab", "jenkins"]
SERVICES: tuple[Service, ...] = ("github", "gitlab", "jenkins")
_PLAIN = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")  # stands in YAML, shell and Groovy alike without quotes
_PART = re.compile(r"^(.*)@(" + "|".join((*PARTS, "SECRETS")) + r")@$", re.MULTILINE)
_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)(:-)?")


@dataclass(frozen=True, slots=True)
class Pipeline:
    """A pipeline to commit."""

    on: str
    path: str  # where the service looks for it, below the repository's root
    text: str
    secrets: tuple[str, ...]  # the variables to set there


def pipeline(project: ProjectSettings, name: str, on: str) -> Pipeline:
    """The pipeline of `[devdb.NAME]`. Raises `UsageError` for an unknown service, `ConfigError` for names it cannot carry."""
    if on not in SERVICES:
        raise UsageError(f"no pipelines are known for {on!r}", hint="--on " + ", ".join(SERVICES))
    settings: DevdbSettings = project.section("devdb", name)
    database = settings.database or name
    for text in (name, database):
        if not _PLAIN.fullmatch(text):
            raise ConfigError(
                f"[devdb.{name}] has a name that a pipeline cannot carry as it is: {text!r}",
                why="it would need other quotes in each of YAML, the shell and Groovy",
                hint="letters, digits, _, . and - only, in the section's name and in `database`",
            )
    secrets = _variables(project, settings)
    path, template, secret = _SERVICES[on]
    parts = {**PARTS, "SECRETS": "\n".join(secret.format(secret=one) for one in secrets)}
    text = _PART.sub(lambda found: indent(parts[found[2]], found[1], lambda _: True), template)
    for mark, value in {"@NAME@": name, "@DATABASE@": database, "@VERSION@": __version__}.items():
        text = text.replace(mark, value)
    return Pipeline(on, path.format(name=name), text, secrets)


def _variables(project: ProjectSettings, settings: DevdbSettings) -> tuple[str, ...]:
    """The key, and what the section's connections refer to without a default."""
    found = [KEY_NAME]
    for connection, table in project.tables.items():
        named = {"source": settings.source, "target": settings.target}.get(table.role, connection)
        if table.role not in ("source", "target") or named not in ("", connection):
            continue
        for field in ("url", "host", "port", "dbname", "user", "password", "password_file", "sslmode"):
            match = _VARIABLE.fullmatch(str(getattr(table, field) or "").removesuffix("}"))
            if match and not match[2] and match[1] not in found:
                found.append(match[1])
    return tuple(found)


_SERVICES: Mapping[str, tuple[str, str, str]] = {  # where it belongs, what it says, and how a secret is named
    "github": (".github/workflows/penstock-{name}.yml", GITHUB, "{secret}: ${{{{ secrets.{secret} }}}}"),
    "gitlab": (".gitlab/penstock-{name}.yml", GITLAB, "{secret}"),
    "jenkins": ("Jenkinsfile.penstock-{name}", JENKINS, "{secret} = credentials('{secret}')"),
}
