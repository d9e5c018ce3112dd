"""The life of a signing key: announced, signing, superseded, retired; or revoked at any point.

There are keys for two purposes, each with one that signs. Control processes sign tokens, and
gateways sign answers to signed requests (RFC 9421). So a gateway, which is open to every caller,
cannot make a token.

    announced    in the JWKS with `nbf`, accepted everywhere, signs nothing (except for rehearsals)
    signing      from its date on, once every gateway and control process has acknowledged it
    superseded   another key signs everywhere; older signatures are accepted until they expire
    retired      all its signatures have expired; it left the JWKS, its private part is deleted
    revoked      accepted nowhere, at once

Each transition is one unit of work that publishes the key's new state to the followers of the
change log. `advance_due` makes the transitions that are due, and may be killed between any two.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Row, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from weir.kernel import inputs
from weir.kernel.declares import CLOCK_AHEAD_ACCEPTED_S, CONFLICT, ILLEGAL_STATE, NOT_FOUND
from weir.kernel.outcomes import Refusal
from weir.keys import private_keys
from weir.keys.algorithms import require_ahead
from weir.keys.declares import (
    CHANGE_ANNOUNCED_S,
    KEY_ANNOUNCED_DAYS,
    SIGNED_LIFETIME_S,
    SIGNING_KEYS_LOCK,
)
from weir.keys.master_key import Sealing
from weir.keys.published import MESSAGE_KEY, SIGNING_KEY, SigningKeyDocument
from weir.keys.tables import keys
from weir.store.database import Database
from weir.store.locks import hold
from weir.store.processes import EVERYBODY, await_acknowledged, find_acknowledged
from weir.store.schema import changes
from weir.store.unit import Actor, Change, UnitOfWork

PLATFORM: Final = Actor(organisation="platform", subject="platform")
TOKENS: Final = "access_token"
MESSAGES: Final = "message"
PURPOSES: Final = (TOKENS, MESSAGES)
_CHANGE_KINDS: Final = {TOKENS: SIGNING_KEY, MESSAGES: MESSAGE_KEY}
_FORGOTTEN: Final = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningKey:
    """One signing key as stored.

    `sealed_private` is empty once the key is retired or revoked. A time is None until it happens.
    """

    kid: str
    purpose: str
    public: dict[str, Any]
    sealed_private: bytes
    announced_at: datetime
    signs_from: datetime
    activated_at: datetime | None
    superseded_at: datetime | None
    retired_at: datetime | None
    revoked_at: datetime | None

    @property
    def algorithm(self) -> str:
        return str(self.public["alg"])

    @property
    def state(self) -> str:
        """The key's state, one of the words in the module's table."""
        if self.revoked_at is not None:
            return "revoked"
        if self.retired_at is not None:
            return "retired"
        if self.superseded_at is not None:
            return "superseded"
        return "announced" if self.activated_at is None else "signing"

    @property
    def counts(self) -> bool:
        """Whether the key's signatures are accepted."""
        return self.revoked_at is None and self.retired_at is None


def current_of(rows: Sequence[SigningKey]) -> SigningKey | None:
    """Return the key that signs, or None: of the accepted keys, the one activated last."""
    active = [each for each in rows if each.counts and each.activated_at is not None]
    return max(active, key=lambda each: (each.activated_at, each.kid), default=None)


def announced_of(rows: Sequence[SigningKey]) -> SigningKey | None:
    """Return the announced key that will sign next, or None."""
    waiting = [each for each in rows if each.counts and each.activated_at is None]
    return min(waiting, key=lambda each: (each.signs_from, each.kid), default=None)


async def read(connection: AsyncConnection, purpose: str = TOKENS) -> Sequence[SigningKey]:
    """Return all keys for a purpose, in every state, oldest first."""
    found = await connection.execute(
        select(keys).where(keys.c.purpose == purpose).order_by(keys.c.created_at, keys.c.id)
    )
    return [_signing_key(row) for row in found]


async def get(connection: AsyncConnection, kid: str) -> SigningKey:
    """Return one signing key, in any state. Refusal NOT_FOUND when there is none."""
    found = await connection.execute(
        select(keys).where(keys.c.id == kid, keys.c.purpose.in_(PURPOSES))
    )
    row = found.one_or_none()
    if row is None:
        raise Refusal(NOT_FOUND, "no such key")
    return _signing_key(row)


