"""What a mask is: a function over Arrow strings, and a contract that can be checked before anything moves.

A mask maps the text of a column, as the source prints it, to text the column's type accepts, array in, array out.
It is a function of (project key, domain, normalised value) and never of the row's place, the chunk, the clock or the
column's name. Whether it may stand on a column is decided from its `Contract` alone, before a run (`policy/`).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from difflib import get_close_matches
from enum import StrEnum
from typing import Any, ClassVar, Self, final

import pyarrow as pa
import pyarrow.compute as pc

from penstock.catalog.types import ColumnType, Family
from penstock.errors import MaskError
from penstock.masks.canonical import Comparison, canonical
from penstock.masks.keys import Keyring, held
from penstock.masks.parts.arrays import keep_null_and_empty, strings


class Uniqueness(StrEnum):
    """How many values one pseudonym may stand for."""

    INJECTIVE = "injective"  # never maps two values to one
    LIKELY = "likely"  # collides with negligible probability (128 keyed bits, or as `collision_bits` says)
    LOSSY = "lossy"  # maps many values to one


class Codomain(StrEnum):
    """Whose value a pseudonym may be."""

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
    case_insensitive: bool = (
        False  # citext, nondeterministic collation: values that differ in case are one value
    )
    padded: bool = False  # char(n): trailing blanks do not count
    labels: tuple[str, ...] = ()  # of an enum
    # Values that stay as they are, by domain: each mask on the site, or inside of one, takes those of its own.
    real: Mapping[str, frozenset[str]] = field(default_factory=dict, hash=False)
    # By mask: the options and the length its columns agree on, for values of its domain that are recognised by their looks.
    agreed: Mapping[str, tuple[Any, int | None]] = field(default_factory=dict, hash=False)
    element: Site | None = None  # of an array: what its elements are
    fields: tuple[tuple[str, Site], ...] = ()  # of a composite type: its fields, in order

    @classmethod
    def of(cls, declared: ColumnType, **known: Any) -> Site:
        """The site a type alone describes, with those of its elements and fields.

        `known` replaces attributes: nullable, unique, domain, real …
        """
        inner = declared.innermost
        is_text = declared.family is Family.TEXT
        minimum, maximum = _INTEGER_BOUNDS.get(inner.typname, (None, None))
        described: dict[str, Any] = {
            "family": declared.family,
            "max_length": _TEXT_LENGTHS.get(inner.typname, declared.length) if is_text else None,
            "minimum": minimum,
            "maximum": maximum,
            "precision": declared.precision,
            "scale": declared.scale,
            "nullable": not declared.domain_not_null,
            "type_name": declared.name,
            "case_insensitive": inner.typname == "citext",
            "padded": declared.is_padded,
            "labels": declared.labels,
            "element": cls.of(declared.element) if declared.element is not None else None,
            "fields": tuple((name, cls.of(part)) for name, part in declared.fields),
        }
        return cls(**{**described, **known})

    def inside(self, part: Site) -> Site:
        """A part of this site, with what holds everywhere."""
        return replace(part, real=self.real, agreed=self.agreed)

    @property
    def comparison(self) -> Comparison:
        """How the column's equality compares two values."""
        return Comparison(self.family, case_insensitive=self.case_insensitive, padded=self.padded)


_INTEGER_BOUNDS = {
    "int2": (-(2**15), 2**15 - 1),
    "int4": (-(2**31), 2**31 - 1),
    "int8": (-(2**63), 2**63 - 1),
    "oid": (0, 2**32 - 1),
}
_TEXT_LENGTHS = {"name": 63, "char": 1}  # bytes; pseudonyms are ASCII


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


@dataclass(frozen=True, slots=True)
class NoOptions:
    """For masks without options."""


