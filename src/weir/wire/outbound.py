"""Requests to addresses that parties registered: never into a network of our own (SSRF).

https only. The host is resolved once, every address it has must be a public one (or of a network
that the operator named), and the connection goes to the address that was checked, while the
certificate is checked against the name. Redirects are not followed, no proxy and no cookies are
used, and an answer is bounded in time and length.
"""

from __future__ import annotations

import asyncio
import ipaddress
import json
import socket
import ssl
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import httpx

from weir.wire.networks import Address, Network

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]

# IPv6 addresses that carry an IPv4 one to somewhere else: 6to4, NAT64, Teredo.
_CARRIERS = [ipaddress.ip_network(each) for each in ("2002::/16", "64:ff9b::/32", "2001::/32")]


class OutboundError(Exception):
    """The request was not made, or not answered. The message is for the log."""


async def resolve(host: str, port: int) -> list[str]:
    """Return every address of a host, as the system's resolver has them. OSError."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(each[4][0]) for each in found]


def may_be_called(address: Address, allowed: Sequence[Network]) -> bool:
    """Whether an address is public (RFC 6890), or of an allowed network."""
    mapped = getattr(address, "ipv4_mapped", None)
    if mapped is not None:
        return may_be_called(mapped, allowed)
    if any(address in network for network in allowed if network.version == address.version):
        return True
    carried = any(address in each for each in _CARRIERS if each.version == address.version)
    return address.is_global and not (address.is_multicast or address.is_reserved or carried)


@dataclass(frozen=True, slots=True)
class OutboundAnswer:
    """An answer: status, media type in lower case, and body up to the length asked for."""

    status: int
    media_type: str
    body: bytes


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
        """Return the status of the answer. OutboundError when there is none."""
        typed = {**headers, "content-type": "application/json"}
        answer = await self._ask("POST", url, typed, json.dumps(value).encode(), 0)
        return answer.status

    async def get(self, url: str, accept: str, most_bytes: int) -> OutboundAnswer:
        """Return the answer, its body bounded. OutboundError when
        there is none, or it is longer.
        """
        return await self._ask("GET", url, {"accept": accept}, b"", most_bytes)

    async def _ask(
        self, method: str, url: str, headers: Mapping[str, str], content: bytes, most_bytes: int
    ) -> OutboundAnswer:
        try:
            async with asyncio.timeout(self._timeout_s):
                named = httpx.URL(url)
                if named.scheme != "https" or not named.host:
                    raise OutboundError("not an https address")
                address = await self._checked(named.host, named.port or 443)
                request = httpx.Request(
                    method,
                    named.copy_with(host=str(address)),
                    content=content,
                    headers={**headers, "host": named.netloc.decode("ascii")},
                    extensions={"sni_hostname": named.host},
                )
                return await self._send(request, most_bytes)
        except (TimeoutError, httpx.HTTPError, httpx.InvalidURL, OSError, UnicodeError) as error:
            raise OutboundError(f"no answer: {type(error).__name__}") from error

    async def _send(self, request: httpx.Request, most_bytes: int) -> OutboundAnswer:
        async with httpx.AsyncClient(
            verify=self._context, trust_env=False, timeout=self._timeout_s
        ) as client:
            answer = await client.send(request, stream=True, follow_redirects=False)
            try:
                body = await _bounded(answer, most_bytes)
            finally:
                await answer.aclose()
        media_type = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
        return OutboundAnswer(answer.status_code, media_type, body)

    async def _checked(self, host: str, port: int) -> Address:
        """Return the address to connect to. OutboundError for a host with a forbidden address.

        One forbidden address spoils them all, or it could be hidden among others.
        """
        addresses = [ipaddress.ip_address(each) for each in await self._resolve(host, port)]
        if not addresses or not all(may_be_called(each, self._allowed) for each in addresses):
            raise OutboundError("the host has an address that may not be called")
        return addresses[0]


async def _bounded(answer: httpx.Response, most_bytes: int) -> bytes:
    """Return the body as it was sent, up to a length; with 0 nothing is read."""
    body = b""
    if most_bytes:
        async for chunk in answer.aiter_raw():
            body += chunk
            if len(body) > most_bytes:
                raise OutboundError("the answer is too long")
    return body
