from pathlib import Path
import json
import subprocess
import duckdb
from tests.devdb.conftest import Folder

def test_smoke(folder: Folder, tmp_path: Path) -> None:
    for form in ("parquet", "sql", "sql.gz", "sql.zst"):
        done = folder.run("dev", "create", "small", "--to", str(tmp_path / form), "--format", form)
        print(done.out, done.err)
        assert done.code == 0
    print(subprocess.run(f"find {tmp_path} -type f | xargs ls -la; cat {tmp_path}/sql/database.sql | cut -c 1-150; cat {tmp_path}/parquet/manifest.json | head -c 3000", shell=True, capture_output=True, text=True).stdout)
    print(duckdb.sql(f"select * from '{tmp_path}/parquet/public.customer/*.parquet'"))
    print(folder.names())
    assert 0
