"""The HTTP client of control and worker: requests to addresses that parties registered (SSRF).

https only. A host is resolved by us when a connection is made, its addresses are judged, and the
connection goes to an address that was judged, while the certificate is checked against the name.
Redirects are not followed, no proxy and no cookies are used, answers are asked for without a
content coding, and each is bounded in time and length.
"""

from __future__ import annotations

import asyncio
import json
import socket
import ssl
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import httpcore

from weir.wire.networks import Network, Standing, address_of, is_among, standing

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
Judge = Callable[[Sequence[str]], Sequence[str]]  # which of a host's addresses are called

_KEPT_OPEN_S: Final = 20.0
_HTTPS_PORT: Final = 443


class OutboundError(Exception):
    """The request was not made, or not answered. The message is for the log."""


class OutboundTimeoutError(OutboundError):
    """The answer did not come in time."""


class AnswerTooLongError(OutboundError):
    """The answer has more bytes than were asked for."""


async def resolve(host: str, port: int) -> list[str]:
    """Return every address of a host, as the system's resolver has them. OSError."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(each[4][0]) for each in found]


class PublicAlone:
    """The judge of partners' addresses: public ones, and those in networks the operator named.

    One forbidden address spoils them all, or it could be hidden among others.
    """

    def __init__(self, named: Sequence[Network] = ()) -> None:
        self._named = tuple(named)

    def __call__(self, found: Sequence[str]) -> Sequence[str]:
        """Return the addresses of one host that may be called."""
        return found if all(self.allows(each) for each in found) else []

    def allows(self, text: str) -> bool:
        """Whether an address may be called."""
        address = address_of(text)
        if address is None:
            return False
        stands = standing(address)
        inside = stands is Standing.INSIDE and is_among(address, self._named)
        return stands is Standing.PUBLIC or inside


@dataclass(frozen=True, slots=True)
class OutboundAnswer:
    """An answer: status, media type in lower case, and body up to the length asked for."""

    status: int
    media_type: str
    body: bytes


class Outbound:
    """Sends to registered addresses, each answered within `timeout_s`.

    At most `kept` connections stay open for further requests for a while.
    """

    def __init__(
        self,
        context: ssl.SSLContext,
        judge: Judge,
        *,
        timeout_s: float,
        resolver: Resolve = resolve,
        kept: int = 0,
    ) -> None:
        self._timeout_s = timeout_s
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=context,
            max_keepalive_connections=kept,
            keepalive_expiry=_KEPT_OPEN_S,
            network_backend=_Judged(judge, resolver),
        )

    async def close(self) -> None:
        """Close the connections that were kept open."""
        await self._pool.aclose()

    async def post_json(self, url: str, value: Any, headers: Mapping[str, str]) -> int:
        """Return the status of the answer. OutboundError when there is none."""
        typed = {**headers, "content-type": "application/json"}
        answer = await self._ask("POST", url, typed, json.dumps(value).encode(), 0)
        return answer.status

    async def get(self, url: str, headers: Mapping[str, str], most_bytes: int) -> OutboundAnswer:
        """Return the answer, its body bounded; with 0 nothing of the body is read.

        OutboundError when there is none: OutboundTimeoutError when it did not come in time,
        AnswerTooLongError when it is longer.
        """
        return await self._ask("GET", url, headers, b"", most_bytes)

    async def _ask(
        self, method: str, url: str, headers: Mapping[str, str], content: bytes, most_bytes: int
    ) -> OutboundAnswer:
        try:
            async with asyncio.timeout(self._timeout_s):
                asked = _read_url(url)
                fields = {"host": _host(asked), "accept-encoding": "identity", **headers}
                if content:
                    fields["content-length"] = str(len(content))
                async with self._pool.stream(
                    method, asked, headers=list(fields.items()), content=content
                ) as answer:
                    return await _read_answer(answer, most_bytes)
        except (TimeoutError, httpcore.TimeoutException) as error:
            raise OutboundTimeoutError(f"no answer: {type(error).__name__}") from error
        except (*_FAILURES, OSError, ValueError) as error:
            raise OutboundError(f"no answer: {type(error).__name__}") from error


_FAILURES: Final = (
    httpcore.NetworkError,
    httpcore.ProtocolError,
    httpcore.UnsupportedProtocol,
)


def _read_url(url: str) -> httpcore.URL:
    """Return an https address. OutboundError for any other."""
    read = httpcore.URL(url)
    if read.scheme != b"https" or not read.host:
        raise OutboundError("not an https address")
    return read


def _host(asked: httpcore.URL) -> str:
    """Return the value of the field Host (RFC 9110 section 7.2)."""
    host = asked.host.decode("ascii")
    named = f"[{host}]" if ":" in host else host
    return named if asked.port in (None, _HTTPS_PORT) else f"{named}:{asked.port}"


async def _read_answer(answer: httpcore.Response, most_bytes: int) -> OutboundAnswer:
    body = b""
    if most_bytes:
        async for piece in answer.aiter_stream():
            body += piece
            if len(body) > most_bytes:
                raise AnswerTooLongError("the answer is too long")
    fields = {name.lower(): value for name, value in answer.headers}
    said = fields.get(b"content-type", b"").partition(b";")[0].strip().lower()
    return OutboundAnswer(answer.status, said.decode("latin-1"), body)


class _Judged(httpcore.AsyncNetworkBackend):
    """Connections to judged addresses of the hosts asked for, and to no others."""

    def __init__(self, judge: Judge, resolver: Resolve) -> None:
        self._judge = judge
        self._resolve = resolver
        self._connecting = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's interface
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        addresses = self._judge(await self._resolve(host, port))
        failure: Exception = OutboundError("the host has no address that may be called")
        for address in addresses:
            try:
                return await self._connecting.connect_tcp(
                    address, port, timeout, local_address, socket_options
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        raise failure

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
