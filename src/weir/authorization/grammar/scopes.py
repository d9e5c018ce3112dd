"""Scopes: `<owner>.<product>` for each product subscribed to, `manage`, and two over grants."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Final

from weir.authorization.declares import OAUTH_INVALID_SCOPE
from weir.kernel.outcomes import Refusal

MANAGE: Final = "manage"
GRANT_QUERY: Final = "grant_management_query"
GRANT_REVOKE: Final = "grant_management_revoke"
GRANT_MANAGEMENT: Final = frozenset({GRANT_QUERY, GRANT_REVOKE})
_SCOPES_AT_MOST: Final = 100
_TOKEN = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]{1,100}")  # scope-token, RFC 6749 section 3.3


def read_scopes(raw: str | None) -> frozenset[str]:
    """Read a `scope` parameter. Order means nothing; a scope named twice is one scope.

    OAUTH_INVALID_SCOPE when there is none: this server has no default (RFC 6749 section 3.3).
    """
    names = raw.split(" ") if raw else []
    if not 0 < len(names) <= _SCOPES_AT_MOST or not all(_TOKEN.fullmatch(name) for name in names):
        raise Refusal(OAUTH_INVALID_SCOPE, "missing or malformed", why="missing or malformed")
    return frozenset(names)


def require_within(asked: frozenset[str], allowed: Collection[str]) -> None:
    """Raise OAUTH_INVALID_SCOPE unless every scope asked for is allowed."""
    if not asked <= set(allowed):
        raise Refusal(
            OAUTH_INVALID_SCOPE,
            f"{sorted(asked - set(allowed))} not open to the client",
            why="a scope is not one of the application's subscriptions",
        )


def require_registered(asked: frozenset[str], registered: Collection[str] | None) -> None:
    """Raise OAUTH_INVALID_SCOPE unless the client registered every scope, or none at all.

    RFC 7591 section 2.
    """
    if registered is not None and not asked <= set(registered):
        reason = "a scope is not one that the client registered"
        raise Refusal(OAUTH_INVALID_SCOPE, reason, why=reason)


def write_scopes(scopes: frozenset[str]) -> str:
    """Return a set of scopes in its one written form."""
    return " ".join(sorted(scopes))
