"""Applications: the OAuth clients of organisations, and their keys."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any

from weir.client.credentials import AuthMethod
from weir.client.management.requests import Document, Requests, quote_segment


class Applications:
    """Operations on applications."""

    def __init__(self, requests: Requests) -> None:
        self._requests = requests

    async def register(
        self,
        *,
        name: str,
        auth_method: AuthMethod,
        jwks: dict[str, Any] | None = None,
        redirect_uris: Sequence[str] = (),
        roles: Sequence[str] = (),
        require_signed_request_object: bool = False,
        organisation: str | None = None,
        management_role: str | None = None,
    ) -> Document:
        """Register an application. Only the operator names an `organisation`: for its first one.

        `roles` are of data, payments, manage and, for members, introspect. One that manages is for
        owners, with a fresh proof, and acts in `management_role`; None is the owner's. The `id` in
        the answer is the client_id.
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
        if management_role is not None:
            given["management_role"] = management_role
        return await self._requests.post("/v1/applications", given)

    def list(self, organisation: str | None = None) -> AsyncIterator[Document]:
        """List applications within reach; the operator may name an `organisation`."""
        return self._requests.pages("/v1/applications", organisation=organisation)

    async def get(self, application: str) -> Document:
        """Get one application."""
        return await self._requests.get(f"/v1/applications/{quote_segment(application)}")

    async def take_over(self, application: str, management_role: str | None = None) -> Document:
        """Answer for an application that manages; it acts in `management_role` from now on.

        None leaves the role that it has.
        """
        path = f"/v1/applications/{quote_segment(application)}/take-over"
        return await self._requests.post(path, {"management_role": management_role})

    async def rotate_keys(self, application: str, jwks: dict[str, Any]) -> Document:
        """Replace the public keys. Send old and new together to change without a gap."""
        return await self._requests.put(
            f"/v1/applications/{quote_segment(application)}/keys", {"jwks": jwks}
        )

    async def require_signed_requests(self, application: str, required: bool) -> Document:
        """Take its authorization requests only signed (RFC 9101), or also unsigned."""
        path = f"/v1/applications/{quote_segment(application)}/signed-requests"
        return await self._requests.put(path, {"required": required})

    async def set_backchannel(
        self, application: str, mode: str | None, endpoint: str | None = None
    ) -> Document:
        """Set how an application asks customers on their own device (CIBA).

        `mode` is poll, ping with an https endpoint that is notified of answers, or None for not at
        all.
        """
        path = f"/v1/applications/{quote_segment(application)}/backchannel"
        return await self._requests.put(path, {"mode": mode, "endpoint": endpoint})

    async def revoke_key(self, application: str, key: str) -> Document:
        """Revoke a key everywhere: a registered one by its kid, any other by its thumbprint."""
        path = f"/v1/applications/{quote_segment(application)}/keys/revoke"
        return await self._requests.post(path, {"key": key})

    async def rehearse(self, application: str, on: bool) -> Document:
        """Let announced changes of keys and algorithms hold for the application already."""
        path = f"/v1/applications/{quote_segment(application)}/rehearsal"
        return await self._requests.put(path, {"on": on})

    async def suspend(self, application: str) -> Document:
        """Stop an application at every gateway; returns once that is so (`effective_at`)."""
        return await self._requests.post(f"/v1/applications/{quote_segment(application)}/suspend")

    async def resume(self, application: str) -> Document:
        """Undo an application's suspension."""
        return await self._requests.post(f"/v1/applications/{quote_segment(application)}/resume")
