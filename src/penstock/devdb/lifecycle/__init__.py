"""What becomes of a development database: templates and their copies, reset, schedules and time to live, pipelines."""
