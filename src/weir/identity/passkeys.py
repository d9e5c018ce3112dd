"""Passkeys (Web Authentication Level 3), which work for the portal's host only.

A ceremony is two requests: one returns options with a challenge, which is kept for
CHALLENGE_LIFETIME_S; the other brings the browser's answer, which uses up the challenge. A passkey
verifies its user, so it counts as both factors.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import delete, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection
from webauthn import (
    generate_authentication_options,
    generate_registration_options,
    options_to_json,
    verify_authentication_response,
    verify_registration_response,
)
from webauthn.helpers import bytes_to_base64url
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from weir.identity import factors, secrets
from weir.identity.declares import (
    CHALLENGE_LIFETIME_S,
    PASSKEY_ANSWER_CHARACTERS,
    PASSKEY_REFUSED,
    PASSKEYS,
)
from weir.identity.people import Person
from weir.identity.tables import passkeys
from weir.kernel import strict_json
from weir.kernel.declares import CONFLICT, NOT_FOUND
from weir.kernel.inputs import text
from weir.kernel.outcomes import Refusal
from weir.store.cache import Cache
from weir.store.unit import UnitOfWork

_SITE: Final = "weir"
_VERIFIED: Final = UserVerificationRequirement.REQUIRED


@dataclass(frozen=True, slots=True)
class Passkey:
    """One passkey of a person. `name` is the one that the person gave it."""

    id: str
    name: str
    created_at: datetime
    used_at: datetime | None


@dataclass(frozen=True, slots=True)
class RelyingParty:
    """The relying party of all passkeys: host (without its port) and origin of the portal."""

    host: str
    origin: str


async def of_person(connection: AsyncConnection, person_id: str) -> Sequence[Passkey]:
    """Return a person's passkeys, oldest first."""
    statement = select(passkeys).where(passkeys.c.person == person_id).order_by(passkeys.c.id)
    rows = await connection.execute(statement)
    return [Passkey(row.id, row.name, row.created_at, row.used_at) for row in rows]


async def registration_options(
    connection: AsyncConnection,
    cache: Cache,
    relying_party: RelyingParty,
    visit: str,
    person: Person,
) -> str:
    """Return the options with which a browser makes a passkey, as JSON. `visit` is its cookie."""
    statement = select(passkeys.c.credential).where(passkeys.c.person == person.id)
    known = await connection.scalars(statement)
    options = generate_registration_options(
        rp_id=relying_party.host,
        rp_name=_SITE,
        user_id=person.id.encode(),
        user_name=person.name,
        user_display_name=person.display_name,
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.REQUIRED, user_verification=_VERIFIED
        ),
        exclude_credentials=[PublicKeyCredentialDescriptor(id=each) for each in known],
    )
    await _keep(cache, "register", f"{visit} {person.id}", options.challenge)
    return options_to_json(options)


async def register(
    unit: UnitOfWork,
    cache: Cache,
    relying_party: RelyingParty,
    visit: str,
    person: Person,
    *,
    answer: str,
    name: str,
) -> None:
    """Store the passkey that a browser made.

    Refusal PASSKEY_REFUSED when the answer does not fit the challenge, CONFLICT when the person has
    too many passkeys.
    """
    if len(await of_person(unit.connection, person.id)) >= PASSKEYS:
        raise Refusal(CONFLICT, "too many passkeys", pointer="/passkey")
    challenge = await _used_up(cache, "register", f"{visit} {person.id}")
    try:
        made = verify_registration_response(
            credential=_bounded(answer),
            expected_challenge=challenge,
            expected_rp_id=relying_party.host,
            expected_origin=relying_party.origin,
            require_user_verification=True,
        )
    except (WebAuthnException, ValueError, KeyError, TypeError) as error:
        raise Refusal(PASSKEY_REFUSED, repr(error)) from error
    kept = await unit.connection.execute(
        insert(passkeys)
        .values(
            id=unit.mint("psk"),
            person=person.id,
            credential=made.credential_id,
            public_key=made.credential_public_key,
            sign_count=made.sign_count,
            name=text(name, "/passkey_name"),
            created_at=unit.now,
        )
        .on_conflict_do_nothing()
        .returning(passkeys.c.id)
    )
    if kept.one_or_none() is None:
        raise Refusal(PASSKEY_REFUSED, "the credential is known")
    unit.audit("factor.added", person.id, {"kind": "passkey"})


