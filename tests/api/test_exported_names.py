"""What `import penstock` offers."""

from __future__ import annotations

import subprocess
import sys

import penstock


def test_every_exported_name_is_there_and_shown_by_completion():
    for name in penstock.__all__:
        assert getattr(penstock, name) is not None
        assert name in dir(penstock)


def test_importing_the_package_loads_no_driver_and_no_arrow():
    script = (
        "import sys, penstock; print(sorted({'numpy', 'pyarrow', 'asyncpg', 'duckdb'} & set(sys.modules)))"
    )
    shown = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    assert shown.strip() == "[]"
