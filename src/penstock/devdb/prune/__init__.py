"""`strategy = "prune"`: from a database that holds everything, keep the closure of the roots, delete what rules name, or both.

rows (what goes) → ways (how each table gets there, by cost) → engine: foreign keys off (`keys`), triggers and rules silenced
(`quiet`), tables in parallel (`crew`; `stage` brings the addresses, `tables` and `indexes` do it), keys back and validated;
`proof` compares. `conditions` refuses what would be evaluated on masked values, `existing` prunes a copy of a database that is
there, `whole` makes one first.
"""
