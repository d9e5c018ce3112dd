"""Keys with which a developer's browser asks a test customer in an application's name.

Such a key proves the application for some minutes (RFC 7523), beside the keys it registered, and
only to ask a customer for a consent and to turn the code into a token: for one sandbox product, of
its owner, at the portal's own address, with tokens bound to this very key. The browser made it and
cannot export it. It is kept in the cache: a browser that loses it makes another.
"""

from __future__ import annotations

import re
from typing import Any, Final

import msgspec

from weir.authorization.declares import TRIAL_KEY_LIFETIME_S
from weir.store.cache import Cache

PREFIX: Final = "trial."  # of their names, so that no other key is looked for in the cache
_NAME: Final = re.compile(rf"{re.escape(PREFIX)}[A-Za-z0-9_-]{{43}}", re.ASCII)
RETURNS_TO: Final = "/try/back"  # on the portal


class TrialKey(msgspec.Struct, frozen=True, kw_only=True):
    """A public key, and its permitted use. `member` is the slug of the product's owner."""

    application: str
    scope: str
    member: str
    jwk: dict[str, Any]
    thumbprint: str
    returns_to: str

    @property
    def kid(self) -> str:
        """The key identifier in the header of a JWT signed with it."""
        return PREFIX + self.thumbprint


async def store(cache: Cache, key: TrialKey) -> None:
    """Let the key count from now on, for TRIAL_KEY_LIFETIME_S."""
    name = f"trial-key:{key.application}:{key.thumbprint}"
    await cache.put_json(name, msgspec.to_builtins(key), TRIAL_KEY_LIFETIME_S)


async def find(cache: Cache, application: str, kid: str | None) -> TrialKey | None:
    """Return the key of this name, if it is a trial's and counts for this application."""
    if kid is None or not is_trials(kid):
        return None
    found: Any = await cache.get_json(f"trial-key:{application}:{kid.removeprefix(PREFIX)}")
    return None if found is None else msgspec.convert(found, TrialKey)


def is_trials(kid: str) -> bool:
    """Whether it is the name of a trial's key: the prefix and a thumbprint (RFC 7638)."""
    return _NAME.fullmatch(kid) is not None
