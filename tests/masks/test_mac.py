"""mac: a hardware address no manufacturer gave."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.masks.standing import masked


@given(st.sampled_from([6, 8]).flatmap(lambda n: st.binary(min_size=n, max_size=n)))
def test_it_is_locally_administered_and_unicast(octets):
    [out] = masked("mac", [octets.hex(":")])
    assert len(out) == len(octets.hex(":"))
    assert bytes.fromhex(out.replace(":", ""))[0] & 3 == 2


@pytest.mark.parametrize(
    "spelling", ["00:00:5E:00:53:1A", "00-00-5e-00-53-1a", "0000.5e00.531a", "00005e00531A"]
)
def test_one_address_in_every_spelling_is_one_and_keeps_its_spelling(spelling):
    [canonical] = masked("mac", ["00:00:5e:00:53:1a"])
    [out] = masked("mac", [spelling])
    assert out.lower().translate(str.maketrans("", "", ":-.")) == canonical.replace(":", "")
    assert [c for c in out if c in ":-."] == [c for c in spelling if c in ":-."]


def test_text_that_is_no_address_is_masked_as_text():
    values = ["00:00:5e:00:53", "router 00:00:5e:00:53:01", "x"]
    assert masked("mac", values) == masked("text", values)
