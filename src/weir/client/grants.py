"""Grants, queried and revoked (Grant Management for OAuth 2.0, draft 03, section 6)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from weir.client.authorization import AuthorizationServer
from weir.client.errors import OAuthError, ProtocolError
from weir.client.exchange import Answer
from weir.client.tokens import Token, TokenKeeper

_ENDPOINT: Final = "grant_management_endpoint"
_QUERY: Final = "grant_management_query"
_REVOKE: Final = "grant_management_revoke"


@dataclass(frozen=True, slots=True)
class Grant:
    """The present extent of a grant.

    `scope` is space separated, `authorization_details` are those granted (RFC 9396).
    """

    scope: str
    authorization_details: list[dict[str, Any]]


class Grants:
    """The grants of one application, by the `grant_id` of its token responses.

    Changing one asks its customer: `push_authorization_request` with `merge` or `replace`. Errors:
    OAuthError (404: unknown, ended, or not yours), UnreachableError, ProtocolError.
    """

    def __init__(self, server: AuthorizationServer) -> None:
        self._server = server
        self._keepers = {
            "GET": _keeper(server, _QUERY),
            "DELETE": _keeper(server, _REVOKE),
        }

    async def query(self, grant_id: str) -> Grant:
        """Return the present extent of the grant (section 6.4)."""
        body = (await self._ask("GET", grant_id)).object()
        scopes, details = body.get("scopes", []), body.get("authorization_details", [])
        if not _all_objects(scopes) or not _all_objects(details):
            raise ProtocolError("the grant's answer is not in its form")
        return Grant(" ".join(str(each.get("scope", "")) for each in scopes), details)

    async def revoke(self, grant_id: str) -> None:
        """End the grant and every token on it (section 6.5), at every gateway when this returns.

        OAuthError with status 503: it is stored, and not every gateway has said so yet. Asking
        again is safe.
        """
        await self._ask("DELETE", grant_id)

    async def _ask(self, method: str, grant_id: str) -> Answer:
        keeper = self._keepers[method]
        token = await keeper.token()
        try:
            return await self._server.ask(method, _ENDPOINT, grant_id, token)
        except OAuthError as error:
            if error.status != 401:
                raise
        renewed = await keeper.replace(token)
        return await self._server.ask(method, _ENDPOINT, grant_id, renewed)


def _keeper(server: AuthorizationServer, scope: str) -> TokenKeeper:
    async def renew(_: Token | None) -> Token:
        return await server.client_credentials(scope)

    return TokenKeeper(renew)


def _all_objects(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(each, dict) for each in value)
