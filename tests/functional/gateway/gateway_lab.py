"""The world a gateway lives in: engines, parties, a product, certificates, tokens, processes."""

from __future__ import annotations

import http.client
import json
import signal
import socket
import ssl
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from model_member import ModelMember
from raw_caller import Answer, Caller

from ports import own_ports
from waits import PATIENCE_S, until
from weir.keys.authority import Authority, KeyAndCertificate
from weir.keys.vault import Vault
from weir.metering.records.records import CallRecord
from weir.metering.records.segments import pending_records, streams
from weir.partners.published import ApplicationDocument, OrganisationDocument
from weir.shelf.published import (
    Bindings,
    OperationDocument,
    ProductDocument,
    SubscriptionDocument,
)
from weir.store.database import Database
from weir.store.unit import Actor, Change

ACCOUNT_ACCESS = "urn:weir:account-access:v1"
PAYMENT = "urn:weir:payment-initiation:v1"
RECURRING = "urn:weir:recurring-payment:v1"
PREFIX = "/river-bank/accounts/v1"
SCOPE = "river-bank.accounts"
OPERATOR = Actor("org_operator", "usr_operator")
RUNNER = Path(__file__).with_name("gateway_runner.py")
_PAYMENT_BINDINGS = Bindings(
    account="body:/debtor/account",
    amount="body:/amount/amount",
    currency="body:/amount/currency",
    payee="body:/creditor/account",
    idempotency_key="header:x-idempotency-key",
    outcome_path="/directory/payments/{idempotency_key}",
)


@dataclass
class Identity:
    """An application with its key and certificate files."""

    application: str
    certificate: Path
    key: Path
    thumbprint: str


