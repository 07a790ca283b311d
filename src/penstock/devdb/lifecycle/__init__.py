"""What becomes of a development database: templates and their copies, reset, time to live, drift, roles, hooks, pipelines."""
