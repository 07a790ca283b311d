"""`user_agent`: what a browser or program says it is."""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa

from penstock.catalog.types import Family
from penstock.masks.contract import Input
from penstock.masks.parts.arrays import through_distinct
from penstock.masks.parts.words import Picker, PoolMask, normalised
from penstock.pools.load import pool


class UserAgent(PoolMask):
    """A common browser or client of the pool. Rare builds and device models, which identify, disappear."""

    name = "user_agent"
    summary = "a common browser's user agent from a pool"
    example = ("Mozilla/5.0 (Linux; rare phone) …", "a user agent that many have")
    families = frozenset({Family.TEXT})
    default_domain = "device.user_agent"

    def prepare(self) -> None:
        self._prf = self.keys.prf(self.domain, "user_agent")
        self._pick = Picker(pool("user_agents"), self.room)

    def apply(self, values: pa.Array, inputs: Mapping[Input, pa.Array] | None = None) -> pa.Array:
        return through_distinct(values, self._masked)

    def _masked(self, values: pa.Array) -> pa.Array:
        return self.finished(values, self._pick.of(self._prf.digest(normalised(values))))
