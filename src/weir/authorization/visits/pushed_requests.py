"""Pushed requests and interactions in the cache: short-lived, and worth nothing when stolen."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final

import msgspec

from weir.authorization.declares import (
    INTERACTION_MEMORY_S,
    OAUTH_RATE_EXCEEDED,
    PUSHED_BYTES_OF_CLIENT,
    PUSHED_REQUEST_LIFETIME_S,
    VISIT_BYTES_OF_CLIENT,
    VISITS_OF_REQUEST,
)
from weir.authorization.exchange import PushedRequest
from weir.consent.declares import INTERACTION_LIFETIME_S
from weir.identity.secrets import digest, is_secret, new_secret
from weir.kernel.outcomes import Refusal
from weir.store.cache import Cache

REQUEST_URI_PREFIX: Final = "urn:ietf:params:oauth:request_uri:"


class Interaction(msgspec.Struct, frozen=True, kw_only=True):
    """A customer's visit to the consent pages, for one pushed request, in one browser.

    It is remembered longer than it may be answered, so that a late page still knows the way back.
    """

    id: str
    visit_sha256: str
    request_key: str
    pushed: PushedRequest
    expires_at: datetime
    answered: bool = False

    @property
    def begun_at(self) -> datetime:
        """The moment when the visit began."""
        return self.expires_at - timedelta(seconds=INTERACTION_LIFETIME_S)

    def open_at(self, now: datetime) -> bool:
        """Whether the question may still be answered."""
        return not self.answered and now < self.expires_at


async def push(cache: Cache, pushed: PushedRequest) -> str:
    """Keep a request. Return its `request_uri` (RFC 9126 section 2.2).

    OAUTH_RATE_EXCEEDED when its client's requests hold PUSHED_BYTES_OF_CLIENT already.
    """
    secret = new_secret()
    key, lifetime_s = f"pushed:{digest(secret)}", PUSHED_REQUEST_LIFETIME_S
    kept = msgspec.to_builtins(pushed)
    counter = f"pushed:{pushed.client}"
    if not await cache.put_counted(key, kept, lifetime_s, counter, PUSHED_BYTES_OF_CLIENT):
        raise Refusal(OAUTH_RATE_EXCEEDED, f"{counter} is full", retry_after_s=lifetime_s)
    return REQUEST_URI_PREFIX + secret


async def recall(cache: Cache, request_uri: str) -> tuple[str, PushedRequest] | None:
    """Return the key and the pushed request of a `request_uri`, as often as its page is loaded."""
    secret = request_uri.removeprefix(REQUEST_URI_PREFIX)
    if secret == request_uri or not is_secret(secret):
        return None
    key = f"pushed:{digest(secret)}"
    found: Any = await cache.get_json(key)
    return None if found is None else (key, msgspec.convert(found, PushedRequest))


async def begin(
    cache: Cache,
    interaction_id: str,
    visit: str,
    request_key: str,
    pushed: PushedRequest,
    now: datetime,
) -> Interaction:
    """Begin a visit that belongs to the browser with this visit secret.

    OAUTH_RATE_EXCEEDED when the request has begun VISITS_OF_REQUEST already, or its client's visits
    hold VISIT_BYTES_OF_CLIENT.
    """
    begun = await cache.count(f"visits:{request_key}", PUSHED_REQUEST_LIFETIME_S)
    if begun > VISITS_OF_REQUEST:
        raise Refusal(OAUTH_RATE_EXCEEDED, f"{begun} visits", retry_after_s=INTERACTION_LIFETIME_S)
    interaction = Interaction(
        id=interaction_id,
        visit_sha256=digest(visit),
        request_key=request_key,
        pushed=pushed,
        expires_at=now + timedelta(seconds=INTERACTION_LIFETIME_S),
    )
    counter, most = f"visits:{pushed.client}", VISIT_BYTES_OF_CLIENT
    kept, lifetime_s = msgspec.to_builtins(interaction), INTERACTION_MEMORY_S
    if not await cache.put_counted(_key(interaction.id), kept, lifetime_s, counter, most):
        raise Refusal(OAUTH_RATE_EXCEEDED, f"{counter} is full", retry_after_s=lifetime_s)
    return interaction


async def find(cache: Cache, interaction_id: str, visit: str | None) -> Interaction | None:
    """Return a visit, for the browser that began it; None for any other."""
    if visit is None:
        return None
    found: Any = await cache.get_json(_key(interaction_id))
    if found is None:
        return None
    interaction = msgspec.convert(found, Interaction)
    return interaction if interaction.visit_sha256 == digest(visit) else None


async def end(cache: Cache, interaction: Interaction) -> None:
    """Use the `request_uri` up, after the question was answered."""
    await cache.take_json(interaction.request_key)
    answered = msgspec.to_builtins(msgspec.structs.replace(interaction, answered=True))
    await cache.put_json(_key(interaction.id), answered, INTERACTION_MEMORY_S)


def _key(interaction_id: str) -> str:
    return f"interaction:{interaction_id}"
