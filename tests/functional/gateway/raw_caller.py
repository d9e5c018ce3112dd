"""A caller that speaks raw bytes over TLS, and reads answers by the book."""

from __future__ import annotations

import asyncio
import json
import ssl
from dataclasses import dataclass
from typing import Any

from waits import PATIENCE_S


@dataclass(slots=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    def problem(self) -> dict[str, Any]:
        assert self.headers["content-type"] == "application/problem+json", self
        problem: dict[str, Any] = json.loads(self.body)
        assert problem["status"] == self.status
        assert problem["interaction_id"] == self.headers["x-fapi-interaction-id"]
        return problem

    @property
    def code(self) -> str:
        return str(self.problem()["code"])


class Caller:
    """One connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    @classmethod
    async def connect(
        cls,
        port: int,
        context: ssl.SSLContext,
        host: str = "api.localhost",
        source: str = "127.0.0.1",
    ) -> Caller:
        streams = await asyncio.open_connection(
            "127.0.0.1",
            port,
            ssl=context,
            server_hostname=host,
            limit=1 << 20,
            local_addr=(source, 0),
        )
        return cls(*streams)

    async def send(self, raw: bytes) -> None:
        self.writer.write(raw)
        await self.writer.drain()

    async def read_head(self) -> tuple[int, dict[str, str]]:
        head = await self.reader.readuntil(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        headers = {}
        for line in lines[1:-2]:
            name, _, value = line.partition(":")
            assert name.lower() not in headers or name.lower() in ("set-cookie",), line
            headers[name.lower()] = value.strip()
        return int(lines[0].split(" ")[1]), headers

    async def read(self, method: str = "GET") -> Answer:
        status, headers = await self.read_head()
        if method == "HEAD" or status in (204, 304) or status < 200:
            return Answer(status, headers, b"")
        if headers.get("transfer-encoding") == "chunked":
            return Answer(status, headers, await self._chunks())
        return Answer(
            status, headers, await self.reader.readexactly(int(headers["content-length"]))
        )

    async def _chunks(self) -> bytes:
        pieces = []
        while True:
            size = int(await self.reader.readuntil(b"\r\n"), 16)
            data = await self.reader.readexactly(size + 2)
            assert data[-2:] == b"\r\n"
            if size == 0:
                return b"".join(pieces)
            pieces.append(data[:-2])

    async def call(
        self,
        method: str,
        target: str,
        headers: dict[str, str] | None = None,
        body: bytes | None = None,
        host: str = "api.localhost",
    ) -> Answer:
        await self.send(request(method, target, headers, body, host))
        return await self.read(method)

    async def at_end(self) -> bool:
        """Whether the gateway closes the connection."""
        try:
            return await asyncio.wait_for(self.reader.read(1), PATIENCE_S) == b""
        except ConnectionError:
            return True

    async def close(self) -> None:
        self.writer.close()
        try:
            await asyncio.wait_for(self.writer.wait_closed(), 3)
        except (OSError, TimeoutError, ssl.SSLError):
            return


def request(
    method: str,
    target: str,
    headers: dict[str, str] | None = None,
    body: bytes | None = None,
    host: str = "api.localhost",
) -> bytes:
    lines = [f"{method} {target} HTTP/1.1", f"host: {host}"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    if body is not None:
        lines.append(f"content-length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + (body or b"")
