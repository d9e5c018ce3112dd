"""HTTP/1.1 by hand, over TLS, from an address of one's choice: also what libraries do not send."""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

_FORM = re.compile(r"<form\b.*?</form>", re.DOTALL)
_HIDDEN = re.compile(r'<input type="hidden" name="([^"]+)" value="([^"]*)"')
_COOKIE = re.compile(r"set-cookie: ([^;\r]+)", re.IGNORECASE)
_LENGTH = re.compile(r"content-length: (\d+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer, read whole. `cookies` is what a browser would send back."""

    status: int
    head: str
    body: str

    @property
    def cookies(self) -> str:
        return "; ".join(_COOKIE.findall(self.head))


@dataclass(slots=True)
class Connection:
    """One connection that is kept alive."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    @classmethod
    @asynccontextmanager
    async def to(
        cls, port: int, name: str, tls: ssl.SSLContext, address: str
    ) -> AsyncIterator[Connection]:
        """A connection to a port of this machine, for a host's name, from an address."""
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", port, ssl=tls, server_hostname=name, local_addr=(address, 0)
        )
        try:
            yield cls(reader, writer)
        finally:
            writer.close()

    async def ask(self, sent: bytes) -> Answer:
        """Send a request and read its answer, which has a length."""
        self.writer.write(sent)
        await self.writer.drain()
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        length = _LENGTH.search(head)
        body = await self.reader.readexactly(int(length[1])) if length else b""
        return Answer(int(head[9:12]), head, body.decode())


def request(
    method: str,
    target: str,
    host: str,
    body: bytes | None = None,
    *,
    media_type: str | None = None,
    cookie: str = "",
    authorization: str = "",
) -> bytes:
    """A request as it is sent; without a body its head alone."""
    lines = [f"{method} {target} HTTP/1.1", f"host: {host}", "accept-language: en"]
    if media_type is not None:
        lines.append(f"content-type: {media_type}")
    if cookie:
        lines.append(f"cookie: {cookie}")
    if authorization:
        lines.append(f"authorization: {authorization}")
    if body is not None:
        lines.append(f"content-length: {len(body)}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + (body or b"")


def form_in(page: str, field: str) -> dict[str, str]:
    """The hidden fields of the form on a page that has this field. LookupError without one."""
    for form in _FORM.findall(page):
        if f'name="{field}"' in form:
            return dict(_HIDDEN.findall(form))
    raise LookupError(field)
