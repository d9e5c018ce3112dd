"""Calls to a member by others than the gateway: each kind of certificate, each forgery.

The member checks as docs/gateway.md says: TLS by the issuer of gateways, and the identity by
`weir.client`. One that trusts too much at its TLS still refuses by the identity.
"""

from __future__ import annotations

import asyncio
import base64
import json
import ssl
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from gateway_lab import Desk, GatewayProcess, Lab, member_tls, payment, payment_body
from model_member import ModelMember, Seen
from raw_caller import Caller

from waits import PATIENCE_S
from weir.client import (
    Exchange,
    IdentityChecker,
    IdentityError,
    IdentityFault,
    PublishedKeys,
    ReceivedRequest,
)
from weir.keys import private_keys
from weir.keys.authority import GATEWAY_URI
from weir.shelf.published import BackendDocument, backend_key
from weir.store.unit import Change

ISSUER = "https://auth.localhost"
RATES = "GET /open/rates HTTP/1.1"
FACTS = {"client_id": "app_x", "organisation": "org_x", "consent_id": "cns_x"}


def b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


@dataclass
class Checking:
    """A member that checks, and what it believed or refused."""

    member: ModelMember
    checker: IdentityChecker
    believed: list[str] = field(default_factory=list)
    faults: list[IdentityFault] = field(default_factory=list)
    wants_each: bool = False

    async def check(self, seen: Seen) -> bool:
        fields = {name: [value] for name, value in seen.headers.items()}
        request = ReceivedRequest(seen.method, seen.target, fields, seen.body)
        money = self.wants_each or seen.target.endswith("/payments")
        try:
            identity = await self.checker.check(request, for_this_call=money)
        except IdentityError as error:
            self.faults.append(error.fault)
            return False
        self.believed.append(identity.client_id)
        return True


async def published(lab: Lab) -> tuple[asyncio.Server, str]:
    """The platform's keys, served as `/jwks` serves them."""
    body = json.dumps({"keys": [*lab.vault.message_jwks()["keys"]]}).encode()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        head = b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: %d\r\n\r\n" % len(body)
        writer.write(head + body)
        writer.close()

    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(lab.folder / "member.pem", lab.folder / "member.key")
    server = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=context)
    return server, f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}/jwks"


@pytest.fixture(scope="module")
async def checking(lab: Lab) -> AsyncIterator[Checking]:
    server, address = await published(lab)
    async with Exchange(lab.folder / "root.pem") as exchange:
        checker = IdentityChecker(
            PublishedKeys(exchange, address),
            issuer=ISSUER,
            member="river-bank",
            service=lab.member.url,
        )
        checking = Checking(lab.member, checker)
        lab.member.check = checking.check
        yield checking
    server.close()


# --- the gateway itself -------------------------------------------------------------------------


async def test_calls_by_the_gateway_are_believed(
    lab: Lab, checking: Checking, caller: Caller
) -> None:
    reading = Desk(caller, await lab.token(consent="cns_1"))
    assert (await reading.call("GET", "/rates?day=1")).status == 200
    assert (await reading.call("GET", "/accounts")).status == 200
    assert (await reading.call("POST", "/echo", b"x" * 200_000)).status == 200
    paying = Desk(caller, await lab.token(consent="cns_2", details=[payment()]))
    headers = {"content_type": "application/json", "x_idempotency_key": "k-1"}
    assert (await paying.call("POST", "/payments", payment_body(), **headers)).status == 201
    assert checking.believed[-4:] == ["app_shop"] * 4
    assert "jti" in lab.member.seen[-1].identity()


async def test_a_member_that_asks_for_it_gets_an_identity_over_each_call(
    lab: Lab, checking: Checking, caller: Caller
) -> None:
    reach = [f"127.0.0.1:{lab.member.port}"]
    key = backend_key("org_bank", lab.member.url)
    document = BackendDocument(
        member="org_bank", url=lab.member.url, endpoints=reach, signs_each_call=True
    )
    await lab.republish(Change("backend", key, document))
    checking.wants_each = True
    desk = Desk(caller, await lab.token())
    assert (await desk.call("GET", "/rates?day=1")).status == 200
    assert (await desk.call("POST", "/echo", b"x" * 90_000)).status == 200
    assert (await desk.call("POST", "/echo", b"x" * 2_000_000)).code == "body_too_large"
    checking.wants_each = False
    await lab.republish(Change("backend", key, None))


# --- others -------------------------------------------------------------------------------------


def pretended(folder: Path) -> tuple[Path, Path]:
    """A certificate that says all that a gateway's says, by an issuer that just has the name."""
    now = datetime.now(UTC)
    own, issuer = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    name = x509.NameAttribute(NameOID.ORGANIZATION_NAME, "weir")
    named = [x509.NameAttribute(NameOID.COMMON_NAME, "weir alliance gateways")]
    certificate = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([name, x509.NameAttribute(NameOID.COMMON_NAME, "gateway")]))
        .issuer_name(x509.Name([name, *named]))
        .public_key(own.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
        .add_extension(
            x509.SubjectAlternativeName([x509.UniformResourceIdentifier(GATEWAY_URI)]),
            critical=False,
        )
        .sign(issuer, SHA256())
    )
    pem = own.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    files = folder / "pretended.pem", folder / "pretended.key"
    files[0].write_bytes(certificate.public_bytes(Encoding.PEM))
    files[1].write_bytes(pem)
    return files


def certificate_of(lab: Lab, kind: str) -> tuple[Path, Path] | None:
    """The certificate and key of each kind of caller."""
    if kind == "gateway":
        return lab.folder / "client.pem", lab.folder / "client.key"
    if kind == "partner":
        return lab.identities["app_shop"].certificate, lab.identities["app_shop"].key
    if kind == "server of the platform":
        return lab.folder / "server.pem", lab.folder / "server.key"
    if kind == "another member":
        return lab.folder / "member.pem", lab.folder / "member.key"
    return pretended(lab.folder) if kind == "pretended" else None


