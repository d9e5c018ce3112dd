"""Fetching a key set from an address a client chose, without lending the client our place (SSRF).

- https only, and the certificate is verified for the host in the address;
- the name is looked up once, every address it has is judged, and the connection is made to one of
  the judged addresses, so that a second answer of the name server changes nothing;
- only public addresses, unless the operator named the host;
- no redirects, no proxy, no cookies, a bounded answer in a bounded time, and JSON read strictly.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import ssl
from collections.abc import Collection
from typing import Any, Final
from urllib.parse import urlsplit

import httpx

from weir.kernel import limits
from weir.kernel.outcomes import Refusal
from weir.kernel.strict_json import loads
from weir.partners import keys

_HTTPS: Final = 443
_TYPES: Final = frozenset({"application/json", "application/jwk-set+json"})
# IPv6 addresses that carry an IPv4 one to somewhere else: 6to4, NAT64, Teredo.
_CARRIERS: Final = tuple(
    ipaddress.ip_network(each) for each in ("2002::/16", "64:ff9b::/32", "2001::/32")
)


class FetchError(Exception):
    """The key set cannot be had. The message may be shown: it names nothing inside."""


class KeyFetcher:
    """Fetches key sets. `trusted` verifies servers; `hosts` may have private addresses."""

    def __init__(self, trusted: ssl.SSLContext, hosts: Collection[str] = ()) -> None:
        self._trusted = trusted
        self._hosts = frozenset(hosts)
        self._places = asyncio.Semaphore(limits.JWKS_FETCHES)

    @classmethod
    def named(cls, trusted: ssl.SSLContext, hosts: str | None) -> KeyFetcher:
        """With hosts from the setting, commas between them."""
        listed = (each.strip().lower() for each in (hosts or "").split(","))
        return cls(trusted, [each for each in listed if each])

    async def fetch(self, uri: str) -> dict[str, Any]:
        """The public keys at an address, reduced to what we know of keys. FetchError."""
        try:
            async with asyncio.timeout(limits.JWKS_TIMEOUT_S), self._places:
                return _keys_in(await self._body(uri))
        except (TimeoutError, httpx.HTTPError, OSError) as error:
            raise FetchError("the address did not answer as it should") from error

    async def _body(self, uri: str) -> bytes:
        parts = urlsplit(uri)
        host, port = parts.hostname or "", parts.port or _HTTPS
        address = await self._judged_address(host, port)
        pinned = httpx.URL(uri).copy_with(host=address)
        request = httpx.Request(
            "GET",
            pinned,
            headers={"host": parts.netloc, "accept": "application/jwk-set+json, application/json"},
            extensions={
                "sni_hostname": host,
                "timeout": httpx.Timeout(limits.JWKS_TIMEOUT_S).as_dict(),
            },
        )
        async with httpx.AsyncHTTPTransport(verify=self._trusted, trust_env=False) as transport:
            answer = await transport.handle_async_request(request)
            try:
                return await _bounded(answer)
            finally:
                await answer.aclose()

    async def _judged_address(self, host: str, port: int) -> str:
        """One address of the host, if all of them may be called."""
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        addresses = sorted({str(each[4][0]) for each in found})
        if not addresses:
            raise FetchError("the host has no address")
        if host not in self._hosts and not all(map(is_public, addresses)):
            raise FetchError("the host's address is not a public one")
        return addresses[0]


def is_public(text: str) -> bool:
    """Whether an address is one anybody on the internet can have."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False  # with a zone, for instance
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            address = address.ipv4_mapped
        elif any(address in each for each in _CARRIERS):
            return False
    return address.is_global and not address.is_multicast and not address.is_reserved


async def _bounded(answer: httpx.Response) -> bytes:
    media_type = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
    if answer.status_code != httpx.codes.OK or media_type not in _TYPES:
        raise FetchError("the address did not answer with a key set")
    body = b""
    async for chunk in answer.aiter_raw():
        body += chunk
        if len(body) > limits.JWKS_BYTES:
            raise FetchError("the key set is too long")
    return body


def _keys_in(body: bytes) -> dict[str, Any]:
    try:
        return keys.public_jwks(loads(body, limits.JWKS_BYTES), "")
    except (ValueError, Refusal) as error:
        raise FetchError("what the address gave is no set of strong public keys") from error
