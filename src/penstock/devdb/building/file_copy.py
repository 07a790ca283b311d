"""A database as a copy of another of its server, file by file: far quicker than any dump."""

from __future__ import annotations

import re

from penstock.devdb import databases
from penstock.devdb.progress import Progress, note
from penstock.engines.postgres.session import Session
from penstock.errors import DatabaseError

_STRATEGY_SINCE, _CLONE_SINCE = 15, 18
# What a server says that was built without it, or whose file system refuses.
_CANNOT_CLONE = re.compile(r'could not clone file|invalid value for parameter "file_copy_method"')


def copy_files(maintenance: Session, template: str, built: str, final: str, progress: Progress) -> str:
    """Copy the template's files; returns how. PostgreSQL 18 can have them cloned, where its file system shares blocks."""
    major = maintenance.connection.get_server_version().major
    strategy = "STRATEGY FILE_COPY" if major >= _STRATEGY_SINCE else ""  # else each page goes through WAL
    if major >= _CLONE_SINCE:
        try:
            maintenance.execute("SET file_copy_method = 'clone'")
            databases.create_from(maintenance, template, built, final, strategy)
        except DatabaseError as error:
            if not _CANNOT_CLONE.search(error.why):
                raise
            note(progress, f"the server cannot clone files there, they are copied: {error.why}")
        else:
            return "file_copy_method = clone"
        finally:
            maintenance.execute("RESET file_copy_method")
    databases.create_from(maintenance, template, built, final, strategy)
    return "file copy"
