"""A partner's connection, by hand: one kept-alive TLS connection with the client certificate.

The platform's own client repeats and reconnects by itself. Here every answer and every break must
be seen, so there is nothing between the test and the bytes.
"""

from __future__ import annotations

import asyncio
import json
import ssl
import uuid
from dataclasses import dataclass
from typing import Any, Self

from weir.client.network import LOOPBACK

# What a connection ends with when the process behind it was killed. No whole answer came.
BROKEN = (OSError, asyncio.IncompleteReadError)
_ANSWER_TIMEOUT_S = 40.0


@dataclass(frozen=True, slots=True)
class Heard:
    """An answer that arrived in full."""

    interaction_id: str
    status: int
    body: bytes

    @property
    def refusal(self) -> str | None:
        """The code of the platform's refusal; None when the institution answered."""
        if not self.body.startswith(b"{"):
            return None
        problem = json.loads(self.body)
        return problem["code"] if str(problem.get("type")).startswith("urn:weir:") else None

    def json(self) -> Any:
        return json.loads(self.body)


class Connection:
    """One connection to the API's mutual-TLS port, one call at a time."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    @classmethod
    async def open(cls, port: int, context: ssl.SSLContext) -> Self:
        """Connect; BROKEN when no process takes it."""
        async with asyncio.timeout(_ANSWER_TIMEOUT_S):
            streams = await asyncio.open_connection(
                LOOPBACK, port, ssl=context, server_hostname="api.localhost"
            )
        return cls(*streams)

    @property
    def local_port(self) -> int:
        return int(self._writer.get_extra_info("sockname")[1])

    async def call(
        self,
        method: str,
        path: str,
        token: str,
        *,
        interaction_id: str | None = None,
        body: bytes | None = None,
        headers: dict[str, str] | None = None,
    ) -> Heard:
        """Send a request and read its whole answer; BROKEN when that did not come."""
        asked_as = interaction_id or str(uuid.uuid4())
        self._writer.write(_request(method, path, token, asked_as, body, headers or {}))
        async with asyncio.timeout(_ANSWER_TIMEOUT_S):
            await self._writer.drain()
            head = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            status_line, *lines = head.split("\r\n")[:-2]
            fields = {name.lower(): value for name, value in (_field(line) for line in lines)}
            content = await self._reader.readexactly(int(fields["content-length"]))
        assert fields["x-fapi-interaction-id"] == asked_as
        return Heard(asked_as, int(status_line.split(" ")[1]), content)

    def close(self) -> None:
        """Drop it. Nobody waits: the process at the other end may be dead."""
        self._writer.transport.abort()


def _field(line: str) -> tuple[str, str]:
    name, _, value = line.partition(":")
    return name, value.strip()


def _request(
    method: str,
    path: str,
    token: str,
    interaction_id: str,
    body: bytes | None,
    headers: dict[str, str],
) -> bytes:
    lines = [
        f"{method} {path} HTTP/1.1",
        "host: api.localhost",
        f"authorization: Bearer {token}",
        f"x-fapi-interaction-id: {interaction_id}",
        *(f"{name}: {value}" for name, value in headers.items()),
    ]
    if body is not None:
        lines += ["content-type: application/json", f"content-length: {len(body)}"]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + (body or b"")
