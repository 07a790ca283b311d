"""Which rows a subset has: see `engine` for what the closure is, and `docs/subsets.md` for what users are told.

roots → spread (a fixpoint per component) over edge_rows (probe, scan or walk, by cost), in row sets of addresses.
"""

from penstock.devdb.closure.engine import Brought, Closure, EdgeRule, compute
from penstock.devdb.closure.roots import RootRule

__all__ = ["Brought", "Closure", "EdgeRule", "RootRule", "compute"]
