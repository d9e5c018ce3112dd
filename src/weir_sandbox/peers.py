"""The certificate of a connection's peer, which uvicorn's own protocol does not pass on.

TLS lets in who has a certificate by the issuer of gateways, or one of the institution's own staff.
"""

from __future__ import annotations

import asyncio
import hashlib
from email.utils import formatdate
from typing import Any, Final, cast

from starlette.types import Scope
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from weir_sandbox.limits import HEADERS_BYTES
from weir_sandbox.problems import MALFORMED, PROBLEM_MEDIA_TYPE, Problem

EXTENSION: Final = "peer_certificate"
GATEWAY: Final = "urn:weir:gateway"  # the subject alternative name of every gateway


class PeerProtocol(HttpToolsProtocol):
    """uvicorn's HTTP protocol, with the peer in the scope and bounded headers."""

    _peer: str | None = None
    _header_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Read the certificate that TLS has verified; its digest is taken once a connection."""
        super().connection_made(transport)
        tls = transport.get_extra_info("ssl_object")
        if tls is not None and tls.getpeercert():
            gateway = ("URI", GATEWAY) in tls.getpeercert().get("subjectAltName", ())
            self._peer = GATEWAY if gateway else hashlib.sha256(tls.getpeercert(True)).hexdigest()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._header_bytes = 0
        cast("dict[str, Any]", self.scope)["extensions"] = {EXTENSION: self._peer}

    def on_url(self, url: bytes) -> None:
        self._count(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        self._count(len(name) + len(value))
        super().on_header(name, value)

    def _count(self, length: int) -> None:
        # The parser has no bound of its own; an exception raised here becomes status 400.
        self._header_bytes += length
        if self._header_bytes > HEADERS_BYTES:
            raise ValueError("headers too long")

    def shutdown(self) -> None:
        """End an idle connection at once: its peer may not read TLS's farewell for a long time."""
        idle = self.cycle is None or self.cycle.response_complete
        if idle and not self.transport.get_write_buffer_size():
            self.transport.abort()
        else:
            super().shutdown()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - uvicorn's signature
        """Answer malformed HTTP in the same shape as every refusal."""
        body = Problem(MALFORMED, "not a well-formed HTTP/1.1 request").body()
        head = (
            "HTTP/1.1 400 Bad Request\r\n"
            f"date: {formatdate(usegmt=True)}\r\n"  # RFC 9110 section 6.6.1
            f"content-type: {PROBLEM_MEDIA_TYPE}\r\n"
            f"content-length: {len(body)}\r\n"
            "connection: close\r\n\r\n"
        )
        self.transport.write(head.encode("ascii") + body)
        self.transport.close()


def peer_of(scope: Scope) -> str | None:
    """Return GATEWAY, or the SHA-256 (hex) of another peer's certificate; None without one."""
    peer = scope.get("extensions", {}).get(EXTENSION)
    return peer if isinstance(peer, str) else None
