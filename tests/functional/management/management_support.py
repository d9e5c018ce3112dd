"""Asks the management API as a gateway passes requests on, for organisations of a test alliance."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from weir.api.services import Services
from weir.app.jobs import works_of
from weir.jobs.runner import tend
from weir.keys.vault import PLATFORM, Vault
from weir.partners import founding

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


@dataclass
class Api:
    """Asks the management API as a gateway passes requests on."""

    services: Services
    vault: Vault
    client: httpx.AsyncClient
    operator: Party = field(init=False)

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
        """One request with the party's certificate and a fresh token of its own."""
        sent = {"weir-host-role": "manage", "weir-port-kind": "mtls"}
        if party is not None:
            sent["weir-client-certificate-sha256"] = party.thumbprint
            sent["authorization"] = f"Bearer {token or await self.token(party)}"
        return await self.client.request(method, path, headers=sent | (headers or {}), **request)

    async def done(self, party: Party, method: str, path: str, **request: Any) -> Any:
        """As `ask`, for what must succeed: the answer's JSON."""
        answer = await self.ask(party, method, path, **request)
        assert answer.is_success, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json()

    async def admit(self, kind: str, slug: str) -> Party:
        """Admit a member or partner, and let the operator register its first application."""
        more = (
            {"licence_kind": "bank"} if kind == "member" else {"partner_class": "software_vendor"}
        )
        body = {"slug": slug, "name_en": slug.title(), "name_zh": f"机构 {slug}", **more}
        organisation = await self.done(self.operator, "POST", f"/v1/{kind}s", json=body)
        app = await self.done(
            self.operator,
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
            self.operator,
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
