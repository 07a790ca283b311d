"""A store that takes a request and never answers: Ctrl-C ends the run all the same, and it says what may remain."""

from __future__ import annotations

import signal
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from penstock.errors import remains
from penstock.lake import bucket
from penstock.lake.bucket import BucketDestination
from penstock.lake.store import ask, open_bucket
from penstock.project.lakes import LakeSettings
from penstock.project.secret import Secret
from tests.lake.test_kills import only
from tests.lake.test_two_runs import OWNER, in_bucket, publish
from tests.s3 import ObjectStore


@pytest.fixture
def silent() -> Iterator[LakeSettings]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        giving_up = threading.Timer(20, server.close)  # who is not interrupted fails then, and not in minutes
        giving_up.daemon = True
        giving_up.start()
        endpoint = f"http://127.0.0.1:{server.getsockname()[1]}"
        yield LakeSettings("x", "s3://team", endpoint, "us-east-1", Secret("a", "test"), Secret("b", "test"))
        giving_up.cancel()


@contextmanager
def interrupted(*after_seconds: float) -> Iterator[pytest.ExceptionInfo[KeyboardInterrupt]]:
    """Ctrl-C at these times ends the block, and no more than a second after the last."""
    main = threading.main_thread().ident or 0
    begun = time.monotonic()
    timers = [threading.Timer(s, signal.pthread_kill, (main, signal.SIGINT)) for s in after_seconds]
    # As in a command: the handler of a test worker hears it once, and would keep those to come from all that follows.
    handler = signal.signal(signal.SIGINT, signal.default_int_handler)
    for timer in timers:
        timer.start()
    try:
        with pytest.raises(KeyboardInterrupt) as raised:
            yield raised
    finally:
        for timer in timers:
            timer.cancel()
        signal.signal(signal.SIGINT, handler)
    assert time.monotonic() - begun < after_seconds[-1] + 1


def test_a_run_that_has_not_begun_ends_with_the_first(silent: LakeSettings, tmp_path: Path) -> None:
    store = open_bucket(silent, "team", "set")
    with interrupted(0.3):
        ask(store, "s3://team/set")
    with interrupted(0.3) as raised:
        BucketDestination("s3://team/set", store, tmp_path / "work").prepare(OWNER, replace=False)
    assert "s3://team/set" in remains(raised.value)[0]


@pytest.mark.parametrize("times", [1, 2])
def test_an_upload_ends_at_the_latest_with_the_second(
    times: int, silent: LakeSettings, store: ObjectStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = in_bucket(store, tmp_path / "work")
    begun.prepare(OWNER, replace=False)
    answers, real = begun.store, BucketDestination._require_first
    if times == 1:
        monkeypatch.setattr(bucket, "_WITHDRAW_SECONDS", 0.3)

    def falls_silent(self: BucketDestination) -> None:
        real(self)
        self.store = open_bucket(silent, "team", "set")

    with monkeypatch.context() as patched, interrupted(*(0.7, 1.4)[:times]) as raised:
        patched.setattr(BucketDestination, "_require_first", falls_silent)
        publish(begun, "begun")
    assert "what this run uploaded may still lie below s3://team/set" in remains(raised.value)[0]
    assert [name for name in store.objects("set") if name.endswith(".json")]
    begun.store = answers
    again = in_bucket(store, tmp_path / "work")
    assert "interrupted upload" in again.prepare(OWNER, replace=False)[0]
    publish(again, "again")
    only(store.folder / "set", "again")