@dataclass
class Lab:
    database: Database
    vault: Vault
    authority: Authority
    folder: Path
    database_url: str
    admin_url: str
    valkey_url: str
    member: ModelMember
    identities: dict[str, Identity] = field(default_factory=dict)
    gateways: list[GatewayProcess] = field(default_factory=list)
    prefix: str = PREFIX

    # --- publishing ----------------------------------------------------------------------------

    async def publish(self, *changes: Change) -> int:
        async with self.database.unit(OPERATOR) as unit:
            for change in changes:
                unit.publish(change)
        assert unit.sequence is not None
        return unit.sequence

    async def found(self) -> None:
        """Root file, server and client certificates, the parties and the product."""
        (self.folder / "root.pem").write_text(self.authority.root_pem)
        hosts = [f"{role}.localhost" for role in ("api", "auth", "portal", "manage")]
        self._write("server", self.authority.issue_own("server", hosts))
        self._write("client", self.authority.issue_gateway())
        await self.publish(
            self.organisation("org_operator", "operator", "alliance"),
            self.organisation("org_bank", "member", "river-bank"),
            self.organisation("org_shop", "partner", "shop"),
            Change("product", "prd_accounts", self.product()),
        )
        await self.add_application("app_shop")

    def organisation(self, name: str, kind: Any, slug: str, status: Any = "active") -> Change:
        document = OrganisationDocument(id=name, kind=kind, slug=slug, name=slug, status=status)
        return Change("organisation", name, document)

    async def add_application(
        self, application: str, status: Any = "active", **terms: Any
    ) -> Identity:
        identity = self.identities.get(application) or self._issue(application)
        self.identities[application] = identity
        await self.publish(
            self.application(application, status), self.subscription(application, **terms)
        )
        return identity

    def application(self, application: str, status: Any = "active", **more: Any) -> Change:
        thumbprints = more.get("certificates", [self.identities[application].thumbprint])
        return Change(
            "application",
            application,
            ApplicationDocument(
                id=application,
                organisation=more.get("organisation", "org_shop"),
                status=status,
                certificates=thumbprints,
                rehearses=more.get("rehearses", False),
            ),
        )

    def subscription(self, application: str, **terms: Any) -> Change:
        document = SubscriptionDocument(
            id=f"sub_{application}",
            application=application,
            product=terms.get("product", "prd_accounts"),
            plan=terms.get("plan", "pln_free"),
            status=terms.get("status", "active"),
            rate_per_s=terms.get("rate_per_s"),
            quota=terms.get("quota"),
            quota_period=terms.get("quota_period"),
        )
        return Change("subscription", document.id, document)

    def product(self, status: Any = "published", **more: Any) -> ProductDocument:
        return ProductDocument(
            id="prd_accounts",
            owner="org_bank",
            slug="accounts",
            version=1,
            prefix=self.prefix,
            scope=SCOPE,
            status=status,
            direction="go-out",
            operations=list(self.operations()),
        )

    def operations(self) -> Iterator[OperationDocument]:
        access = {"consent_type": ACCOUNT_ACCESS}
        yield self.operation("GET", "/rates")
        yield self.operation("POST", "/echo")
        yield self.operation("PUT", "/things/{thing}")
        yield self.operation("DELETE", "/things/{thing}")
        yield self.operation("GET", "/behave/{how}")
        yield self.operation("POST", "/behave/{how}")
        yield self.operation("GET", "/impatient/{how}", timeout_ms=200)
        yield self.operation("GET", "/accounts", **access, permission="ReadAccounts")
        yield self.operation(
            "GET",
            "/accounts/{account}/balances",
            **access,
            permission="ReadBalances",
            bindings=Bindings(account="path:account"),
        )
        yield self.operation(
            "GET",
            "/balances",
            **access,
            permission="ReadBalances",
            bindings=Bindings(account="query:account"),
        )
        yield self.operation(
            "GET",
            "/held",
            **access,
            permission="ReadBalances",
            bindings=Bindings(account="header:x-account"),
        )
        yield self.operation(
            "POST",
            "/accounts/search",
            **access,
            permission="ReadBalances",
            bindings=Bindings(account="body:/accounts/0/id"),
        )
        yield self.operation(
            "POST", "/payments", consent_type=PAYMENT, moves_money=True, bindings=_PAYMENT_BINDINGS
        )
        yield self.operation(
            "POST",
            "/behave/money/{how}",
            consent_type=PAYMENT,
            moves_money=True,
            bindings=_PAYMENT_BINDINGS,
        )

        for path, served_at in (
            ("/mandates/payments", self.member.url),
            ("/behave/mandate/{how}", self.member.url),
            ("/gone/payments", "https://127.0.0.1:1"),
        ):
            yield self.operation(
                "POST",
                path,
                consent_type=RECURRING,
                moves_money=True,
                bindings=_PAYMENT_BINDINGS,
                backend_url=served_at,
            )

    def operation(self, method: str, path: str, **more: Any) -> OperationDocument:
        return OperationDocument(
            capability=f"cap_{method}{path}",
            operation_id=path.strip("/"),
            method=method,
            path=path,
            member="org_bank",
            backend_url=more.pop("backend_url", self.member.url),
            base_path="/open",
            timeout_ms=more.pop("timeout_ms", 10_000),
            **more,
        )

    # --- certificates and tokens ---------------------------------------------------------------

    def _write(self, name: str, issued: KeyAndCertificate) -> None:
        (self.folder / f"{name}.pem").write_text(issued.certificate.pem)
        (self.folder / f"{name}.key").write_text(issued.key_pem)

    def _issue(self, application: str) -> Identity:
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, application)])
        csr = x509.CertificateSigningRequestBuilder().subject_name(name).sign(key, SHA256())
        pem = csr.public_bytes(Encoding.PEM).decode()
        issued = self.authority.issue_client(pem, application, "org_shop")
        certificate = self.folder / f"{application}.pem"
        certificate.write_text(issued.pem)
        key_file = self.folder / f"{application}.key"
        key_file.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        return Identity(application, certificate, key_file, issued.sha256)

    def tls(self, application: str | None = "app_shop") -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=str(self.folder / "root.pem"))
        if application is not None:
            identity = self.identities[application]
            context.load_cert_chain(identity.certificate, identity.key)
        return context

    async def token(
        self,
        application: str = "app_shop",
        *,
        details: list[dict[str, Any]] | None = None,
        consent: str | None = None,
        typ: str = "at+jwt",
        **changed: Any,
    ) -> str:
        claims = self.claims(application, details=details, consent=consent, **changed)
        return await self.vault.sign_jwt(claims, typ)

    def claims(
        self,
        application: str = "app_shop",
        *,
        details: list[dict[str, Any]] | None = None,
        consent: str | None = None,
        **changed: Any,
    ) -> dict[str, Any]:
        now = int(time.time())
        claims: dict[str, Any] = {
            "iss": "https://auth.localhost",
            "sub": "someone",
            "aud": ["https://api.localhost"],
            "client_id": application,
            "org": "org_shop",
            "iat": now,
            "exp": now + 300,
            "jti": f"tok_{uuid.uuid4().hex}",
            "scope": SCOPE,
            "cnf": {"x5t#S256": self.identities[application].thumbprint},
        }
        if consent is not None:
            claims |= {"grant_id": consent, "authorization_details": details or [access()]}
            claims |= {"record_name": consent.replace("cns", "rec")}
        claims |= changed
        return {name: value for name, value in claims.items() if value is not None}

    # --- processes -----------------------------------------------------------------------------

    async def start_gateway(
        self,
        *,
        controls: list[Path] | None = None,
        otlp_endpoint: str | None = None,
        proxy_networks: str | None = None,
        client_cert_networks: str | None = None,
        connections: int = 10_000,
        connections_each_percent: int = 90,
    ) -> GatewayProcess:
        number = len(self.gateways) + 1
        public_port, mtls_port = own_ports(2)
        config = {
            "issuer": "https://auth.localhost",
            "domain": "localhost",
            "bind_address": "127.0.0.1",
            "public_port": public_port,
            "mtls_port": mtls_port,
            "server_certificate": str(self.folder / "server.pem"),
            "server_key": str(self.folder / "server.key"),
            "authority": str(self.folder / "root.pem"),
            "client_certificate": str(self.folder / "client.pem"),
            "client_key": str(self.folder / "client.key"),
            "records": str(self.folder / "records"),
            "control_sockets": [str(each) for each in controls or [self.folder / "run/c.sock"]],
            "health_socket": str(self.folder / f"run/g{number}.sock"),
            "member_networks": None,
            "proxy_networks": proxy_networks,
            "client_cert_networks": client_cert_networks,
            "otlp_endpoint": otlp_endpoint,
            "trace_percent": 0,
            "unconfirmed_calls_s": 60,
            "database_url": self.database_url,
            "valkey_url": self.valkey_url,
            "records_sync_s": 0.2,
            "connections": connections,
            "connections_each_percent": connections_each_percent,
        }
        path = self.folder / f"gateway-{number}.json"
        path.write_text(json.dumps(config))
        gateway = GatewayProcess(config, path)
        self.gateways.append(gateway)
        await gateway.until_ready()
        return gateway

    def records(self) -> list[CallRecord]:
        """Every record of every gateway, sealed or not, in each stream's order."""
        folder = self.folder / "records"
        return [
            record for stream in streams(folder) for record in pending_records(folder, stream, 0)
        ]

    def record_of(self, interaction_id: str) -> CallRecord:
        (record,) = [each for each in self.records() if each.interaction_id == interaction_id]
        return record

    async def until_recorded(self, interaction_id: str) -> CallRecord:
        (record,) = await until(
            lambda: [each for each in self.records() if each.interaction_id == interaction_id]
        )
        assert isinstance(record, CallRecord)
        return record

    async def until_applied(self, sequence: int) -> None:
        """Wait until every gateway says that it has applied a change."""
        for gateway in self.gateways:
            if gateway.running:
                await until(partial(gateway.has_applied, sequence))

    async def republish(self, *changes: Change) -> None:
        await self.until_applied(await self.publish(*changes))


