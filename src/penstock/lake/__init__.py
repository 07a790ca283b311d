"""Data sets in a folder or an object store: files, and a manifest, put last, without which there is none.

`places` reads an address, `folder` and `bucket` are the two kinds of place (`staging`, `exchange`; `store`, `waiting`, and
`claims` where two runs meet), `dataset` what both have. `parquet` writes a table's parts: `spelling` says how each column
stands there, `values` makes it, `physical` spells it once more for the proof. `names` are safe everywhere.
"""
