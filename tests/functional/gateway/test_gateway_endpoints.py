"""A member's service behind several endpoints, over real sockets and TLS."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from gateway_lab import Desk, GatewayProcess, Lab, member_tls
from model_member import ModelMember
from raw_caller import Caller

from waits import until
from weir.shelf.published import BackendDocument, SubscriptionDocument, backend_key
from weir.store.unit import Change
from weir.wire.declares import ENDPOINT_EJECTION_S, ENDPOINT_FAILURES

SERVICE = "https://river-bank.example"
PREFIX = "/river-bank/many/v1"


@dataclass
class Bank:
    """One service with two endpoints."""

    lab: Lab
    desk: Desk
    first: ModelMember
    second: ModelMember

    async def reach(self, *endpoints: str, url: str = SERVICE, **more: Any) -> None:
        document = BackendDocument(member="org_bank", url=url, endpoints=list(endpoints), **more)
        await self.lab.republish(Change("backend", backend_key("org_bank", url), document))

    async def call(
        self, path: str = "/rates", method: str = "GET", body: bytes | None = None
    ) -> Any:
        return await self.desk.call(method, path, body)

    @property
    def seen(self) -> tuple[int, int]:
        return len(self.first.seen), len(self.second.seen)


def at(member: ModelMember) -> str:
    return f"127.0.0.1:{member.port}"


def certified(folder: Path, authority: Any, *names: str) -> ssl.SSLContext:
    issued = authority.issue_own("many", list(names))
    (folder / "many.pem").write_text(issued.certificate.pem)
    (folder / "many.key").write_text(issued.key_pem)
    context = member_tls(authority, folder)
    context.load_cert_chain(folder / "many.pem", folder / "many.key")
    return context


@pytest.fixture
async def bank(lab: Lab, gateway: GatewayProcess) -> AsyncIterator[Bank]:
    context = certified(lab.folder, lab.authority, "river-bank.example")
    first, second = ModelMember(context), ModelMember(context)
    await first.start()
    await second.start()
    product = lab.product()
    operations = [replace_url(each) for each in product.operations]
    await lab.republish(Change("product", "prd_many", _as(product, operations)), _subscription())
    caller = await Caller.connect(gateway.mtls_port, lab.tls())
    bank = Bank(lab, Desk(caller, await lab.token(), PREFIX), first, second)
    await bank.reach(at(first), at(second))
    yield bank
    await caller.close()
    await first.stop()
    await second.stop()
    await lab.republish(Change("backend", backend_key("org_bank", SERVICE), None))


def replace_url(operation: Any) -> Any:
    named = {name: getattr(operation, name) for name in operation.__struct_fields__}
    return type(operation)(**(named | {"backend_url": SERVICE}))


def _as(product: Any, operations: list[Any]) -> Any:
    named = {name: getattr(product, name) for name in product.__struct_fields__}
    changed = {"id": "prd_many", "prefix": PREFIX, "operations": operations}
    return type(product)(**(named | changed))


def _subscription() -> Change:
    document = SubscriptionDocument(
        id="sub_many",
        application="app_shop",
        product="prd_many",
        plan="pln_free",
        status="active",
        rate_per_s=None,
        quota=None,
        quota_period=None,
    )
    return Change("subscription", "sub_many", document)


async def test_calls_are_shared_between_the_endpoints_of_a_service(bank: Bank) -> None:
    for _ in range(6):
        assert (await bank.call()).status == 200
    assert bank.seen == (3, 3)
    assert bank.first.seen[0].headers["host"] == "river-bank.example"


async def test_the_busy_endpoint_gets_less(bank: Bank, gateway: GatewayProcess) -> None:
    bank.first.released.clear()
    other = Desk(await Caller.connect(gateway.mtls_port, bank.lab.tls()), bank.desk.token, PREFIX)
    waiting = asyncio.create_task(other.call("GET", "/behave/wait"))
    await until(lambda: bank.seen != (0, 0))
    busy = bank.first if bank.first.seen else bank.second
    for _ in range(4):
        assert (await bank.call()).status == 200
    assert len(busy.seen) == 1
    busy.released.set()
    assert (await waiting).status == 200
    await other.caller.close()


async def test_an_endpoint_that_is_away_costs_no_call_anything(
    bank: Bank, gateway: GatewayProcess
) -> None:
    await bank.first.stop()
    for _ in range(3 * ENDPOINT_FAILURES):
        assert (await bank.call()).status == 200
        answer = await bank.call("/echo", "POST", b"pay once")
        assert json.loads(answer.body)["bytes"] == 8
    assert bank.seen == (0, 6 * ENDPOINT_FAILURES)
    assert gateway.metric("weir_gateway_endpoints_ejected") == 1
    assert gateway.metric("weir_gateway_retries_total") >= ENDPOINT_FAILURES


async def test_with_every_endpoint_away_the_circuit_opens_and_answers_at_once(bank: Bank) -> None:
    await bank.first.stop()
    await bank.second.stop()
    for _ in range(2 * ENDPOINT_FAILURES):
        answer = await bank.call()
        assert (answer.status, answer.code) == (502, "member_unreachable")
    answer = await bank.call()
    assert 0 < int(answer.headers["retry-after"]) <= ENDPOINT_EJECTION_S + 1


async def test_an_endpoint_that_is_registered_no_more_gets_nothing_more(bank: Bank) -> None:
    assert (await bank.call()).status == 200
    assert (await bank.call()).status == 200
    await bank.reach(at(bank.second))
    before = len(bank.first.seen)
    for _ in range(4):
        assert (await bank.call()).status == 200
    assert len(bank.first.seen) == before


async def test_another_members_word_about_the_address_counts_for_nothing(bank: Bank) -> None:
    evil = ModelMember(bank.first.context)
    await evil.start()
    document = BackendDocument(member="org_evil", url=SERVICE, endpoints=[at(evil)])
    await bank.lab.republish(Change("backend", backend_key("org_evil", SERVICE), document))
    for _ in range(4):
        assert (await bank.call()).status == 200
    assert evil.seen == []
    await evil.stop()


async def test_a_redirect_is_handed_to_the_caller_and_not_followed(bank: Bank) -> None:
    target = ModelMember(bank.first.context)
    await target.start()
    for member in (bank.first, bank.second):
        member.redirect = f"https://{at(target)}/elsewhere"
    answer = await bank.call("/behave/redirect")
    assert (answer.status, answer.headers["location"]) == (307, f"https://{at(target)}/elsewhere")
    assert (target.connections, target.seen) == (0, [])
    await target.stop()


@pytest.mark.parametrize("address", ["169.254.169.254:443", "0.0.0.0:9101", "[::]:443"])
async def test_addresses_that_can_be_no_members_are_not_called(bank: Bank, address: str) -> None:
    await bank.reach(address)
    assert (await bank.call()).code == "member_unreachable"
    assert bank.seen == (0, 0)


# --- TLS with the member's own authority --------------------------------------------------------


@dataclass
class OwnAuthority:
    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    @classmethod
    def make(cls) -> OwnAuthority:
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "River Bank CA")])
        built = _builder(name, name, key).add_extension(
            x509.BasicConstraints(ca=True, path_length=0), critical=True
        )
        return cls(key, built.sign(key, SHA256()))

    @property
    def pem(self) -> str:
        return self.certificate.public_bytes(Encoding.PEM).decode()

    def context(self, folder: Path, lab: Lab, name: str) -> ssl.SSLContext:
        """A server's, which asks the gateway for a certificate of the alliance."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        built = _builder(subject, self.certificate.subject, key).add_extension(
            x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False
        )
        certificate = built.sign(self.key, SHA256())
        (folder / "own.pem").write_bytes(certificate.public_bytes(Encoding.PEM))
        private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        (folder / "own.key").write_bytes(private)
        context = member_tls(lab.authority, lab.folder)
        context.load_cert_chain(folder / "own.pem", folder / "own.key")
        return context


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=1))
        .not_valid_after(now + timedelta(days=1))
    )


