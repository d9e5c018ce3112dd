"""Sign-in by passphrase and second factor, with limits on attempts.

Passphrase attempts are counted by name and address, so a stranger's guesses lock the name for that
address only, and its owner can still sign in from elsewhere.
"""

from __future__ import annotations

from hashlib import sha256

from weir.identity import factors, people
from weir.identity.declares import (
    SECOND_FACTOR_ATTEMPTS,
    SECOND_FACTOR_ATTEMPTS_A_DAY,
    SECOND_FACTOR_DAY_S,
    SECOND_FACTOR_WINDOW_S,
    SIGN_IN_ATTEMPTS,
    SIGN_IN_FAILED,
    SIGN_IN_LOCKED,
    SIGN_IN_WINDOW_S,
)
from weir.identity.passphrases import Passphrases
from weir.identity.people import Person
from weir.kernel.outcomes import Refusal
from weir.keys.master_key import Sealing
from weir.store.cache import Cache
from weir.store.database import Database
from weir.store.unit import Actor
from weir.wire.networks import network_of


async def sign_in(
    database: Database,
    cache: Cache,
    passphrases: Passphrases,
    *,
    name: str,
    passphrase: str,
    address: str,
) -> Person:
    """Check name and passphrase, and return the person.

    Refusal SIGN_IN_FAILED, the same for a wrong name and a wrong passphrase; SIGN_IN_LOCKED after
    too many attempts.
    """
    normal = name.strip().lower()[:100]
    counter = _counter("sign-in", normal, address)
    await _slow_down(cache, counter, SIGN_IN_ATTEMPTS, SIGN_IN_WINDOW_S)
    async with database.connect() as connection:
        found = await people.find_with_hash(connection, normal)
    if not await passphrases.matches(found[1] if found else None, passphrase):
        raise Refusal(SIGN_IN_FAILED)
    assert found is not None
    return found[0]


async def second_factor(
    database: Database, cache: Cache, sealing: Sealing, *, person: Person, code: str, address: str
) -> None:
    """Check a one-time password or a recovery code, and use it up.

    Refusal SECOND_FACTOR_WRONG; SIGN_IN_LOCKED after too many attempts. Only a caller that knows
    the passphrase gets this far. Attempts are counted for each address, and for the person from all
    addresses, so that an attacker with the passphrase and many addresses has few guesses. That
    limit can lock out the person's own codes for a day, but never a passkey.
    """
    counter = _counter("factor", person.id, address)
    await _slow_down(cache, counter, SECOND_FACTOR_ATTEMPTS, SECOND_FACTOR_WINDOW_S)
    everywhere, most = f"factor-day:{person.id}", SECOND_FACTOR_ATTEMPTS_A_DAY
    await _slow_down(cache, everywhere, most, SECOND_FACTOR_DAY_S)
    async with database.unit(Actor(str(person.organisation), person.id)) as unit:
        if factors.is_totp(code):
            await factors.use_totp(unit, sealing, person, code)
        else:
            await factors.use_recovery_code(unit, person, code)


async def _slow_down(cache: Cache, counter: str, most: int, window_s: int) -> None:
    attempts = await cache.count(counter, window_s)
    if attempts > most:
        raise Refusal(SIGN_IN_LOCKED, f"{attempts} attempts")


def _counter(what: str, name: str, address: str) -> str:
    both = f"{name}|{network_of(address)}".encode()
    return f"{what}:{sha256(both).hexdigest()}"
