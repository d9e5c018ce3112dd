"""A caller's connection and the port it came in by, as an exchange sees them."""

from __future__ import annotations

import asyncio
from typing import Any

from weir.wire.balancers import Balancers
from weir.wire.flow import FlowControl
from weir.wire.peer import PeerCertificate
from weir.wire.transport import Stream


class Port:
    """One listening port: its `kind` ("public" or "mtls") and the balancers in front of it."""

    def __init__(self, kind: str, balancers: Balancers | None) -> None:
        self.kind = kind
        self.balancers = balancers or Balancers()


class CallerConnection(Stream):
    """A caller's connection.

    `certificate` is the verified certificate of the connection; `certifies` whether it is that of a
    balancer, which names the caller's certificate in `Client-Cert`; `draining` whether the
    connection closes after the answer under way.
    """

    __slots__ = ("certificate", "certifies", "draining", "flow", "listener", "peer", "transport")

    def __init__(self, listener: Port, *, draining: bool) -> None:
        self.listener = listener
        self.peer = ""
        self.certificate: PeerCertificate | None = None
        self.certifies = False
        self.draining = draining
        self.flow: FlowControl
        self.transport: asyncio.Transport | None = None

    def write(self, data: bytes) -> None:
        """Hand bytes to the transport."""
        raise NotImplementedError

    def steer_reading(self) -> None:
        """Read only while an exchange waits for input."""
        raise NotImplementedError

    def answered(self, exchange: Any) -> None:
        """Go on after an exchange that has handed over its answer's last byte."""
        raise NotImplementedError

    def close(self) -> None:
        """Send the written bytes, then close."""
        raise NotImplementedError
