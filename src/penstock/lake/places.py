"""From what somebody writes (`share`, `share/today`, `./folder`, `s3://bucket/prefix`) to the place it means."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path

from penstock.errors import StoreError, UsageError
from penstock.lake.dataset import Destination
from penstock.lake.folder import FolderDestination
from penstock.project.lakes import BUCKET, LakeSettings, is_crooked


def destination(
    wanted: str, lakes: Iterable[str], lake: Callable[[str], LakeSettings], *, data_set: str, workshop: Path
) -> Destination:
    """Where a data set goes.

    `wanted` is a folder, an `s3://` address, or the name of a lake, alone (then the data set gets its own name below it)
    or with a path behind it. An `s3://` address that is a lake's, or lies below it, is reached with the lake's keys (of two such
    lakes, those of the one nearest to it). Files for an object store are made in `workshop` first. Raises UsageError.
    """
    names = list(lakes)
    head, _, rest = wanted.partition("/")
    if head in names:
        return _below(lake(head), rest.strip("/") or data_set, workshop)
    address = wanted.rstrip("/")
    if address.startswith(BUCKET):
        above = [found for found in map(lake, names) if f"{address}/".startswith(f"{found.url}/")]
        bucket = BUCKET + _parts(address)[0]
        nearest = max(above, key=lambda found: len(found.url), default=LakeSettings("", bucket))
        return _below(nearest, address.removeprefix(nearest.url).removeprefix("/"), workshop)
    if "://" in wanted or wanted.startswith("s3:") or not wanted.strip():
        raise UsageError(
            f"--to {wanted!r} is no place for files",
            why="known: a folder, s3://bucket/prefix, the name of a connection with the role lake",
            hint="--to ./shared/NAME",
        )
    return FolderDestination(_folder(Path(wanted)))


def reach(lake: LakeSettings) -> None:
    """Whether a lake is there and lets us look. Raises `StoreError`."""
    if lake.is_bucket:
        from penstock.lake.store import ask, open_bucket

        ask(open_bucket(lake, *_parts(lake.url)), lake.describe())
    elif not os.access(lake.url, os.R_OK | os.W_OK | os.X_OK):
        raise StoreError(
            f"{lake.url} cannot be written",
            why="there is no such folder" if not Path(lake.url).exists() else "the account may not",
            hint=f"mkdir -p {lake.url}",
        )


def _below(lake: LakeSettings, path: str, workshop: Path) -> Destination:
    address = f"{lake.url}/{path}" if path else lake.url
    in_bucket = address.startswith(BUCKET)
    if is_crooked(path) or (in_bucket and is_crooked(address.removeprefix(BUCKET))):
        raise UsageError(
            f"{path!r} is no path in an object store or below a lake",
            why="a part of it is empty, or . or ..",
            hint="name a folder below the lake, or s3://bucket/prefix",
        )
    if not in_bucket:
        return FolderDestination(_folder(Path(address)))
    from penstock.lake.bucket import BucketDestination
    from penstock.lake.store import open_bucket

    bucket, prefix = _parts(address)
    if not prefix:
        raise UsageError(
            f"{address} is a whole bucket",
            why="a data set has a place of its own",
            hint=f"--to {address}/NAME",
        )
    return BucketDestination(address, open_bucket(lake, bucket, prefix), workshop)


def _folder(path: Path) -> Path:
    path = Path(os.path.abspath(path.expanduser()))  # noqa: PTH100 - a link at the end must stay visible as one
    if not path.name:
        raise UsageError(
            f"{path} is no place for a data set",
            why="it has no folder of its own there",
            hint=f"--to {path}NAME",
        )
    if path.suffix in (".sql", ".gz", ".zst", ".parquet"):
        raise UsageError(
            f"{path.name} looks like a file, and a data set is a folder",
            why="it holds the data and the manifest that proves them",
            hint=f"--to {path.name.partition('.')[0]} --format sql   (or sql.gz, sql.zst, parquet)",
        )
    return path


def _parts(address: str) -> tuple[str, str]:
    bucket, _, prefix = address.removeprefix(BUCKET).partition("/")
    return bucket, prefix
