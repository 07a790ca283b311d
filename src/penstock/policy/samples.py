"""Made-up inputs for trying a mask before a run: nobody's values, the same ones every time."""

from __future__ import annotations

from functools import lru_cache

import pyarrow as pa

from penstock.catalog.types import Family
from penstock.masks.contract import Site

_WORDS = (
    "Ana", "Maria Silva", "blue", "ACTIVE", "a", "Z", "x7", "AB-1234", "PT50", "12345", "0042", "+351 910 000 000",
    "912345678", "ana@example.org", "Ana.Silva+news@Example.COM", "https://example.org/a/b?c=d", "/srv/photo.JPG",
    "Rua do Ouro 5, 3.º", "1000-001", "SW1A 1AA", "4111111111111111", "PT50000201231234567890154", "192.0.2.7",
    "2001:db8::1", "00:00:5e:00:53:01", "2001-02-03", "true", "yes", "m", "F", "EUR", "pt-PT", "Straße", "naïve",
    "123e4567-e89b-12d3-a456-426614174000", "deadbeef", "DE123456789", "under_score", "kebab-case", "CamelCase",
    "lower case words and more of them", "#ff00aa", "{}", "[]", "9.99", "-1", "0",
)  # fmt: skip


@lru_cache(maxsize=64)
def samples(
    family: Family, max_length: int | None, minimum: int | None, maximum: int | None
) -> tuple[str, ...]:
    """A few hundred distinct values of a family within its bounds; empty for families we cannot make up."""
    match family:
        case Family.TEXT:
            words = [
                *_WORDS,
                *(f"value {i}" for i in range(200)),
                *(f"{i:05d}" for i in range(0, 99_999, 499)),
            ]
            return tuple(dict.fromkeys(w[:max_length] for w in words if w))
        case Family.INTEGER:
            low, high = (
                minimum if minimum is not None else -(2**63),
                maximum if maximum is not None else 2**63 - 1,
            )
            numbers = [
                *range(-5, 200),
                *(10**e + 7 for e in range(2, 19)),
                *(low + i * ((high - low) // 99) for i in range(100)),
            ]
            return tuple(str(n) for n in dict.fromkeys(numbers) if low <= n <= high)
        case Family.NUMERIC:
            return tuple(f"{i}.{i % 10}" for i in range(200))
        case Family.DATE:
            return tuple(f"{1930 + i % 95}-{1 + i % 12:02d}-{1 + i % 28:02d}" for i in range(200))
        case Family.TIMESTAMP:
            return tuple(f"{1930 + i % 95}-{1 + i % 12:02d}-{1 + i % 28:02d} 12:00:00" for i in range(200))
        case Family.UUID:
            return tuple(f"00000000-0000-4000-8000-{i:012x}" for i in range(200))
        case _:
            return ()


def sample_array(site: Site, *, also: tuple[str, ...] = ()) -> pa.Array:
    """`samples` for a site, with `also` (literals of a constraint) among them."""
    made = samples(site.family, site.max_length, site.minimum, site.maximum)
    return pa.array(list(dict.fromkeys((*also, *made))), type=pa.large_string())
