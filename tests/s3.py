"""An object store of the tests' own: `rclone serve s3` over a temporary folder, spoken to with S3's own signatures."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

BUCKET = "team"


@dataclass(frozen=True, slots=True)
class ObjectStore:
    """A running store with one bucket. `folder` holds the bucket's objects as files."""

    endpoint: str
    folder: Path
    access_key: str = field(repr=False)
    secret_key: str = field(repr=False)

    def objects(self, prefix: str = "") -> list[str]:
        """The keys below a prefix."""
        place = self.folder / prefix
        return sorted(path.relative_to(place).as_posix() for path in place.rglob("*") if path.is_file())

    def put(self, key: str, content: bytes) -> None:
        """An object of somebody else, put there as they would."""
        import obstore
        from obstore.store import S3Store

        config = {
            "access_key_id": self.access_key, "secret_access_key": self.secret_key, "endpoint": self.endpoint,
            "region": "us-east-1", "virtual_hosted_style_request": False,
        }  # fmt: skip
        obstore.put(S3Store(BUCKET, config=config, client_options={"allow_http": True}), key, content)

    @property
    def variables(self) -> str:
        """Lines for `.env`."""
        return f"SHARE_ACCESS_KEY={self.access_key}\nSHARE_SECRET_KEY={self.secret_key}\n"

    def connection(self, url: str = f"s3://{BUCKET}/shared") -> str:
        """`[connections.share]`."""
        return (
            f'[connections.share]\nrole = "lake"\nurl = "{url}"\nendpoint = "{self.endpoint}"\nregion = "us-east-1"\n'
            'access_key = "${SHARE_ACCESS_KEY}"\nsecret_key = "${SHARE_SECRET_KEY}"\n'
        )


def rclone() -> str | None:
    """The program, beside this Python or on the path."""
    beside = Path(sys.executable).with_name("rclone")
    return str(beside) if beside.exists() else shutil.which("rclone")


@contextlib.contextmanager
def object_store(folder: Path) -> Iterator[ObjectStore]:
    """A store over `folder`, gone at the end."""
    program = rclone()
    if program is None:
        raise FileNotFoundError("rclone")
    access, secret = secrets.token_hex(8), secrets.token_hex(16)
    (folder / BUCKET).mkdir()
    port = _free_port()
    started = subprocess.Popen(
        [program, "serve", "s3", "--addr", f"127.0.0.1:{port}", "--vfs-cache-mode", "off", str(folder)],
        env={
            "PATH": os.environ.get("PATH", ""),
            "HOME": str(folder),
            "RCLONE_CONFIG": os.devnull,
            "RCLONE_AUTH_KEY": f'"{access},{secret}"',
        },
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait_for(port)
        yield ObjectStore(f"http://127.0.0.1:{port}", folder / BUCKET, access, secret)
    finally:
        started.kill()
        started.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_for(port: int) -> None:
    for _step in range(200):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        threading.Event().wait(0.05)
    raise AssertionError("The object store did not start in 10 s.")
