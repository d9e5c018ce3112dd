"""Which addresses a registered endpoint may have, and that all of a host's are judged."""

from __future__ import annotations

import ssl
from collections.abc import Sequence

import pytest

from weir.kernel.declares import SETTING_INVALID
from weir.kernel.outcomes import Refusal
from weir.wire.networks import networks
from weir.wire.outbound import Outbound, OutboundError, PublicAlone

REFUSED = [
    "127.0.0.1",
    "127.8.8.8",
    "10.1.2.3",
    "172.16.0.1",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "0.0.0.0",
    "224.0.0.1",
    "255.255.255.255",
    "::1",
    "::",
    "fe80::1",
    "fd00::1",
    "ff02::1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "2002:0a00:0001::1",
    "64:ff9b::10.0.0.1",
    "2001::1",
    "240.0.0.1",
    "172.31.255.255",
    "192.0.2.1",
    "198.18.0.1",
    "fc00::1",
    "fe80::1%eth0",
    "2001:db8::1",
    "2002:7f00:1::",
    "64:ff9b::7f00:1",
    "64:ff9b:1::7f00:1",
    "100.100.100.200",
    "168.63.129.16",
    "192.0.0.192",
    "fd00:ec2::254",
    "fd20:ce::254",
    "3fff::1",
    "5f00::1",
    "fec0::1",
    "100::1",
    "::10.0.0.1",
    "4000::1",
    "member.example",
]


@pytest.mark.parametrize("address", REFUSED)
def test_addresses_within_a_network_of_ones_own_are_not_called(address: str) -> None:
    assert not PublicAlone().allows(address)


@pytest.mark.parametrize("address", ["93.184.216.34", "2606:2800:220:1:248:1893:25c8:1946"])
def test_public_addresses_are_called(address: str) -> None:
    assert PublicAlone().allows(address)


def test_a_network_the_operator_named_is_called_and_no_other() -> None:
    judge = PublicAlone(networks("10.2.0.0/16, fd00::/8", "WEIR_PARTNER_NETWORKS"))
    assert judge.allows("10.2.3.4")
    assert judge.allows("::ffff:10.2.3.4")
    assert judge.allows("fd00:1::7")
    assert not judge.allows("10.3.0.1")
    assert not judge.allows("fd00:ec2::254")  # a cloud's metadata, whatever the operator named
    assert judge(["10.2.3.4", "93.184.216.34"]) == ["10.2.3.4", "93.184.216.34"]
    assert judge(["10.2.3.4", "10.3.0.1"]) == []
    assert networks(None, "WEIR_PARTNER_NETWORKS") == ()


def test_what_is_no_network_is_refused() -> None:
    with pytest.raises(Refusal) as refused:
        networks("intranet", "WEIR_PARTNER_NETWORKS")
    assert refused.value.outcome is SETTING_INVALID


@pytest.mark.parametrize(
    ("url", "addresses"),
    [
        ("http://shop.example/ciba", ["93.184.216.34"]),
        ("https://shop.example/ciba", ["127.0.0.1"]),
        ("https://shop.example/ciba", ["93.184.216.34", "10.0.0.1"]),
        ("https://shop.example/ciba", []),
        ("https://169.254.169.254/latest", ["169.254.169.254"]),
    ],
)
async def test_no_connection_is_made_where_none_may_be(url: str, addresses: Sequence[str]) -> None:
    async def resolver(_host: str, _port: int) -> Sequence[str]:
        return addresses

    outbound = Outbound(ssl.create_default_context(), PublicAlone(), timeout_s=1, resolver=resolver)
    with pytest.raises(OutboundError) as refused:
        await outbound.post_json(url, {}, {})
    assert "no answer" not in str(refused.value)


async def test_a_name_that_cannot_be_looked_up_is_no_answer() -> None:
    """One bad address among many must not end the delivery of the others."""
    outbound = Outbound(ssl.create_default_context(), PublicAlone(), timeout_s=1)
    with pytest.raises(OutboundError):
        await outbound.post_json(f"https://{'a' * 64}.example/", {}, {})
