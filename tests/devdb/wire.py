"""A wire to a server that a test can cut at a statement: the product has no hook for it and needs none."""

from __future__ import annotations

import select
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from tests.servers import Server


class Wire:
    """Passes bytes on between a client and a server, until the statement comes that it is to stop at.

    `stop_at`: the n-th statement that begins with `statement` is not passed on; with `and_commit` it is, and the COMMIT
    after it too. Then nothing is passed on any more, `stopped` is set, and `seen` has all such statements. With `after`, the
    statements are counted that come after the first one which has that in it.
    """

    def __init__(self, server: Server, *statement: bytes) -> None:
        self._server = server
        self._statement = statement
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        self.stop_at = 0
        self.and_commit = False
        self.after = b""
        self._awaiting_commit = False
        self.seen: list[bytes] = []
        self.stopped = threading.Event()
        self._ended = threading.Event()
        threading.Thread(target=self._accept, daemon=True).start()

    def again(self, stop_at: int, *, and_commit: bool, after: bytes = b"") -> None:
        self.stop_at, self.and_commit, self._awaiting_commit, self.after = stop_at, and_commit, False, after
        self.seen.clear()
        self.stopped.clear()

    def close(self) -> None:
        self._ended.set()
        self._listening.close()

    def _accept(self) -> None:
        while not self._ended.is_set():
            try:
                client, _ = self._listening.accept()
            except OSError:
                return
            server = socket.create_connection((self._server.host, self._server.port))
            threading.Thread(target=self._pass, args=(client, server), daemon=True).start()

    def _pass(self, client: socket.socket, server: socket.socket) -> None:
        with client, server:
            while not self._ended.is_set():
                ready, _, _ = select.select([client, server], [], [], 0.2)
                for here in ready:
                    try:
                        data = here.recv(1 << 16)
                    except OSError:
                        return
                    if not data:
                        return
                    if here is client and self._is_the_end(data):
                        self.stopped.set()
                        self._wait_for_the_kill(client)
                        return
                    (server if here is client else client).sendall(data)
                    if here is client and self._awaiting_commit and data[5:11] == b"COMMIT":
                        server.recv(1)  # it is committed, and the client does not hear of it
                        self.stopped.set()
                        self._wait_for_the_kill(client)
                        return

    def _is_the_end(self, data: bytes) -> bool:
        if data[:1] != b"Q" or not data[5:].startswith(self._statement):
            return False
        self.seen.append(data[5:])
        passed = next((at for at, seen in enumerate(self.seen, 1) if self.after in seen), len(self.seen))
        if len(self.seen) - (passed if self.after else 0) != self.stop_at:
            return False
        self._awaiting_commit = self.and_commit
        return not self.and_commit

    def _wait_for_the_kill(self, client: socket.socket) -> None:
        while client.recv(1 << 16):
            pass


@contextmanager
def wire(server: Server, *statement: bytes) -> Iterator[Wire]:
    made = Wire(server, *statement)
    try:
        yield made
    finally:
        made.close()
