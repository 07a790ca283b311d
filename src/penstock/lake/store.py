"""The object store a lake lies in: how it is opened, asked whether it answers, and what its errors become."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import obstore
from obstore.exceptions import BaseError
from obstore.store import S3Store

from penstock.errors import StoreError
from penstock.lake.waiting import Calls
from penstock.project.lakes import LakeSettings
from penstock.project.redact import scrub

_CODE = re.compile(r"<Code>(\w{1,60})</Code>")
_STATUS = re.compile(r"status code: (\d{3} [\w ]{1,40})")


def open_bucket(lake: LakeSettings, bucket: str, prefix: str) -> S3Store:
    """The store of one prefix. Credentials of the connection, or those AWS's own variables and machines supply."""
    config: dict[str, Any] = {}
    if lake.access_key is not None and lake.secret_key is not None:
        config["access_key_id"] = lake.access_key.reveal()
        config["secret_access_key"] = lake.secret_key.reveal()
    if lake.region:
        config["region"] = lake.region
    if lake.endpoint:
        config["endpoint"] = lake.endpoint
        config["virtual_hosted_style_request"] = False
    with calling(f"opening {lake.describe()}"):
        return S3Store(
            bucket,
            prefix=prefix or None,
            config=config,  # type: ignore[arg-type]  # a TypedDict there
            client_options={
                "allow_http": lake.endpoint.startswith("http://"),
                "timeout": timedelta(minutes=5),
            },
            retry_config={"max_retries": 3, "retry_timeout": timedelta(seconds=60)},
        )


def ask(store: S3Store, shown: str) -> None:
    """Whether the store answers and lets us look. Raises `StoreError`."""
    with calling(f"looking at {shown}"):
        Calls()(lambda: next(iter(obstore.list(store, chunk_size=1)), None))


@contextmanager
def calling(doing: str) -> Iterator[None]:
    """Turn a failure of the store inside the block into an error of ours. Of its text only codes go on: it quotes
    whole requests."""
    try:
        yield
    except (BaseError, OSError) as error:
        said = str(error)
        code, status = _CODE.search(said), _STATUS.search(said)
        why = code[1] if code else status[1].strip() if status else "no answer"
        raise StoreError(
            f"{doing} failed",
            why=scrub(why),
            hint="endpoint, bucket and keys right? penstock conn test",
        ) from None
