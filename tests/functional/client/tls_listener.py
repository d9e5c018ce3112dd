"""A TLS server that says what a test tells it to, so that the client meets real sockets."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Listener:
    """Starts servers under the alliance's certificate for `api.localhost`."""

    folder: Path

    @property
    def ca_file(self) -> Path:
        return self.folder / "root.pem"

    @asynccontextmanager
    async def serve(self, talk: Talk, *, mutual: bool = False) -> AsyncIterator[int]:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.folder / "server.pem", self.folder / "server.key")
        if mutual:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(self.ca_file)
        server = await asyncio.start_server(talk, "127.0.0.1", 0, ssl=context)
        yield server.sockets[0].getsockname()[1]
        server.close()
        await server.wait_closed()
