"""Rows on their way: `readplan` says what is read, `move` streams it, `copytext` cuts COPY text into Arrow columns and back,
`transform` masks them; `files` writes what is read to files instead of a database.
"""
