"""Writing `masks.toml`: new lines go where the schema has them; people's lines and comments stay as they are.

The file is edited line by line, where a line is as many physical lines as make valid TOML on their own; nothing but the
lines asked for is touched, which no round trip through a document model promises.

Open questions are comments that begin with `#?`, one per column, above the place where the decision would stand. They
are rewritten on every call, so that a question disappears once it is answered.
"""

from __future__ import annotations

import os
import tempfile
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from penstock.catalog.model import ColumnName, TableName
from penstock.errors import RegistryError
from penstock.policy.registry_file import Line, parse, toml_key

QUESTION = "#?"
HEADER = """\
# What happens to every column when data leaves production: one line per column, in the order of the schema.
# `penstock discover` proposes, people decide, `penstock masks check` is the gate. Commit this file.
# A comment that begins with #? is an open question: answer it by writing the line.
"""


@dataclass(slots=True)
class _Entry:
    """A column's line with the comments above it. `line` is empty where there is only a question."""

    column: str
    above: str
    line: str = ""


@dataclass(slots=True)
class _Block:
    """A table of the file: its header with the comments above it, its entries, comments after the last one."""

    table: TableName | None  # None: what stands before the first header
    above: str = ""
    header: str = ""
    entries: list[_Entry] = field(default_factory=list)
    below: str = ""

    @property
    def is_bare(self) -> bool:
        """A header with nothing under it, as an answered question may leave it behind."""
        return self.table is not None and not self.entries and not (self.above + self.below).strip()

    @property
    def text(self) -> str:
        return self.above + self.header + "".join(e.above + e.line for e in self.entries) + self.below


def write(path: Path, text: str) -> None:
    """Put `text` in the place of the file, whole or not at all."""
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
        Path(temporary).chmod(path.stat().st_mode & 0o777 if path.exists() else 0o644)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def merged(
    text: str,
    lines: Iterable[Line],
    order: Sequence[ColumnName],
    questions: Mapping[ColumnName, str] | None = None,
) -> str:
    """`text` with `lines` in it: each in the place of the line its column has, or else where `order` puts it.

    `questions` are what stays open, by column; None leaves those in the file. Raises `RegistryError` where `text` is
    malformed, or writes one of the columns in a way that cannot be edited line by line.
    """
    lines = list(lines)
    expected = {**parse(text).lines, **{line.column: line for line in lines}}
    blocks = _blocks(text, drop_questions=questions is not None)
    rank = {name: i for i, name in enumerate(order)}
    table_rank: dict[TableName, int] = {}
    for name in order:
        table_rank.setdefault(name.table, len(table_rank))
    by_table = {block.table: block for block in reversed(blocks)}
    wanted = [(line.column, line.text + "\n", "") for line in lines]
    wanted += [(name, "", _question(question)) for name, question in (questions or {}).items()]
    for name, line, question in sorted(wanted, key=lambda item: rank.get(item[0], len(rank))):
        block = by_table.get(name.table)
        if block is None:
            header = f"[{toml_key(name.table.schema)}.{toml_key(name.table.table)}]\n"
            block = by_table[name.table] = _Block(name.table, "\n", header)
            known = [table_rank.get(b.table, -1) if b.table else -1 for b in blocks]
            blocks.insert(_place(known, table_rank.get(name.table, len(rank)), len(blocks)), block)
        _put(block, name, line, question, rank)
    result = "".join(block.text for block in blocks)
    if not text.strip():
        result = HEADER + result
    written = parse(result).lines
    if written != expected:
        odd = next(name for name in expected if written.get(name) != expected[name])
        raise RegistryError(
            f"masks.toml: the line of {odd} cannot be changed in place",
            hint=f"write it on one line under [{odd.table}]",
        )
    return result


def _question(text: str) -> str:
    return f"{QUESTION} {' '.join(text.splitlines())}\n"


def _put(block: _Block, name: ColumnName, line: str, question: str, rank: Mapping[ColumnName, int]) -> None:
    same = [entry for entry in block.entries if entry.column == name.column]
    if same:
        same[0].above += question
        if line:
            same[0].line = line
            block.entries = [entry for entry in block.entries if entry not in same[1:]]
        return
    known = [rank.get(ColumnName(name.table, entry.column), -1) for entry in block.entries]
    block.entries.insert(
        _place(known, rank.get(name, len(rank)), len(known)), _Entry(name.column, question, line)
    )


def _place(known: Sequence[int], rank: int, end: int) -> int:
    """Where to insert something of `rank`: before the first one that follows it in the schema, else at the end."""
    return next((i for i, other in enumerate(known) if other > rank), end)


def _blocks(text: str, *, drop_questions: bool) -> list[_Block]:
    blocks = [_Block(None)]
    pending: list[str] = []
    for line in _logical_lines(text):
        stripped = line.lstrip()
        if not stripped or stripped.startswith("#"):
            if not (drop_questions and stripped.startswith(QUESTION)):
                pending.append(line)
        elif stripped.startswith("["):
            # Comments right above a header are its own; what a blank line parts from it belongs to the table before.
            cut = max((i for i, text in enumerate(pending) if not text.strip()), default=-1)
            while cut > 0 and not pending[cut - 1].strip():
                cut -= 1
            cut = max(cut, 0)
            blocks[-1].below = "".join(pending[:cut])
            blocks.append(_Block(_table_of(line), "".join(pending[cut:]), line))
            pending = []
        else:
            blocks[-1].entries.append(_Entry(next(iter(tomllib.loads(line))), "".join(pending), line))
            pending = []
    blocks[-1].below = "".join(pending)
    return [block for block in blocks if not (drop_questions and block.is_bare)]


def _table_of(header: str) -> TableName | None:
    """The table of `[schema.table]`; None for headers of another depth, which are left alone."""
    names: list[str] = []
    inner = tomllib.loads(header)
    while isinstance(inner, dict) and inner:
        name, inner = next(iter(inner.items()))
        names.append(name)
    return TableName(*names) if len(names) == 2 else None


def _logical_lines(text: str) -> Iterator[str]:
    """`text` cut where each piece is valid TOML by itself: values may span physical lines."""
    piece = ""
    for line in text.removesuffix("\n").split("\n"):  # TOML knows no other line ends than LF and CR LF
        piece += line + "\n"
        try:
            tomllib.loads(piece)
        except tomllib.TOMLDecodeError:
            continue
        yield piece
        piece = ""
    if piece:
        yield piece
