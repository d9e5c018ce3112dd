"""A service that refuses everybody besides the gateways, registered and tested as members do it."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

from backend_probes import backend_tests
from weir.keys.authority import Authority
from weir.shelf import backends
from weir.store.database import Database
from weir.store.unit import Actor

_REFUSAL = b"HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"


async def register_guarded(
    database: Database, authority: Authority, owner: str, url: str = "https://127.0.0.1:9101"
) -> None:
    """Register the service `url` of `owner` once, at a server that runs while it is tested."""
    async with database.connect() as connection:
        if url in {each.url for each in await backends.list_owned(connection, owner)}:
            return
    actor = Actor(owner, "setup")
    with TemporaryDirectory(prefix="weir-") as folder:
        async with guarded_server(authority, Path(folder), urlsplit(url).hostname or "") as port:
            reach = backends.read_reach(endpoints=[f"127.0.0.1:{port}"])
            async with database.unit(actor) as unit:
                made = await backends.register(unit, owner, url, reach)
            findings = await backend_tests(authority, Path(folder)).run(made, None)
    assert findings == []
    async with database.unit(actor) as unit:
        await backends.note_test(unit, made, findings)


@asynccontextmanager
async def guarded_server(authority: Authority, folder: Path, name: str) -> AsyncIterator[int]:
    """The port of a server called `name` that trusts the issuer of gateways and no identity."""
    issued = authority.issue_own("member", [name])
    file = folder / "guarded.pem"
    file.write_text(issued.key_pem + issued.certificate.pem)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cadata=authority.gateways_pem)
    context.load_cert_chain(file)
    context.verify_mode = ssl.CERT_REQUIRED

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.IncompleteReadError):
            await reader.readuntil(b"\r\n\r\n")
            writer.write(_REFUSAL)
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=context)
    yield int(server.sockets[0].getsockname()[1])
    server.close()
