"""Ctrl-C ends a command with 130, and a reader that leaves early is no error."""

from __future__ import annotations

import json
import os
import pty
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.cli.running import COMMAND, clean_environment


def test_ctrl_c_ends_a_command_that_waits_for_a_server(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        (tmp_path / "penstock.toml").write_text(
            f"[connections.prod]\nrole='source'\nhost='127.0.0.1'\nport={port}\nsslmode='disable'\n"
        )
        process = subprocess.Popen(
            [*COMMAND, "conn", "test"],
            cwd=tmp_path, env=clean_environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        silent.settimeout(60)
        caller, _ = silent.accept()
        with caller:
            time.sleep(0.3)
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=10)
    assert process.returncode == 130
    assert out == ""
    assert "[PEN-1300]" in err
    assert "Traceback" not in err


@pytest.mark.parametrize("pause_seconds", [0, 0.001, 0.005, 0.02, 0.05])
@pytest.mark.parametrize("mode", [(), ("--json",)])
def test_ctrl_c_twice_ends_like_once(tmp_path: Path, mode: tuple[str, ...], pause_seconds: float) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        (tmp_path / "penstock.toml").write_text(
            f"[connections.prod]\nrole='source'\nhost='127.0.0.1'\nport={port}\nsslmode='disable'\n"
        )
        process = subprocess.Popen(
            [*COMMAND, "conn", "test", *mode],
            cwd=tmp_path, env=clean_environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        silent.settimeout(60)
        caller, _ = silent.accept()
        with caller:
            time.sleep(0.3)
            process.send_signal(signal.SIGINT)
            time.sleep(pause_seconds)
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=10)
    assert process.returncode == 130
    assert "Traceback" not in err
    if mode:
        assert json.loads(out)["error"]["code"] == "PEN-1300"
    else:
        assert (out, "[PEN-1300]" in err) == ("", True)


def test_a_reader_that_leaves_early_is_no_error(tmp_path: Path) -> None:
    done = subprocess.run(
        ["bash", "-c", 'set -o pipefail; "$@" config schema | true', "bash", *COMMAND],
        cwd=tmp_path, env=clean_environment(), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")


def test_a_terminal_gets_bars() -> None:
    code = (
        "from penstock.cli import output\n"
        "with output.progress() as p:\n"
        "    p.start('public.customer', 10)\n    p.advance('public.customer', 10, 5)\n"
        "    output.talk('beside')\n    p.finish('public.customer')\n    p.finish('never started')\n"
        "print('after')"
    )
    controller, terminal = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        stdin=terminal, stdout=terminal, stderr=terminal, env=clean_environment(TERM="xterm"),
    )  # fmt: skip
    os.close(terminal)
    shown = b""
    while True:
        try:
            block = os.read(controller, 4096)
        except OSError:  # the terminal is gone
            break
        if not block:
            break
        shown += block
    os.close(controller)
    assert process.wait(30) == 0
    assert b"public.customer" in shown
    assert b"after" in shown
