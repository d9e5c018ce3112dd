"""A whole gateway in one process without its engines: real parts, a transport fed by hand, a
snapshot built from documents, tokens signed with a real key.
"""

from __future__ import annotations

import asyncio
import base64
import json
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import msgspec
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from seals import SECRET
from weir.gateway.budgets.allowances import Allowances, DatabaseClock
from weir.gateway.config.follower import Follower
from weir.gateway.config.snapshot import Snapshot
from weir.gateway.config.snapshot_builder import ChangeRow, OnFault, SnapshotBuilder
from weir.gateway.front.front import Gateway
from weir.gateway.parts import Parts
from weir.gateway.record_stream import RecordStream
from weir.gateway.tokens.identities import Identities
from weir.gateway.tokens.known_tokens import TokenMemory
from weir.gateway.tokens.verifier import TokenVerifier
from weir.kernel import identifiers
from weir.keys import private_keys
from weir.keys.master_key import SealingKey
from weir.keys.message_key import MessageKey, MessageKeys
from weir.keys.published import SigningKeyDocument
from weir.metering.records.records import CallRecord
from weir.metering.records.sealer import stream_key
from weir.metering.records.segments import pending_records
from weir.metering.records.writer import RecordWriter
from weir.partners.published import ApplicationDocument, OrganisationDocument
from weir.shelf.published import (
    Bindings,
    OperationDocument,
    ProductDocument,
    SubscriptionDocument,
)
from weir.wire.deadlines import Deadlines
from weir.wire.downstream import Listener
from weir.wire.member_connection import ClientConnection
from weir.wire.peer import PeerCertificate
from weir.wire.places import Places
from weir.wire.reactor import Reactor
from weir.wire.resolver import Reachable
from weir.wire.upstream import Pool

ACCOUNT_ACCESS = "urn:weir:account-access:v1"
PORTFOLIO_ACCESS = "urn:weir:portfolio-access:v1"
PAYMENT = "urn:weir:payment-initiation:v1"
RECURRING = "urn:weir:recurring-payment:v1"
PREFIX = "/river-bank/accounts/v1"
SCOPE = "river-bank.accounts"
BACKEND = "https://member.example:9101"
DER = b"the caller's certificate"
THUMBPRINT = PeerCertificate(DER).sha256
KEY = ec.generate_private_key(ec.SECP256R1())
MESSAGE_KEYS = MessageKeys(
    SealingKey(bytes(32)), MessageKey("key_m", private_keys.generate("ES256"))
)
INTERACTION = "7f3a7f3a-7f3a-4f3a-8f3a-7f3a7f3a7f3a"
PAYMENT_BINDINGS = Bindings(
    account="body:/debtor/account",
    amount="body:/amount/amount",
    currency="body:/amount/currency",
    payee="body:/creditor/account",
    idempotency_key="header:x-idempotency-key",
)


def b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def jwk(key: ec.EllipticCurvePrivateKey = KEY) -> dict[str, str]:
    numbers = key.public_key().public_numbers()
    x, y = (b64(number.to_bytes(32, "big")) for number in (numbers.x, numbers.y))
    return {"kty": "EC", "crv": "P-256", "x": x, "y": y}


def sign(
    claims: dict[str, Any],
    header: dict[str, Any] | None = None,
    key: ec.EllipticCurvePrivateKey = KEY,
) -> str:
    protected = header or {"alg": "ES256", "kid": "key_1", "typ": "at+jwt"}
    signed = f"{b64(json.dumps(protected).encode())}.{b64(json.dumps(claims).encode())}"
    r, s = decode_dss_signature(key.sign(signed.encode(), ec.ECDSA(SHA256())))
    return f"{signed}.{b64(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}"


def claims(**changed: Any) -> dict[str, Any]:
    now = int(time.time())
    whole = {
        "iss": "https://auth.localhost",
        "sub": "someone",
        "aud": ["https://api.localhost"],
        "client_id": "app_shop",
        "org": "org_shop",
        "iat": now,
        "exp": now + 86_400,  # a token may be minted long before the last test that uses it
        "jti": "tok_1",
        "scope": SCOPE,
        "cnf": {"x5t#S256": THUMBPRINT},
    } | changed
    return {name: value for name, value in whole.items() if value is not None}


def access(**changed: Any) -> dict[str, Any]:
    return {
        "type": ACCOUNT_ACCESS,
        "member": "river-bank",
        "permissions": ["ReadAccounts", "ReadBalances"],
        "purpose": "testing",
        "expires_at": "2999-01-01T00:00:00Z",
        "accounts": ["acc-1", "acc-2"],
    } | changed