async def authentication_options(cache: Cache, relying_party: RelyingParty, visit: str) -> str:
    """Return the options with which a browser uses a passkey, as JSON.

    They name no person, since the passkey itself names its owner.
    """
    options = generate_authentication_options(rp_id=relying_party.host, user_verification=_VERIFIED)
    await _keep(cache, "use", visit, options.challenge)
    return options_to_json(options)


async def authenticate(
    unit: UnitOfWork, cache: Cache, relying_party: RelyingParty, visit: str, answer: str
) -> str:
    """Check the answer of a passkey, and return the identifier of its person.

    Refusal PASSKEY_REFUSED.
    """
    challenge = await _used_up(cache, "use", visit)
    given = _bounded(answer)
    row: Any = (
        await unit.connection.execute(
            select(passkeys).where(passkeys.c.credential == _credential(given)).with_for_update()
        )
    ).one_or_none()
    if row is None:
        raise Refusal(PASSKEY_REFUSED, "unknown credential")
    try:
        proven = verify_authentication_response(
            credential=given,
            expected_challenge=challenge,
            expected_rp_id=relying_party.host,
            expected_origin=relying_party.origin,
            credential_public_key=row.public_key,
            credential_current_sign_count=row.sign_count,
            require_user_verification=True,
        )
    except (WebAuthnException, ValueError, KeyError, TypeError) as error:
        raise Refusal(PASSKEY_REFUSED, repr(error)) from error
    await unit.connection.execute(
        update(passkeys)
        .where(passkeys.c.id == row.id)
        .values(sign_count=proven.new_sign_count, used_at=unit.now)
    )
    return str(row.person)


async def remove(unit: UnitOfWork, person: Person, passkey_id: str) -> None:
    """Remove a passkey.

    Refusal NOT_FOUND when it is not the person's, CONFLICT when it is the last second factor.
    """
    has = await factors.of_person(unit.connection, person.id)
    if not has.totp and has.passkeys == 1:
        raise Refusal(CONFLICT, "the last factor", pointer="/passkey")
    gone = await unit.connection.execute(
        delete(passkeys).where(passkeys.c.person == person.id, passkeys.c.id == passkey_id)
    )
    if gone.rowcount != 1:
        raise Refusal(NOT_FOUND, "not their passkey")
    unit.audit("factor.removed", person.id, {"kind": "passkey"})


async def _keep(cache: Cache, ceremony: str, whose: str, challenge: bytes) -> None:
    kept = {"challenge": bytes_to_base64url(challenge)}
    await cache.put_json(_key(ceremony, whose), kept, CHALLENGE_LIFETIME_S)


async def _used_up(cache: Cache, ceremony: str, whose: str) -> bytes:
    kept = await cache.take_json(_key(ceremony, whose))
    if kept is None:
        raise Refusal(PASSKEY_REFUSED, "no challenge, or an old one")
    return _decoded(str(kept["challenge"]))


def _key(ceremony: str, whose: str) -> str:
    return f"passkey:{ceremony}:{secrets.digest(whose)}"


def _bounded(answer: str) -> dict[str, Any]:
    """The browser's answer, as a JSON object of bounded size. PASSKEY_REFUSED else."""
    if len(answer) > PASSKEY_ANSWER_CHARACTERS:
        raise Refusal(PASSKEY_REFUSED, "too long an answer")
    try:
        given = strict_json.loads(answer.encode())
    except ValueError as error:
        raise Refusal(PASSKEY_REFUSED, "not JSON") from error
    if not isinstance(given, dict):
        raise Refusal(PASSKEY_REFUSED, "not an object")
    return given


def _credential(given: dict[str, Any]) -> bytes:
    try:
        return _decoded(str(given["rawId"]))
    except (KeyError, ValueError) as error:
        raise Refusal(PASSKEY_REFUSED, "no credential") from error


def _decoded(value: str) -> bytes:
    return base64.urlsafe_b64decode(value + "=" * (-len(value) % 4))
