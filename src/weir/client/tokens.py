"""Access tokens, and a keeper that renews one for many callers at once."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Final

from weir.client.errors import ProtocolError

# A token is renewed this long before its end, so that none dies on the way.
_EARLY_S: Final = 20.0
_SCHEMES: Final = {"bearer": "Bearer", "dpop": "DPoP"}


@dataclass(frozen=True, slots=True)
class Token:
    """A token response (RFC 6749 section 5.1).

    `ends_monotonic_s` is on this process's monotonic clock, so that a wrong wall clock does not
    matter. `authorization_details` are those granted (RFC 9396 section 7), `grant_id` names the
    consent.
    """

    access_token: str = field(repr=False)
    ends_monotonic_s: float
    scope: str = ""
    refresh_token: str | None = field(default=None, repr=False)
    authorization_details: list[dict[str, Any]] = field(default_factory=list)
    grant_id: str | None = None
    scheme: str = "Bearer"  # or DPoP: how the token is sent

    @classmethod
    def read(cls, body: dict[str, Any]) -> Token:
        """Read a token endpoint's answer. ProtocolError when it is not in its form."""
        access, lifetime = body.get("access_token"), body.get("expires_in")
        refresh, details = body.get("refresh_token"), body.get("authorization_details", [])
        # The type of a certificate-bound token stays "Bearer" (RFC 8705 section 3).
        scheme = _SCHEMES.get(str(body.get("token_type", "")).lower())
        if not isinstance(access, str) or scheme is None:
            raise ProtocolError("the token endpoint's answer has no token of a known type")
        if not isinstance(lifetime, int) or not isinstance(details, list):
            raise ProtocolError("the token endpoint's answer is not in its form")
        grant = body.get("grant_id")
        return cls(
            access_token=access,
            ends_monotonic_s=time.monotonic() + lifetime,
            scope=str(body.get("scope", "")),
            refresh_token=refresh if isinstance(refresh, str) else None,
            authorization_details=details,
            grant_id=grant if isinstance(grant, str) else None,
            scheme=scheme,
        )

    def accounts(self) -> list[str]:
        """Return the accounts (policies, portfolios) granted; of a payment, the debtor account."""
        found: list[str] = []
        for entry in self.authorization_details:
            found += entry.get("accounts", [])
            if "debtor_account" in entry:
                found.append(entry["debtor_account"])
        return found


Renew = Callable[[Token | None], Awaitable[Token]]


class TokenKeeper:
    """Keeper of a valid token, which renews it once however many callers wait for it.

    `renew` gets the token that is ending (None at the beginning) and returns the next.
    """

    def __init__(self, renew: Renew, token: Token | None = None) -> None:
        self._renew = renew
        self._token = token
        self._turn = asyncio.Lock()

    async def token(self) -> Token:
        """Return the kept token while it has twenty seconds left, else a renewed one."""
        present = self._token
        if present is not None and not _ending(present):
            return present
        return await self._replace(present)

    async def replace(self, refused: Token) -> Token:
        """Return the token after one that has expired; only the first caller renews it."""
        return await self._replace(refused)

    async def _replace(self, old: Token | None) -> Token:
        async with self._turn:
            if self._token is None or self._token is old:
                self._token = await self._renew(old)
            return self._token


def _ending(token: Token) -> bool:
    return token.ends_monotonic_s - time.monotonic() < _EARLY_S
