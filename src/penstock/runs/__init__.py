"""Work as plain items, and who runs them: `items` in this process, `workers` in processes beside it (`worker` is their side).

Nothing here knows of databases or secrets; a cluster may run the same items.
"""
