"""Guesses at a second factor from ever new addresses come to an end too."""

from __future__ import annotations

from itertools import count

from weir.identity import people
from weir.identity.declares import SECOND_FACTOR_ATTEMPTS_A_DAY, SECOND_FACTOR_WRONG, SIGN_IN_LOCKED
from weir.identity.people import Person
from weir.identity.sign_in import second_factor
from weir.kernel.outcomes import Outcome, Refusal
from weir.keys.master_key import SealingKey
from weir.store.cache import Cache
from weir.store.database import Database
from weir.store.unit import Actor


async def somebody(database: Database, name: str) -> Person:
    async with database.unit(Actor("org_01", "setup")) as unit:
        return await people.create(
            unit,
            name=name,
            display_name=name,
            passphrase_hash="",
            kind="partner",
            organisation="org_01",
            language="en",
            role="owner",
        )


async def test_a_person_has_so_many_guesses_a_day_from_wherever_they_come(
    database: Database, cache: Cache, sealing: SealingKey
) -> None:
    target, other = [await somebody(database, name) for name in ("target", "other")]
    hosts = (f"203.0.{number // 250}.{number % 250}:1" for number in count())

    async def guess(person: Person) -> Outcome | None:
        given = {"person": person, "code": "no code", "address": next(hosts)}
        try:
            await second_factor(database, cache, sealing, **given)  # type: ignore[arg-type]
        except Refusal as refusal:
            return refusal.outcome
        return None

    came = [await guess(target) for _ in range(SECOND_FACTOR_ATTEMPTS_A_DAY)]
    assert set(came) == {SECOND_FACTOR_WRONG}
    assert await guess(target) is SIGN_IN_LOCKED
    assert await guess(other) is SECOND_FACTOR_WRONG
