"""One mask a file. What frames them all is here too: `contract` (what a mask is), `keys`, `registry` (finds the masks),
`build` (makes one for a column) and `canonical` (when are two key values one). What several masks are made of: `parts/`.
"""
