"""A small alliance with real engines, real certificates, a member that answers over TLS, and a
browser: what tests of the authorization server and the pages act with.
"""

from __future__ import annotations

import asyncio
import base64
import json
import re
import secrets
import ssl
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from joserfc import jwt
from joserfc.jwk import ECKey

from every_consent import EVERY_CONSENT, document_of_every_consent
from guarded_services import register_guarded
from weir.authorization.services import Services
from weir.client.pricing import per_call
from weir.identity import customers, totp
from weir.identity.customers import Enrolment
from weir.kernel.clock import SystemClock
from weir.keys.authority import Authority
from weir.keys.vault import PLATFORM
from weir.openapi.operations import import_document
from weir.partners import applications, certificates, organisations, registration_rules
from weir.partners.applications import Application
from weir.partners.organisations import Organisation
from weir.shelf import capabilities, documents, plans, products, subscriptions
from weir.shelf.owners import Owner, Subscriber
from weir.shelf.terms import read_terms
from weir.store.unit import Actor

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
REDIRECT_URI = "https://shop.example/callback"
PASSPHRASE = "calm water clear ink"


class MovableClock(SystemClock):
    """The machine's clock, moved ahead by tests that wait for something to end."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def now(self) -> datetime:
        return super().now() + self.ahead


class Directory:
    """A member's account directory: a TLS server that asks for the platform's certificate."""

    def __init__(self) -> None:
        self.customers: dict[str, list[dict[str, Any]]] = {}
        self.body: bytes | None = None  # sent instead of the customer's accounts
        self.hangs = False
        self.seen: list[tuple[str, str]] = []  # path, and the common name that asked
        self.url = ""
        self._server: asyncio.Server | None = None

    async def start(self, context: ssl.SSLContext) -> None:
        self._server = await asyncio.start_server(self._answer, "127.0.0.1", 0, ssl=context)
        self.url = f"https://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/directory"

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            path = head.split(" ")[1]
            peer = writer.get_extra_info("peercert")
            names = {key: value for part in peer["subject"] for key, value in part}
            self.seen.append((path, names["commonName"]))
            if self.hangs:
                await asyncio.sleep(60)
            status, body = self._body(path)
            writer.write(
                f"HTTP/1.1 {status} x\r\ncontent-length: {len(body)}\r\n"
                "connection: close\r\n\r\n".encode()
                + body
            )
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    def _body(self, path: str) -> tuple[int, bytes]:
        if self.body is not None:
            return 200, self.body
        accounts = self.customers.get(path.split("/")[3])
        if accounts is None:
            return 404, b"{}"
        return 200, json.dumps({"accounts": accounts}).encode()


def account(identifier: str, name: str = "Everyday account") -> dict[str, Any]:
    return {
        "account_id": identifier,
        "kind": "current",
        "name": name,
        "masked_number": "6222 **** 0001",
        "currency": "CNY",
    }


@dataclass
class Client:
    """An application with its signing key and certificate, as its developer holds them."""

    application: Application
    key: ECKey
    certificate_der: bytes
    certificate_id: str

    @property
    def id(self) -> str:
        return self.application.id

    @property
    def thumbprint(self) -> str:
        digest = sha256(self.certificate_der).digest()
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()

    def assertion(self, issuer: str, *, header: dict[str, Any] | None = None, **claims: Any) -> str:
        """A client assertion; `claims` replace its own, and None removes one."""
        now_s = int(datetime.now(UTC).timestamp())
        usual = {
            "iss": self.id,
            "sub": self.id,
            "aud": issuer,
            "iat": now_s,
            "exp": now_s + 60,
            "jti": secrets.token_urlsafe(16),
        } | claims
        kept = {name: value for name, value in usual.items() if value is not None}
        return jwt.encode({"alg": "ES256", "kid": "one"} | (header or {}), kept, self.key)


@dataclass
class World:
    """The alliance, and ways to act in it."""

    services: Services
    authority: Authority
    directory: Directory
    clock: MovableClock
    auth: httpx.AsyncClient
    bank: Organisation = field(init=False)
    other_bank: Organisation = field(init=False)
    shop: Organisation = field(init=False)
    client: Client = field(init=False)  # private_key_jwt
    other_client: Client = field(init=False)  # tls_client_auth, of another partner

    @property
    def issuer(self) -> str:
        return self.services.addresses.issuer

    # --- making the alliance -----------------------------------------------------------------

    async def found(self) -> None:
        async with self.services.database.unit(PLATFORM) as unit:
            self.bank = await organisations.admit_member(
                unit,
                slug="river-bank",
                name_en="River Bank",
                name_zh="江河银行",
                licence_kind="bank",
                directory_url=self.directory.url,
            )
            self.other_bank = await organisations.admit_member(
                unit, slug="lake-bank", name_en="Lake Bank", name_zh="湖泊银行", licence_kind="bank"
            )
            self.shop = await organisations.admit_partner(
                unit,
                slug="shop",
                name_en="Corner Shop Ltd",
                name_zh="街角商店有限公司",
                partner_class="software_vendor",
            )
            stall = await organisations.admit_partner(
                unit,
                slug="stall",
                name_en="Stall",
                name_zh="小摊",
                partner_class="internet_platform",
            )
        self.client = await self.register(self.shop, "private_key_jwt", name="Ledger for shops")
        self.other_client = await self.register(stall, "tls_client_auth", name="Stall")
        plan = await self.publish_product("accounts")
        for client in (self.client, self.other_client):
            await self.subscribe(client, plan)

    async def organisation_of(self, kind: str) -> str:
        """One organisation of this kind; the operator is founded when it is first asked for."""
        if kind != "operator":
            return self.bank.id if kind == "member" else self.shop.id
        async with self.services.database.unit(PLATFORM) as unit:
            founded = await organisations.admit(
                unit,
                registration_rules.operator_facts(
                    slug="operator", name_en="Delta", name_zh="三角洲"
                ),
            )
        return founded.id

    async def register(
        self,
        organisation: Organisation,
        method: str,
        *,
        name: str | None = None,
        roles: Sequence[str] = ("data", "payments", "manage"),
        redirect_uris: Sequence[str] = (REDIRECT_URI, "http://127.0.0.1/native"),
        signs_requests: bool = False,
    ) -> Client:
        key = ECKey.generate_key("P-256")
        public = {**key.as_dict(private=False), "kid": "one", "use": "sig", "alg": "ES256"}
        async with self.services.database.unit(PLATFORM) as unit:
            application = await applications.register(
                unit,
                organisation.id,
                name=name or f"App of {organisation.name_en}",
                token_endpoint_auth_method=method,
                jwks={"keys": [public]} if method == "private_key_jwt" else {"keys": []},
                redirect_uris=list(redirect_uris),
                roles=list(roles),
                require_signed_request_object=signs_requests,
            )
            issued = await certificates.issue(
                unit, self.authority, application.id, certificate_request()
            )
        der = x509.load_pem_x509_certificate(issued.pem.encode()).public_bytes(Encoding.DER)
        return Client(application, key, der, issued.id)

    async def second_certificate(self, client: Client) -> Client:
        """The same application with another certificate of its own."""
        async with self.services.database.unit(PLATFORM) as unit:
            issued = await certificates.issue(
                unit, self.authority, client.id, certificate_request()
            )
        der = x509.load_pem_x509_certificate(issued.pem.encode()).public_bytes(Encoding.DER)
        return Client(client.application, client.key, der, issued.id)

    async def guard(self, owner: str) -> None:
        """Register and test the service behind an organisation's products."""
        await register_guarded(self.services.database, self.authority, owner)

    async def publish_product(self, slug: str, path: str | None = None) -> str:
        """A published product of the bank with one plan; the plan's identifier.

        It lists, without a consent, and has an operation for every type of consent.
        """
        raw = json.dumps(document_of_every_consent(slug, path or f"/{slug}")).encode()
        parsed = import_document(raw)
        owner = Owner(self.bank.id, self.bank.slug, "member")
        await self.guard(owner.id)
        async with self.services.database.unit(Actor(self.bank.id, "setup")) as unit:
            imported = await documents.store(
                unit, owner.id, slug, "https://127.0.0.1:9101", raw, parsed
            )
            held = await capabilities.of_document(unit.connection, imported.document.id)
            for each in held:
                if each.operation_id in EVERY_CONSENT:
                    await capabilities.declare(
                        unit, each.id, parsed, EVERY_CONSENT[each.operation_id]
                    )
            product = await products.draft(
                unit,
                owner,
                slug=slug,
                direction="go-out",
                title_en=slug.title(),
                title_zh="账户查询",
                capability_ids=[each.id for each in held],
            )
            await products.publish(unit, owner, product.id)
            terms = read_terms(
                name="Basic",
                currency="CNY",
                pricing=per_call("0.05"),
                rate_per_s=50,
                quota="unlimited",
                quota_period=None,
                auto_approve=True,
            )
            return (await plans.offer(unit, product.id, terms)).id

    async def subscribe(self, client: Client, plan: str) -> None:
        subscriber = Subscriber(client.id, client.application.organisation, "partner")
        async with self.services.database.unit(Actor(self.shop.id, "setup")) as unit:
            await subscriptions.request(unit, subscriber, plan)

    async def enrol(self, reference: str, *accounts: str, bank: Organisation | None = None) -> str:
        """A customer of the bank with these accounts; the secret of its one-time link."""
        self.directory.customers[reference] = [account(each) for each in accounts]
        return (await self.enrolment(reference, bank)).link_secret

    async def enrolment(self, reference: str, bank: Organisation | None = None) -> Enrolment:
        member = bank or self.bank
        async with self.services.database.unit(Actor(member.id, "teller")) as unit:
            return await customers.enrol(
                unit, member=member.id, customer_ref=reference, display_name="Li Hua"
            )

    # --- acting as a client ------------------------------------------------------------------

    def headers(self, certificate: Client | bytes | None) -> dict[str, str]:
        """What a gateway adds to a request it passes on."""
        added = {
            "weir-host-role": "auth",
            "weir-port-kind": "public",
            "weir-peer": "203.0.113.7",
            "weir-interaction-id": str(uuid.uuid4()),
        }
        if certificate is not None:
            der = certificate if isinstance(certificate, bytes) else certificate.certificate_der
            added["weir-port-kind"] = "mtls"
            added["weir-client-certificate"] = base64.b64encode(der).decode()
        return added

    async def post(
        self, path: str, form: dict[str, str] | bytes, certificate: Client | bytes | None = None
    ) -> httpx.Response:
        body = form if isinstance(form, bytes) else urlencode(form).encode()
        headers = self.headers(certificate) | {"content-type": "application/x-www-form-urlencoded"}
        return await self.auth.post(path, content=body, headers=headers)

    def proof(self, client: Client) -> dict[str, str]:
        """How a client proves itself in a form."""
        if client.application.token_endpoint_auth_method == "tls_client_auth":
            return {"client_id": client.id}
        return {
            "client_assertion_type": ASSERTION_TYPE,
            "client_assertion": client.assertion(self.issuer),
        }

    def access_request(self, client: Client, **changes: str | None) -> dict[str, str]:
        """A complete request for account access; `changes` replace parts, None removes one."""
        end = (datetime.now(UTC) + timedelta(days=90)).isoformat(timespec="seconds")
        details = {
            "type": "urn:weir:account-access:v1",
            "member": "river-bank",
            "permissions": ["ReadAccounts", "ReadBalances"],
            "purpose": "Book-keeping for your shop",
            "expires_at": end,
        }
        form: dict[str, str | None] = {
            **self.proof(client),
            "response_type": "code",
            "redirect_uri": REDIRECT_URI,
            "scope": "river-bank.accounts",
            "state": "state-1",
            "code_challenge": challenge(VERIFIER),
            "code_challenge_method": "S256",
            "authorization_details": json.dumps([details]),
        }
        return {k: v for k, v in (form | changes).items() if v is not None}

    def payment_request(self, client: Client, amount: str = "88.50") -> dict[str, str]:
        details = {
            "type": "urn:weir:payment-initiation:v1",
            "member": "river-bank",
            "amount": {"amount": amount, "currency": "CNY"},
            "payee": {"account": "6222000011112222", "name": "East Market"},
            "purpose": "Vegetables for the week",
            "reference": "Order 2027-118",
        }
        return self.access_request(client, authorization_details=json.dumps([details]))

    async def push(self, form: dict[str, str], certificate: Client | None = None) -> str:
        answer = await self.post("/par", form, certificate)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["request_uri"])

    async def credentials(
        self, client: Client, scope: str = "river-bank.accounts", **changes: str
    ) -> httpx.Response:
        form = {**self.proof(client), "grant_type": "client_credentials", "scope": scope}
        return await self.post("/token", form | changes, client)

    async def exchange(self, client: Client, code: str, **changes: str) -> httpx.Response:
        form = {
            **self.proof(client),
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": REDIRECT_URI,
            "code_verifier": VERIFIER,
        } | changes
        return await self.post("/token", form, client)

    async def refresh(self, client: Client, token: str, **changes: str) -> httpx.Response:
        form = {**self.proof(client), "grant_type": "refresh_token", "refresh_token": token}
        return await self.post("/token", form | changes, client)


