"""Servers on private sockets, and the client that asks members."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import uvicorn
from sqlalchemy import text

from weir.app.core import Core
from weir.kernel import limits
from weir.kernel.outcomes import Refusal
from weir.wire import outbound
from weir.wire.listening import MemberTls
from weir.wire.outbound import Outbound
from weir.wire.peer import PrivateSocketProtocol, private_socket
from weir.wire.presenting import Presented

Asgi = Callable[[Any, Any, Any], Awaitable[None]]


async def serve_private(app: Asgi, path: Path, stop: asyncio.Event) -> None:
    """Serve an application on a private socket, to processes of the same user only."""
    config = uvicorn.Config(
        app,
        http=PrivateSocketProtocol,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=False,
        proxy_headers=False,
        timeout_keep_alive=limits.IDLE_TIMEOUT_S,
        timeout_graceful_shutdown=limits.GATEWAY_DRAIN_S,
        h11_max_incomplete_event_size=limits.HEADER_SECTION_BYTES,
    )
    server = _Server(config)
    serving = asyncio.create_task(server.serve(sockets=[private_socket(path)]))
    await asyncio.wait(
        {serving, ending := asyncio.create_task(stop.wait())}, return_when=asyncio.FIRST_COMPLETED
    )
    ending.cancel()
    server.should_exit = True
    await serving
    await asyncio.to_thread(path.unlink, missing_ok=True)


class _Server(uvicorn.Server):
    """uvicorn without its own signal handlers: `stopping` has them."""

    def capture_signals(self) -> Any:
        return contextlib.nullcontext()


def health(core: Core) -> Asgi:
    """`/livez` and `/readyz` for the supervisor; there is nothing else on this socket.

    Alive is who answers; ready is who reaches PostgreSQL too.
    """

    async def answer(scope: Any, _receive: Any, send: Any) -> None:
        path = scope["path"] if scope["type"] == "http" else ""
        if path == "/livez" or (path == "/readyz" and await _reaches_database(core)):
            await _plain(send, 200, b"ok\n")
        elif path == "/readyz":
            await _plain(send, 503, b"the database cannot be reached\n")
        else:
            await _plain(send, 404, b"not found\n")

    return answer


async def _reaches_database(core: Core) -> bool:
    try:
        async with asyncio.timeout(limits.READINESS_TIMEOUT_S), core.database.connect() as asking:
            await asking.execute(text("SELECT 1"))
    except (Refusal, TimeoutError):
        return False
    return True


async def _plain(send: Any, status: int, body: bytes) -> None:
    headers = [(b"content-type", b"text/plain"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def outbound_client(core: Core, timeout_s: float) -> Outbound:
    """How addresses that partners registered are asked: public authorities are believed, and the
    alliance's own.
    """
    context = ssl.create_default_context()
    context.load_verify_locations(core.tls.root)
    allowed = outbound.networks(core.settings.partner_networks)
    return Outbound(context, allowed, timeout_s=timeout_s)


@asynccontextmanager
async def member_client(core: Core) -> AsyncIterator[httpx.AsyncClient]:
    """How control and worker ask members: as the platform, over mutual TLS, and not for long."""
    files = core.tls
    presented = Presented(files.client_certificate, files.client_key)
    tls = MemberTls(presented, files.root)
    async with httpx.AsyncClient(
        verify=tls.context(), timeout=limits.MEMBER_CONNECT_TIMEOUT_S, trust_env=False
    ) as client:
        renewing = asyncio.create_task(_renew(presented))
        try:
            yield client
        finally:
            renewing.cancel()


async def _renew(presented: Presented) -> None:
    while True:
        await asyncio.sleep(limits.CERTIFICATE_SWEEP_S)
        presented.renew()
