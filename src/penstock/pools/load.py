"""The frozen value pools: text files of this package, one value a line, sorted.

A pool is part of the function a pseudonym comes from: change a line and every pseudonym of the pool moves. So the files
never change; better values become a new file with a new name. `tests/pools` holds their SHA-256.

The values are made up from general knowledge, and are ASCII: a target database has the encoding of its source, and a
name that LATIN1 or WIN1251 cannot store would stop a copy. They are single words without marks where a person's name
is meant, so that a pseudonym survives whatever splits or capitalises names.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files

import pyarrow as pa

NAMES = (
    "cities",  # city TAB country
    "company_forms",
    "company_sectors",
    "company_words",
    "first_names",
    "last_names",
    "lorem",  # a running text, in its order
    "streets",
    "user_agents",
)


def content(name: str) -> bytes:
    """The file of a pool as it stands. Raises `KeyError` for a name that is no pool."""
    if name not in NAMES:
        raise KeyError(name)
    return (files("penstock.pools") / f"{name}.txt").read_bytes()


@cache
def pool(name: str) -> pa.Array:
    """The values of a pool (large_string), without what follows a tab."""
    lines = content(name).decode("ascii").splitlines()
    return pa.array([line.partition("\t")[0] for line in lines], pa.large_string())
