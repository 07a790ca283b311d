"""`strategy = "prune"`: from a database that holds everything, keep the closure of the roots, delete what rules name, or both.

rows (what goes) → ways (how each table gets there, by cost) → engine: foreign keys off (`devdb.keys`), triggers and rules
silenced (`devdb.quiet`), tables in parallel (`items` for a `crew`; `tables` says what one does, `stage` brings the addresses,
`indexes` are made anew), keys back and validated;
`proof` compares. `conditions` refuses what would be evaluated on masked values, `existing` prunes a copy of a database that is
there, `whole` makes one first.
"""
