"""From a section of the project file to a plan, and to the subset it copies: `prepare` does it, `plan` is what people read.

`rules` and `names` look the section up in the catalog, `choosing` finds its rows, `subset` holds what is decided; `forecast`,
`obstacles`, `quoted`, `readable` and `real` each find one kind of thing the plan tells or refuses.
"""
