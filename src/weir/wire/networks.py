"""Lists of networks and single addresses, read from settings and sockets."""

from __future__ import annotations

import ipaddress

from weir.kernel.declares import SETTING_INVALID
from weir.kernel.outcomes import Refusal

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_WHY = "it must hold networks such as 10.2.0.0/16, with commas between them"


def networks(text: str | None, setting: str) -> tuple[Network, ...]:
    """Return the networks of a setting in CIDR form. Refusal SETTING_INVALID names the setting."""
    try:
        return tuple(ipaddress.ip_network(each.strip()) for each in (text or "").split(",") if text)
    except ValueError as error:
        raise Refusal(SETTING_INVALID, str(error), setting=setting, why=_WHY) from error


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
