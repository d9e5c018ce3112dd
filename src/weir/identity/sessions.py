"""Sessions: a random secret in a cookie, its digest in the cache, and nothing else in either.

Two cookies, both `__Host-` (no other host can set them), Secure, HttpOnly and SameSite=Lax:
*visit* marks a browser, so that forms and interactions belong to it; *session* says who signed in
and is new at every sign-in, so a planted one is worth nothing.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Final

from weir.identity import secrets
from weir.kernel import limits
from weir.store.cache import Cache

VISIT_COOKIE: Final = "__Host-weir-visit"
SESSION_COOKIE: Final = "__Host-weir-session"
# How people sign in, by the name RFC 8176 gives the method. There is one way so far.
BY_PASSPHRASE: Final = ("pwd",)


@dataclass(frozen=True, slots=True)
class Session:
    """A signed-in browser: who, since when, and by which methods (`amr`, RFC 8176)."""

    person: str
    opened_at: datetime
    amr: tuple[str, ...]


class Sessions:
    """Signed-in browsers, for `limits.SESSION_LIFETIME_S` each."""

    def __init__(self, cache: Cache) -> None:
        self._cache = cache

    async def open(self, person_id: str, now: datetime) -> str:
        """The secret of a new session."""
        secret = secrets.new_secret()
        opened = {
            "person": person_id,
            "opened_at": now.isoformat(),
            "amr": list(BY_PASSPHRASE),
        }
        await self._cache.put_json(_key(secret), opened, limits.SESSION_LIFETIME_S)
        return secret

    async def find(self, secret: str | None) -> Session | None:
        """The session, or None when it is unknown or has ended."""
        if secret is None or not secrets.is_secret(secret):
            return None
        found = await self._cache.get_json(_key(secret))
        if found is None or "amr" not in found:  # one of an older form has ended
            return None
        opened_at = datetime.fromisoformat(found["opened_at"])
        return Session(found["person"], opened_at, tuple(found["amr"]))

    async def close(self, secret: str | None) -> None:
        """Sign out."""
        if secret is not None and secrets.is_secret(secret):
            await self._cache.take_json(_key(secret))


def form_token(visit: str, session: str | None, form: str) -> str:
    """The proof that a form was made for this browser, this session and this purpose.

    It is derived from the cookies, so nothing need be stored for visitors who are not signed in.
    """
    message = f"{session or ''}|{form}".encode()
    return hmac.new(visit.encode(), message, sha256).hexdigest()


def form_token_fits(token: str, visit: str | None, session: str | None, form: str) -> bool:
    """Whether a sent form carries its own browser's proof (no cross-site request forgery)."""
    if visit is None or not secrets.is_secret(visit):
        return False
    return hmac.compare_digest(token.encode(), form_token(visit, session, form).encode())


def _key(secret: str) -> str:
    return f"session:{secrets.digest(secret)}"
