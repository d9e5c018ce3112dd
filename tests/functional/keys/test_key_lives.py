"""Signing keys from announcement to retirement, and revocation, with processes that follow."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from waits import until
from weir.kernel import identifiers
from weir.kernel.clock import SystemClock
from weir.kernel.declares import CLOCK_AHEAD_ACCEPTED_S, CONFLICT, ILLEGAL_STATE, INVALID_INPUT
from weir.kernel.outcomes import Refusal
from weir.keys import algorithms, signing_keys
from weir.keys.declares import CHANGE_ANNOUNCED_S, SIGNED_LIFETIME_S
from weir.keys.follower import KeyFollower
from weir.keys.jose import ALGORITHMS
from weir.keys.master_key import SealingKey
from weir.keys.message_key import MessageKeys
from weir.keys.signing_keys import PLATFORM, SigningKey
from weir.keys.vault import Vault
from weir.store import processes
from weir.store.cache import Cache
from weir.store.database import Database
from weir.store.declares import ENGINE_UNAVAILABLE
from weir.store.processes import EVERYBODY, await_acknowledged

WEEK = timedelta(days=7)


class Clock(SystemClock):
    ahead = timedelta()

    def now(self) -> datetime:
        return super().now() + self.ahead


@pytest.fixture
def clock(database: Database) -> Clock:
    database.clock = Clock()
    return database.clock


@asynccontextmanager
async def control(
    database: Database, cache: Cache, sealing: SealingKey
) -> AsyncIterator[tuple[Vault, KeyFollower]]:
    """What a control process holds: a vault under a lease."""
    vault = await Vault.open(database, sealing)
    process = identifiers.mint("prc", 0, id(vault).to_bytes(10, "big"))
    following = KeyFollower(database, cache, vault, process)
    await following.start()
    beat = asyncio.create_task(following.run())
    try:
        yield vault, following
    finally:
        beat.cancel()
        await asyncio.gather(beat, return_exceptions=True)
        await following.stop()


async def announce(
    database: Database,
    sealing: SealingKey,
    algorithm: str = "ES256",
    purpose: str = signing_keys.TOKENS,
) -> SigningKey:
    async with database.unit(PLATFORM) as unit:
        made = await signing_keys.announce(
            unit, sealing, algorithm=algorithm, signs_from=unit.now + WEEK, purpose=purpose
        )
    assert unit.sequence is not None
    assert await await_acknowledged(database, unit.sequence, roles=EVERYBODY) is not None
    return made


def kid_of(token: str) -> str:
    return str(jws.extract_compact(token.encode()).headers()["kid"])


def verifies(vault: Vault, token: str) -> bool:
    keys = KeySet.import_key_set(vault.public_jwks())  # type: ignore[arg-type]
    try:
        jws.deserialize_compact(token, keys, algorithms=list(ALGORITHMS))
    except (JoseError, ValueError):
        return False
    return True


async def settled(database: Database, sealing: SealingKey, *moves: str) -> None:
    """Tend until these moves were made, each acknowledged."""
    done: list[str] = []

    async def tended() -> bool:
        nonlocal done
        done += [
            each.split(" ")[0] for each in await signing_keys.advance_due(database, sealing, days=0)
        ]
        assert done == list(moves)[: len(done)]
        return done == list(moves)

    await until(tended)


@pytest.mark.parametrize("algorithm", ["ES256", "PS256", "EdDSA"])
async def test_a_key_is_announced_then_signs_and_the_old_one_ends_when_its_tokens_have(
    database: Database, cache: Cache, sealing: SealingKey, clock: Clock, algorithm: str
) -> None:
    async with control(database, cache, sealing) as (vault, _):
        old = await vault.sign_jwt({"n": 1}, "JWT")
        made = await announce(database, sealing, algorithm)
        told = {each["kid"]: each for each in vault.public_jwks()["keys"]}
        assert told[made.kid]["nbf"] == int(made.signs_from.timestamp())
        (change,) = vault.announcements(clock.now())
        assert (change["kid"], change["alg"]) == (made.kid, algorithm)
        assert (
            await signing_keys.advance_due(database, sealing, days=0) == []
        )  # its date is not there
        assert kid_of(await vault.sign_jwt({}, "JWT")) != made.kid
        rehearsed = await vault.sign_jwt({}, "JWT", rehearsing=True)
        assert kid_of(rehearsed) == made.kid
        assert verifies(vault, rehearsed)

        clock.ahead = WEEK + timedelta(seconds=1)
        await settled(database, sealing, "activated", "superseded")
        new = await vault.sign_jwt({}, "JWT")
        assert kid_of(new) == made.kid
        assert verifies(vault, old)
        assert verifies(vault, new)
        clock.ahead += timedelta(seconds=SIGNED_LIFETIME_S)
        assert await signing_keys.advance_due(database, sealing, days=0) == []  # clocks may differ
        clock.ahead += timedelta(seconds=CLOCK_AHEAD_ACCEPTED_S + 1)
        await settled(database, sealing, "retired")
        await until(lambda: not verifies(vault, old))
        assert verifies(vault, new)
        async with database.connect() as connection:
            rows = await signing_keys.read(connection)
        assert [each.state for each in rows] == ["retired", "signing"]
        assert rows[0].sealed_private == b""


async def test_a_key_does_not_sign_before_every_process_has_heard_of_it(
    database: Database, cache: Cache, sealing: SealingKey, clock: Clock
) -> None:
    async with control(database, cache, sealing) as (vault, _):
        async with database.connect() as connection:
            await processes.register(connection, "prc_deaf", "gateway")
            await connection.commit()
        async with database.unit(PLATFORM) as unit:
            await signing_keys.announce(
                unit, sealing, algorithm="ES256", signs_from=unit.now + WEEK
            )
        clock.ahead = WEEK + timedelta(seconds=1)
        assert await signing_keys.advance_due(database, sealing, days=0) == []
        async with database.connect() as connection:
            assert await processes.renew(connection, "prc_deaf", unit.sequence or 0)
            await connection.commit()
        await settled(database, sealing, "activated")  # the deaf one has not heard of this
        assert await signing_keys.advance_due(database, sealing, days=0) == []
        async with database.connect() as connection:
            await processes.leave(connection, "prc_deaf")
            await connection.commit()
        await settled(database, sealing, "superseded")
        assert len(vault.public_jwks()["keys"]) == 2


async def test_a_revoked_key_signs_and_proves_nothing_once_the_command_returns(
    database: Database, cache: Cache, sealing: SealingKey
) -> None:
    async with (
        control(database, cache, sealing) as (one, _),
        control(database, cache, sealing) as (two, _),
    ):
        stolen = await one.sign_jwt({}, "JWT")
        sequence = await signing_keys.revoke(database, PLATFORM, sealing, kid_of(stolen))
        assert await await_acknowledged(database, sequence, roles=EVERYBODY) is not None
        for vault in (one, two):
            assert not verifies(vault, stolen)
            fresh = await vault.sign_jwt({}, "JWT")
            assert kid_of(fresh) != kid_of(stolen)
            assert verifies(one, fresh)
            assert verifies(two, fresh)
        with pytest.raises(Refusal) as refused:
            await signing_keys.revoke(database, PLATFORM, sealing, kid_of(stolen))
        assert refused.value.outcome is ILLEGAL_STATE


async def test_the_announced_key_takes_over_from_a_revoked_one(
    database: Database, cache: Cache, sealing: SealingKey
) -> None:
    async with control(database, cache, sealing) as (vault, _):
        made = await announce(database, sealing)
        sequence = await signing_keys.revoke(
            database, PLATFORM, sealing, kid_of(await vault.sign_jwt({}, "JWT"))
        )
        assert await await_acknowledged(database, sequence, roles=EVERYBODY) is not None
        assert kid_of(await vault.sign_jwt({}, "JWT")) == made.kid


async def test_a_process_without_a_lease_signs_nothing(
    database: Database, cache: Cache, sealing: SealingKey
) -> None:
    async with control(database, cache, sealing) as (vault, following):
        await following.stop()
        with pytest.raises(Refusal) as refused:
            await vault.sign_jwt({}, "JWT")
        assert refused.value.outcome is ENGINE_UNAVAILABLE


async def test_by_schedule_the_next_key_is_announced_a_week_before(
    database: Database, sealing: SealingKey, clock: Clock
) -> None:
    await Vault.open(database, sealing)
    clock.ahead = timedelta(days=82)
    assert await signing_keys.advance_due(database, sealing, days=90) == []
    clock.ahead = timedelta(days=84)
    made = await signing_keys.advance_due(database, sealing, days=90)
    assert [each.split(" ")[0] for each in made] == ["announced"] * len(signing_keys.PURPOSES)
    assert await signing_keys.advance_due(database, sealing, days=90) == []
    clock.ahead = timedelta(days=90, seconds=1)
    moved = [
        each.split(" ")[0] for each in await signing_keys.advance_due(database, sealing, days=90)
    ]
    # Nobody lives who would have to hear.
    assert moved == ["activated", "superseded"] * len(signing_keys.PURPOSES)


async def test_the_key_of_answers_is_changed_like_that_of_tokens_and_never_is_one(
    database: Database, cache: Cache, sealing: SealingKey, clock: Clock
) -> None:
    async with control(database, cache, sealing) as (vault, _):
        gateway = await MessageKeys.open(database, sealing)
        before = gateway.current.kid
        made = await announce(database, sealing, purpose=signing_keys.MESSAGES)
        told = {each["kid"]: each for each in vault.message_jwks()["keys"]}
        assert told.keys() == {before, made.kid}
        assert told[made.kid]["nbf"] == int(made.signs_from.timestamp())
        assert told.keys().isdisjoint(each["kid"] for each in vault.public_jwks()["keys"])
        (change,) = vault.announcements(clock.now())
        assert (change["change"], change["kid"]) == ("message_key", made.kid)

        clock.ahead = WEEK + timedelta(seconds=1)
        await settled(database, sealing, "activated", "superseded")
        async with database.connect() as connection:
            await gateway.reload(connection)
            await vault.reload(connection)
        assert gateway.current.kid == made.kid
        told = {each["kid"]: each for each in vault.message_jwks()["keys"]}
        assert told[before]["exp"] > clock.now().timestamp()
        assert kid_of(await vault.sign_jwt({}, "JWT")) not in told


@pytest.mark.parametrize(
    ("purpose", "algorithm"), [("message", "EdDSA"), ("receipt", "ES256"), ("message", "none")]
)
async def test_a_key_is_for_a_known_purpose_and_answers_are_signed_with_es256(
    database: Database, sealing: SealingKey, purpose: str, algorithm: str
) -> None:
    with pytest.raises(Refusal) as refused:
        await announce(database, sealing, algorithm, purpose)
    assert refused.value.outcome is INVALID_INPUT


async def test_one_key_at_a_time_is_announced_and_never_at_the_last_minute(
    database: Database, sealing: SealingKey
) -> None:
    await Vault.open(database, sealing)
    with pytest.raises(Refusal) as near:
        async with database.unit(PLATFORM) as unit:
            soon = unit.now + timedelta(seconds=CHANGE_ANNOUNCED_S - 1)
            await signing_keys.announce(unit, sealing, algorithm="ES256", signs_from=soon)
    assert near.value.outcome is INVALID_INPUT
    await announce(database, sealing)
    with pytest.raises(Refusal) as second:
        await announce(database, sealing)
    assert second.value.outcome is CONFLICT


async def test_the_last_algorithm_cannot_be_ended_and_an_ending_can_be_taken_back(
    database: Database, sealing: SealingKey
) -> None:
    later = datetime.now(UTC) + timedelta(days=90)
    async with database.unit(PLATFORM) as unit:
        await algorithms.announce(unit, "PS256", later)
        await algorithms.announce(unit, "Ed25519", later)
    with pytest.raises(Refusal) as last:
        async with database.unit(PLATFORM) as unit:
            await algorithms.announce(unit, "ES256", later)
    assert last.value.outcome is CONFLICT
    async with database.unit(PLATFORM) as unit:
        await algorithms.take_back(unit, "EdDSA")
        left = await algorithms.list_endings(unit.connection)
    assert [each.algorithm for each in left] == ["PS256"]
