"""uuid: name-based, under a secret namespace."""

import hashlib
import re
import uuid

import pyarrow as pa
import pytest
from hypothesis import given

from penstock.catalog.types import Family
from penstock.errors import MaskError
from penstock.masks.build import build
from penstock.masks.contract import Site
from tests.masks.sites import text_values
from tests.masks.standing import KEY, masked, standing

SECRET = uuid.UUID(bytes=KEY.subkey("uuid", "uuid namespace", 16))


@given(text_values.filter(bool))
def test_version_5_is_what_everybody_computes_under_the_namespace(value):
    assert masked("uuid", [value], options={"version": 5}) == [str(uuid.uuid5(SECRET, value))]


@given(text_values.filter(bool))
def test_version_8_is_sha256_of_namespace_and_name_as_in_rfc_9562_b2(value):
    digest = bytearray(hashlib.sha256(SECRET.bytes + value.encode()).digest()[:16])
    digest[6] = digest[6] & 0x0F | 0x80
    digest[8] = digest[8] & 0x3F | 0x80
    [out] = masked("uuid", [value])
    assert out == str(uuid.UUID(bytes=bytes(digest)))
    assert (uuid.UUID(out).version, uuid.UUID(out).variant) == (8, uuid.RFC_4122)


def test_postgresql_computes_the_same_version_5(make_database):
    database = make_database()
    if not database.rows("SELECT 1 FROM pg_available_extensions WHERE name = 'uuid-ossp'"):
        pytest.skip("the server has no extension uuid-ossp")
    database.execute('CREATE EXTENSION "uuid-ossp"')
    values = ["Ana", "é\U0001f680", "a b\tc", "x" * 2000]
    expected = [
        str(database.value("SELECT uuid_generate_v5($1::uuid, $2)::text", str(SECRET), v)) for v in values
    ]
    assert masked("uuid", values, options={"version": 5}) == expected


def test_a_column_of_32_characters_gets_it_without_hyphens():
    [full] = masked("uuid", ["Ana"])
    [plain] = masked("uuid", ["Ana"], max_length=32)
    assert plain == full.replace("-", "")
    assert re.fullmatch("[0-9a-f]{32}", plain)


def test_a_shorter_column_is_refused_with_a_mask_that_fits():
    with pytest.raises(MaskError) as caught:
        standing("uuid", max_length=31)
    assert "text" in caught.value.hint


def test_other_versions_are_refused():
    with pytest.raises(MaskError, match="5 and 8"):
        standing("uuid", options={"version": 4})


def test_a_uuid_column_gets_uuids():
    mask = build("uuid", Site(Family.UUID), KEY)
    [out] = mask.mask(pa.array(["123e4567-e89b-12d3-a456-426614174000"])).to_pylist()
    assert uuid.UUID(out).version == 8
