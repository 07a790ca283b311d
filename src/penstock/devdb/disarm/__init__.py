"""What makes a copy dangerous: what stays behind, what is switched off, what is warned of.

`behind` says it for a copy that is made, `in_place` for one that stands (a scrub, a prune of a database) and does it there;
`arming` has the plan say it. `left_out` holds what is never
copied, `relations` the tables and views among it, `reaching` the materialised views that stay empty,
`extensions`, `outward` (functions that call out), `outbox` (queues of work), `secrets` and `uncarried` one finding each;
`expressions` and `functions` say what would call out while it is evaluated.
"""
