"""Fill an empty database: `build` restores the schema around the rows that `filling` (or `insert`) brings.

`schema` is pg_dump's archive by section; `sequences`, `derived` (materialised views, statistics) and `file_copy`
each bring one more kind of thing.
"""
