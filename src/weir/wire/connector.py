"""Connecting to a TLS server at an address that was looked up and checked before."""

from __future__ import annotations

import asyncio
import socket
import ssl

from weir.wire.deadlines import Deadlines
from weir.wire.reactor import Reactor
from weir.wire.transport import Stream, TlsTransport


async def connect(
    reactor: Reactor,
    deadlines: Deadlines,
    address: str,
    port: int,
    stream: Stream,
    context: ssl.SSLContext,
    server_hostname: str,
) -> None:
    """Connect `stream` to an IP address under TLS. OSError or SSLError when that fails.

    The caller bounds the time; a connection that was given up is closed.
    """
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    connected = socket.socket(family, socket.SOCK_STREAM)
    connected.setblocking(False)
    try:
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        await reactor.loop.sock_connect(connected, (address, port))
    except BaseException:
        connected.close()
        raise
    shaken: asyncio.Future[None] = reactor.loop.create_future()
    transport = TlsTransport(
        reactor,
        deadlines,
        connected,
        stream,
        context,
        server_hostname=server_hostname,
        shaken=shaken,
    )
    try:
        await shaken
    except BaseException:
        transport.abort()
        raise