OTHERS = ("partner", "server of the platform", "another member", "pretended", "none")


async def answered(
    lab: Lab,
    port: int,
    kind: str,
    *lines: str,
    start: str = RATES,
    body: bytes = b"",
    host: str = "127.0.0.1",
) -> int:
    """The status that a caller of a kind gets; 0 when TLS lets it not in."""
    context = ssl.create_default_context(cafile=str(lab.folder / "root.pem"))
    files = certificate_of(lab, kind)
    if files is not None:
        context.load_cert_chain(*files)
    framing = f"content-length: {len(body)}"
    head = "\r\n".join([start, f"host: {host}", framing, *lines, "", ""])
    try:
        async with asyncio.timeout(PATIENCE_S):
            reader, writer = await asyncio.open_connection(
                "127.0.0.1", port, ssl=context, server_hostname=host
            )
            writer.write(head.encode() + body)
            answer = await reader.readuntil(b"\r\n\r\n")
    except (OSError, asyncio.IncompleteReadError):
        return 0
    writer.close()
    return int(answer.split(b" ")[1])


@pytest.fixture(scope="module")
async def trusting(lab: Lab, checking: Checking) -> AsyncIterator[int]:
    """The port of the same member behind TLS that trusts the alliance's root too."""
    context = member_tls(lab.authority, lab.folder)
    context.load_verify_locations(lab.folder / "root.pem")
    member = ModelMember(context, check=checking.check)
    await member.start()
    yield member.port
    await member.stop()


@pytest.mark.parametrize("kind", OTHERS)
async def test_tls_by_the_issuer_of_gateways_lets_no_other_in(
    lab: Lab, checking: Checking, kind: str
) -> None:
    count = len(lab.member.seen)
    assert await answered(lab, lab.member.port, kind) == 0
    assert len(lab.member.seen) == count
    assert await answered(lab, lab.member.port, "gateway") == 401  # in, and without an identity


async def test_the_gateway_itself_takes_no_callers_certificate_by_the_issuer_of_gateways(
    lab: Lab, gateway: GatewayProcess
) -> None:
    for kind, let_in in (("gateway", False), ("pretended", False), ("partner", True)):
        status = await answered(lab, gateway.mtls_port, kind, host="api.localhost")
        assert (status != 0) == let_in, kind


def unsigned() -> str:
    return b64(json.dumps(FACTS | {"accounts": ["acc-1"], "interaction_id": "1"}).encode())


def forged(lab: Lab, **header: str) -> str:
    """An identity as the gateway makes it, by a key of the forger's own."""
    now_s, kid = int(time.time()), lab.vault.message_jwks()["keys"][0]["kid"]
    claims = {"iss": ISSUER, "aud": "river-bank", "iat": now_s, "exp": now_s + 60}
    head = {"alg": "ES256", "kid": kid, "typ": "openfinance-identity+jwt"} | header
    parts = [head, claims | FACTS | {"accounts": ["acc-1"]}]
    text = ".".join(b64(json.dumps(each).encode()) for each in parts)
    signature = private_keys.sign(private_keys.generate("ES256"), text.encode())
    return f"{text}.{b64(signature)}"


@pytest.mark.parametrize("kind", ["partner", "server of the platform", "another member"])
async def test_who_gets_through_tls_does_not_pass_with_an_identity_of_its_own_making(
    lab: Lab, checking: Checking, trusting: int, kind: str
) -> None:
    token = await lab.token(consent="cns_1")
    for value, fault in (
        (None, IdentityFault.MISSING),
        (unsigned(), IdentityFault.MALFORMED),
        (token, IdentityFault.MALFORMED),  # of the platform's own making, and no identity
        (forged(lab, alg="none"), IdentityFault.SIGNATURE),
        (forged(lab, kid="key_of_mine"), IdentityFault.KEY_UNKNOWN),
        (forged(lab, jku="https://evil.example/jwks"), IdentityFault.MALFORMED),
        (forged(lab), IdentityFault.SIGNATURE),
    ):
        lines = [] if value is None else [f"openfinance-identity: {value}"]
        assert await answered(lab, trusting, kind, *lines) == 401
        assert checking.faults[-1] is fault


async def test_a_payments_identity_that_was_overheard_is_good_for_nothing_else(
    lab: Lab, checking: Checking, trusting: int, caller: Caller
) -> None:
    paying = Desk(caller, await lab.token(consent="cns_3", details=[payment()]))
    headers = {"content_type": "application/json", "x_idempotency_key": "k-3"}
    assert (await paying.call("POST", "/payments", payment_body(), **headers)).status == 201
    heard = lab.member.seen[-1]
    for method, target, body, fault in (
        ("POST", heard.target, heard.body, IdentityFault.REPLAYED),
        ("PUT", heard.target, heard.body, IdentityFault.METHOD),
        ("POST", heard.target + "?x=1", heard.body, IdentityFault.TARGET),
        ("POST", heard.target, heard.body.replace(b"12.30", b"99.30"), IdentityFault.BODY),
        ("POST", heard.target, b"", IdentityFault.BODY),
    ):
        fields = [f"openfinance-identity: {heard.headers['openfinance-identity']}"]
        fields += [f"x-fapi-interaction-id: {heard.headers['x-fapi-interaction-id']}"]
        start = f"{method} {target} HTTP/1.1"
        status = await answered(lab, trusting, "partner", *fields, start=start, body=body)
        assert (status, checking.faults[-1]) == (401, fault)
