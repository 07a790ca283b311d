"""`dev scrub`: mask a copy that already holds the real values, in place, and prove it before it is opened again.

For teams whose clone is a storage snapshot. The originals of the tables that change are first set aside in a schema of
their own; the tables are emptied and filled again from there, through the masks; the proof compares the whole database
with what was set aside; only then is that dropped. So nothing is ever updated, a kill at any point loses nothing, and a
proof that finds something still has the originals to mask again.
"""