async def test_a_members_own_authority_is_believed_for_that_member_and_only_then(
    bank: Bank, tmp_path: Path
) -> None:
    own = OwnAuthority.make()
    member = ModelMember(own.context(tmp_path, bank.lab, "river-bank.example"))
    await member.start()
    await bank.reach(at(member))
    assert (await bank.call()).code == "member_unreachable"  # the alliance did not sign it
    await bank.reach(at(member), authority=own.pem)
    assert (await bank.call()).status == 200
    assert "openfinance-identity" in member.seen[0].headers
    await bank.reach(at(bank.first), authority=own.pem)
    assert (await bank.call()).code == "member_unreachable"  # and now the alliance's is no good
    assert bank.seen == (0, 0)
    await member.stop()


async def test_an_endpoint_must_carry_the_services_name_not_its_own(
    bank: Bank, tmp_path: Path
) -> None:
    context = certified(tmp_path, bank.lab.authority, "127.0.0.1")
    stranger = ModelMember(context)
    await stranger.start()
    await bank.reach(at(stranger))
    assert (await bank.call()).code == "member_unreachable"
    assert stranger.seen == []
    await stranger.stop()


async def test_the_gateway_shows_its_own_certificate_to_the_member(bank: Bank) -> None:
    assert bank.first.context.verify_mode is ssl.CERT_REQUIRED
    assert (await bank.call()).status == 200


async def test_a_name_is_resolved_and_called(bank: Bank) -> None:
    await bank.reach(f"localhost:{bank.first.port}")
    assert (await bank.call()).status == 200
    assert len(bank.first.seen) == 1


async def test_the_member_is_told_how_long_it_is_waited_for(bank: Bank) -> None:
    await bank.reach(at(bank.first))
    await bank.call()
    assert (await bank.call("/impatient/silence")).code == "member_timeout"
    await until(lambda: len(bank.first.seen) == 2)
    told = [each.headers["openfinance-timeout-ms"] for each in bank.first.seen]
    assert told == ["10000", "200"]