class Mask(ABC):
    """One mask at one site. Instances are immutable and thread-safe.

    Subclasses set the class attributes, give `Options` (a frozen dataclass with defaults) and implement `contract` and
    `apply`; those that see one thing in several spellings (an e-mail in capitals) extend `normalise`. Callers
    use `mask`. `registry.get(name)` finds them by their file.
    """

    name: ClassVar[str]
    summary: ClassVar[str]  # one line for `penstock masks list`
    example: ClassVar[tuple[str, str]]  # an input and a description of the output, both made up
    families: ClassVar[frozenset[Family]]
    default_domain: ClassVar[str] = ""
    Options: ClassVar[type] = NoOptions
    inner: Sequence[Mask] = ()  # the masks of the parts of a value
    carried: ClassVar[tuple[str, ...]] = ()  # attributes that do not follow from site, key and options
    context_free: bool = (
        True  # False: reads other columns, perhaps only with these options; never on key columns
    )

    def __init__(self, site: Site, keys: Keyring, options: Any = None) -> None:
        self.site = site
        self.keys = keys
        self.options = options if options is not None else self.Options()
        self.domain = site.domain or self.default_domain or self.name
        self.setup()
        real = site.real.get(self.domain)
        self._real = self.normalise(strings(sorted(real))) if real else None

    def __reduce__(self) -> tuple[object, ...]:
        """A mask travels to a worker as what it is made from, never with a key: the worker must hold the same one."""
        state = {name: getattr(self, name) for name in self.carried}
        return _made_again, (type(self), self.site, self.keys.fingerprint, self.options, state)

    def __copy__(self) -> Self:
        """Within a process nothing needs to be made again."""
        other = object.__new__(type(self))
        other.__dict__.update(self.__dict__)
        return other

    def setup(self) -> None:  # noqa: B027  nothing to set up is the common case
        """Derive keys and tables once. Raises `MaskError` where the options do not fit the site."""

    @abstractmethod
    def contract(self) -> Contract:
        """What holds at this site."""

    @abstractmethod
    def apply(self, values: pa.Array, inputs: Mapping[Input, pa.Array] | None = None) -> pa.Array:
        """Mask normalised `values` (large_string, NULLs allowed), element by element; returns a string array as long.

        Values are text of the site's type, unescaped. `inputs` holds original values, aligned. NULL, '' and the
        site's real values need no care: `mask` restores them.
        """

    def normalise(self, values: pa.Array) -> pa.Array:
        """The form in which two spellings of one thing are equal: at least as coarse as the column's equality.

        Values with one normal form get one pseudonym; where a unique key holds them apart, the plan must refuse.
        """
        return canonical(self.site.comparison, values)

    @final
    def mask(self, values: pa.Array, inputs: Mapping[Input, pa.Array] | None = None) -> pa.Array:
        """Mask `values` (a string array), element by element: a large_string array as long.

        The real values of its domain stay as they are, and so do NULL and '' where the contract says so.
        """
        values = strings(values)
        if len(values) == 0:
            return values
        normal = self.normalise(values)
        masked = strings(self.apply(normal, inputs))
        if len(masked) != len(values):
            raise MaskError(
                f"the mask {self.name!r} returned another number of values than it got",
                hint="the mask must be mended; until then use another one",
            )
        promised = self.contract()
        masked = keep_null_and_empty(values, masked, null=promised.keeps_null, empty=promised.keeps_empty)
        if self._real is not None:
            masked = pc.if_else(pc.is_in(normal, value_set=self._real), values, masked)
        return masked

    def inputs(self) -> tuple[Input, ...]:
        """What `apply` wants in `inputs`."""
        return ()

    def by_domain(self, values: pa.Array) -> Iterator[tuple[str, pa.Array]]:
        """The values that must be real, each with its domain, for `values` to stay as they are.

        Masks with masks inside give what those see: an array of addresses stays real by its addresses.
        """
        yield self.domain, values


def _made_again(
    kind: type[Mask], site: Site, fingerprint: str, options: Any, state: Mapping[str, Any]
) -> Mask:
    mask = kind(site, held(fingerprint), options)
    for name, value in state.items():
        setattr(mask, name, value)
    return mask


def build_options(mask: type[Mask], given: Mapping[str, Any]) -> Any:
    """The mask's `Options` from the keys of a `masks.toml` line. Raises `MaskError` with a did-you-mean."""
    known = {f.name: f for f in fields(mask.Options)}
    for name in given:
        if name not in known:
            close = get_close_matches(name, known, n=1)
            raise MaskError(
                f"the mask {mask.name!r} has no option {name!r}",
                hint=f"did you mean {close[0]!r}?"
                if close
                else f"its options: {', '.join(sorted(known)) or 'none'}",
            )
    try:
        return mask.Options(**given)
    except (TypeError, ValueError) as error:
        raise MaskError(
            f"the mask {mask.name!r} cannot take these options: {error}", hint=_with_defaults(mask)
        ) from None


def _with_defaults(mask: type[Mask]) -> str:
    """The mask's line with its simple options as they are by default."""
    defaults = {f.name: getattr(mask.Options(), f.name) for f in fields(mask.Options)}
    said = [f', {name} = "{value}"' for name, value in defaults.items() if isinstance(value, str)]
    return f'{{ mask = "{mask.name}"{"".join(said)} }}'
