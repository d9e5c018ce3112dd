"""Sign-in by passphrase and second factor, with limits on guesses.

Wrong passphrases are counted by name and address, so a stranger's guesses lock the name for that
address only, and its owner can still sign in from elsewhere. They are counted by network too,
whatever the names: a network with too many is not locked out, but its attempts wait for each other.
Right ones are taken out of every count.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from hashlib import sha256
from typing import Final

from weir.identity import factors, people
from weir.identity.declares import (
    GUESSES_OF_NETWORK,
    GUESSES_OF_NETWORK_WINDOW_S,
    SECOND_FACTOR_ATTEMPTS,
    SECOND_FACTOR_ATTEMPTS_A_DAY,
    SECOND_FACTOR_DAY_S,
    SECOND_FACTOR_WINDOW_S,
    SECOND_FACTOR_WRONG,
    SIGN_IN_ATTEMPTS,
    SIGN_IN_BUSY,
    SIGN_IN_FAILED,
    SIGN_IN_LOCKED,
    SIGN_IN_PAUSE_S,
    SIGN_IN_WINDOW_S,
)
from weir.identity.passphrases import Passphrases
from weir.identity.people import Person
from weir.identity.turns import Asker
from weir.kernel.outcomes import Refusal
from weir.keys.master_key import Sealing
from weir.store.cache import Cache
from weir.store.database import Database
from weir.store.unit import Actor
from weir.wire.networks import network_of, wide_network_of

_WRONG: Final = (SIGN_IN_FAILED, SECOND_FACTOR_WRONG)


async def sign_in(
    database: Database,
    cache: Cache,
    passphrases: Passphrases,
    *,
    name: str,
    passphrase: str,
    address: str,
    asker: Asker,
) -> Person:
    """Check name and passphrase, and return the person.

    Refusal SIGN_IN_FAILED, the same for a wrong name and a wrong passphrase; SIGN_IN_LOCKED after
    too many wrong ones; SIGN_IN_BUSY while too many are being checked.
    """
    normal = name.strip().lower()[:100]
    counter = _counter("sign-in", normal, address)
    async with (
        _guess(cache, counter, SIGN_IN_ATTEMPTS, SIGN_IN_WINDOW_S),
        _guess_of_network(cache, address),
    ):
        async with database.connect() as connection:
            found = await people.find_with_hash(connection, normal)
        if not await passphrases.matches(found[1] if found else None, passphrase, asker):
            raise Refusal(SIGN_IN_FAILED)
    assert found is not None
    return found[0]


async def second_factor(
    database: Database, cache: Cache, sealing: Sealing, *, person: Person, code: str, address: str
) -> None:
    """Check a one-time password or a recovery code, and use it up.

    Refusal SECOND_FACTOR_WRONG; SIGN_IN_LOCKED and SIGN_IN_BUSY after too many wrong ones. Only a
    caller that knows the passphrase gets this far. Wrong codes are counted for each address, and
    for the person from all addresses, so that an attacker with the passphrase and many addresses
    has few guesses. That limit can lock out the person's own codes for a day, but never a passkey.
    """
    counter, everywhere = _counter("factor", person.id, address), f"factor-day:{person.id}"
    async with (
        _guess(cache, counter, SECOND_FACTOR_ATTEMPTS, SECOND_FACTOR_WINDOW_S),
        _guess(cache, everywhere, SECOND_FACTOR_ATTEMPTS_A_DAY, SECOND_FACTOR_DAY_S),
        _guess_of_network(cache, address),
        database.unit(Actor(str(person.organisation), person.id)) as unit,
    ):
        if factors.is_totp(code):
            await factors.use_totp(unit, sealing, person, code)
        else:
            await factors.use_recovery_code(unit, person, code)


@asynccontextmanager
async def _guess(cache: Cache, counter: str, most: int, window_s: int) -> AsyncIterator[None]:
    """Count one guess, for good if it turns out wrong. Refusal SIGN_IN_LOCKED after too many.

    It is counted before it is judged: guesses made at once must not all see the same count.
    """
    guesses = await cache.count(counter, window_s)
    if guesses > most:
        raise Refusal(SIGN_IN_LOCKED, f"{guesses} guesses", retry_after_s=window_s)
    async with _taken_back(cache, counter, window_s):
        yield


@asynccontextmanager
async def _guess_of_network(cache: Cache, address: str) -> AsyncIterator[None]:
    """Count one guess of a network. Refusal SIGN_IN_BUSY while one that has made too many waits."""
    network = wide_network_of(address)
    counter, window_s = f"guesses:{network}", GUESSES_OF_NETWORK_WINDOW_S
    guesses = await cache.count(counter, window_s)
    if guesses > GUESSES_OF_NETWORK and not await cache.claim_once(
        f"guess-turn:{network}", SIGN_IN_PAUSE_S
    ):
        await cache.count(counter, window_s, by=-1)
        why = f"{guesses} guesses of the network"
        raise Refusal(SIGN_IN_BUSY, why, retry_after_s=SIGN_IN_PAUSE_S)
    async with _taken_back(cache, counter, window_s):
        yield


@asynccontextmanager
async def _taken_back(cache: Cache, counter: str, window_s: int) -> AsyncIterator[None]:
    """Take a guess out of its count, unless the context ends with the refusal of a wrong one."""
    try:
        yield
    except Refusal as refusal:
        if refusal.outcome not in _WRONG:
            await cache.count(counter, window_s, by=-1)
        raise
    else:
        await cache.count(counter, window_s, by=-1)


def _counter(what: str, name: str, address: str) -> str:
    both = f"{name}|{network_of(address)}".encode()
    return f"{what}:{sha256(both).hexdigest()}"
