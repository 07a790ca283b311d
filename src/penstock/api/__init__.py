"""The public API: everything the commands do, callable from a script or a notebook. Synchronous; docs/api.md.

    import penstock

    project = penstock.Project.load("shop")
    project.discover()
    plan = project.plan_dev("small")
    project.create_dev("small")

The commands are made of it: they parse, call it and print. It prints nothing.
Importing it makes the sections of all jobs in penstock.toml known (dataclasses only: nothing heavy comes with them).
"""

import penstock.devdb.config  # noqa: F401 - registers [devdb.NAME]
