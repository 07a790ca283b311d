"""From a section of the project file to a plan, and to the subset it copies: `devdb.prepare` puts it together, `plan` is what
people read.

`rules` and `names` look the section up in the catalog, `choosing` finds its rows, `subset` holds what is decided; `forecast`,
`obstacles`, `quoted`, `readable` and `real` each find one kind of thing the plan tells or refuses. Of a prune, `going` says
which rows go, `ways` how each table gets there, by cost, and `conditions` refuses what would be evaluated on masked values.
"""
