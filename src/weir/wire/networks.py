"""Networks and addresses: lists read from settings, and the special ranges of the registries.

The special ranges are kept here, from IANA's special-purpose address registries as last updated on
2020-09-04 (IPv4) and 2024-10-22 (IPv6), with RFC 9780; from the registries of multicast and of IPv6
prefixes; and the addresses at which clouds hand credentials to their machines, where these lie in
no range of the registries. Ranges that are reachable like any other are left out.
"""

from __future__ import annotations

import ipaddress
from enum import Enum
from typing import Final

from weir.kernel.declares import SETTING_INVALID
from weir.kernel.outcomes import Refusal

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_UNKNOWN: Final = "unknown"
_WHY = "it must hold networks such as 10.2.0.0/16, with commas between them"


class Standing(Enum):
    """The standing of an address: who may be called there."""

    PUBLIC = "public"  # whoever registered it
    INSIDE = "inside"  # members in their own networks, and partners where the operator says so
    NOBODYS = "nobodys"  # no endpoint of any party


_INSIDE: Final = (
    "10.0.0.0/8",  # private use (RFC 1918)
    "100.64.0.0/10",  # shared address space (RFC 6598)
    "127.0.0.0/8",  # loopback (RFC 1122)
    "172.16.0.0/12",  # private use (RFC 1918)
    "192.0.2.0/24",  # documentation (RFC 5737)
    "192.168.0.0/16",  # private use (RFC 1918)
    "198.18.0.0/15",  # benchmarks (RFC 2544)
    "198.51.100.0/24",  # documentation (RFC 5737)
    "203.0.113.0/24",  # documentation (RFC 5737)
    "::1/128",  # loopback (RFC 4291)
    "2001:db8::/32",  # documentation (RFC 3849)
    "3fff::/20",  # documentation (RFC 9637)
    "fc00::/7",  # unique local (RFC 4193)
)
_NOBODYS: Final = (
    "0.0.0.0/8",  # this network (RFC 791)
    "100.100.100.200/32",  # metadata of a cloud
    "168.63.129.16/32",  # metadata of a cloud
    "169.254.0.0/16",  # link-local, and metadata of many clouds (RFC 3927)
    "192.0.0.0/24",  # protocol assignments, and metadata of a cloud (RFC 6890)
    "192.88.99.0/24",  # relays of 6to4 (RFC 7526)
    "224.0.0.0/4",  # multicast (RFC 5771)
    "240.0.0.0/4",  # reserved, and broadcast (RFC 1112, RFC 919)
    "2001::/23",  # protocol assignments, Teredo among them (RFC 2928)
    "2002::/16",  # 6to4, which carries IPv4 to somewhere else (RFC 3056)
    "fd00:ec2::/32",  # metadata of a cloud
    "fd20:ce::/32",  # metadata of a cloud
)
# Of IPv6 only this has been given to anybody (RFC 4291 section 2.4), beside the ranges INSIDE; so
# site-local, discarded, link-local, segment-routed and multicast addresses are nobody's.
_GIVEN: Final = ipaddress.IPv6Network("2000::/3")
# Addresses that carry an IPv4 one in their last 32 bits, and are judged by it.
_CARRYING: Final = (
    ipaddress.IPv6Network("::ffff:0:0/96"),  # mapped (RFC 4291 section 2.5.5.2)
    ipaddress.IPv6Network("64:ff9b::/96"),  # translated (RFC 6052 section 2.1)
)
_INSIDE_NETWORKS: Final = tuple(ipaddress.ip_network(each) for each in _INSIDE)
_NOBODYS_NETWORKS: Final = tuple(ipaddress.ip_network(each) for each in _NOBODYS)


def standing(address: Address) -> Standing:
    """Return the standing of an address."""
    if isinstance(address, ipaddress.IPv6Address):
        if any(address in each for each in _CARRYING):
            return standing(ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF))
        if address.scope_id is not None:
            return Standing.NOBODYS
    if is_among(address, _NOBODYS_NETWORKS):
        return Standing.NOBODYS
    if is_among(address, _INSIDE_NETWORKS):
        return Standing.INSIDE
    given = isinstance(address, ipaddress.IPv4Address) or address in _GIVEN
    return Standing.PUBLIC if given else Standing.NOBODYS


def is_among(address: Address, listed: tuple[Network, ...]) -> bool:
    """Whether an address lies in one of the networks."""
    return any(address in each for each in listed if each.version == address.version)


def networks(text: str | None, setting: str) -> tuple[Network, ...]:
    """Return the networks of a setting in CIDR form. Refusal SETTING_INVALID names the setting."""
    try:
        return tuple(ipaddress.ip_network(each.strip()) for each in (text or "").split(",") if text)
    except ValueError as error:
        raise Refusal(SETTING_INVALID, str(error), setting=setting, why=_WHY) from error


def network_of(peer: str) -> str:
    """Return the address of a peer, or for IPv6 its /64, in which a caller can choose addresses.

    `peer` is an address, alone or with its port. An IPv4 address mapped into IPv6 is IPv4.
    """
    address = _peer(peer)
    if isinstance(address, ipaddress.IPv6Address):
        return str(ipaddress.IPv6Network((address, 64), strict=False))
    return _UNKNOWN if address is None else str(address)


def wide_network_of(peer: str) -> str:
    """Return the /24 of a peer, or for IPv6 its /56, by which guesses and forms are counted.

    The one is the smallest block that is routed by itself, the other what a household gets
    (RIPE-690 section 4.2.2), so who has many addresses has most of them in few such networks.
    `peer` is an address, alone or with its port. An IPv4 address mapped into IPv6 is IPv4.
    """
    address = _peer(peer)
    if address is None:
        return _UNKNOWN
    return str(ipaddress.ip_network((address, 24 if address.version == 4 else 56), strict=False))


def _peer(peer: str) -> Address | None:
    """Return the address of a peer, given alone or with its port."""
    address = address_of(peer)
    return address_of(peer.rpartition(":")[0].strip("[]")) if address is None else address


def address_of(text: str) -> Address | None:
    """Return the address of a text; None for a text that is none.

    An IPv4 address mapped into IPv6 is returned as IPv4 (RFC 4291 section 2.5.5.2).
    """
    try:
        address: Address = ipaddress.ip_address(text)
    except ValueError:
        return None
    mapped = getattr(address, "ipv4_mapped", None)
    return address if mapped is None else mapped
