"""What looks like a password or a token in a text of the schema: one answer for views, functions and triggers.

Only string literals are looked at: `UPDATE users SET password = $1` holds none. It is what looks like one, no proof of
absence.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from penstock.catalog.model import Catalog, Rule, TableName


def quotes_secret(sql: str) -> bool:
    """Whether a string literal of this SQL looks like a secret."""
    return any(is_secret(literal[0]) for literal in _LITERAL.finditer(sql))


def is_secret(text: str) -> bool:
    """Whether a text looks like a connection string or a URL with a password, or holds a token or a key."""
    return _SECRET.search(text) is not None


def views_with_secrets(catalog: Catalog) -> frozenset[TableName]:
    """Views whose query quotes one, as `dblink('host=… password=…', …)` does."""
    return frozenset(
        table.name for table in catalog if table.definition is not None and quotes_secret(table.definition)
    )


def rules_with_secrets(catalog: Catalog) -> Mapping[TableName, tuple[Rule, ...]]:
    """Rules that quote one, of tables and of views."""
    found = {table.name: tuple(r for r in table.rules if quotes_secret(r.definition)) for table in catalog}
    return {name: rules for name, rules in found.items() if rules}


_LITERAL = re.compile(r"'(?:[^']|'')*'", re.DOTALL)
# The password itself; `$1` and `%s` stand for one that is elsewhere.
_VALUE = r"\bpassword\s*=\s*'{0,2}(?!\$\d|%\d*\$?[sIL])[^\s']"
_SECRET = re.compile(
    r"://[^/\s:@']+:[^/\s@']+@"
    rf"|(?=.*\b(?:host|hostaddr|dbname|user|service)\s*=).*{_VALUE}"
    rf"|^'?\s*(?:\w+\s*=\s*\S+\s+)*{_VALUE}"  # a part of a connection string
    r"|\b(?:bearer|basic|token)\s+[\w.+/=-]{12,}"
    r"|\b(?:api[_-]?key|access[_-]?key|secret)[\"']*\s*[:=]\s*[\"']*[\w.+/=-]{8,}",
    re.IGNORECASE | re.DOTALL,
)
