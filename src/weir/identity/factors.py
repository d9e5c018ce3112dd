"""The second factors a person has besides the passphrase: one-time passwords and recovery codes.

Passkeys stand in `passkeys`; they are both factors in one.
"""

from __future__ import annotations

import base64
import os
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from sqlalchemy import delete, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from weir.identity import totp
from weir.identity.declares import RECOVERY_CODES, SECOND_FACTOR_WRONG
from weir.identity.people import Person
from weir.identity.tables import passkeys, recovery_codes, totp_secrets
from weir.kernel.declares import CONFLICT
from weir.kernel.outcomes import Refusal
from weir.keys.master_key import Sealing
from weir.store.unit import UnitOfWork

_RECOVERY_BYTES = 10  # 80 bits; guesses are counted besides


@dataclass(frozen=True, slots=True)
class Factors:
    """What a person can prove itself with, besides the passphrase."""

    totp: bool
    passkeys: int
    recovery_codes: int  # that are left

    @property
    def any(self) -> bool:
        """Whether a passphrase alone is no longer enough to come in."""
        return self.totp or self.passkeys > 0


async def of_person(connection: AsyncConnection, person_id: str) -> Factors:
    """What this person has."""
    confirmed = await connection.scalar(
        select(totp_secrets.c.confirmed_at).where(totp_secrets.c.person == person_id)
    )
    keys = await connection.scalar(
        select(func.count()).select_from(passkeys).where(passkeys.c.person == person_id)
    )
    codes = await connection.scalar(
        select(func.count())
        .select_from(recovery_codes)
        .where(recovery_codes.c.person == person_id, recovery_codes.c.used_at.is_(None))
    )
    return Factors(confirmed is not None, int(keys or 0), int(codes or 0))


async def offer_totp(unit: UnitOfWork, sealing: Sealing, person: Person) -> bytes:
    """The secret to put into an authenticator application: the same until it is confirmed.

    CONFLICT when the person has one that counts; it is removed first.
    """
    name = _name(person.id)
    fresh = totp.new_secret()
    await unit.connection.execute(
        insert(totp_secrets)
        .values(person=person.id, sealed_secret=sealing.seal(name, fresh), last_step=0)
        .on_conflict_do_nothing()
    )
    row = await _locked(unit.connection, person.id)
    if row.confirmed_at is not None:
        raise Refusal(CONFLICT, "one-time passwords are set up", pointer="/code")
    return sealing.open(name, row.sealed_secret)


async def confirm_totp(unit: UnitOfWork, sealing: Sealing, person: Person, code: str) -> None:
    """From the first right code on, the secret counts. SECOND_FACTOR_WRONG otherwise."""
    await take_totp(unit, sealing, person, code, confirmed=False)
    await unit.connection.execute(
        update(totp_secrets).where(totp_secrets.c.person == person.id).values(confirmed_at=unit.now)
    )
    unit.audit("factor.added", person.id, {"kind": "totp"})


async def take_totp(
    unit: UnitOfWork, sealing: Sealing, person: Person, code: str, *, confirmed: bool = True
) -> None:
    """Use one code up, once. SECOND_FACTOR_WRONG when it is wrong, used, or nothing is set up."""
    row = await _locked(unit.connection, person.id)
    if row is None or (row.confirmed_at is not None) is not confirmed:
        raise Refusal(SECOND_FACTOR_WRONG, "no one-time passwords")
    secret = sealing.open(_name(person.id), row.sealed_secret)
    step = totp.step_of(code, secret, unit.now.timestamp(), row.last_step)
    if step is None:
        raise Refusal(SECOND_FACTOR_WRONG, "wrong or used code")
    await unit.connection.execute(
        update(totp_secrets).where(totp_secrets.c.person == person.id).values(last_step=step)
    )


async def remove_totp(unit: UnitOfWork, person: Person) -> None:
    """CONFLICT when nothing else is left to come in with."""
    if (await of_person(unit.connection, person.id)).passkeys == 0:
        raise Refusal(CONFLICT, "the last factor", pointer="/totp")
    await unit.connection.execute(delete(totp_secrets).where(totp_secrets.c.person == person.id))
    unit.audit("factor.removed", person.id, {"kind": "totp"})


async def make_recovery_codes(unit: UnitOfWork, person: Person) -> list[str]:
    """New codes, each good for one sign-in instead of the second factor; older ones end."""
    mine = recovery_codes.c.person == person.id
    await unit.connection.execute(delete(recovery_codes).where(mine))
    codes = [_new_code() for _ in range(RECOVERY_CODES)]
    rows = [{"person": person.id, "code_sha256": _digest(code)} for code in codes]
    await unit.connection.execute(insert(recovery_codes), rows)
    unit.audit("factor.added", person.id, {"kind": "recovery_codes"})
    return codes


async def take_recovery_code(unit: UnitOfWork, person: Person, code: str) -> None:
    """Use one up. SECOND_FACTOR_WRONG when it is not one of theirs, or was used."""
    used = await unit.connection.execute(
        update(recovery_codes)
        .where(recovery_codes.c.person == person.id)
        .where(recovery_codes.c.code_sha256 == _digest(code), recovery_codes.c.used_at.is_(None))
        .values(used_at=unit.now)
    )
    if used.rowcount != 1:
        raise Refusal(SECOND_FACTOR_WRONG, "not an open recovery code")
    unit.audit("factor.recovered", person.id, {})


async def forget_all(unit: UnitOfWork, person_id: str) -> None:
    """Remove every factor: the person begins anew, or has left."""
    for table in (totp_secrets, passkeys, recovery_codes):
        await unit.connection.execute(delete(table).where(table.c.person == person_id))


def is_totp(code: str) -> bool:
    """Whether what was typed has the form of a one-time password rather than a recovery code."""
    typed = "".join(code.split())
    return typed.isdigit() and len(typed) == totp.DIGITS


async def _locked(connection: AsyncConnection, person_id: str) -> Any:
    statement = select(totp_secrets).where(totp_secrets.c.person == person_id).with_for_update()
    return (await connection.execute(statement)).one_or_none()


def _new_code() -> str:
    """Sixteen letters and digits in four groups, easy to copy by hand."""
    text = base64.b32encode(os.urandom(_RECOVERY_BYTES)).decode().lower()
    return "-".join(text[at : at + 4] for at in range(0, 16, 4))


def _digest(code: str) -> str:
    """Codes are random, so a plain digest keeps them; how they were typed does not matter."""
    return sha256("".join(each for each in code.lower() if each.isalnum()).encode()).hexdigest()


def _name(person_id: str) -> str:
    return f"totp {person_id}"
