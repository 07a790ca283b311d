"""One block in, one block out: the CPU half of the pump. Runs in a worker thread; holds no state but counts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from penstock.errors import MaskError, PenstockError
from penstock.masks.contract import Input
from penstock.pump import copytext
from penstock.pump.readplan import MaskedColumn, ReadPlan

RowFilter = Callable[[npt.NDArray[np.uint64]], npt.NDArray[np.bool_]]
"""Which of these rows of the leaf, given as block << 16 | offset, are wanted."""


@dataclass(frozen=True, slots=True)
class Moved:
    """An outgoing block."""

    data: memoryview
    rows: int
    read: int  # rows that came in; more than `rows` where a filter dropped some


class Transform:
    """Masks blocks as the read plan says."""

    def __init__(self, plan: ReadPlan, row_filter: RowFilter | None = None) -> None:
        self._plan = plan
        self._filter = row_filter
        self._context = len(plan.context) + (1 if row_filter else 0)
        self._columns = self._context + len(plan.written)

    def __call__(self, data: bytes) -> Moved:
        if self._columns == 0:  # a table without columns: a row is an empty line
            rows = data.count(b"\n")
            return Moved(memoryview(data), rows, rows)
        if self._context == 0 and not self._plan.masked:
            rows = data.count(b"\n")
            return Moved(memoryview(data), rows, rows)
        block = copytext.parse(data, self._columns)
        read = block.rows
        if self._filter is not None and block.rows:
            block = block.select(self._filter(row_addresses(block.field(0))))
        if block.rows == 0:
            return Moved(memoryview(b""), 0, read)
        decoded: dict[int, pa.Array] = {}

        def value(index: int) -> pa.Array:
            if index not in decoded:
                decoded[index] = copytext.decode(block.field(index))
            return decoded[index]

        inputs: dict[Input, pa.Array] = {
            wish: value(self._place(place)) for wish, place in (self._plan.input_fields or {}).items()
        }
        fields = [
            self._masked(column, value(self._context + i), inputs)
            for i, column in enumerate(self._plan.masked)
        ]
        tail = block.tail(self._context + len(fields))
        if fields and len(fields) == len(
            self._plan.written
        ):  # the tail is the newline alone: no tab before it
            fields[-1] = pc.binary_join_element_wise(fields[-1], tail, pa.scalar(b"", pa.large_binary()))
            *fields, tail = fields
        return Moved(copytext.join(fields, tail), block.rows, read)

    def _masked(self, column: MaskedColumn, values: pa.Array, inputs: dict[Input, pa.Array]) -> pa.Array:
        try:
            return copytext.encode(column.mask.mask(values, inputs))
        except PenstockError:
            raise
        except Exception as error:  # noqa: BLE001 - its text may quote a row value, so only its kind goes on
            raise MaskError(
                f"the mask {column.mask.name!r} failed on {self._plan.table}.{column.name}",
                why=f"{type(error).__name__} inside the mask",
                hint="choose another mask for this column; this one met a value it cannot take",
            ) from None

    def _place(self, place: int) -> int:
        """The field of an input: context fields are counted -1, -2, … from the first, after the row address."""
        first_context = self._context - len(self._plan.context)
        return self._context + place if place >= 0 else first_context + (-place - 1)


def row_addresses(ctids: pa.Array) -> npt.NDArray[np.uint64]:
    """`(block,offset)` texts as block << 16 | offset."""
    inner = pc.utf8_slice_codeunits(ctids.cast(pa.string()), 1, -1)
    numbers = pc.split_pattern(inner, ",").flatten().cast(pa.uint64()).to_numpy(zero_copy_only=False)
    pairs = numbers.reshape(-1, 2)
    address: npt.NDArray[np.uint64] = (pairs[:, 0] << np.uint64(16)) | pairs[:, 1]
    return address
