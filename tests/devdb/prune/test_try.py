"""Pruned and subset copies of the same roots hold the same rows."""
from __future__ import annotations
from pathlib import Path
import pytest
from tests.conftest import MakeDatabase
from tests.devdb.conftest import Folder, MakeFolder
from tests.devdb.small_shop import DEVDB, MASKS, SHOP, rows

def test_try(make_database, make_folder):
    source = make_database(SHOP)
    folder = make_folder(source, '''
keep=["public.country","public.customer","public.orders"]
[devdb.cut]
database = "x_cut"
strategy="prune"
from_database = "PLACE"
[[devdb.cut.root]]
table="public.customer"
limit=5
''', MASKS)
    p = folder.path/"penstock.toml"
    p.write_text(p.read_text().replace("PLACE", folder.database).replace("x_cut", folder.database+"_cut"))
    d = folder.run("dev","create","small"); assert d.code==0, d.err
    d = folder.run("dev","plan","cut"); print(d.out, d.err)
    d = folder.run("dev","create","cut"); print(d.out, d.err)
    assert d.code==0
    print(folder.target.database(folder.database+"_cut").rows("select count(*) from public.orders"))
