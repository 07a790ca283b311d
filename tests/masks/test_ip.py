"""ip: another address of the same family, in a network of the same size."""

import ipaddress

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.masks.build import build
from tests.masks.sites import SITES
from tests.masks.standing import KEY, masked


def addresses(values):
    return build("ip", SITES["inet"], KEY).mask(pa.array(values)).to_pylist()


@given(st.lists(st.ip_addresses(), unique=True))
def test_plain_addresses_keep_their_family_and_stay_apart(values):
    outs = [ipaddress.ip_address(out) for out in addresses([str(v) for v in values])]
    assert [out.version for out in outs] == [v.version for v in values]
    assert len(set(outs)) == len(values)


@pytest.mark.parametrize("prefix", [1, 8, 19, 20, 24, 31])
def test_networks_stay_networks_of_their_size(prefix):
    step = 2 ** (32 - prefix)
    values = [f"{ipaddress.IPv4Address(i * step)}/{prefix}" for i in range(min(2**prefix, 200))]
    outs = [ipaddress.ip_network(out) for out in addresses(values)]  # refuses host bits
    assert {out.prefixlen for out in outs} == {prefix}
    assert len(set(outs)) == len(values)


@pytest.mark.parametrize("network", ["192.0.2.0/24", "2001:db8::/120"])
def test_hosts_of_one_network_stay_in_one_network(network):
    net = ipaddress.ip_network(network)
    outs = [ipaddress.ip_interface(v) for v in addresses([f"{host}/{net.prefixlen}" for host in net])]
    assert len({out.network for out in outs}) == 1
    assert len(set(outs)) == net.num_addresses


def test_a_host_in_cidr_and_in_inet_is_one_host():
    plain, with_length = addresses(["192.0.2.7", "192.0.2.7/32"])
    assert plain == with_length


def test_text_that_is_no_address_is_masked_as_text():
    values = ["192.0.2.7, 192.0.2.8", "300.1.1.1", "fe80::1%eth0", "192.0.2.7/33", "1.2.3"]
    assert masked("ip", values) == masked("text", values)
    assert masked("ip", ["192.0.2.7"]) == addresses(["192.0.2.7"])
