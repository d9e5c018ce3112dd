"""Second factors besides the passphrase: one-time passwords and recovery codes.

Passkeys are in `passkeys`; a passkey counts as both factors.
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

_RECOVERY_BYTES = 10  # 80 bits, and attempts are limited


@dataclass(frozen=True, slots=True)
class Factors:
    """The factors of a person besides the passphrase.

    `totp` is whether one-time passwords are confirmed; the others are counts.
    """

    totp: bool
    passkeys: int
    recovery_codes: int  # unused ones

    @property
    def any(self) -> bool:
        """Whether the person has a second factor, so that a passphrase alone is not enough."""
        return self.totp or self.passkeys > 0


async def of_person(connection: AsyncConnection, person_id: str) -> Factors:
    """Return the factors of a person."""
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
    """Return the secret for an authenticator application; it stays the same until confirmed.

    Refusal CONFLICT when the person has a confirmed one, which must be removed first.
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
    """Confirm the offered secret with a first code; from then on it is a second factor.

    Refusal SECOND_FACTOR_WRONG when the code is wrong or there is no unconfirmed secret.
    """
    await use_totp(unit, sealing, person, code, confirmed=False)
    await unit.connection.execute(
        update(totp_secrets).where(totp_secrets.c.person == person.id).values(confirmed_at=unit.now)
    )
    unit.audit("factor.added", person.id, {"kind": "totp"})


async def use_totp(
    unit: UnitOfWork, sealing: Sealing, person: Person, code: str, *, confirmed: bool = True
) -> None:
    """Check a one-time password and use it up.

    Refusal SECOND_FACTOR_WRONG when it is wrong or used, or the person has no secret in the state
    `confirmed`.
    """
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
    """Remove one-time passwords. Refusal CONFLICT when the person has no passkey."""
    if (await of_person(unit.connection, person.id)).passkeys == 0:
        raise Refusal(CONFLICT, "the last factor", pointer="/totp")
    await unit.connection.execute(delete(totp_secrets).where(totp_secrets.c.person == person.id))
    unit.audit("factor.removed", person.id, {"kind": "totp"})


async def make_recovery_codes(unit: UnitOfWork, person: Person) -> list[str]:
    """Return new recovery codes, and end the older ones.

    Each replaces the second factor for one sign-in.
    """
    mine = recovery_codes.c.person == person.id
    await unit.connection.execute(delete(recovery_codes).where(mine))
    codes = [_new_code() for _ in range(RECOVERY_CODES)]
    rows = [{"person": person.id, "code_sha256": _digest(code)} for code in codes]
    await unit.connection.execute(insert(recovery_codes), rows)
    unit.audit("factor.added", person.id, {"kind": "recovery_codes"})
    return codes


async def use_recovery_code(unit: UnitOfWork, person: Person, code: str) -> None:
    """Use up a recovery code. Refusal SECOND_FACTOR_WRONG when it is not the person's, or used."""
    used = await unit.connection.execute(
        update(recovery_codes)
        .where(recovery_codes.c.person == person.id)
        .where(recovery_codes.c.code_sha256 == _digest(code), recovery_codes.c.used_at.is_(None))
        .values(used_at=unit.now)
    )
    if used.rowcount != 1:
        raise Refusal(SECOND_FACTOR_WRONG, "not an open recovery code")
    unit.audit("factor.recovered", person.id, {})


async def remove_all(unit: UnitOfWork, person_id: str) -> None:
    """Remove every factor of a person, who sets up a new sign-in or has left."""
    for table in (totp_secrets, passkeys, recovery_codes):
        await unit.connection.execute(delete(table).where(table.c.person == person_id))


def is_totp(code: str) -> bool:
    """Whether a typed code has the form of a one-time password, not of a recovery code."""
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
    """The stored form of a code, whatever its case and hyphens.

    Codes are random, so a plain SHA-256 (hexadecimal) is enough.
    """
    return sha256("".join(each for each in code.lower() if each.isalnum()).encode()).hexdigest()


def _name(person_id: str) -> str:
    return f"totp {person_id}"
