"""Balancers in front: each at an address of the loopback network of its own."""

from __future__ import annotations

import asyncio
import base64
import socket
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from gateway_lab import GatewayProcess, Lab
from raw_caller import Caller

PROXYING, CERTIFYING, NEITHER = "127.0.0.2", "127.0.0.3", "127.0.0.4"
SOURCE = socket.inet_aton("203.0.113.9") + socket.inet_aton("10.0.0.1") + b"\x10\x92\x20\xfb"
HEADER = b"\r\n\r\n\x00\r\nQUIT\n\x21\x11\x00\x0c" + SOURCE


@pytest.fixture(scope="module")
async def gateway(lab: Lab) -> GatewayProcess:
    return await lab.start_gateway(
        proxy_networks=f"{PROXYING}/32", client_cert_networks=f"{CERTIFYING}/32"
    )


async def connected(
    gateway: GatewayProcess, context: ssl.SSLContext, at: str, first: bytes = b""
) -> Caller:
    """A TLS connection from an address of ours, after some bytes in clear."""
    reader, writer = await asyncio.open_connection(
        "127.0.0.1", gateway.mtls_port, local_addr=(at, 0), limit=1 << 20
    )
    if first:
        for piece in (first[:5], first[5:]):
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0.01)
    await writer.start_tls(context, server_hostname="api.localhost")
    return Caller(reader, writer)


@pytest.fixture
async def callers() -> AsyncIterator[list[Caller]]:
    made: list[Caller] = []
    yield made
    for each in made:
        await each.close()


async def other(lab: Lab) -> None:
    """A second application, known to the gateway."""
    if "app_other" not in lab.identities:
        await lab.add_application("app_other")
        await lab.republish(lab.subscription("app_other"))


def client_cert(certificate: Path) -> str:
    der = x509.load_pem_x509_certificate(certificate.read_bytes()).public_bytes(Encoding.DER)
    return f":{base64.b64encode(der).decode()}:"


async def test_behind_a_proxy_header_everything_is_as_ever(
    lab: Lab, gateway: GatewayProcess, callers: list[Caller]
) -> None:
    caller = await connected(gateway, lab.tls(), PROXYING, HEADER)
    callers.append(caller)
    headers = {"authorization": f"Bearer {await lab.token()}"}
    for _ in range(2):
        assert (await caller.call("GET", f"{lab.prefix}/rates", headers)).status == 200


async def test_a_balancer_must_send_the_header_and_nobody_else_may(
    lab: Lab, gateway: GatewayProcess
) -> None:
    for at, first in ((PROXYING, b""), (NEITHER, HEADER), (PROXYING, HEADER[:8] + b"x" * 20)):
        with pytest.raises((OSError, ssl.SSLError, asyncio.IncompleteReadError)):
            await connected(gateway, lab.tls(), at, first)


async def test_whom_a_balancer_verified_is_the_caller(
    lab: Lab, gateway: GatewayProcess, callers: list[Caller]
) -> None:
    """One connection carries calls of several callers; each is who its field says."""
    await other(lab)
    caller = await connected(gateway, lab.tls("app_other"), CERTIFYING)
    callers.append(caller)
    for application in ("app_shop", "app_other"):
        identity = lab.identities[application]
        headers = {
            "authorization": f"Bearer {await lab.token(application)}",
            "client-cert": client_cert(identity.certificate),
        }
        answer = await caller.call("GET", f"{lab.prefix}/rates", headers)
        assert answer.status == 200, answer.body
        assert "client-cert" not in lab.member.seen[-1].headers
        record = lab.record_of(answer.headers["x-fapi-interaction-id"])
        assert record.application == application


async def test_a_balancers_own_certificate_speaks_for_no_caller(
    lab: Lab, gateway: GatewayProcess, callers: list[Caller]
) -> None:
    caller = await connected(gateway, lab.tls(), CERTIFYING)
    callers.append(caller)
    token = {"authorization": f"Bearer {await lab.token()}"}
    assert (await caller.call("GET", f"{lab.prefix}/rates", token)).code == "certificate_required"
    root = {"client-cert": client_cert(lab.folder / "server.pem")}
    answer = await caller.call("GET", f"{lab.prefix}/rates", token | root)
    assert answer.code == "certificate_mismatch"
    answer = await caller.call("GET", f"{lab.prefix}/rates", token | {"client-cert": ":bm8=:"})
    assert answer.code == "malformed_http"


async def test_from_elsewhere_the_field_is_dropped(
    lab: Lab, gateway: GatewayProcess, callers: list[Caller]
) -> None:
    await other(lab)
    caller = await connected(gateway, lab.tls("app_other"), NEITHER)
    callers.append(caller)
    headers = {
        "authorization": f"Bearer {await lab.token()}",
        "client-cert": client_cert(lab.identities["app_shop"].certificate),
        "client-cert-chain": "::",
    }
    answer = await caller.call("GET", f"{lab.prefix}/rates", headers)
    assert answer.code == "certificate_mismatch"
    headers["authorization"] = f"Bearer {await lab.token('app_other')}"
    answer = await caller.call("GET", f"{lab.prefix}/rates", headers)
    assert answer.status == 200
    assert not lab.member.seen[-1].headers.keys() & {"client-cert", "client-cert-chain"}