async def ensure(unit: UnitOfWork, sealing: Sealing) -> None:
    """Make the first keys, which sign at once, at the platform's first start."""
    await lock(unit)
    for purpose in PURPOSES:
        if current_of(await read(unit.connection, purpose)) is None:
            await _make(
                unit,
                sealing,
                private_keys.ES256,
                purpose=purpose,
                signs_from=unit.now,
                activated_at=unit.now,
            )


async def announce(
    unit: UnitOfWork,
    sealing: Sealing,
    *,
    algorithm: str,
    signs_from: datetime,
    purpose: str = TOKENS,
) -> SigningKey:
    """Make the next key for a purpose and announce the time from which it may sign.

    Refusal INVALID_INPUT for an unknown purpose or algorithm or a time that is too near, CONFLICT
    when a key is announced already. Messages are signed with ES256 only.
    """
    inputs.choice(purpose, PURPOSES, "/purpose")
    offered = (private_keys.ES256,) if purpose == MESSAGES else private_keys.SIGNING_ALGORITHMS
    inputs.choice(algorithm, offered, "/algorithm")
    require_ahead(signs_from, unit.now, "/signs_from")
    await lock(unit)
    if announced_of(await read(unit.connection, purpose)) is not None:
        raise Refusal(CONFLICT, why="a key is announced already", why_zh="已有密钥处于预告状态")
    return await _make(
        unit, sealing, algorithm, purpose=purpose, signs_from=signs_from, activated_at=None
    )


async def revoke(database: Database, actor: Actor, sealing: Sealing, kid: str) -> int:
    """Revoke a key in any state. Returns the change number; the revocation is done when every
    process has acknowledged it.

    When the key is the one that signs, the announced key, or else a new one, replaces it. That key
    is published first, so that every process accepts its signatures. Refusal NOT_FOUND, or
    ILLEGAL_STATE when the key is retired or revoked already.
    """
    await _prepare_successor(database, actor, sealing, kid)
    async with database.unit(actor) as unit:
        await lock(unit)
        key = await _in_use(unit.connection, kid)
        rows = await read(unit.connection, key.purpose)
        successor = announced_of(rows)
        if key == current_of(rows) and successor is not None:
            await _move(unit, successor, "key.activated", activated_at=unit.now)
        await _move(unit, key, "key.revoked", revoked_at=unit.now, sealed_private=_FORGOTTEN)
    assert unit.sequence is not None
    return unit.sequence


async def advance_due(database: Database, sealing: Sealing, *, days: int) -> list[str]:
    """Make every transition that is due. Returns one text for each, such as `retired key_01...`.

    With `days` above 0, a key signs for so many days, and the next one is announced
    KEY_ANNOUNCED_DAYS before, or half of `days` when that is less.
    """
    done = []
    for purpose in PURPOSES:
        for step in (_announce_in_time, _activate, _supersede, _retire):
            async with database.unit(PLATFORM) as unit:
                await lock(unit)
                rows = await read(unit.connection, purpose)
                done += await step(unit, sealing, rows, days)
    return done


async def lock(unit: UnitOfWork) -> None:
    """Take the lock that lets one process at a time change keys, until the unit of work ends."""
    await hold(unit.connection, SIGNING_KEYS_LOCK)


# --- transitions -------------------------------------------------------------------------------


async def _announce_in_time(
    unit: UnitOfWork, sealing: Sealing, rows: Sequence[SigningKey], days: int
) -> list[str]:
    current = current_of(rows)
    if days == 0 or current is None or announced_of(rows) is not None:
        return []
    assert current.activated_at is not None
    signs_from = current.activated_at + timedelta(days=days)
    if unit.now < signs_from - timedelta(days=min(days / 2, KEY_ANNOUNCED_DAYS)):
        return []
    earliest = unit.now + timedelta(seconds=CHANGE_ANNOUNCED_S)
    made = await _make(
        unit,
        sealing,
        current.algorithm,
        purpose=current.purpose,
        signs_from=max(signs_from, earliest),
        activated_at=None,
    )
    return [f"announced {made.kid}"]


async def _activate(unit: UnitOfWork, _: Sealing, rows: Sequence[SigningKey], __: int) -> list[str]:
    """Activate the announced key, from its date on and once every live process accepts it."""
    key = announced_of(rows)
    if key is None or key.signs_from > unit.now or not await _is_known(unit.connection, key):
        return []
    await _move(unit, key, "key.activated", activated_at=unit.now)
    return [f"activated {key.kid}"]


