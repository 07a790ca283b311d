"""What makes a copy dangerous: what stays behind, what is switched off, what is warned of.

`behind` says it for one copy and is all that others need; `arming` has the plan say it. `left_out` holds what is never
copied, `relations` the tables and views among it, `reaching` the materialised views that stay empty,
`extensions`, `outward` (functions that call out), `outbox` (queues of work), `secrets` and `uncarried` one finding each.
"""
