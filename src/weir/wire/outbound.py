"""Requests to addresses that parties registered: never into a network of our own (SSRF).

https only. The host is resolved once, every address it has must be a public one (or of a network
that the operator named), and the connection goes to the address that was checked, while the
certificate is checked against the name. Redirects are not followed, no proxy is used, and no more
of an answer is read than its status.
"""

from __future__ import annotations

import asyncio
import ipaddress
import json
import socket
import ssl
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import httpx

from weir.kernel.outcomes import SETTING_INVALID, Refusal

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Resolve = Callable[[str, int], Awaitable[Sequence[str]]]


class OutboundError(Exception):
    """The request was not made, or not answered. The message is for the log."""


def networks(setting: str | None) -> list[Network]:
    """Networks as a setting lists them, by commas. SETTING_INVALID."""
    try:
        return [ipaddress.ip_network(each.strip()) for each in (setting or "").split(",") if each]
    except ValueError as error:
        why = "it must list networks like 10.2.0.0/16"
        raise Refusal(SETTING_INVALID, setting="WEIR_NOTIFICATION_NETWORKS", why=why) from error


async def resolve(host: str, port: int) -> list[str]:
    """Every address of a host, as the system's resolver has them."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(each[4][0]) for each in found]


def may_be_called(address: Address, allowed: Sequence[Network]) -> bool:
    """Whether an address is public (RFC 6890), or of a network that was named."""
    mapped = getattr(address, "ipv4_mapped", None)
    if mapped is not None:
        return may_be_called(mapped, allowed)
    if any(address in network for network in allowed if network.version == address.version):
        return True
    return address.is_global and not address.is_multicast


class Outbound:
    """Sends to registered addresses, each answered within `timeout_s`."""

    def __init__(
        self,
        context: ssl.SSLContext,
        allowed: Sequence[Network] = (),
        *,
        timeout_s: float,
        resolver: Resolve = resolve,
    ) -> None:
        self._context = context
        self._allowed = allowed
        self._timeout_s = timeout_s
        self._resolve = resolver

    async def post_json(self, url: str, value: Any, headers: Mapping[str, str]) -> int:
        """The status of the answer. OutboundError when there is none."""
        try:
            async with asyncio.timeout(self._timeout_s):
                return await self._post(url, value, headers)
        except (TimeoutError, httpx.HTTPError, OSError) as error:
            raise OutboundError(f"no answer: {type(error).__name__}") from error

    async def _post(self, url: str, value: Any, headers: Mapping[str, str]) -> int:
        named = httpx.URL(url)
        if named.scheme != "https" or not named.host:
            raise OutboundError("not an https address")
        address = await self._checked(named.host, named.port or 443)
        request = httpx.Request(
            "POST",
            named.copy_with(host=str(address)),
            content=json.dumps(value).encode(),
            headers={
                **headers,
                "host": named.netloc.decode("ascii"),
                "content-type": "application/json",
            },
            extensions={"sni_hostname": named.host},
        )
        async with httpx.AsyncClient(
            verify=self._context, trust_env=False, timeout=self._timeout_s
        ) as client:
            answer = await client.send(request, stream=True, follow_redirects=False)
            await answer.aclose()
            return answer.status_code

    async def _checked(self, host: str, port: int) -> Address:
        """The address to connect to. One that may not be called spoils them all: nobody shall
        hide it among others.
        """
        addresses = [ipaddress.ip_address(each) for each in await self._resolve(host, port)]
        if not addresses or not all(may_be_called(each, self._allowed) for each in addresses):
            raise OutboundError("the host has an address that may not be called")
        return addresses[0]