def payment(**changed: Any) -> dict[str, Any]:
    return {
        "type": PAYMENT,
        "member": "river-bank",
        "amount": {"amount": "12.30", "currency": "CNY"},
        "payee": {"account": "shop-9", "name": "Shop"},
        "purpose": "testing",
        "debtor_account": "acc-1",
    } | changed


def mandate(**changed: Any) -> dict[str, Any]:
    """A granted recurring-payment entry: 12.30 at most, and 25.00 a day since long ago."""
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


def consented(*details: dict[str, Any], **changed: Any) -> dict[str, Any]:
    given = {"grant_id": "cns_1", "record_name": "rec_1"} | changed
    return claims(authorization_details=list(details or (access(),)), **given)


def operation(method: str, path: str, **more: Any) -> OperationDocument:
    return OperationDocument(
        capability=f"cap_{method}{path}",
        operation_id=path,
        method=method,
        path=path,
        member=more.pop("member", "org_bank"),
        backend_url=BACKEND,
        base_path="/open",
        timeout_ms=1_000,
        **more,
    )


def operations() -> Iterator[OperationDocument]:
    reading = {"consent_type": ACCOUNT_ACCESS, "permission": "ReadBalances"}
    yield operation("GET", "/rates")
    yield operation("POST", "/rates")
    yield operation("GET", "/accounts", consent_type=ACCOUNT_ACCESS, permission="ReadAccounts")
    yield operation(
        "GET", "/accounts/{id}/balances", bindings=Bindings(account="path:id"), **reading
    )
    yield operation("GET", "/balances", bindings=Bindings(account="query:account"), **reading)
    yield operation("GET", "/held", bindings=Bindings(account="header:x-account"), **reading)
    yield operation("POST", "/search", bindings=Bindings(account="body:/a~1b/0/id"), **reading)
    yield operation(
        "POST", "/payments", consent_type=PAYMENT, moves_money=True, bindings=PAYMENT_BINDINGS
    )
    yield operation(
        "POST", "/mandates", consent_type=RECURRING, moves_money=True, bindings=PAYMENT_BINDINGS
    )
    yield operation("GET", "/holdings", consent_type=PORTFOLIO_ACCESS, permission="ReadHoldings")
    yield operation("POST", "/blind", consent_type=PAYMENT, moves_money=True)


def product(**changed: Any) -> ProductDocument:
    whole: dict[str, Any] = {
        "id": "prd_1",
        "owner": "org_bank",
        "slug": "accounts",
        "version": 1,
        "prefix": PREFIX,
        "scope": SCOPE,
        "status": "published",
        "direction": "go-out",
        "operations": list(operations()),
    }
    return ProductDocument(**(whole | changed))


def organisation(name: str, kind: Any, slug: str, status: Any = "active") -> OrganisationDocument:
    return OrganisationDocument(id=name, kind=kind, slug=slug, name=slug, status=status)


def application(**changed: Any) -> ApplicationDocument:
    whole: dict[str, Any] = {
        "id": "app_shop",
        "organisation": "org_shop",
        "status": "active",
        "certificates": [THUMBPRINT],
    }
    return ApplicationDocument(**(whole | changed))


def subscription(**changed: Any) -> SubscriptionDocument:
    whole: dict[str, Any] = {
        "id": "sub_1",
        "application": "app_shop",
        "product": "prd_1",
        "plan": "pln_1",
        "status": "active",
        "rate_per_s": None,
        "quota": None,
        "quota_period": None,
    }
    return SubscriptionDocument(**(whole | changed))


_numbers = iter(range(1, 1_000_000))


def row(kind: str, key: str, document: Any) -> ChangeRow:
    value = None if document is None else msgspec.json.encode(document).decode()
    return ChangeRow(kind, key, next(_numbers), value)


def drafted(base: Snapshot, rows: Iterable[ChangeRow], on_fault: OnFault | None = None) -> Snapshot:
    """The snapshot after some changes."""
    builder = SnapshotBuilder(base, on_fault)
    for _ in builder.apply(rows):
        pass
    return builder.finish()


def revocation(subject: str, value: str) -> ChangeRow:
    document = {"subject": subject, "value": value, "at": "2026-01-01T00:00:00Z"}
    return row("revocation", f"{subject}:{value}", document)


def world() -> Snapshot:
    return drafted(
        Snapshot(),
        [
            row("organisation", "org_bank", organisation("org_bank", "member", "river-bank")),
            row("organisation", "org_shop", organisation("org_shop", "partner", "shop")),
            row("application", "app_shop", application()),
            row("product", "prd_1", product()),
            row("subscription", "sub_1", subscription()),
            row("signing_key", "key_1", SigningKeyDocument("key_1", "ES256", jwk())),
        ],
    )


