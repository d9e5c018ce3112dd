"""Bounds that a token request sets to its token: the resource it is for, and what it may do."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

from weir.authorization.declares import OAUTH_INVALID_TARGET
from weir.authorization.exchange import Exchange, wrong
from weir.authorization.tokens.access_tokens import audience_of
from weir.consent.narrower_details import narrowed
from weir.kernel.outcomes import Refusal

_RESOURCE_CHARACTERS: Final = 2_000


def resource_is_the_scopes(exchange: Exchange) -> None:
    """Require of `resource` that it is what a token of the scope asked for is for.

    RFC 8707 section 2. A token has the audience of its scope, so that the parameter chooses
    nothing: it is refused when the client means another's API. OAUTH_INVALID_TARGET.
    """
    _require_target(exchange, exchange.scope)


def resource_is_the_tokens(exchange: Exchange) -> None:
    """Require the same in a token request, whose scope is the grant's unless it has its own."""
    if "resource" in exchange.parameters:
        _require_target(exchange, exchange.scope or frozenset(exchange.grant.scope.split(" ")))


def details_are_narrowed(exchange: Exchange) -> None:
    """Keep of the granted entry what the token request asks for (RFC 9396 section 6).

    OAUTH_INVALID_AUTHORIZATION_DETAILS. The grant, and its refresh token, stay as they are.
    """
    raw = exchange.parameters.get("authorization_details")
    if raw is None:
        return
    granted = exchange.consent.granted
    assert granted is not None, "tokens are for what was granted"
    exchange.details = narrowed(raw, granted)


def _require_target(exchange: Exchange, scope: frozenset[str]) -> None:
    named = exchange.parameters.get("resource")
    if named is None:
        return
    if not _is_absolute(named):
        raise wrong("resource", "is not an absolute https address without a fragment")
    hosts = {urlsplit(each).hostname for each in audience_of(exchange.services.addresses, scope)}
    if urlsplit(named).hostname not in hosts:
        reason = f"it is for {' and '.join(sorted(filter(None, hosts)))}"
        raise Refusal(OAUTH_INVALID_TARGET, named, why=reason)


def _is_absolute(address: str) -> bool:
    if len(address) > _RESOURCE_CHARACTERS:
        return False
    try:
        parts = urlsplit(address)
        return parts.scheme == "https" and bool(parts.hostname) and "#" not in address
    except ValueError:
        return False
