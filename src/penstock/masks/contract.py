"""What a mask is: a function over Arrow strings, and a contract that can be checked before anything moves.

A mask maps the text of a column, as the source prints it, to text the column's type accepts, array in, array out.
It is a function of (project key, domain, normalised value) and never of the row's place, the chunk, the clock or the
column's name. Whether it may stand on a column is decided from its `Contract` alone, before a run (`policy/`).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, fields
from difflib import get_close_matches
from enum import StrEnum
from typing import Any, ClassVar

import pyarrow as pa

from penstock.catalog.types import Family
from penstock.errors import MaskError
from penstock.masks.keys import Keyring


class Uniqueness(StrEnum):
    INJECTIVE = "injective"  # never maps two values to one
    LIKELY = "likely"  # collides with negligible probability (128 keyed bits, or as `collision_bits` says)
    LOSSY = "lossy"  # maps many values to one


class Codomain(StrEnum):
    SAME = "same"  # the value itself (keep)
    CONSTANT = "constant"  # the same for every row, or NULL
    FRESH = "fresh"  # cannot be anybody's real value: the proof searches for survivors
    POOL = "pool"  # a made-up name that may be somebody's
    PERMUTATION = "permutation"  # a number that may be somebody else's


@dataclass(frozen=True, slots=True)
class Site:
    """The place a mask stands on, as far as a mask may know it. A key class shares one `Site`: the narrowest."""

    family: Family
    domain: str = ""  # the semantic domain; "" takes the mask's own default
    max_length: int | None = None  # characters the column holds
    minimum: int | None = None  # of an integer type
    maximum: int | None = None
    precision: int | None = None  # of a numeric
    scale: int | None = None
    nullable: bool = True
    unique: bool = False  # some unique key stands on this column alone
    type_name: str = "text"  # format_type, for messages and for masks that must cast
    case_insensitive: bool = False  # citext, nondeterministic collation: values that differ in case are one value
    padded: bool = False  # char(n): trailing blanks do not count
    labels: tuple[str, ...] = ()  # of an enum
    real: frozenset[str] = frozenset()  # canonical values that stay as they are (staff allow-list)


@dataclass(frozen=True, slots=True)
class Contract:
    """What a mask promises at its site."""

    uniqueness: Uniqueness
    codomain: Codomain
    max_length: int | None = None  # longest output in characters; None: no bound, or as long as the input
    keeps_length: bool = False  # output never longer than its input
    keeps_null: bool = True  # NULL stays NULL
    keeps_empty: bool = True  # '' stays ''
    keeps_format: bool = False
    makes_null: bool = False  # may turn a value into NULL
    collision_bits: int = 128  # of a LIKELY mask: bits of keyed output that survive in the pseudonym
    warnings: tuple[str, ...] = ()  # for the plan, for example "fewer than 1,000 values hide nothing"


@dataclass(frozen=True, slots=True)
class Input:
    """Another value a mask reads beside its own: a column of the row, or one along a foreign key.

    `column` is a column of the same table; with `via` (columns of this table that are a foreign key) it is a column of
    the referenced table.
    """

    column: str
    via: tuple[str, ...] = ()
    domain_mask: str = ""  # the mask of that column, so that a pseudonym in text equals the one in its table


@dataclass(frozen=True, slots=True)
class NoOptions:
    """For masks without options."""


class Mask(ABC):
    """One mask at one site. Instances are immutable and thread-safe.

    Subclasses set the class attributes, give `Options` (a frozen dataclass with defaults) and implement `contract` and
    `apply`. `registry.get(name)` finds them by their file.
    """

    name: ClassVar[str]
    summary: ClassVar[str]  # one line for `penstock masks list`
    example: ClassVar[tuple[str, str]]  # an input and a description of the output, both made up
    families: ClassVar[frozenset[Family]]
    default_domain: ClassVar[str] = ""
    Options: ClassVar[type] = NoOptions
    context_free: ClassVar[bool] = True  # False: reads other columns; not allowed on key columns

    def __init__(self, site: Site, keys: Keyring, options: Any = None) -> None:
        self.site = site
        self.keys = keys
        self.options = options if options is not None else self.Options()
        self.domain = site.domain or self.default_domain or self.name
        self.setup()

    def setup(self) -> None:
        """Derive keys and tables once. Raises `MaskError` where the options do not fit the site."""

    @abstractmethod
    def contract(self) -> Contract:
        """What holds at this site."""

    @abstractmethod
    def apply(self, values: pa.Array, inputs: Mapping[Input, pa.Array] | None = None) -> pa.Array:
        """Mask `values` (string array, NULLs allowed), element by element; returns a string array as long.

        Values are canonical text of the site's type, unescaped. `inputs` holds original values, aligned.
        """

    def inputs(self) -> tuple[Input, ...]:
        """What `apply` wants in `inputs`."""
        return ()


def build_options(mask: type[Mask], given: Mapping[str, Any]) -> Any:
    """The mask's `Options` from the keys of a `masks.toml` line. Raises `MaskError` with a did-you-mean."""
    known = {f.name: f for f in fields(mask.Options)}
    for name in given:
        if name not in known:
            close = get_close_matches(name, known, n=1)
            raise MaskError(
                f"the mask {mask.name!r} has no option {name!r}",
                hint=f"did you mean {close[0]!r}?" if close else f"its options: {', '.join(sorted(known)) or 'none'}",
            )
    try:
        return mask.Options(**given)
    except (TypeError, ValueError) as error:
        raise MaskError(f"the mask {mask.name!r} cannot take these options: {error}") from None
