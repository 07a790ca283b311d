"""Text made of segments: what stands between separators becomes a pseudonym, the separators stay where they are."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from penstock.detect.spans import Spans, Texts, replaced
from penstock.masks.keys import Prf
from penstock.masks.parts.arrays import I64, Flags, base32

WIDTH = 12  # base32 characters of a segment: 60 bits

# What follows a dot is kept only where it is a file type: the `silva` of `ana.silva` is none.
_FILE_TYPES = (
    "7z aac ai apk avi avif avro bak bat bin bmp bz2 c cfg class conf cpp crt css csv dat db dcm dll doc docx dot dwg "
    "eml eps epub exe flac flv gif go gpg gz h heic heif htm html ico ics ini ipynb iso jar java jpe jpeg jpg js json "
    "jsonl key kml less log lz4 m4a m4v md mdb mkv mov mp3 mp4 mpeg mpg msg odp ods odt ogg orc otf p12 p7m parquet "
    "pdf pem php pl png ppt pptx ps psd py rar rb rtf scss sh sql sqlite svg swf tar tgz tif tiff tmp toml ts tsv ttf "
    "txt vcf vsd wasm wav webm webp wma wmv woff woff2 xls xlsb xlsm xlsx xml xz yaml yml zip zst"
)
_EXTENSION = rf"(?s)^.+?((?:\.(?i:{'|'.join(_FILE_TYPES.split())}))*)$"


def segments(texts: Texts, separators: bytes) -> Spans:
    """The longest runs of bytes that are no separators, text by text."""
    inside = ~np.isin(texts.data, np.frombuffer(separators, np.uint8))
    edge = np.zeros(len(texts.data) + 1, np.bool_)
    edge[texts.offsets] = True
    padded = np.concatenate([[False], inside, [False]])
    return Spans(
        np.flatnonzero(padded[1:] & (~padded[:-1] | edge)), np.flatnonzero(padded[:-1] & (~padded[1:] | edge))
    )


def path_segments(texts: Texts, separators: bytes) -> Spans:
    """The segments to mask of paths: without `.` and `..`, the last one without its file type."""
    spans = segments(texts, separators)
    if len(spans) == 0:
        return spans
    contents = texts.slices(spans.starts, spans.ends)
    dots = pc.is_in(contents, value_set=pa.array([".", ".."], pa.large_string()))
    spans = spans.where(~dots.to_numpy(zero_copy_only=False))
    ends = spans.ends.copy()
    last = np.flatnonzero(spans.ends == texts.offsets[texts.rows(spans.starts) + 1])
    names = texts.slices(spans.starts[last], spans.ends[last])
    kept = pc.replace_substring_regex(names, pattern=_EXTENSION, replacement=r"\1")
    ends[last] -= pc.binary_length(kept).to_numpy()
    return Spans(spans.starts, ends)


def pseudonyms(prf: Prf, contents: pa.Array, widths: I64 | None = None) -> pa.Array:
    """`WIDTH` base32 characters for each text, or as many as `widths` says."""
    encoded = contents.dictionary_encode()
    characters = base32(prf.digest(encoded.dictionary), WIDTH)[encoded.indices.to_numpy()]
    if widths is None:
        widths = np.full(len(contents), WIDTH, np.int64)
    chosen: Flags = np.arange(WIDTH) < widths[:, None]
    offsets = np.concatenate([[0], np.cumsum(widths)]).astype(np.int64)
    buffers = [None, pa.py_buffer(offsets), pa.py_buffer(np.ascontiguousarray(characters[chosen]))]
    return pa.Array.from_buffers(pa.large_string(), len(contents), buffers)


def masked_segments(prf: Prf, texts: Texts, spans: Spans) -> pa.Array:
    """The texts with a pseudonym in each of the spans."""
    if len(spans) == 0:
        return texts.array
    return replaced(texts, spans, pseudonyms(prf, texts.slices(spans.starts, spans.ends)))
