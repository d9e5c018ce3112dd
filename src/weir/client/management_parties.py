"""Who takes part: organisations, applications, keys and certificates."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any

from weir.client.credentials import AuthMethod
from weir.client.management_requests import Asker, Document, place


class Parties:
    """Operations on organisations and their applications. Names are identifiers or slugs."""

    def __init__(self, asker: Asker) -> None:
        self._asker = asker

    def organisations(self, kind: str | None = None) -> AsyncIterator[Document]:
        """Everybody in the alliance; `kind` is operator, member or partner."""
        return self._asker.pages("/v1/organisations", kind=kind)

    async def organisation(self, name: str) -> Document:
        return await self._asker.get(f"/v1/organisations/{place(name)}")

    async def admit_member(
        self,
        *,
        slug: str,
        name_en: str,
        name_zh: str,
        licence_kind: str,
        institution_code: str | None = None,
        directory_url: str | None = None,
    ) -> Document:
        """Admit a licensed institution: `licence_kind` is bank, insurer or securities."""
        given = {
            "slug": slug,
            "name_en": name_en,
            "name_zh": name_zh,
            "licence_kind": licence_kind,
            "institution_code": institution_code,
            "directory_url": directory_url,
        }
        return await self._asker.post("/v1/members", given)

    async def admit_partner(
        self,
        *,
        slug: str,
        name_en: str,
        name_zh: str,
        partner_class: str,
        institution_code: str | None = None,
    ) -> Document:
        """Admit a partner of one of the five classes."""
        given = {
            "slug": slug,
            "name_en": name_en,
            "name_zh": name_zh,
            "partner_class": partner_class,
            "institution_code": institution_code,
        }
        return await self._asker.post("/v1/partners", given)

    async def suspend_organisation(self, name: str) -> Document:
        """Stop it at every gateway; answers when that is so (`effective_at`)."""
        return await self._asker.post(f"/v1/organisations/{place(name)}/suspend")

    async def resume_organisation(self, name: str) -> Document:
        return await self._asker.post(f"/v1/organisations/{place(name)}/resume")

    async def health(self) -> Document:
        """The newest change's number, and how every process stands; the operator's to ask."""
        return await self._asker.get("/v1/health")

    async def expiring_certificates(self, days: int = 30) -> list[Document]:
        """Certificates in reach that end within so many days and have no later one."""
        found = await self._asker.get("/v1/expiring-certificates", days=str(days))
        items: list[Document] = found["items"]
        return items

    async def open_production(self, name: str) -> Document:
        """Let an organisation that signed up use products beyond the sandbox."""
        return await self._asker.post(f"/v1/organisations/{place(name)}/production")

    async def register_application(
        self,
        *,
        name: str,
        auth_method: AuthMethod,
        jwks: dict[str, Any] | None = None,
        redirect_uris: Sequence[str] = (),
        roles: Sequence[str] = (),
        require_signed_request_object: bool = False,
        organisation: str | None = None,
    ) -> Document:
        """Register an application. Only the operator names an `organisation`: for its first one.

        `roles` are of data, payments, manage and, for members, introspect. The `id` in the answer
        is the client_id.
        """
        given: Document = {
            "name": name,
            "token_endpoint_auth_method": auth_method,
            "jwks": jwks,
            "redirect_uris": list(redirect_uris),
            "roles": list(roles),
            "organisation": organisation,
        }
        if require_signed_request_object:  # a platform of an older version knows no such field
            given["require_signed_request_object"] = True
        return await self._asker.post("/v1/applications", given)

    def applications(self, organisation: str | None = None) -> AsyncIterator[Document]:
        return self._asker.pages("/v1/applications", organisation=organisation)

    async def application(self, application: str) -> Document:
        return await self._asker.get(f"/v1/applications/{place(application)}")

    async def rotate_keys(self, application: str, jwks: dict[str, Any]) -> Document:
        """Replace the public keys. Send old and new together to change without a gap."""
        return await self._asker.put(f"/v1/applications/{place(application)}/keys", {"jwks": jwks})

    async def require_signed_requests(self, application: str, required: bool) -> Document:
        """Take its authorization requests only signed (RFC 9101), or also unsigned."""
        path = f"/v1/applications/{place(application)}/signed-requests"
        return await self._asker.put(path, {"required": required})

    async def set_backchannel(
        self, application: str, mode: str | None, endpoint: str | None = None
    ) -> Document:
        """How it asks customers on their own device (CIBA): poll, ping with an https endpoint that
        is told of answers, or None for not at all."""
        path = f"/v1/applications/{place(application)}/backchannel"
        return await self._asker.put(path, {"mode": mode, "endpoint": endpoint})

    async def revoke_key(self, application: str, key: str) -> Document:
        """Revoke a key everywhere: a registered one by its kid, any other by its thumbprint."""
        path = f"/v1/applications/{place(application)}/keys/revoke"
        return await self._asker.post(path, {"key": key})

    async def rehearse(self, application: str, on: bool) -> Document:
        """Let announced changes of keys and algorithms hold for the application already."""
        path = f"/v1/applications/{place(application)}/rehearsal"
        return await self._asker.put(path, {"on": on})

    async def suspend_application(self, application: str) -> Document:
        return await self._asker.post(f"/v1/applications/{place(application)}/suspend")

    async def resume_application(self, application: str) -> Document:
        return await self._asker.post(f"/v1/applications/{place(application)}/resume")

    async def trial_token(self, application: str, product: str, thumbprint: str) -> Document:
        """A token of some minutes to try a sandbox product out, bound to the key with this
        RFC 7638 thumbprint (DPoP)."""
        path = f"/v1/applications/{place(application)}/trial-tokens"
        return await self._asker.post(path, {"product": product, "thumbprint": thumbprint})

    async def trial_key(self, application: str, product: str, jwk: Document) -> Document:
        """Let a key ask a test customer for consent in the application's name, for minutes."""
        path = f"/v1/applications/{place(application)}/trial-keys"
        return await self._asker.post(path, {"product": product, "jwk": jwk})

    async def issue_certificate(self, application: str, csr_pem: str) -> Document:
        """A client certificate (`pem`) for an application's own certificate request."""
        path = f"/v1/applications/{place(application)}/certificates"
        return await self._asker.post(path, {"csr_pem": csr_pem})

    def certificates(self, application: str) -> AsyncIterator[Document]:
        return self._asker.pages(f"/v1/applications/{place(application)}/certificates")

    async def revoke_certificate(self, certificate: str) -> Document:
        """Revoke it at every gateway, with every token bound to it."""
        return await self._asker.post(f"/v1/certificates/{place(certificate)}/revoke")
