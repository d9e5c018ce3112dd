"""Servers on private sockets, and the HTTP clients for members and partners."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

from sqlalchemy import text

from weir.app.core import Core
from weir.app.declares import READINESS_TIMEOUT_S
from weir.gateway.declares import CERTIFICATE_SWEEP_S, GATEWAY_DRAIN_S
from weir.journeys.backend_tests import BackendTests
from weir.kernel.declares import CONTROL_BODY_BYTES
from weir.kernel.outcomes import Refusal
from weir.keys.authority import Authority
from weir.wire.asgi import ApplicationHandler
from weir.wire.certificate_files import Presented
from weir.wire.deadlines import Deadlines
from weir.wire.declares import MEMBER_QUESTION_S, PRIVATE_BACKLOG
from weir.wire.downstream import Listener
from weir.wire.listeners import MemberTls
from weir.wire.loop_streams import OwnStreamProtocol
from weir.wire.networks import networks
from weir.wire.outbound import Outbound, PublicAlone
from weir.wire.peer import private_socket
from weir.wire.resolver import Reachable

Asgi = Callable[[Any, Any, Any], Awaitable[None]]
_SWEEP_S: Final = 1.0
_MEMBERS_KEPT: Final = 16  # connections to members that stay open for further requests


async def serve_private(app: Asgi, path: Path, stop: asyncio.Event) -> None:
    """Serve an application on a private socket, to processes of the same user only.

    Once `stop` is set, running requests have GATEWAY_DRAIN_S to end.
    """
    loop = asyncio.get_running_loop()
    deadlines = Deadlines(loop, _SWEEP_S)
    handler = ApplicationHandler(loop, app, CONTROL_BODY_BYTES)
    listener = Listener(loop, handler, "private", deadlines)
    server = await loop.create_unix_server(
        lambda: OwnStreamProtocol(listener.connection()),
        sock=private_socket(path),
        backlog=PRIVATE_BACKLOG,  # the loop listens again, with 100 if it is not told
    )
    deadlines.start()
    await stop.wait()
    server.close()
    listener.drain()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(GATEWAY_DRAIN_S):
            await listener.left.wait()
            await handler.finish()
    listener.abort()
    deadlines.stop()
    await asyncio.to_thread(path.unlink, missing_ok=True)


def health(core: Core) -> Asgi:
    """Return an application that answers `/livez` and `/readyz` to the supervisor.

    A process is alive when it answers, and ready when it can also reach PostgreSQL.
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
        async with asyncio.timeout(READINESS_TIMEOUT_S), core.database.connect() as asking:
            await asking.execute(text("SELECT 1"))
    except (Refusal, TimeoutError):
        return False
    return True


async def _plain(send: Any, status: int, body: bytes) -> None:
    headers = [(b"content-type", b"text/plain"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def outbound_client(core: Core, timeout_s: float) -> Outbound:
    """Return the client for addresses that partners registered.

    It trusts public certificate authorities and the alliance's own, and reaches only addresses that
    the setting `partner_networks` permits.
    """
    context = outbound_tls_context(core)
    allowed = networks(core.settings.partner_networks, "WEIR_PARTNER_NETWORKS")
    return Outbound(context, PublicAlone(allowed), timeout_s=timeout_s)


def outbound_tls_context(core: Core) -> ssl.SSLContext:
    """Return a TLS context that trusts public certificate authorities and the alliance's own."""
    context = ssl.create_default_context()
    context.load_verify_locations(core.tls.root)
    return context


@asynccontextmanager
async def member_client(core: Core) -> AsyncIterator[Outbound]:
    """Yield the client by which control and worker call members, over mutual TLS.

    It reaches the addresses that gateways reach, by the setting `member_networks`.
    """
    files = core.tls
    presented = Presented(files.client_certificate, files.client_key)
    tls = MemberTls(presented, files.root)
    reachable = Reachable.parse(core.settings.member_networks)
    outbound = Outbound(
        tls.context(), reachable.choice, timeout_s=MEMBER_QUESTION_S, kept=_MEMBERS_KEPT
    )
    renewing = asyncio.create_task(_renew(presented))
    try:
        yield outbound
    finally:
        renewing.cancel()
        await outbound.close()


def backend_tests(core: Core, authority: Authority) -> BackendTests:
    """Return the tests of members' services, which go where gateways' calls may go."""
    files = core.tls
    reachable = Reachable.parse(core.settings.member_networks)
    gateway = Presented(files.client_certificate, files.client_key)
    return BackendTests(authority, gateway, files.root, reachable)


async def _renew(presented: Presented) -> None:
    while True:
        await asyncio.sleep(CERTIFICATE_SWEEP_S)
        presented.renew()