class Tls:
    """What the transport tells of the handshake."""

    def __init__(self, der: bytes | None) -> None:
        self._der = der

    def getpeercert(self, binary: bool) -> bytes | None:
        return self._der


class Transport:
    def __init__(self, der: bytes | None = None) -> None:
        self.written = b""
        self.closed = False
        self._tls = Tls(der)

    def get_extra_info(self, name: str) -> Any:
        return {"peername": ("192.0.2.7", 4711), "ssl_object": self._tls}.get(name)

    def set_write_buffer_limits(self, high: int) -> None:
        return None

    def is_closing(self) -> bool:
        return self.closed

    def write(self, data: bytes) -> None:
        self.written += data

    def close(self) -> None:
        self.closed = True

    abort = close

    def pause_reading(self) -> None:
        return None

    def resume_reading(self) -> None:
        return None


class NoTls:
    """The member's connection is a transport fed by hand; nothing is dialled."""

    def context(self, authority_pem: str | None = None) -> None:
        return None


class House:
    """A gateway, a caller's connection and a member's connection."""

    def __init__(self, folder: Path, *, der: bytes | None = DER, kind: str = "mtls") -> None:
        loop = asyncio.get_running_loop()
        clock = DatabaseClock(loop)
        reactor = Reactor(loop)
        in_flight = Deadlines(loop, 0.1)
        self.folder = folder
        self.stream = identifiers.mint("str", int(time.time() * 1000), bytes(range(10)))
        follower = Follower(None, None, "prc_1", clock, unconfirmed_s=60.0)  # type: ignore[arg-type]
        follower.snapshot = world()
        follower.lease.until_s = loop.time() + 1_000
        self.follower = follower
        self.parts = Parts(
            loop,
            database=None,  # type: ignore[arg-type]
            follower=follower,
            tokens=TokenMemory(TokenVerifier("https://auth.localhost", "https://api.localhost")),
            allowances=Allowances(loop, None, clock),  # type: ignore[arg-type]
            record_stream=RecordStream(
                RecordWriter.open(folder, self.stream), stream_key(SECRET, self.stream), reactor
            ),
            reactor=reactor,
            member_tls=NoTls(),  # type: ignore[arg-type]
            reachable=Reachable(),
            controls=[Pool(loop, in_flight, unix_path=str(folder / "control"))],
            in_flight=in_flight,
            cache=None,  # type: ignore[arg-type]
            message_keys=MESSAGE_KEYS,
            identities=Identities("https://auth.localhost", MESSAGE_KEYS),
        )
        self.gateway = Gateway(self.parts, "localhost", Places(1_000, 1_000))
        self.listener = Listener(loop, self.gateway, kind, Deadlines(loop, 1.0))
        self.caller = Transport(der)
        self.connection = self.listener.connection()
        self.connection.connection_made(self.caller)  # type: ignore[arg-type]
        found = follower.snapshot.products["prd_1"].routes.find("GET", [b"rates"])
        assert found is not None
        operation, _ = found
        self.pool = self.parts.members.pool(operation, follower.snapshot)
        self.member = Transport()
        self.member_connection = ClientConnection(self.pool)
        self.member_connection.connection_made(self.member)  # type: ignore[arg-type]
        self.pool.released(self.member_connection)

    def apply(self, *rows: ChangeRow) -> None:
        self.follower.snapshot = drafted(self.follower.snapshot, rows)

    def ask(self, raw: bytes) -> None:
        self.connection.data_received(raw)

    def answer(self, raw: bytes) -> None:
        self.member_connection.data_received(raw)

    def call(
        self,
        method: str = "GET",
        path: str = "/rates",
        token: dict[str, Any] | str | None = None,
        body: bytes | None = None,
        *lines: str,
        raw_target: str | None = None,
    ) -> None:
        text = token if isinstance(token, str) else sign(token or claims())
        head = [f"{method} {raw_target or PREFIX + path} HTTP/1.1", "Host: api.localhost"]
        head.append(f"x-fapi-interaction-id: {INTERACTION}")
        if text:
            head.append(f"Authorization: Bearer {text}")
        if body is not None:
            head.append(f"Content-Length: {len(body)}")
            if not any(line.lower().startswith("content-type") for line in lines):
                head.append("Content-Type: application/json")
        self.ask("\r\n".join([*head, *lines, "", ""]).encode("latin-1") + (body or b""))

    @property
    def problem(self) -> dict[str, Any]:
        body = self.caller.written.partition(b"\r\n\r\n")[2]
        problem: dict[str, Any] = json.loads(body)
        return problem

    @property
    def code(self) -> str:
        """The refusal's code, or `forwarded` when the member was called."""
        return "forwarded" if self.member.written else str(self.problem["code"])

    def records(self) -> list[CallRecord]:
        return list(pending_records(self.folder, self.stream, 0))