VERIFIER = "v" * 43


def challenge(verifier: str) -> str:
    digest = sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def certificate_request() -> str:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "ignored")])
    request = x509.CertificateSigningRequestBuilder().subject_name(name).sign(key, SHA256())
    return request.public_bytes(Encoding.PEM).decode()


def tls_context(authority: Authority, folder: Path, name: str, *, server: bool) -> ssl.SSLContext:
    """Mutual TLS between the platform and a member: each trusts the other's issuer."""
    own = authority.issue_own(name, ["127.0.0.1"]) if server else authority.issue_gateway()
    chain = folder / f"{name}.pem"
    chain.write_text(own.key_pem + own.certificate.pem)
    purpose = ssl.Purpose.CLIENT_AUTH if server else ssl.Purpose.SERVER_AUTH
    trusted = authority.gateways_pem if server else authority.root_pem
    context = ssl.create_default_context(purpose, cadata=trusted)
    context.load_cert_chain(chain)
    if server:
        context.verify_mode = ssl.CERT_REQUIRED
    return context


@dataclass
class Form:
    """One form of a page, as a browser reads it."""

    action: str
    fields: list[tuple[str, str, str, bool]] = field(default_factory=list)  # kind, name, value, on

    def has(self, name: str) -> bool:
        """Whether it has a field of this name."""
        return any(each[1] == name for each in self.fields)

    def filled(self, button: tuple[str, str] | None, **values: str) -> dict[str, str]:
        """What would be sent: hidden and checked fields, `values`, and the button pressed."""
        sent = {
            name: value
            for kind, name, value, checked in self.fields
            if kind == "hidden" or (kind in ("text", "password")) or checked
        }
        return sent | values | dict([button] if button else [])


