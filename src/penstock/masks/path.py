"""`path`: another path of the same shape."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from penstock.catalog.types import Family
from penstock.detect.spans import Texts, replaced
from penstock.masks.build import build
from penstock.masks.contract import Contract, Input, Mask, Site, Uniqueness
from penstock.masks.parts.arrays import Flags
from penstock.masks.parts.segments import WIDTH, path_segments, pseudonyms

_SEPARATORS = b"/\\"
_LEAST = 8  # characters of a segment where the column is short: 40 bits


class Path(Mask):
    """Each segment becomes a pseudonym, the same one wherever it stands, so that files of one folder stay together.

    Depth, leading and doubled slashes, `.`, `..` and the file type stay. Where the column is short, so are the
    segments; where not even eight characters fit, the whole path is masked as text.
    """

    name = "path"
    summary = "each segment of a path; depth, slashes and file type stay"
    example = ("/home/ana/cv.2024.pdf", "/<pseudonym>/<pseudonym>/<pseudonym>.pdf")
    families = frozenset({Family.TEXT})
    default_domain = "path"

    def setup(self) -> None:
        self._prf = self.keys.prf(self.domain, "path")
        self._text = build("text", Site(Family.TEXT, max_length=self.site.max_length), self.keys)

    def contract(self) -> Contract:
        room = self.site.max_length
        return Contract(
            Uniqueness.LIKELY,
            self._text.contract().codomain,
            max_length=room,
            keeps_format=True,
            collision_bits=5 * WIDTH if room is None else 5 * min(_LEAST, room),
        )

    def apply(self, values: pa.Array, inputs: Mapping[Input, pa.Array] | None = None) -> pa.Array:
        texts = Texts.of(values)
        spans = path_segments(texts, _SEPARATORS)
        if len(spans) == 0:
            return self._bounded(values, values, np.zeros(len(values), np.bool_))
        contents = texts.slices(spans.starts, spans.ends)
        room = self.site.max_length
        if room is None:
            return replaced(texts, spans, pseudonyms(self._prf, contents))
        rows = texts.rows(spans.starts)
        lengths = pc.fill_null(pc.utf8_length(values), 0).to_numpy().astype(np.int64)
        masked_length = np.bincount(rows, pc.utf8_length(contents).to_numpy(), len(values)).astype(np.int64)
        count = np.bincount(rows, minlength=len(values))
        width = np.clip((room - (lengths - masked_length)) // np.maximum(count, 1), 0, WIDTH)
        masked = replaced(texts, spans, pseudonyms(self._prf, contents, width[rows]))
        return self._bounded(values, masked, (width < _LEAST) & (count > 0))

    def _bounded(self, values: pa.Array, masked: pa.Array, too_short: Flags) -> pa.Array:
        return pc.if_else(pa.array(too_short), self._text.mask(values), masked) if too_short.any() else masked
