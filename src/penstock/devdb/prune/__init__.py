"""`strategy = "prune"`: from a database that holds everything, keep the closure of the roots, delete what rules name, or both.

planning.going (what goes) → planning.ways (how each table gets there, by cost) → engine: foreign keys off (`devdb.keys`),
triggers and rules silenced (`devdb.quiet`), tables in parallel (`items` for a `crew`; `tables` says what one does, `stage` brings
the addresses, `indexes` are made anew), keys back and validated; `proof` compares. `existing` prunes a copy of a database that is
there, `whole` makes one first.
"""
