"""What every mask promises, whatever it does. A mask that is registered is tested here without another line.

A promise that is broken says whose it was and where: `the mask 'email' on varchar(40) broke its promise: …`.
"""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from functools import cache

import pyarrow as pa
import pyarrow.compute as pc

from penstock.errors import MaskError
from penstock.masks import registry
from penstock.masks.build import build
from penstock.masks.contract import Codomain, Input, Mask, Uniqueness
from penstock.masks.keys import Keyring, hold
from tests.masks.sites import SITES
from tests.masks.standing import KEY, OTHER_KEY

OPTIONS: Mapping[str, Mapping[str, object]] = {"constant": {"value": "1"}}
ENOUGH_BITS = 40  # fewer collide within a test
SEARCHED = 5  # characters from which the leak check looks for survivors


@cache
def standing_at(name: str, place: str, keys: Keyring = KEY) -> Mask | None:
    """The mask at a site; None where it refuses to stand there."""
    try:
        return build({"mask": name, **OPTIONS.get(name, {})}, SITES[place], keys)
    except MaskError:
        return None


def everywhere() -> list[tuple[str, str]]:
    """Every registered mask at every site it accepts."""
    return [
        (name, place)
        for name, kind in registry.masks().items()
        for place, site in SITES.items()
        if site.family in kind.families and standing_at(name, place) is not None
    ]


def column(values: list[str | None]) -> pa.Array:
    return pa.array(values, pa.large_string())


def run(mask: Mask, values: pa.Array) -> pa.Array:
    """The masked values; columns a mask reads hold the values themselves."""
    inputs: dict[Input, pa.Array] = dict.fromkeys(mask.inputs(), values)
    return mask.mask(values, inputs)


def kept(mask: Mask, promise: str, *, holds: bool) -> None:
    """Fail with the mask, the site and the promise unless it holds."""
    place = next((place for place, site in SITES.items() if site == mask.site), repr(mask.site))
    assert holds, f"the mask {mask.name!r} on {place} broke its promise: {promise}"


def check_shape(mask: Mask, values: pa.Array) -> None:
    """As many values, in the agreed type, NULL and '' where they were, nothing longer than promised."""
    out, promised = run(mask, values), mask.contract()
    kept(mask, "large_string comes out", holds=out.type == pa.large_string())
    kept(mask, "as many values come out as went in", holds=len(out) == len(values))
    for before, after in zip(values.to_pylist(), out.to_pylist(), strict=True):
        seen = f"({before!r} became {after!r})"
        if before is None and promised.keeps_null:
            kept(mask, f"NULL stays NULL {seen}", holds=after is None)
        if before == "" and promised.keeps_empty:
            kept(mask, f"'' stays '' {seen}", holds=after == "")
        if before is not None and not promised.makes_null:
            kept(mask, f"no value becomes NULL {seen}", holds=after is not None)
        if after is not None and promised.max_length is not None:
            longest = promised.max_length
            kept(mask, f"at most {longest} characters {seen}", holds=len(after) <= longest)
        if before and after is not None and promised.keeps_length:
            kept(mask, f"never longer than the value {seen}", holds=len(after) <= len(before))
    room = mask.site.max_length
    if room is not None:
        fits = promised.max_length is not None and promised.max_length <= room
        kept(mask, f"its max_length {promised.max_length} fits the column's {room}", holds=fits)


def check_uniqueness(mask: Mask, values: pa.Array) -> None:
    """Different things stay different; one thing in two spellings stays one."""
    promised = mask.contract()
    if promised.uniqueness is Uniqueness.LOSSY:
        return
    seen: dict[str, str] = {}
    for normal, after in zip(mask.normalise(values).to_pylist(), run(mask, values).to_pylist(), strict=True):
        if normal and after:
            one = seen.setdefault(normal, after) == after
            kept(mask, f"spellings of {normal!r} have one pseudonym, not {after!r} too", holds=one)
    if promised.uniqueness is Uniqueness.INJECTIVE or promised.collision_bits >= ENOUGH_BITS:
        apart = len(set(seen.values())) == len(seen)
        kept(mask, f"{promised.uniqueness} values stay different ({seen})", holds=apart)


def check_freshness(mask: Mask, values: pa.Array, other: Mask) -> None:
    """No fresh pseudonym is a value of the column, nor the pseudonym that another key gives."""
    if mask.contract().codomain is not Codomain.FRESH:
        return
    # What holds no letter or digit outside of NULL elements ({NULL}, ///, ..) is nobody's value.
    candidates = (v for v in values.to_pylist() if v and len(v) >= SEARCHED)
    searched = {v for v in candidates if any(c.isalnum() for c in v.replace("NULL", ""))}
    rows = pc.is_in(values, value_set=column(sorted(searched)))
    masked, otherwise = (set(run(m, values).filter(rows).to_pylist()) for m in (mask, other))
    kept(mask, f"fresh: no value of the column ({masked & searched})", holds=not masked & searched)
    kept(mask, f"fresh: nothing another key gives ({masked & otherwise})", holds=not masked & otherwise)


def check_travel(mask: Mask, values: pa.Array) -> None:
    """A worker that holds the same key makes the same mask of what it is sent, in which the key is not."""
    hold(mask.keys)
    sent = pickle.dumps(mask)
    secrets = (mask.keys._master, mask.keys.subkey(mask.domain, "text", 64)[:16])
    kept(mask, "it travels without its key", holds=not any(secret in sent for secret in secrets))
    here, there = run(mask, values), run(pickle.loads(sent), values)
    kept(mask, f"a worker masks alike ({here}, {there})", holds=there.equals(here))


def check_chunks(mask: Mask, values: pa.Array) -> None:
    """How a column is cut into blocks makes no difference, and neither does what an array is a slice of."""
    whole = run(mask, values)
    middle = len(values) // 2
    cut = [run(mask, part) for part in (values.slice(0, middle), values.slice(middle))]
    kept(mask, f"two blocks give what one gives ({whole})", holds=pa.concat_arrays(cut).equals(whole))
    inside = pa.concat_arrays([column([None, "zzz"]), values, column(["zzz"])]).slice(2, len(values))
    kept(mask, "a slice gives what an array of its own gives", holds=run(mask, inside).equals(whole))
    as_string = run(mask, values.cast(pa.string()))
    kept(mask, "string gives what large_string gives", holds=as_string.equals(whole))


def check_repetition(mask: Mask, again: Mask, values: pa.Array) -> None:
    """Another instance with the same key gives the same bytes."""
    same = run(mask, values).equals(run(again, values))
    kept(mask, "another instance with the same key gives the same bytes", holds=same)


def other_key(name: str, place: str) -> Mask:
    found = standing_at(name, place, OTHER_KEY)
    assert found is not None
    return found
