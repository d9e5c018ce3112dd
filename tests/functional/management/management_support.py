"""Asks the management API as a gateway passes requests on, for organisations of a test alliance."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import httpx
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from guarded_services import register_guarded
from weir.api.services import Services
from weir.app.jobs import works_of
from weir.identity import people
from weir.identity.acting_person import ACTING, ActingPerson
from weir.jobs.runner import tend
from weir.keys.vault import PLATFORM, Vault
from weir.partners import founding
from weir.store.unit import Actor

BACKEND = "https://127.0.0.1:9101"


def certificate_request() -> str:
    """A new key's PKCS #10 request; the key itself is forgotten, no test connects with it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "ignored")])
    request = x509.CertificateSigningRequestBuilder().subject_name(name).sign(key, SHA256())
    return request.public_bytes(Encoding.PEM).decode()


def openapi(*paths: str, title: str = "Accounts") -> bytes:
    """A small OpenAPI document with one GET a path, and a payment."""
    described: dict[str, Any] = {
        path: {"get": {"operationId": f"get{number}", "responses": {"200": {"description": "ok"}}}}
        for number, path in enumerate(paths)
    }
    return json.dumps(
        {"openapi": "3.0.3", "info": {"title": title, "version": "1"}, "paths": described}
    ).encode()


@dataclass
class Party:
    """An organisation of the alliance with one application and one certificate."""

    organisation: str
    slug: str
    kind: str
    application: str
    certificate: str
    thumbprint: str
    role: str | None = None  # of the person who asks, None for the application

    def person(self, role: str = "owner") -> Party:
        """The same organisation, asking in person."""
        return replace(self, role=role)


@dataclass
class Api:
    """Asks the management API as a gateway passes requests on."""

    services: Services
    vault: Vault
    app: Any
    client: httpx.AsyncClient
    operator: Party = field(init=False)
    people: dict[tuple[str, str | None], str] = field(default_factory=dict)

    async def token(self, party: Party, **claims: Any) -> str:
        """An access token as the authorization server issues it; `claims` replace its own."""
        now_s = int(self.services.database.clock.now().timestamp())
        usual = {
            "iss": self.services.addresses.issuer,
            "sub": party.application,
            "aud": [self.services.addresses.manage_audience],
            "client_id": party.application,
            "org": party.organisation,
            "iat": now_s,
            "exp": now_s + 300,
            "jti": f"tok_{now_s}",
            "scope": "manage",
            "cnf": {"x5t#S256": party.thumbprint},
        }
        return await self.vault.sign_jwt(usual | claims, "at+jwt")

    async def ask(
        self,
        party: Party | None,
        method: str,
        path: str,
        *,
        token: str | None = None,
        headers: dict[str, str] | None = None,
        **request: Any,
    ) -> httpx.Response:
        """One request with the party's certificate and a fresh token of its own, or in person."""
        if party is not None and party.role is not None:
            return await self._ask_in_person(party, method, path, headers or {}, **request)
        sent = {"weir-host-role": "manage", "weir-port-kind": "mtls"}
        if party is not None:
            sent["weir-client-certificate-sha256"] = party.thumbprint
            sent["authorization"] = f"Bearer {token or await self.token(party)}"
        return await self.client.request(method, path, headers=sent | (headers or {}), **request)

    async def _ask_in_person(
        self, party: Party, method: str, path: str, headers: dict[str, str], **request: Any
    ) -> httpx.Response:
        """One request of a person who proved its identity just now, as the portal asks."""
        acting = ActingPerson(await self.person_of(party), self.services.database.clock.now())

        async def app(scope: Any, receive: Any, send: Any) -> None:
            await self.app({**scope, ACTING: acting}, receive, send)

        sent = {"weir-host-role": "manage"} | headers
        transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="https://manage") as http:
            return await http.request(method, path, headers=sent, **request)

    async def person_of(self, party: Party) -> str:
        """The identifier of who works for the party in its role; made when first asked for."""
        named = (party.organisation, party.role)
        if named not in self.people:
            async with self.services.database.unit(Actor(party.organisation, "setup")) as unit:
                person = await people.create(
                    unit,
                    name=f"{party.slug}.{party.role}.in-person",
                    display_name="N",
                    passphrase_hash="",
                    kind=party.kind,  # type: ignore[arg-type]
                    organisation=party.organisation,
                    language="en",
                    role=party.role,
                )
            self.people[named] = person.id
        return self.people[named]

    async def done(self, party: Party, method: str, path: str, **request: Any) -> Any:
        """As `ask`, for what must succeed: the answer's JSON."""
        answer = await self.ask(party, method, path, **request)
        assert answer.is_success, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json()

    async def publish(self, party: Party, product: str) -> Any:
        """Publish a draft whose operations are at BACKEND, which is registered when needed."""
        services = self.services
        await register_guarded(services.database, services.authority, party.organisation, BACKEND)
        return await self.done(party, "POST", f"/v1/products/{product}/publish")

    async def admit(self, kind: str, slug: str) -> Party:
        """Admit a member or partner, and let the operator register its first application."""
        more = (
            {"licence_kind": "bank"} if kind == "member" else {"partner_class": "software_vendor"}
        )
        body = {"slug": slug, "name_en": slug.title(), "name_zh": f"机构 {slug}", **more}
        organisation = await self.done(self.operator, "POST", f"/v1/{kind}s", json=body)
        app = await self.done(
            self.operator.person(),
            "POST",
            "/v1/applications",
            json={
                "organisation": organisation["id"],
                "name": f"First of {slug}",
                "token_endpoint_auth_method": "tls_client_auth",
                "roles": ["manage"],
            },
        )
        certificate = await self.done(
            self.operator.person(),
            "POST",
            f"/v1/applications/{app['id']}/certificates",
            json={"csr_pem": certificate_request()},
        )
        return Party(
            organisation["id"], slug, kind, app["id"], certificate["id"], certificate["sha256"]
        )


async def found(api: Api) -> Party:
    async with api.services.database.unit(PLATFORM) as unit:
        secret = await founding.offer_link(unit)
    body = {
        "link_secret": secret,
        "slug": "alliance",
        "name_en": "The Alliance",
        "name_zh": "联盟",
        "csr_pem": certificate_request(),
    }
    public = {"weir-host-role": "manage", "weir-port-kind": "public"}
    answer = await api.client.post("/v1/founding", json=body, headers=public)
    assert answer.status_code == 201, answer.text
    founded = answer.json()
    return Party(
        founded["organisation"]["id"],
        "alliance",
        "operator",
        founded["application"]["id"],
        founded["certificate"]["id"],
        founded["certificate"]["sha256"],
    )


async def close(api: Api, period: dict[str, Any]) -> dict[str, Any]:
    """Ask for a closing, do it as a worker would, and read how it went."""
    asked = await api.done(api.operator, "POST", "/v1/closings", json=period)
    services = api.services
    await tend(works_of(services.database, services.lake, Path("/nonexistent"), "test"))
    found: dict[str, Any] = await api.done(api.operator, "GET", f"/v1/closings/{asked['job']}")
    return found