class GatewayProcess:
    def __init__(self, config: dict[str, Any], path: Path) -> None:
        self.config = config
        self.public_port: int = config["public_port"]
        self.mtls_port: int = config["mtls_port"]
        self.log = path.with_suffix(".log")
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, str(RUNNER), str(path)], stdout=log, stderr=log
            )

    @property
    def running(self) -> bool:
        return self.process.poll() is None

    async def until_ready(self) -> None:
        """Wait for it; its log says why it did not come."""
        try:
            await until(lambda: not self.running or self.ask("/readyz")[0] == 200)
        except AssertionError as never:
            raise AssertionError(self.log.read_text()) from never
        assert self.running, self.log.read_text()

    def has_applied(self, sequence: int) -> bool:
        return self.metric("weir_gateway_applied_change") >= sequence

    def ask(self, target: str) -> tuple[int, str]:
        connection = http.client.HTTPConnection("gateway.localhost")
        connection.sock = socket.socket(socket.AF_UNIX)
        connection.sock.settimeout(PATIENCE_S)
        try:
            connection.sock.connect(self.config["health_socket"])
            connection.request("GET", target)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        except OSError:
            return 0, ""
        finally:
            connection.close()

    def metric(self, name: str) -> float:
        for line in self.ask("/metrics")[1].splitlines():
            if line.partition("{")[0].partition(" ")[0] == name:
                return float(line.rpartition(" ")[2])
        return -1.0

    def resident_bytes(self) -> int:
        pages = Path(f"/proc/{self.process.pid}/statm").read_text().split()[1]
        return int(pages) * 4096

    def stop(self) -> int:
        if self.running:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired as never:
            raise AssertionError(self.log.read_text()) from never

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(PATIENCE_S)


