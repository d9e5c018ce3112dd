"""A member institution for the gateway's tests: a small HTTPS server that does as it is asked.

It requires the gateway's client certificate. Each request is noted in `seen`; the path says how to
answer, so a test can ask for the worst.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class Seen:
    method: str
    target: str
    headers: dict[str, str]
    body: bytes = b""
    body_sha256: str = ""
    body_bytes: int = 0
    whole: bool = False

    def identity(self) -> dict[str, Any]:
        text = self.headers["openfinance-identity"].split(".")[1]
        identity: dict[str, Any] = json.loads(
            base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        )
        return identity


@dataclass
class ModelMember:
    context: ssl.SSLContext
    seen: list[Seen] = field(default_factory=list)
    connections: int = 0
    payments: dict[str, str] = field(default_factory=dict)  # idempotency key -> payment id
    released: asyncio.Event = field(default_factory=asyncio.Event)
    written_big: int = 0
    port: int = 0
    redirect: str = ""
    check: Callable[[Seen], Awaitable[bool]] | None = None  # of who calls

    async def start(self) -> None:
        self.server = await asyncio.start_server(
            self._serve, "127.0.0.1", 0, ssl=self.context, limit=1 << 20
        )
        self.port = self.server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        self.server.close()

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.port}"

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while await self._answer(reader, writer):
                pass
        except (asyncio.IncompleteReadError, ConnectionError, ssl.SSLError):
            pass
        finally:
            writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        method, target, _ = head[0].split(" ")
        headers: dict[str, str] = {}
        for line in head[1:-2]:
            name, _, value = line.partition(": ")
            assert name not in headers, f"{name} twice"
            headers[name] = value
        seen = Seen(method, target, headers)
        self.seen.append(seen)
        how = target.partition("?")[0].rsplit("/", 1)[-1]
        if how == "refuse-early":
            writer.write(b"HTTP/1.1 413 No\r\ncontent-length: 2\r\n\r\nno")
            await writer.drain()
        elif how == "slow-reader":
            await self.released.wait()
        await self._read_body(seen, reader)
        if self.check is not None and not await self.check(seen):
            return await self._json(writer, 401, {"code": "members own"})
        handler = getattr(self, "how_" + how.replace("-", "_"), None)
        if handler is not None:
            return bool(await handler(seen, writer))
        if how == "payments" and method == "POST":
            return await self._pay(seen, writer)
        return await self._json(writer, 200, {"path": target, "method": method})

    async def _read_body(self, seen: Seen, reader: asyncio.StreamReader) -> None:
        digest = hashlib.sha256()
        async for piece in _pieces(seen, reader):
            digest.update(piece)
            seen.body_bytes += len(piece)
            if seen.body_bytes <= 100_000:
                seen.body += piece
        seen.body_sha256 = digest.hexdigest()
        seen.whole = True

    async def _json(
        self, writer: asyncio.StreamWriter, status: int, value: Any, extra: bytes = b""
    ) -> bool:
        body = json.dumps(value).encode()
        writer.write(
            b"HTTP/1.1 %d X\r\ncontent-type: application/json\r\nserver: secret/1.0\r\n"
            b"content-length: %d\r\n%b\r\n%b" % (status, len(body), extra, body)
        )
        await writer.drain()
        return True

    async def _pay(self, seen: Seen, writer: asyncio.StreamWriter) -> bool:
        key = seen.headers["x-idempotency-key"]
        again = key in self.payments
        payment = self.payments.setdefault(key, f"pay-{len(self.payments) + 1}")
        return await self._json(writer, 201, {"payment": payment, "again": again})

    # --- how to answer -------------------------------------------------------------------------

    async def how_echo(self, seen: Seen, writer: asyncio.StreamWriter) -> bool:
        return await self._json(writer, 200, {"sha256": seen.body_sha256, "bytes": seen.body_bytes})

    async def how_chunked(self, seen: Seen, writer: asyncio.StreamWriter) -> bool:
        writer.write(
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ntrailer: x-sum\r\n\r\n"
            b"5\r\nhello\r\n6;ext=1\r\n world\r\n0\r\nx-sum: 1\r\n\r\n"
        )
        return True

    async def how_trailer_flood(self, seen: Seen, writer: asyncio.StreamWriter) -> bool:
        writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nx: ")
        self.written_big = 0
        while self.written_big < 64 << 20 and not writer.is_closing():
            writer.write(b"y" * 16_384)
            await writer.drain()
            await asyncio.sleep(0)  # or the end of the connection would go unseen
            self.written_big += 16_384
        return False

    async def how_until_closed(self, seen: Seen, writer: asyncio.StreamWriter) -> bool:
        writer.write(b"HTTP/1.1 200 OK\r\n\r\nuntil the end")
        return False

    async def how_early_hints(self, seen: Seen, writer: asyncio.StreamWriter) -> bool:
        writer.write(b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n")
        return await self._json(writer, 200, {"after": "hints"})

    async def how_no_content(self, seen: Seen, writer: asyncio.StreamWriter) -> bool:
        writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
        return True

    async def how_not_modified(self, seen: Seen, writer: asyncio.StreamWriter) -> bool:
        writer.write(b'HTTP/1.1 304 Not Modified\r\netag: "1"\r\ncontent-length: 99\r\n\r\n')
        return True

    async def how_head(self, seen: Seen, writer: asyncio.StreamWriter) -> bool:
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 1234\r\n\r\n")
        return True

    async def how_redirect(self, seen: Seen, writer: asyncio.StreamWriter) -> bool:
        location = b"location: %b\r\n" % self.redirect.encode()
        return await self._json(writer, 307, {}, location)

    async def how_garbage(self, seen: Seen, writer: asyncio.StreamWriter) -> bool:
        writer.write(b"SPAM 200\r\n\r\n")
        return False

    async def how_two_lengths(self, seen: Seen, writer: asyncio.StreamWriter) -> bool:
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab")
        return False

    async def how_length_and_chunks(self, seen: Seen, writer: asyncio.StreamWriter) -> bool:
        writer.write(
            b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n"
        )
        return False

    async def how_switch(self, seen: Seen, writer: asyncio.StreamWriter) -> bool:
        writer.write(b"HTTP/1.1 101 X\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n")
        return False

    async def how_extra(self, seen: Seen, writer: asyncio.StreamWriter) -> bool:
        writer.write(
            b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
            b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\npoison"
        )
        return True

    async def how_hang_up(self, seen: Seen, writer: asyncio.StreamWriter) -> bool:
        return False

    async def how_break_off(self, seen: Seen, writer: asyncio.StreamWriter) -> bool:
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n" + b"x" * 100_000)
        await writer.drain()
        return False

    async def how_break_off_chunks(self, seen: Seen, writer: asyncio.StreamWriter) -> bool:
        writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n")
        await writer.drain()
        await asyncio.sleep(0.05)
        return False

    async def how_hide(self, seen: Seen, writer: asyncio.StreamWriter) -> bool:
        return await self._json(
            writer,
            200,
            {},
            b"set-cookie: a=b\r\nx-powered-by: php\r\nvia: proxy\r\nalt-svc: h3\r\n"
            b"x-fapi-interaction-id: forged\r\nopenfinance-x: 1\r\nconnection: keep-alive\r\n"
            b"x-kept: yes\r\n",
        )

    async def how_huge_head(self, seen: Seen, writer: asyncio.StreamWriter) -> bool:
        writer.write(b"HTTP/1.1 200 OK\r\n")
        for number in range(3000):
            writer.write(b"x-%d: %b\r\n" % (number, b"y" * 100))
        writer.write(b"\r\n")
        return False

    async def how_silence(self, seen: Seen, writer: asyncio.StreamWriter) -> bool:
        await asyncio.sleep(60)
        return False

    async def how_wait(self, seen: Seen, writer: asyncio.StreamWriter) -> bool:
        await self.released.wait()
        return await self._json(writer, 200, {"waited": True})

    async def how_status(self, seen: Seen, writer: asyncio.StreamWriter) -> bool:
        return await self._json(writer, 404, {"code": "members own"})

    async def how_big(self, seen: Seen, writer: asyncio.StreamWriter) -> bool:
        total = int(seen.target.rpartition("=")[2])
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % total)
        self.written_big = 0
        while self.written_big < total:
            piece = min(65_536, total - self.written_big)
            writer.write(bytes(piece))
            await writer.drain()
            self.written_big += piece
        return True

    async def how_big_chunked(self, seen: Seen, writer: asyncio.StreamWriter) -> bool:
        total = int(seen.target.rpartition("=")[2])
        writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
        left = total
        while left:
            piece = min(50_000, left)
            writer.write(b"%x\r\n%b\r\n" % (piece, bytes(piece)))
            await writer.drain()
            left -= piece
        writer.write(b"0\r\n\r\n")
        return True


async def _pieces(seen: Seen, reader: asyncio.StreamReader) -> Any:
    if seen.headers.get("transfer-encoding") == "chunked":
        while size := int(await reader.readuntil(b"\r\n"), 16):
            yield (await reader.readexactly(size + 2))[:-2]
        await reader.readuntil(b"\r\n")
        return
    left = int(seen.headers.get("content-length", "0"))
    while left:
        piece = await reader.read(min(left, 65_536))
        if not piece:
            raise asyncio.IncompleteReadError(b"", left)
        left -= len(piece)
        yield piece
