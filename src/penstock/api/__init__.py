"""The public API: everything the commands do, callable from a script or a notebook. Synchronous.

    import penstock

    project = penstock.Project.load()
    project.discover()
    plan = project.plan_dev("small")
    project.create_dev("small")

Everything of it is reached through `penstock.Project`.
"""
