"""Tests of members' services: whether they refuse callers besides the gateways.

Each endpoint is asked as a party, with a certificate by the alliance's issuer of parties; without a
certificate; and as a gateway with an identity that no key of the platform signed. One call as a
gateway, with no identity, shows first that somebody is there.
"""

from __future__ import annotations

import asyncio
import secrets
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final
from urllib.parse import urlsplit

from weir.journeys.declares import BACKEND_TEST_ANSWER_BYTES, BACKEND_TEST_TIMEOUT_S
from weir.keys.authority import Authority
from weir.shelf.backends import Backend, Finding
from weir.wire.certificate_files import Presented
from weir.wire.listeners import MemberTls
from weir.wire.resolver import Addresses, Reachable

_HTTPS_PORT: Final = 443
_REFUSED: Final = (None, 401, 403)
# Base64url of a JSON object, unsigned: {"client_id":"app_0","organisation":"org_0"}
_FORGED: Final = "eyJjbGllbnRfaWQiOiJhcHBfMCIsIm9yZ2FuaXNhdGlvbiI6Im9yZ18wIn0"


@dataclass(frozen=True, slots=True)
class _Contexts:
    """TLS towards one service, as each kind of caller."""

    gateway: ssl.SSLContext
    party: ssl.SSLContext
    nobody: ssl.SSLContext


class BackendTests:
    """The tests, with the certificate of the gateways and, made for each run, one of a party."""

    def __init__(
        self, authority: Authority, gateway: Presented, root: Path, reachable: Reachable
    ) -> None:
        self._authority = authority
        self._gateway = gateway
        self._root = root
        self._reachable = reachable

    async def run(self, backend: Backend, path: str | None) -> list[Finding]:
        """Return the findings that hold at any endpoint.

        `path` is that of an operation that only reads, None where there is none. Each call takes
        BACKEND_TEST_TIMEOUT_S at most; those of different endpoints are made at once.
        """
        contexts = self._contexts(backend)
        asked = path or f"/{secrets.token_hex(8)}"
        found = await asyncio.gather(
            *(self._at(backend, each, contexts, asked) for each in backend.endpoints)
        )
        return sorted(set().union(*found))

    def _contexts(self, backend: Backend) -> _Contexts:
        self._gateway.renew()
        with TemporaryDirectory(prefix="weir-") as name:
            files = Path(name) / "party.pem", Path(name) / "party.key"
            issued = self._authority.issue_own("test of a backend", [])
            files[0].write_text(issued.certificate.pem)
            files[1].write_text(issued.key_pem)
            party = MemberTls(Presented(*files), self._root).context(backend.authority)
        root = None if backend.authority else str(self._root)
        nobody = ssl.create_default_context(cafile=root, cadata=backend.authority)
        gateway = MemberTls(self._gateway, self._root).context(backend.authority)
        return _Contexts(gateway, party, nobody)

    async def _at(
        self, backend: Backend, endpoint: str, contexts: _Contexts, path: str
    ) -> set[Finding]:
        """Return what holds at one endpoint."""
        service = _Service(backend, endpoint, self._reachable)
        forged = {"openfinance-identity": _FORGED}
        try:
            if await service.status(contexts.gateway, backend.health_path or "/", {}) is None:
                return {"unreachable"}
            as_party = await service.status(contexts.party, path, forged)
            as_nobody = await service.status(contexts.nobody, path, forged)
            as_gateway = await service.status(contexts.gateway, path, forged)
        except TimeoutError:
            return {"unreachable"}
        found: dict[Finding, bool] = {
            "answers_parties": as_party not in _REFUSED,
            "answers_anybody": as_nobody not in _REFUSED,
            "believes_forgeries": as_gateway is not None and as_gateway < 400,
        }
        return {code for code, holds in found.items() if holds}


class _Service:
    """A service at one of its endpoints, asked over a connection of its own each time."""

    def __init__(self, backend: Backend, endpoint: str, reachable: Reachable) -> None:
        at, named = urlsplit(f"//{endpoint}"), urlsplit(backend.url)
        self._port = at.port or _HTTPS_PORT
        self._name = named.hostname or ""
        self._host = named.netloc
        loop = asyncio.get_running_loop()
        self._addresses = Addresses(loop, at.hostname or "", reachable)

    async def status(
        self, context: ssl.SSLContext, path: str, fields: Mapping[str, str]
    ) -> int | None:
        """Return the status of the answer to a GET; None where TLS or the connection ends before.

        TimeoutError when neither comes in time.
        """
        given = {"host": self._host, "connection": "close", "x-fapi-interaction-id": _interaction()}
        lines = [f"{name}: {value}" for name, value in {**given, **fields}.items()]
        request = "\r\n".join([f"GET {path} HTTP/1.1", *lines, "", ""])
        async with asyncio.timeout(BACKEND_TEST_TIMEOUT_S):
            try:
                return await self._ask(context, request.encode("ascii"))
            except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
                return None

    async def _ask(self, context: ssl.SSLContext, request: bytes) -> int | None:
        address = (await self._addresses.in_turn())[0]
        reader, writer = await asyncio.open_connection(
            address,
            self._port,
            ssl=context,
            server_hostname=self._name,
            limit=BACKEND_TEST_ANSWER_BYTES,
        )
        try:
            writer.write(request)
            line = await reader.readuntil(b"\r\n")
        finally:
            writer.close()
        version, _, rest = line.partition(b" ")
        known = version.startswith(b"HTTP/1.") and rest[:3].isdigit()
        return int(rest[:3]) if known else 0


def _interaction() -> str:
    digits = secrets.token_hex(16)
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-a{digits[17:20]}-{digits[20:]}"
