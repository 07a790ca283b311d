"""One masked copy of the table `bench`, from the database `source` to `masked`, in a process of its own."""

from __future__ import annotations

import json
import os
import resource
import sys
import time

from penstock.catalog.model import TableName
from penstock.engines.postgres.reflect import reflect
from penstock.engines.postgres.session import Session
from penstock.masks.build import build
from penstock.masks.contract import Site
from penstock.masks.keys import Keyring
from penstock.project.connections import ConnectionSettings
from penstock.project.secret import Secret
from penstock.pump.move import move
from penstock.pump.readplan import read_plan


def main() -> None:
    task = json.loads(sys.argv[1])

    def settings(database: str) -> ConnectionSettings:
        return ConnectionSettings(
            name=database,
            role="source" if database == "source" else "target",
            host=task["host"],
            port=task["port"],
            dbname=database,
            user=task["user"],
            password=Secret(os.environ["PGPASSWORD"], "benchmark"),
        )

    with (
        Session.open(settings("source"), read_only=True) as source,
        Session.open(settings("masked"), read_only=False) as target,
    ):
        source.begin_snapshot()
        catalog = reflect(source)
        table = catalog.tables[TableName("public", "bench")]
        keys = Keyring(bytes(range(32)))
        masks = {
            name: build(mask, Site.of(table.column(name).type), keys) for name, mask in task["masks"].items()
        }
        plan = read_plan(catalog, table, masks)
        started = time.monotonic()
        total = move(source, target, plan, [plan.select(table.name)])
        seconds = time.monotonic() - started
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(json.dumps({"seconds": seconds, "rows": total.rows, "memory_mb": memory}))


if __name__ == "__main__":
    main()
