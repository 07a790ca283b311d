"""examples/terraform: what can be seen without a provider and without an account."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess

import pytest

from penstock.cli import dev
from tests.servers import REPOSITORY

FOLDER = REPOSITORY / "examples" / "terraform"
TEXT = "\n".join(path.read_text(encoding="utf-8") for path in sorted(FOLDER.glob("*.tf")))


def test_every_variable_and_resource_that_is_named_is_there_and_none_is_unused() -> None:
    declared = set(re.findall(r'^variable "(\w+)"', TEXT, re.MULTILINE))
    used = set(re.findall(r"\bvar\.(\w+)", TEXT))
    assert used == declared
    resources = {".".join(pair) for pair in re.findall(r'^resource "(\w+)" "(\w+)"', TEXT, re.MULTILINE)}
    assert set(re.findall(r"\b(aws_\w+\.\w+)", TEXT)) <= resources
    assert TEXT.count("{") == TEXT.count("}")


def test_it_holds_no_credential() -> None:
    assert not re.search(r"AKIA|(?i:password|secret|token)\w*\s*=\s*\"[^\"$]", TEXT)
    assert "manage_master_user_password = true" in TEXT


def test_the_command_it_runs_is_one_of_ours() -> None:
    (command,) = re.findall(r'command\s+= "(.*)"$', TEXT, re.MULTILINE)
    program, group, name, _ = shlex.split(command.replace(r"\"", '"'))
    assert (program, group) == ("penstock", "dev")
    assert name in dev.command.commands


def test_terraform_finds_it_well_formatted() -> None:
    terraform = shutil.which("terraform")
    if terraform is None:
        pytest.skip("no terraform on this machine")
    done = subprocess.run([terraform, "fmt", "-check", FOLDER], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
