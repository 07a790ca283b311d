"""One rule per file: `judge(column)` says what a column is, how sure it is and why, or None.

Found like the masks: adding a rule means adding one file here and its cases to the tests' table.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Mapping
from functools import cache

from penstock.discover.context import ColumnContext
from penstock.discover.proposal import Judgement

Rule = Callable[[ColumnContext], Judgement | None]


@cache
def rules() -> Mapping[str, Rule]:
    """All rules by the name of their file, sorted."""
    return {
        info.name: importlib.import_module(f"{__name__}.{info.name}").judge
        for info in pkgutil.iter_modules(__path__)
    }
