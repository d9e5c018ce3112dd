"""The vault: the platform's signing keys, decrypted in the memory of one process."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, Protocol

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from weir.kernel.declares import CLOCK_AHEAD_ACCEPTED_S
from weir.kernel.outcomes import Refusal
from weir.kernel.strict_json import canonical
from weir.keys import algorithms, private_keys, signing_keys
from weir.keys.algorithms import Ending
from weir.keys.declares import SIGNED_LIFETIME_S
from weir.keys.master_key import Sealing
from weir.keys.private_keys import PrivateKey, b64url
from weir.keys.signing_keys import PLATFORM, SigningKey, announced_of, current_of
from weir.store.database import Database
from weir.store.declares import ENGINE_UNAVAILABLE

__all__ = ["PLATFORM", "Signer", "Vault", "b64url"]


class Signer(Protocol):
    """The part of the vault that token issuing and metadata use; see `Vault` for each method."""

    async def sign_jwt(
        self, claims: dict[str, Any], typ: str, *, rehearsing: bool = False
    ) -> str: ...

    def public_jwks(self) -> dict[str, list[dict[str, Any]]]: ...

    def message_jwks(self) -> dict[str, list[dict[str, Any]]]: ...

    def algorithms(self) -> list[str]: ...

    def accepted_algorithms(
        self, now: datetime, *, rehearsing: bool = False
    ) -> tuple[str, ...]: ...

    def announcements(self, now: datetime) -> list[dict[str, Any]]: ...


@dataclass(frozen=True, slots=True)
class _Ring:
    """The keys at one moment, as an immutable value.

    `current` signs, `announced` signs next, and `rows` are all keys for tokens. `messages` are the
    keys for answers of gateways, of which only the public parts are used here. `private` holds the
    decrypted keys by kid.
    """

    rows: Sequence[SigningKey]
    messages: Sequence[SigningKey]
    current: SigningKey
    announced: SigningKey | None
    private: Mapping[str, PrivateKey] = field(repr=False)
    endings: Sequence[Ending]


def _always() -> bool:
    return True


class Vault:
    """The platform's own signing keys (RFC 7518).

    `holds` tells whether the keys in memory are still up to date. A serving process follows the
    change log under a lease (`weir.keys.follower`), and signs nothing when the lease has ended.
    """

    def __init__(self, sealing: Sealing, ring: _Ring) -> None:
        self._sealing = sealing
        self._ring = ring
        self.holds: Callable[[], bool] = _always

    @classmethod
    async def open(cls, database: Database, sealing: Sealing) -> Vault:
        """Load the signing keys, or make the first ones at the platform's first start."""
        async with database.unit(PLATFORM) as unit:
            await signing_keys.ensure(unit, sealing)
            return cls(sealing, await _load(unit.connection, sealing, {}))

    async def reload(self, connection: AsyncConnection) -> None:
        """Read all keys again, and replace the old ones in one step."""
        self._ring = await _load(connection, self._sealing, self._ring.private)

    async def sign_jwt(self, claims: dict[str, Any], typ: str, *, rehearsing: bool = False) -> str:
        """Return a compact JWS (RFC 7515) over the claims, signed with the current key.

        When `rehearsing`, the announced key signs, if there is one. Refusal ENGINE_UNAVAILABLE
        when the lease has ended, so that the key may have been revoked.
        """
        if not self.holds():
            raise Refusal(ENGINE_UNAVAILABLE, "the lease on the signing keys has ended")
        ring = self._ring
        key = (ring.announced if rehearsing else None) or ring.current
        signed = f"{_header(key.algorithm, key.kid, typ)}.{b64url(msgspec.json.encode(claims))}"
        return f"{signed}.{b64url(private_keys.sign(ring.private[key.kid], signed.encode()))}"

    def public_jwks(self) -> dict[str, list[dict[str, Any]]]:
        """Return the JWK Set (RFC 7517 section 5) of every key that verifies a live token.

        `nbf` is the time from which an announced key may sign, `exp` the time at which a superseded
        key leaves the set (registered by OpenID Federation 1.0 section 8.7.2).
        """
        return {"keys": [_published_jwk(each) for each in self._ring.rows if each.counts]}

    def message_jwks(self) -> dict[str, list[dict[str, Any]]]:
        """Return the JWK Set of every key that verifies a gateway's signed answer (RFC 9421)."""
        return {"keys": [_published_jwk(each) for each in self._ring.messages if each.counts]}

    def algorithms(self) -> list[str]:
        """Return the algorithms of the key that signs now and of the announced one."""
        ring = self._ring
        return sorted({ring.current.algorithm, (ring.announced or ring.current).algorithm})

    def accepted_algorithms(self, now: datetime, *, rehearsing: bool = False) -> tuple[str, ...]:
        """Return the algorithms accepted from clients; when `rehearsing`, after announced ends."""
        endings = {each.algorithm: each.ends_at for each in self._ring.endings}
        return algorithms.accepted_algorithms(endings, now, rehearsing=rehearsing)

    def announcements(self, now: datetime) -> list[dict[str, Any]]:
        """Return the announced changes for the metadata, soonest first.

        Each has `change` (`signing_key`, `message_key` or `algorithm_ends`), `alg`, `effective_at`
        (ISO 8601) and, for a key, `kid`.
        """
        ring = self._ring
        told: list[dict[str, Any]] = []
        for change, key in (
            ("signing_key", ring.announced),
            ("message_key", announced_of(ring.messages)),
        ):
            if key is not None:
                what = {"change": change, "kid": key.kid, "alg": key.algorithm}
                told.append({**what, "effective_at": _text(key.signs_from)})
        told += [
            {"change": "algorithm_ends", "alg": each.algorithm, "effective_at": _text(each.ends_at)}
            for each in ring.endings
            if each.ends_at > now
        ]
        return sorted(told, key=lambda each: str(each["effective_at"]))


@lru_cache(maxsize=64)
def _header(algorithm: str, kid: str, typ: str) -> str:
    """The first part of a JWT; cached, since it depends only on the key and the type."""
    return b64url(canonical({"alg": algorithm, "kid": kid, "typ": typ}))


async def _load(
    connection: AsyncConnection, sealing: Sealing, known: Mapping[str, PrivateKey]
) -> _Ring:
    rows = await signing_keys.read(connection)
    current, announced = current_of(rows), announced_of(rows)
    assert current is not None, "a platform always has a key that signs"
    private = {
        each.kid: known.get(each.kid)
        or private_keys.from_der(sealing.open(each.kid, each.sealed_private))
        for each in (current, announced)
        if each is not None
    }
    messages = await signing_keys.read(connection, signing_keys.MESSAGES)
    return _Ring(
        rows, messages, current, announced, private, await algorithms.list_endings(connection)
    )


def _published_jwk(key: SigningKey) -> dict[str, Any]:
    jwk = dict(key.public)
    if key.activated_at is None:
        jwk["nbf"] = int(key.signs_from.timestamp())
    if key.superseded_at is not None:
        longest = timedelta(seconds=SIGNED_LIFETIME_S + CLOCK_AHEAD_ACCEPTED_S)
        jwk["exp"] = int((key.superseded_at + longest).timestamp())
    return jwk


def _text(at: datetime) -> str:
    return at.isoformat(timespec="seconds")
