"""Development databases from production: made, topped up, looked at, made anew.

create (and refresh) plan, guard, build beside, verify, publish: `planning/` says what is copied, `closure/` finds the rows,
`building/` fills an empty database, `clone/`, `prune/` and `scrub/` do it their way, `disarm/` keeps the danger behind,
`databases` and `publication` give the final name, `verify` asks `proof/`, `manifest` remembers.

add, why, inspect, drift: an existing copy. `lifecycle/`: templates, copies of them, resets on schedule. `files/`: a copy as
Parquet or SQL. `context` is what every command starts from, `config` the section of penstock.toml.
"""