async def _supersede(
    unit: UnitOfWork, _: Sealing, rows: Sequence[SigningKey], __: int
) -> list[str]:
    """Supersede the older keys once every process has acknowledged the one that signs."""
    current = current_of(rows)
    older = [
        each
        for each in rows
        if each.counts and each is not current and each.activated_at and not each.superseded_at
    ]
    if not older or current is None or not await _is_known(unit.connection, current):
        return []
    for each in older:
        await _move(unit, each, "key.superseded", superseded_at=unit.now)
    return [f"superseded {each.kid}" for each in older]


async def _retire(unit: UnitOfWork, _: Sealing, rows: Sequence[SigningKey], __: int) -> list[str]:
    longest = timedelta(seconds=SIGNED_LIFETIME_S + CLOCK_AHEAD_ACCEPTED_S)
    over = [
        each
        for each in rows
        if each.counts and each.superseded_at and each.superseded_at + longest < unit.now
    ]
    for each in over:
        await _move(unit, each, "key.retired", retired_at=unit.now, sealed_private=_FORGOTTEN)
    return [f"retired {each.kid}" for each in over]


async def _prepare_successor(database: Database, actor: Actor, sealing: Sealing, kid: str) -> None:
    """Make and publish a key that can replace the signing one, unless there is one.

    Waits for the acknowledgement of every process, but not forever.
    """
    async with database.unit(actor) as unit:
        await lock(unit)
        key = await _in_use(unit.connection, kid)
        rows = await read(unit.connection, key.purpose)
        if key != current_of(rows) or announced_of(rows) is not None:
            return
        await _make(
            unit,
            sealing,
            private_keys.ES256,
            purpose=key.purpose,
            signs_from=unit.now,
            activated_at=None,
        )
    assert unit.sequence is not None
    await await_acknowledged(database, unit.sequence, roles=EVERYBODY)


async def _is_known(connection: AsyncConnection, key: SigningKey) -> bool:
    """Whether every live process has applied the key's newest state."""
    kind = _CHANGE_KINDS[key.purpose]
    found = await connection.execute(
        select(changes.c.sequence).where(changes.c.kind == kind, changes.c.key == key.kid)
    )
    return await find_acknowledged(connection, int(found.scalar_one()), EVERYBODY) is not None


async def _make(
    unit: UnitOfWork,
    sealing: Sealing,
    algorithm: str,
    *,
    purpose: str,
    signs_from: datetime,
    activated_at: datetime | None,
) -> SigningKey:
    kid = unit.mint("key")
    private = private_keys.generate(algorithm)
    added = await unit.connection.execute(
        keys.insert()
        .values(
            id=kid,
            purpose=purpose,
            public=private_keys.public_jwk(private, kid, algorithm),
            sealed_private=sealing.seal(kid, private_keys.to_der(private)),
            created_at=unit.now,
            signs_from=signs_from,
            activated_at=activated_at,
        )
        .returning(keys)
    )
    key = _signing_key(added.one())
    detail = {"alg": algorithm, "purpose": purpose, "signs_from": signs_from.isoformat()}
    unit.audit("key.created", kid, detail)
    _publish(unit, key)
    return key


async def _move(unit: UnitOfWork, key: SigningKey, event: str, **values: Any) -> None:
    moved = await unit.connection.execute(
        update(keys).where(keys.c.id == key.kid).values(**values).returning(keys)
    )
    unit.audit(event, key.kid, {"alg": key.algorithm})
    _publish(unit, _signing_key(moved.one()))


def _publish(unit: UnitOfWork, key: SigningKey) -> None:
    """Publish the key's state to gateways; a key that is no longer accepted is removed."""
    kind = _CHANGE_KINDS[key.purpose]
    if not key.counts:
        unit.publish(Change(kind, key.kid, None, unit.now))
        return
    ends = key.superseded_at
    margin = timedelta(seconds=CLOCK_AHEAD_ACCEPTED_S)
    document = SigningKeyDocument(
        key.kid, key.algorithm, key.public, None if ends is None else ends + margin
    )
    unit.publish(Change(kind, key.kid, document))


async def _in_use(connection: AsyncConnection, kid: str) -> SigningKey:
    key = await get(connection, kid)
    if not key.counts:
        raise Refusal(ILLEGAL_STATE, f"the key is {key.state}")
    return key


def _signing_key(row: Row[Any]) -> SigningKey:
    return SigningKey(
        kid=row.id,
        purpose=row.purpose,
        public=row.public,
        sealed_private=row.sealed_private,
        announced_at=row.created_at,
        signs_from=row.signs_from,
        activated_at=row.activated_at,
        superseded_at=row.superseded_at,
        retired_at=row.retired_at,
        revoked_at=row.revoked_at,
    )
