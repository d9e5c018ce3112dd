"""One kind of abuse, from an address of its own, until the process is ended.

`python -m bench.abuse_load KIND FILE`: FILE says where everything is (`bench/abuse.py` writes it).
On SIGTERM it prints what it did: connections, requests, and answers by status.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import secrets
import signal
import ssl
import sys
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from bench.plain_http import Connection, form_in, request
from bench.token_requests import CHALLENGE, REDIRECT_URI, Asker, Key

ADDRESS = "127.77.0.1"
_PAUSE_S = 0.02  # before a connection that was refused is opened again
_FORM = "application/x-www-form-urlencoded"


class Abuse:
    """The connections of one kind of abuse, and what came of them."""

    def __init__(self, place: dict[str, Any]) -> None:
        self.place = place
        self.counts: Counter[str] = Counter()
        self.tls = ssl.create_default_context(cafile=place["root"])
        self.certified = ssl.create_default_context(cafile=place["root"])
        self.certified.load_cert_chain(place["certificate"], place["key"])

    async def again_and_again(
        self, number: int, host: str, work: Callable[[Connection], Awaitable[None]]
    ) -> None:
        """Do `work` on so many connections, each opened again when it was closed."""

        async def one() -> None:
            while True:
                with contextlib.suppress(OSError, asyncio.IncompleteReadError):
                    port, tls = self.place["port"], self.tls
                    if host == "manage":
                        port, tls = self.place["mtls_port"], self.certified
                    async with Connection.to(port, f"{host}.localhost", tls, ADDRESS) as opened:
                        self.counts["connections"] += 1
                        await work(opened)
                await asyncio.sleep(_PAUSE_S)

        await asyncio.gather(*(one() for _ in range(number)))

    async def ask(self, connection: Connection, sent: bytes) -> str:
        """Send a request and count its answer. Return the body."""
        self.counts["requests"] += 1
        answer = await connection.ask(sent)
        self.counts[str(answer.status)] += 1
        return answer.body

    async def endless(self, connection: Connection, beginning: bytes, more: bytes) -> None:
        """Send a request that never ends, until the connection is closed."""
        self.counts["requests"] += 1
        connection.writer.write(beginning)
        while not connection.writer.is_closing():
            connection.writer.write(more)
            await connection.writer.drain()
            await asyncio.sleep(0)

    async def trailers(self) -> None:
        """Trailers without end."""
        beginning = self._chunked() + b"1\r\na\r\n0\r\n"
        field = b"x-t: " + b"a" * 1_000 + b"\r\n"
        await self.again_and_again(
            20,
            "auth",
            lambda each: self.endless(each, beginning, field),
        )

    async def extensions(self) -> None:
        """A chunk extension without end."""
        await self.again_and_again(
            20, "auth", lambda each: self.endless(each, self._chunked() + b"1;a=", b"a" * 1_000)
        )

    def _chunked(self) -> bytes:
        head = request("POST", "/token", f"auth.localhost:{self.place['port']}", media_type=_FORM)
        return head.removesuffix(b"\r\n") + b"transfer-encoding: chunked\r\n\r\n"

    async def idle(self) -> None:
        """Many connections on which nothing comes."""

        async def wait(connection: Connection) -> None:
            await connection.reader.read(1)

        await self.again_and_again(2_000, "auth", wait)

    async def guesses(self) -> None:
        """Guesses of one passphrase at many names."""

        async def guess(connection: Connection) -> None:
            host = f"portal.localhost:{self.place['port']}"
            page = await connection.ask(request("GET", "/sign-in", host))
            fields, cookie = form_in(page.body, "passphrase"), page.cookies
            while True:
                sent = {**fields, "name": secrets.token_hex(6), "passphrase": "Spring2027 spring"}
                body = urlencode(sent).encode()
                asked = request("POST", "/sign-in", host, body, media_type=_FORM, cookie=cookie)
                await self.ask(connection, asked)

        await self.again_and_again(20, "portal", guess)

    async def nonsense(self) -> None:
        """Token requests without a client, with long values."""

        async def ask(connection: Connection) -> None:
            host, body = f"auth.localhost:{self.place['port']}", b"grant_type=" + b"a" * 10_000
            while True:
                await self.ask(connection, request("POST", "/token", host, body, media_type=_FORM))

        await self.again_and_again(20, "auth", ask)

    async def pushes(self) -> None:
        """Pushed requests of a client that may ask customers."""
        key = Key.of_jwk(self.place["client_key"])
        client = Asker(self.place["issuer"], self.place["client"], self.place["scope"], key)

        async def push(connection: Connection) -> None:
            host = f"auth.localhost:{self.place['port']}"
            while True:
                form = {
                    **client.proof_of_client(),
                    "response_type": "code",
                    "redirect_uri": REDIRECT_URI,
                    "scope": self.place["scope"],
                    "code_challenge": CHALLENGE,
                    "code_challenge_method": "S256",
                    "authorization_details": json.dumps([self.place["details"]]),
                }
                body = urlencode(form).encode()
                await self.ask(connection, request("POST", "/par", host, body, media_type=_FORM))

        await self.again_and_again(8, "auth", push)

    async def bursts(self) -> None:
        """Three hundred requests for the public keys at once, again and again."""
        gate = asyncio.Event()

        async def beat() -> None:
            while True:
                await asyncio.sleep(0.5)
                gate.set()
                gate.clear()

        async def ask(connection: Connection) -> None:
            host = f"auth.localhost:{self.place['port']}"
            while True:
                await gate.wait()
                await self.ask(connection, request("GET", "/jwks", host))

        await asyncio.gather(beat(), self.again_and_again(300, "auth", ask))

    async def forgeries(self) -> None:
        """Writes to the management API with forged tokens."""

        async def ask(connection: Connection) -> None:
            host, body = f"manage.localhost:{self.place['mtls_port']}", b'{"name": "x"}'
            forged = f"Bearer {secrets.token_urlsafe(300)}"
            while True:
                asked = request(
                    "POST",
                    "/v1/applications",
                    host,
                    body,
                    media_type="application/json",
                    authorization=forged,
                )
                await self.ask(connection, asked)

        await self.again_and_again(20, "manage", ask)


KINDS = (
    "trailers",
    "extensions",
    "idle",
    "guesses",
    "nonsense",
    "pushes",
    "bursts",
    "forgeries",
)


async def _until_ended(kind: str, place: dict[str, Any]) -> None:
    abuse, ended = Abuse(place), asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
    working = asyncio.create_task(getattr(abuse, kind)())
    await ended.wait()
    working.cancel()
    print(json.dumps(abuse.counts), flush=True)


if __name__ == "__main__":
    asyncio.run(_until_ended(sys.argv[1], json.loads(Path(sys.argv[2]).read_text())))
