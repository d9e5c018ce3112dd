"""Sessions: a random secret in a cookie, and what is known of the sign-in in the cache.

Two cookies, both `__Host-` (no other host can set them), Secure, HttpOnly and SameSite=Lax:
*visit* marks a browser, so that forms and interactions belong to it; *session* says who signed in
and is new at every sign-in, so a planted one is worth nothing.

A customer's session lasts an hour. That of somebody who works here ends when it is idle, and at a
fixed time however busy it is; it counts only with two factors, and until the second one is given
it is *half open*: good for giving that and for nothing else.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, Final

from weir.identity import secrets
from weir.identity.declares import (
    HALF_OPEN_SESSION_S,
    SESSION_LIFETIME_S,
    STAFF_SESSION_IDLE_S,
    STAFF_SESSION_LIFETIME_S,
)
from weir.identity.people import Person
from weir.store.cache import Cache

VISIT_COOKIE: Final = "__Host-weir-visit"
SESSION_COOKIE: Final = "__Host-weir-session"
# How people sign in, by the names RFC 8176 gives the methods.
BY_PASSPHRASE: Final = ("pwd",)
BY_CODE: Final = ("pwd", "otp", "mfa")
BY_PASSKEY: Final = ("pop", "user", "mfa")


@dataclass(frozen=True, slots=True)
class Session:
    """A signed-in browser: who, since when, and by which methods (`amr`, RFC 8176).

    `proven_at` is when this person last proved who it is, here.
    """

    person: str
    opened_at: datetime
    amr: tuple[str, ...]
    proven_at: datetime

    def lets_in(self, person: Person) -> bool:
        """Whether it is more than half open: who works here gave two factors."""
        return "mfa" in self.amr or not person.is_staff


class Sessions:
    """Signed-in browsers."""

    def __init__(self, cache: Cache) -> None:
        self._cache = cache

    async def open_for_staff(self, person_id: str, now: datetime, amr: tuple[str, ...]) -> str:
        """As `open`, for somebody who works here; half open until two factors were given."""
        if "mfa" not in amr:
            half_open_s = HALF_OPEN_SESSION_S
            return await self.open(person_id, now, amr, lifetime_s=half_open_s, idle_s=half_open_s)
        return await self.open(
            person_id,
            now,
            amr,
            lifetime_s=STAFF_SESSION_LIFETIME_S,
            idle_s=STAFF_SESSION_IDLE_S,
        )

    async def open(
        self,
        person_id: str,
        now: datetime,
        amr: tuple[str, ...] = BY_PASSPHRASE,
        *,
        lifetime_s: int = SESSION_LIFETIME_S,
        idle_s: int = SESSION_LIFETIME_S,
    ) -> str:
        """The secret of a new session."""
        secret = secrets.new_secret()
        opened = {
            "person": person_id,
            "opened_at": now.isoformat(),
            "proven_at": now.isoformat(),
            "ends_at": (now + timedelta(seconds=lifetime_s)).isoformat(),
            "idle_s": idle_s,
            "amr": list(amr),
        }
        await self._cache.put_json(_key(secret), opened, idle_s)
        return secret

    async def find(self, secret: str | None, now: datetime) -> Session | None:
        """The session, kept from being idle; None when it is unknown or has ended."""
        found = await self._read(secret)
        if secret is None or found is None:
            return None
        left_s = (datetime.fromisoformat(found["ends_at"]) - now).total_seconds()
        if left_s <= 0:
            return None
        # Whoever signs out between the two steps is out: keeping never brings back what is gone.
        if not await self._cache.keep(_key(secret), min(found["idle_s"], int(left_s) + 1)):
            return None
        return Session(
            found["person"],
            datetime.fromisoformat(found["opened_at"]),
            tuple(found["amr"]),
            datetime.fromisoformat(found["proven_at"]),
        )

    async def prove(self, secret: str | None, now: datetime) -> None:
        """Note that the person just proved again who it is."""
        found = await self._read(secret)
        if secret is not None and found is not None:
            found["proven_at"] = now.isoformat()
            await self._cache.replace_json(_key(secret), found, found["idle_s"])

    async def close(self, secret: str | None) -> None:
        """Sign out."""
        if secret is not None and secrets.is_secret(secret):
            await self._cache.take_json(_key(secret))

    async def _read(self, secret: str | None) -> dict[str, Any] | None:
        if secret is None or not secrets.is_secret(secret):
            return None
        found: dict[str, Any] | None = await self._cache.get_json(_key(secret))
        # One of an older form has ended.
        return found if found is not None and "ends_at" in found else None


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
