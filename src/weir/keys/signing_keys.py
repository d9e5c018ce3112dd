"""The life of a signing key: announced, signing, superseded, retired; or revoked at any point.

There are keys for two purposes, each with one that signs: tokens are signed by control processes,
and answers to signed requests (RFC 9421) by gateways, so that a process that meets every caller
cannot make a token.

    announced    in the JWKS with `nbf`, accepted by everybody, signs nothing (but for rehearsals)
    signing      from its date on, once every gateway and control process has acknowledged it
    superseded   another one signs everywhere; what it signed is accepted until it has expired
    retired      nothing it signed can be valid; it is in no JWKS, and its private part is gone
    revoked      accepted nowhere, at once

Each move is one unit of work that publishes the key's new state, so that whoever follows the change
log applies it; `tend` makes the moves that are due, and may be killed between any two.
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
from weir.store.processes import EVERYBODY, acknowledged, await_acknowledged
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
    """One signing key as stored. Times are None until they have come about."""

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
        """The word for where it is in its life."""
        if self.revoked_at is not None:
            return "revoked"
        if self.retired_at is not None:
            return "retired"
        if self.superseded_at is not None:
            return "superseded"
        return "announced" if self.activated_at is None else "signing"

    @property
    def counts(self) -> bool:
        """Whether what it signed is accepted."""
        return self.revoked_at is None and self.retired_at is None


def current_of(rows: Sequence[SigningKey]) -> SigningKey | None:
    """The key that signs: of those that count, the one activated last."""
    active = [each for each in rows if each.counts and each.activated_at is not None]
    return max(active, key=lambda each: (each.activated_at, each.kid), default=None)


def announced_of(rows: Sequence[SigningKey]) -> SigningKey | None:
    """The key that will sign next, if one is announced."""
    waiting = [each for each in rows if each.counts and each.activated_at is None]
    return min(waiting, key=lambda each: (each.signs_from, each.kid), default=None)


async def read(connection: AsyncConnection, purpose: str = TOKENS) -> Sequence[SigningKey]:
    """Every key for a purpose there ever was, oldest first."""
    found = await connection.execute(
        select(keys).where(keys.c.purpose == purpose).order_by(keys.c.created_at, keys.c.id)
    )
    return [_signing_key(row) for row in found]


async def get(connection: AsyncConnection, kid: str) -> SigningKey:
    """One of them, wherever it is in its life. NOT_FOUND."""
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
    """Make the next key for a purpose and announce from when on it may sign.

    INVALID_INPUT for another purpose, algorithm or a date too near, CONFLICT when there is an
    announced key. Messages are signed with ES256 only.
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
    """Revoke a key wherever it is. Returns the change whose acknowledgement makes that a fact.

    When it is the key that signs, the announced one, or a new one, takes over; first everybody is
    told of that one, so that nobody refuses what it signs. NOT_FOUND, or ILLEGAL_STATE when it is
    retired or revoked already.
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


async def tend(database: Database, sealing: Sealing, *, days: int) -> list[str]:
    """Make every move that is due. Returns what was done, a word and a kid each.

    With `days` above 0 a key signs for so long, and the next one is announced
    `limits.KEY_ANNOUNCED_DAYS` before.
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
    """One process at a time moves keys."""
    await hold(unit.connection, SIGNING_KEYS_LOCK)


# --- the moves ---------------------------------------------------------------------------------


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
    """A key signs from its date on, and not before everybody is known to accept it."""
    key = announced_of(rows)
    if key is None or key.signs_from > unit.now or not await _is_known(unit.connection, key):
        return []
    await _move(unit, key, "key.activated", activated_at=unit.now)
    return [f"activated {key.kid}"]


async def _supersede(
    unit: UnitOfWork, _: Sealing, rows: Sequence[SigningKey], __: int
) -> list[str]:
    """The older ones have signed for the last time when every process signs with the newest."""
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
    """Let everybody know a key that can take over, and wait for their word, but not forever."""
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
    return await acknowledged(connection, int(found.scalar_one()), EVERYBODY) is not None


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
            sealed_private=sealing.seal(kid, private_keys.stored(private)),
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
    """Gateways believe what is published; one that counts no more is removed."""
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