class _Forms(HTMLParser):
    """The forms of a page that send something, down to the footer, whose form is every page's."""

    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self._in_footer = False
        self._shown = True

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self._in_footer |= tag == "footer"
        if self._in_footer or given.get("role") == "search":
            return
        if tag == "form":
            self._shown = "hidden" not in given  # what only a script shows is not there
            if self._shown:
                self.forms.append(Form(given.get("action", "")))
        elif tag == "input" and self.forms and self._shown and "disabled" not in given:
            checked = "checked" in given and given["type"] in ("checkbox", "radio")
            value = (given["type"], given.get("name", ""), given.get("value", ""), checked)
            self.forms[-1].fields.append(value)


class Browser:
    """A browser at one host: keeps cookies, follows nothing by itself."""

    def __init__(self, app: Any, origin: str, language: str = "en") -> None:
        self.http = httpx.AsyncClient(
            transport=httpx.ASGITransport(app=app, raise_app_exceptions=False),
            base_url=origin,
            headers={
                "weir-host-role": "auth",
                "weir-peer": "203.0.113.7",
                "weir-interaction-id": "0199-test",
                "accept-language": language,
            },
        )

    async def get(self, path: str) -> httpx.Response:
        return await self.http.get(path)

    async def open(self, path: str) -> httpx.Response:
        """Get a page, following redirects within this host."""
        answer = await self.http.get(path)
        while answer.status_code == 303 and answer.headers["location"].startswith("/"):
            answer = await self.http.get(answer.headers["location"])
        return answer

    async def send(
        self,
        page: httpx.Response,
        index: int = -1,
        button: tuple[str, str] | None = None,
        **values: str,
    ) -> httpx.Response:
        """Fill in a form of a page and send it."""
        form = forms_of(page)[index]
        return await self.http.post(
            form.action or page.url.raw_path.decode(),
            content=urlencode(form.filled(button, **values)).encode(),
            headers={"content-type": "application/x-www-form-urlencoded"},
        )

    async def claim(self, link_secret: str, name: str) -> httpx.Response:
        """Set up a sign-in by a one-time link."""
        page = await self.get(f"/welcome/{link_secret}")
        return await self.send(page, display_name="Li Hua", name=name, passphrase=PASSPHRASE)

    async def set_up(self, answer: httpx.Response) -> bytes:
        """Follow a first sign-in of staff to the second factor, set it up, and be in; the secret
        of the one-time passwords.
        """
        page = await self.get(answer.headers["location"])
        shown = re.search(r'id="id-([A-Z2-7]{32})"', page.text)
        assert shown is not None, page.text
        secret = base64.b32decode(shown[1])
        code = totp.code_at(secret, int(time.time()) // totp.STEP_S)
        forms = forms_of(page)
        place = next(i for i, form in enumerate(forms) if form.has("code"))
        codes = await self.send(page, place, code=code)
        assert codes.status_code == 200, codes.text
        return secret

    async def sign_in(self, page: httpx.Response, name: str) -> httpx.Response:
        forms = forms_of(page)
        place = next(i for i, form in enumerate(forms) if form.action == "/sign-in")
        answer = await self.send(page, place, name=name, passphrase=PASSPHRASE)
        assert answer.status_code == 303, answer.text
        return await self.open(answer.headers["location"])

    async def close(self) -> None:
        await self.http.aclose()


def forms_of(page: httpx.Response) -> list[Form]:
    parser = _Forms()
    parser.feed(page.text)
    return parser.forms


def consent_form(page: httpx.Response) -> int:
    """Which form of a consent page is the question."""
    forms = forms_of(page)
    return next(i for i, form in enumerate(forms) if form.action != "/sign-out")


def query_of(location: str) -> dict[str, str]:
    """The parameters an application gets back."""
    return {name: values[0] for name, values in parse_qs(urlsplit(location).query).items()}
