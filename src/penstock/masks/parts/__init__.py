"""What masks are made of: no mask itself. `arrays` (keyed bits to characters), `permutation`, `words` (names from pools),
`layout` (digits that keep their punctuation), `literals` (array and row literals), `json_leaves` and `json_paths`,
`segments` (paths and URLs), `numbers`, `decimals` and `calendar`.
"""