def access(**changed: Any) -> dict[str, Any]:
    """A granted account-access entry."""
    return {
        "type": ACCOUNT_ACCESS,
        "member": "river-bank",
        "permissions": ["ReadAccounts", "ReadBalances"],
        "purpose": "testing",
        "expires_at": "2999-01-01T00:00:00Z",
        "accounts": ["acc-1", "acc-2"],
    } | changed


def payment(**changed: Any) -> dict[str, Any]:
    """A granted payment-initiation entry."""
    return {
        "type": PAYMENT,
        "member": "river-bank",
        "amount": {"amount": "12.30", "currency": "CNY"},
        "payee": {"account": "shop-9", "name": "Shop"},
        "purpose": "testing",
        "debtor_account": "acc-1",
    } | changed


def mandate(**changed: Any) -> dict[str, Any]:
    """A granted recurring-payment entry: 12.30 at most, and 25.00 a day since yesterday."""
    return {
        "type": RECURRING,
        "member": "river-bank",
        "currency": "CNY",
        "maximum_individual_amount": "12.30",
        "periodic_limits": [{"period": "day", "alignment": "consent", "amount": "25.00"}],
        "valid_from": "2026-01-01T00:00:00+08:00",
        "expires_at": "2999-01-01T00:00:00Z",
        "payee": {"account": "shop-9", "name": "Shop"},
        "purpose": "testing",
        "debtor_account": "acc-1",
    } | changed


def payment_body(**changed: Any) -> bytes:
    return msgspec.json.encode(
        {
            "debtor": {"account": "acc-1"},
            "amount": {"amount": "12.30", "currency": "CNY"},
            "creditor": {"account": "shop-9", "name": "Shop"},
        }
        | changed
    )


@dataclass
class Desk:
    """Calls of one application over one connection."""

    caller: Caller
    token: str
    prefix: str = PREFIX

    async def call(
        self, method: str, path: str, body: bytes | None = None, **headers: str
    ) -> Answer:
        named = {"authorization": f"Bearer {self.token}"}
        named |= {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.caller.call(method, self.prefix + path, named, body)


def member_tls(authority: Authority, folder: Path) -> ssl.SSLContext:
    issued = authority.issue_own("member", ["127.0.0.1"])
    (folder / "member.pem").write_text(issued.certificate.pem)
    (folder / "member.key").write_text(issued.key_pem)
    (folder / "gateways.pem").write_text(authority.gateways_pem)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(folder / "member.pem", folder / "member.key")
    context.load_verify_locations(folder / "gateways.pem")
    context.verify_mode = ssl.CERT_REQUIRED
    return context
