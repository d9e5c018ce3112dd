"""Sessions: a random secret in a cookie, and the facts of the sign-in in the cache.

There are two cookies, both `__Host-` (no other host can set them), Secure, HttpOnly and
SameSite=Lax. *visit* marks a browser, so that forms and interactions belong to it. *session* is
the secret of a sign-in; each sign-in makes a new one, so a planted cookie is useless.

A session belongs to one host: the cookie's value is worth nothing at the other one.

A customer's session lasts an hour. A staff session ends when it is idle for some time, and at a
fixed time in any case. It needs two factors. Until the second one is given, the session is *half
open*: it permits giving the second factor and nothing else.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, Final, Literal

from weir.identity import secrets
from weir.identity.declares import (
    HALF_OPEN_SESSION_S,
    SESSION_LIFETIME_S,
    STAFF_SESSION_IDLE_S,
    STAFF_SESSION_LIFETIME_S,
)
from weir.identity.people import Person
from weir.store.cache import Cache

# The hosts at which people sign in: the portal, and the authorization server.
Host = Literal["portal", "auth"]

VISIT_COOKIE: Final = "__Host-weir-visit"
SESSION_COOKIE: Final = "__Host-weir-session"
# Methods of sign-in, by their names in RFC 8176.
BY_PASSPHRASE: Final = ("pwd",)
BY_CODE: Final = ("pwd", "otp", "mfa")
BY_PASSKEY: Final = ("pop", "user", "mfa")


@dataclass(frozen=True, slots=True)
class Session:
    """A signed-in browser: the person, the time, and the methods of sign-in (`amr`, RFC 8176).

    `proven_at` is the time of the person's last proof of identity in this session.
    """

    person: str
    opened_at: datetime
    amr: tuple[str, ...]
    proven_at: datetime

    def is_open_to(self, person: Person) -> bool:
        """Whether the session is fully open: staff need two factors, customers one."""
        return "mfa" in self.amr or not person.is_staff


class Sessions:
    """The store of sessions, in the cache."""

    def __init__(self, cache: Cache) -> None:
        self._cache = cache

    async def open_for_staff(self, person_id: str, now: datetime, amr: tuple[str, ...]) -> str:
        """Open a session at the portal for a member of staff, half open without a second factor in
        `amr`.

        Returns the session's secret.
        """
        if "mfa" not in amr:
            half_open_s = HALF_OPEN_SESSION_S
            return await self.open(
                person_id, now, "portal", amr, lifetime_s=half_open_s, idle_s=half_open_s
            )
        return await self.open(
            person_id,
            now,
            "portal",
            amr,
            lifetime_s=STAFF_SESSION_LIFETIME_S,
            idle_s=STAFF_SESSION_IDLE_S,
        )

    async def open(
        self,
        person_id: str,
        now: datetime,
        host: Host,
        amr: tuple[str, ...] = BY_PASSPHRASE,
        *,
        lifetime_s: int = SESSION_LIFETIME_S,
        idle_s: int = SESSION_LIFETIME_S,
    ) -> str:
        """Open a session at a host and return its secret.

        It ends after `lifetime_s`, or after `idle_s` without a request.
        """
        secret = secrets.new_secret()
        opened = {
            "person": person_id,
            "host": host,
            "opened_at": now.isoformat(),
            "proven_at": now.isoformat(),
            "ends_at": (now + timedelta(seconds=lifetime_s)).isoformat(),
            "idle_s": idle_s,
            "amr": list(amr),
        }
        await self._cache.put_json(_key(secret), opened, idle_s)
        return secret

    async def find(self, secret: str | None, now: datetime, host: Host) -> Session | None:
        """Return the session and restart its idle time; None when it is unknown, another host's, or
        has ended.
        """
        found = await self._read(secret)
        if secret is None or found is None or found["host"] != host:
            return None
        left_s = (datetime.fromisoformat(found["ends_at"]) - now).total_seconds()
        if left_s <= 0:
            return None
        # A sign-out between the two steps holds: `keep` never restores a removed session.
        if not await self._cache.extend(_key(secret), min(found["idle_s"], int(left_s) + 1)):
            return None
        return Session(
            found["person"],
            datetime.fromisoformat(found["opened_at"]),
            tuple(found["amr"]),
            datetime.fromisoformat(found["proven_at"]),
        )

    async def prove(self, secret: str | None, now: datetime) -> None:
        """Record that the person proved its identity again just now."""
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
        # A session stored in an older form has ended.
        return found if found is not None and "host" in found else None


def form_token(visit: str, session: str | None, form: str) -> str:
    """Return the token that binds a form to this browser, this session and this purpose.

    It is derived from the cookies, so nothing is stored for visitors who are not signed in.
    """
    message = f"{session or ''}|{form}".encode()
    return hmac.new(visit.encode(), message, sha256).hexdigest()


def is_form_token(token: str, visit: str | None, session: str | None, form: str) -> bool:
    """Whether the token of a submitted form is that of its browser (no cross-site forgery)."""
    if visit is None or not secrets.is_secret(visit):
        return False
    return hmac.compare_digest(token.encode(), form_token(visit, session, form).encode())


def _key(secret: str) -> str:
    return f"session:{secrets.digest(secret)}"
