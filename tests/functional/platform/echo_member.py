"""A member's own server that needs no engine: it answers 200 and remembers what it was asked."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from weir.keys.authority import Authority
from weir_demo.cast import ACCOUNT_ACCESS, Declared, Institution, Offer
from weir_demo.stage import Running

ECHO = Institution(
    "echo-bank",
    "Echo Bank",
    "回声银行",
    "bank",
    "",
    "",
    (
        Offer(
            "things",
            "Things",
            "事物",
            "0",
            {
                "listThings": Declared(),
                "getHeld": Declared(
                    "ReadBalances", ACCOUNT_ACCESS, bindings={"account": "path:account"}
                ),
            },
            9_000,
            1_000,
        ),
    ),
)
_OPERATIONS = {
    "/things": {"get": {"operationId": "listThings", "responses": {"200": {"description": "ok"}}}},
    "/held/{account}": {
        "get": {
            "operationId": "getHeld",
            "parameters": [
                {"name": "account", "in": "path", "required": True, "schema": {"type": "string"}}
            ],
            "responses": {"200": {"description": "ok"}},
        }
    },
}


class EchoMember:
    """`asked` holds (method, path) of every request, in order."""

    def __init__(self, certificate: Path, key: Path) -> None:
        self.asked: list[tuple[str, str]] = []
        self.port = 0
        self._certificate, self._key = certificate, key

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.port}"

    def running(self) -> Running:
        """As the alliance admits it, with a document of two operations."""
        info = {"title": "Echo", "version": "1"}
        document = {"openapi": "3.0.3", "info": info, "paths": _OPERATIONS}
        raw = json.dumps(document).encode()
        return Running(ECHO, self.port, raw, self._certificate, self._key)

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                request, *lines = head.split("\r\n")[:-2]
                method, target, _ = request.split(" ")
                await reader.readexactly(_length(lines))
                self.asked.append((method, target))
                body = json.dumps({"method": method, "path": target}).encode()
                size = f"content-length: {len(body)}\r\n"
                writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n")
                writer.write(size.encode() + b"\r\n" + (b"" if method == "HEAD" else body))
                await writer.drain()
        except (OSError, asyncio.IncompleteReadError):
            return  # the gateway has closed the connection
        finally:
            writer.close()


def _length(lines: list[str]) -> int:
    for line in lines:
        name, _, value = line.partition(":")
        if name.lower() == "content-length":
            return int(value)
    return 0


@asynccontextmanager
async def echo_member(authority: Authority, folder: Path) -> AsyncIterator[EchoMember]:
    """Serve on a free port, to gateways of the alliance only."""
    issued = authority.issue_own("echo-member", ["127.0.0.1"])
    certificate, key, root = (folder / f"echo.{end}" for end in ("pem", "key", "root"))
    certificate.write_text(issued.certificate.pem)
    key.write_text(issued.key_pem)
    root.write_text(authority.gateways_pem)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(root))
    context.load_cert_chain(certificate, key)
    context.verify_mode = ssl.CERT_REQUIRED
    member = EchoMember(certificate, key)
    server = await asyncio.start_server(member.answer, "127.0.0.1", 0, ssl=context)
    member.port = server.sockets[0].getsockname()[1]
    yield member
    server.close()
