"""Where files go, what is refused there, and what is left when a run does not come to its end."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from penstock.devdb.files import parquet, sql
from penstock.devdb.progress import Silent
from penstock.engines.postgres.session import Session
from penstock.errors import Finding
from penstock.lake.spelling import Kind, Spelling
from penstock.pump import files
from tests.devdb.conftest import Done, Folder
from tests.devdb.processes import running, wait_until
from tests.devdb.small_shop import DEVDB, MASKS, assert_says_no_more_than_it_may, databases
from tests.s3 import ObjectStore


def export_to(folder: Folder, destination: Path | str, *arguments: str) -> Done:
    done = folder.run("dev", "create", "small", "--to", str(destination), *arguments)
    assert_says_no_more_than_it_may(done, folder)
    return done


def snapshot(place: Path) -> dict[str, bytes]:
    return {
        path.relative_to(place).as_posix(): path.read_bytes() for path in place.rglob("*") if path.is_file()
    }


def test_nothing_is_left_on_the_server_and_nothing_beside_the_files(folder: Folder, tmp_path: Path) -> None:
    before = databases(folder.target)
    done = export_to(folder, tmp_path / "out" / "deep" / "set", "--json")
    assert done.code == 0, done.err
    assert databases(folder.target) == before
    assert [path.name for path in (tmp_path / "out" / "deep").iterdir()] == ["set"]
    place = tmp_path / "out" / "deep" / "set"
    document = json.loads((place / "manifest.json").read_text())
    assert set(snapshot(place)) == {file["path"] for file in document["files"]} | {"manifest.json"}
    assert document["run"]["operation"] == "export"
    assert document["run"]["verification"]["passed"]
    assert not {"source", "by"} & set(document["run"]), "files travel"
    assert (done.json["rows"], done.json["tables"], done.json["verification"]["passed"]) == (57, 3, True)
    assert (folder.path / ".penstock" / "manifests").is_dir()
    names = pq.read_table(place / "public.customer")["name"].to_pylist()
    assert len(names) == 5
    assert not any("Quartermaine" in name for name in names)


def test_what_is_there_is_replaced_only_when_asked_and_only_when_ours(folder: Folder, tmp_path: Path) -> None:
    place = tmp_path / "set"
    assert export_to(folder, place).code == 0
    before = snapshot(place)
    refused = export_to(folder, place)
    assert refused.code == 4
    assert "--replace" in refused.err
    assert snapshot(place) == before
    assert export_to(folder, place, "--replace", "--format", "sql").code == 0
    assert set(snapshot(place)) == {"database.sql", "manifest.json"}
    (place / "mine.txt").write_text("of somebody")
    assert export_to(folder, place, "--replace").code == 4
    assert (place / "mine.txt").exists()
    (place / "mine.txt").unlink()
    document = json.loads((place / "manifest.json").read_text())
    (place / "manifest.json").write_text(json.dumps(document | {"name": "other"}))
    assert export_to(folder, place, "--replace").code == 4
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith("set")] == ["set"]


@pytest.mark.parametrize("kind", ["file", "folder of somebody", "link", "manifest of nobody"])
def test_what_is_no_data_set_is_not_touched(folder: Folder, tmp_path: Path, kind: str) -> None:
    place = tmp_path / "set"
    if kind == "file":
        place.write_text("x")
    elif kind == "link":
        (tmp_path / "real").mkdir()
        place.symlink_to(tmp_path / "real")
    else:
        place.mkdir()
        (place / ("manifest.json" if kind == "manifest of nobody" else "thesis.doc")).write_text("{}")
    for arguments in ((), ("--replace",)):
        assert export_to(folder, place, *arguments).code == 4
    assert place.exists()
    assert place.is_symlink() == (kind == "link")


def test_an_empty_folder_may_be_used(folder: Folder, tmp_path: Path) -> None:
    (tmp_path / "set").mkdir()
    assert export_to(folder, tmp_path / "set").code == 0
    assert (tmp_path / "set" / "manifest.json").exists()


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["--to", "s3://"], 2),
        (["--to", "ftp://host/x"], 2),
        (["--to", "shop.sql.gz"], 2),
        (["--to", ""], 2),
        (["--format", "sql"], 2),
        (["--replace"], 2),
        (["--to", "/dev/null/x"], 3),
        (["--to", "/proc/x/y"], 3),
        (["--to", "/"], 2),
        (["--to", "s3://team/../x"], 2),
    ],
)
def test_places_that_are_none_are_refused_before_anything_is_read(
    folder: Folder, arguments: list[str], code: int
) -> None:
    done = folder.run("dev", "create", "small", *arguments)
    assert (done.code, done.out) == (code, "")
    assert "hint:" in done.err
    assert "catalog" not in done.err  # the first thing a run reads


def test_a_copy_that_does_not_pass_is_not_published(folder: Folder, tmp_path: Path) -> None:
    folder.source.execute("UPDATE public.orders SET note = 'for Zebulon Quartermaine ' || customer_id")
    folder.write(masks=MASKS.replace('note = "text"', 'note = "keep"'))
    done = export_to(folder, tmp_path / "set")
    assert done.code == 1
    assert not (tmp_path / "set").exists()
    assert folder.names() == []


def test_columns_nobody_decided_about_are_refused(folder: Folder, tmp_path: Path) -> None:
    folder.write(masks="")
    assert export_to(folder, tmp_path / "set").code == 4
    assert not list(tmp_path.glob("set*"))


@pytest.mark.parametrize("form", ["parquet", "sql", "sql.zst"])
def test_files_that_read_otherwise_than_the_database_are_not_published(
    folder: Folder, tmp_path: Path, form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The database changes its mind between the writing and the reading back, as broken files would."""
    for module, name in ((parquet, "check_tables"), (sql, "check_script")):
        real = getattr(module, name)

        def changed(copy, *arguments, real=real):
            copy.execute("ROLLBACK")
            copy.execute(
                "UPDATE public.orders SET amount = amount + 0.01 WHERE id = (SELECT min(id) FROM public.orders)"
            )
            copy.begin_snapshot()
            real(copy, *arguments)

        monkeypatch.setattr(module, name, changed)
    done = export_to(folder, tmp_path / "set", "--format", form)
    assert done.code == 1
    assert "public.orders" in done.err
    assert not list(tmp_path.glob("set*"))
    assert folder.names() == []


