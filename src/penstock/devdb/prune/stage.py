"""Row addresses on their way to the server: a temporary table of tids per session, filled by COPY BINARY.

The server then sorts them and visits the rows in the order they lie (`ctid = ANY (ARRAY(SELECT …))` is a Tid Scan), so
no join, no statistics and no index take part, and no key value ever leaves the server.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from penstock.devdb.closure.rowset import RowIds, blocks_of, offsets_of
from penstock.engines.postgres.session import Session

STAGED = "ctid = ANY (ARRAY(SELECT tid FROM pg_temp.penstock_tids))"
_TABLE = "penstock_tids"
_HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_TRAILER = b"\xff\xff"
_TID = [("tid_length", ">i4"), ("block", ">u4"), ("offset", ">u2")]


def prepare(session: Session) -> None:
    """Once per session."""
    session.execute(
        f"CREATE TEMPORARY TABLE {_TABLE} (tid pg_catalog.tid, bits pg_catalog.int8)",
        doing="making a temporary table",
    )


def stage(session: Session, ids: RowIds, bits: npt.NDArray[np.int64] | None = None) -> None:
    """Put these addresses (of one leaf) in the place of those staged before; with them a number each, if given."""
    record = np.zeros(len(ids), dtype=[("fields", ">i2"), *_TID, ("bits_length", ">i4"), ("bits", ">i8")])
    record["fields"], record["tid_length"], record["bits_length"] = 2, 6, 8
    record["block"], record["offset"] = blocks_of(ids), offsets_of(ids)
    if bits is not None:
        record["bits"] = bits
    session.execute(f"TRUNCATE pg_temp.{_TABLE}", doing="making room for addresses")
    session.copy_in(_TABLE, _HEADER + record.tobytes() + _TRAILER, doing="sending addresses")