def test_a_damaged_file_is_found(hostile: Folder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every table in turn: its last file loses its last row, or half its bytes."""
    real, found = parquet.check_tables, []

    def damaged(copy: Session, written: Any, progress: Any) -> None:
        for table in written:
            if table.rows and table.files:
                path = table.files[-1]
                whole, good = path.read_bytes(), pq.read_table(path)
                pq.write_table(good.slice(0, good.num_rows - 1), path)
                assert is_found(copy, table)
                path.write_bytes(whole[: len(whole) // 2])
                assert is_found(copy, table)
                path.write_bytes(whole)
                found.append(str(table.table.name))
        real(copy, written, progress)

    def is_found(copy: Session, table: Any) -> bool:
        with Session.open(copy.settings, read_only=False, database=copy.database) as again:
            again.begin_snapshot()
            with pytest.raises(Finding):
                real(again, [table], Silent())
        return True

    monkeypatch.setattr(parquet, "check_tables", damaged)
    assert export_to(hostile, tmp_path / "set").code == 0
    assert len(found) > 7


def test_a_value_that_is_converted_wrongly_is_found_whatever_its_type(
    hostile: Folder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Kind by kind, the values of two rows change places on their way into the files."""
    hostile.source.execute("DELETE FROM public.everything WHERE id = 5")  # long values tell nothing more here
    real_check, real_typed, found = parquet.check_tables, files.typed, []

    def wrong(copy: Session, written: Any, progress: Any) -> None:
        chosen = [table.table for table in written if str(table.table.name) == "public.everything"]
        for kind in Kind:
            monkeypatch.setattr(
                files, "typed", lambda texts, to, kind=kind: swapped(real_typed(texts, to), to, kind)
            )
            with Session.open(copy.settings, read_only=False, database=copy.database) as again:
                again.begin_snapshot()
                changed = parquet.write_tables(again, chosen, tmp_path / kind, Silent())
                with pytest.raises(Finding) as raised:
                    real_check(again, changed, Silent())
                found.append((kind, raised.value.why))
        monkeypatch.setattr(files, "typed", real_typed)
        real_check(copy, written, progress)

    def swapped(values: pa.Array, to: Spelling, kind: Kind) -> pa.Array:
        return values.take([1, 0, *range(2, len(values))]) if to.kind is kind and len(values) > 1 else values

    monkeypatch.setattr(parquet, "check_tables", wrong)
    assert export_to(hostile, tmp_path / "set").code == 0
    assert [kind for kind, why in found if "holds other values" in why] == list(Kind)


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_a_run_that_is_ended_leaves_no_data_set_and_the_next_one_cleans_up(
    hostile: Folder, tmp_path: Path, how: signal.Signals
) -> None:
    hostile.source.psql(
        "INSERT INTO public.keyless SELECT n, repeat(md5(n::text), 20) FROM generate_series(1, 20000) n; ANALYZE"
    )
    place = tmp_path / "set"
    with running(hostile, "dev", "create", "small", "--to", str(place)) as run:
        wait_until(lambda: any(tmp_path.glob("set.penstock-new-*/public.keyless/*")))
        run.signal(how)
        run.end()
    assert not place.exists()
    if how is signal.SIGKILL:
        assert list(tmp_path.glob("set.penstock-new-*"))
    else:
        assert not list(tmp_path.glob("set*"))
        assert hostile.names() == []
    done = export_to(hostile, place)
    assert done.code == 0, done.err
    assert [path.name for path in tmp_path.glob("set*")] == ["set"]
    assert hostile.names() == []


def test_without_a_target_the_copy_is_built_in_a_server_of_its_own(folder: Folder, tmp_path: Path) -> None:
    path = folder.path / "penstock.toml"
    head, _, rest = path.read_text().partition("[connections.dev]")
    path.write_text(head + "[devdb" + rest.partition("[devdb")[2])
    before = databases(folder.target)
    done = export_to(folder, tmp_path / "set")
    assert done.code == 0, done.err
    assert "embedded PostgreSQL" in done.err
    assert databases(folder.target) == before
    assert duckdb.sql(f"SELECT count(*) FROM '{tmp_path}/set/public.orders/*.parquet'").fetchall() == [(50,)]
    left = {path.name for path in (folder.path / ".penstock").iterdir()}
    assert left == {"manifests", "scratch.lock"}


def test_a_scratch_server_that_a_killed_run_left_is_stopped_by_the_next(
    folder: Folder, tmp_path: Path
) -> None:
    path = folder.path / "penstock.toml"
    head, _, rest = path.read_text().partition("[connections.dev]")
    path.write_text(head + "[devdb" + rest.partition("[devdb")[2])
    with running(folder, "dev", "create", "small", "--to", str(tmp_path / "set")) as run:
        wait_until(lambda: "closure" in run.said)
        run.signal(signal.SIGKILL)
        run.end()
    servers = [*(folder.path / ".penstock").glob("scratch/data/postmaster.pid"), *_shared(folder)]
    old = int(servers[0].read_text().split()[0])
    assert _runs(old)
    assert export_to(folder, tmp_path / "set").code == 0
    assert not _runs(old)


def _shared(folder: Folder) -> list[Path]:
    """Where root's scratch server lives when its account cannot enter the project."""
    name = str((folder.path / ".penstock" / "scratch").resolve()).strip("/").replace("/", "-")
    return list(Path("/var/lib/penstock").glob(f"{name}/data/postmaster.pid"))


def _runs(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{process}/stat").read_text().split()[2] != "Z"


def share(folder: Folder, store: ObjectStore, **connection: str) -> None:
    folder.write(devdb=DEVDB, connections=store.connection(**connection))
    with (folder.path / ".env").open("a") as env:
        env.write(store.variables)


def test_a_lake_gets_the_data_set_below_its_prefix_with_the_manifest(
    folder: Folder, tmp_path: Path, store: ObjectStore
) -> None:
    share(folder, store)
    done = export_to(folder, "share")
    assert done.code == 0, done.err
    assert store.secret_key not in done.out + done.err
    assert "s3://team/shared/small" in done.out
    assert export_to(folder, tmp_path / "local").code == 0
    prefix = store.folder / "shared" / "small"
    (below,) = (path for path in prefix.iterdir() if path.is_dir())
    assert json.loads((prefix / "manifest.json").read_text())["folder"] == below.name
    assert {n: b for n, b in snapshot(below).items() if n.endswith("parquet")} == {
        n: b for n, b in snapshot(tmp_path / "local").items() if n.endswith("parquet")
    }
    assert not list((folder.path / ".penstock" / "files").iterdir())
    assert export_to(folder, "share").code == 4
    assert export_to(folder, "share", "--replace", "--format", "sql.gz").code == 0
    script, manifest = store.objects("shared/small")
    assert (Path(script).name, manifest) == ("database.sql.gz", "manifest.json")
    assert not script.startswith(below.name)
    assert export_to(folder, "s3://team/shared/älter/x y").code == 0
    assert "manifest.json" in store.objects("shared/älter/x y")
    store.put("shared/theirs/thesis", b"x")
    assert export_to(folder, "share/theirs", "--replace").code == 4
    assert store.objects("shared/theirs") == ["thesis"]


def test_a_store_that_does_not_let_us_in_is_an_error_without_its_keys(
    folder: Folder, store: ObjectStore
) -> None:
    share(folder, store)
    env = folder.path / ".env"
    env.write_text(env.read_text().replace(store.secret_key, "0123456789wrong"))
    done = export_to(folder, "share")
    assert done.code == 3
    assert "SignatureDoesNotMatch" in done.err or "403" in done.err or "AccessDenied" in done.err
    assert "0123456789wrong" not in done.err
    assert folder.run("conn", "test", "share").code == 3
    env.write_text(env.read_text().replace("0123456789wrong", store.secret_key))
    assert folder.run("conn", "test", "share").code == 0
    shown = folder.run("config", "show").out + folder.run("conn", "list").out + folder.run("doctor").out
    assert "s3://team/shared" in shown
    assert store.secret_key not in shown
    assert store.access_key not in shown


def test_a_lake_may_be_a_folder(folder: Folder) -> None:
    folder.write(devdb=DEVDB, connections='[connections.share]\nrole = "lake"\nurl = "shared"\n')
    assert export_to(folder, "share/today").code == 0
    assert (folder.path / "shared" / "today" / "manifest.json").exists()
    assert export_to(folder, "share/../out").code == 2


def test_keys_of_a_lake_are_refused_in_the_committed_file(folder: Folder) -> None:
    folder.write(
        devdb=DEVDB,
        connections='[connections.share]\nrole = "lake"\nurl = "s3://b/p"\naccess_key = "${A}"\nsecret_key = "literal-secret"\n',
    )
    done = folder.run("conn", "list")
    assert done.code == 4
    assert "literal-secret" not in done.out + done.err
    assert "SHARE_SECRET_KEY" in done.err
