"""Hints of a backchannel request at its customer (CIBA Core 1.0 section 7.1).

`login_hint` is the customer's own number at the institution, which the customer tells the
application. `id_token_hint` is an ID token this server once gave this application. A hint that is
well formed is never refused: only the customer may learn whether there is such a customer.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from weir.authorization.declares import (
    ACCESS_TOKEN_CHARACTERS,
    LOGIN_HINT_CHARACTERS,
    OAUTH_INVALID_REQUEST,
)
from weir.authorization.services import Services
from weir.identity.tables import customers, pairwise_subjects
from weir.kernel.outcomes import Refusal
from weir.kernel.strict_json import loads
from weir.partners.organisations import SANDBOX, Organisation

_REFERENCE: Final = re.compile(r"[A-Za-z0-9_~-][A-Za-z0-9._~-]*", re.ASCII)


@dataclass(frozen=True, slots=True)
class Hint:
    """A hint. `value` is a customer's number at the institution, or a partner's `sub` for the
    customer.
    """

    is_subject: bool
    value: str


def read(services: Services, client_id: str, name: str, value: str) -> Hint:
    """Read a hint in its form. OAUTH_INVALID_REQUEST."""
    if name == "id_token_hint":
        return Hint(True, _subject(services, client_id, value))
    if len(value) > LOGIN_HINT_CHARACTERS or _REFERENCE.fullmatch(value) is None:
        raise _wrong("login_hint", "is not a customer's number in its form")
    return Hint(False, value)


async def customer_of(
    connection: AsyncConnection, hint: Hint, partner: Organisation, member: str
) -> str | None:
    """Return the member's customer that the hint names, if there is a sign-in to ask in.

    A partner in the sandbox asks its own test customers only, under the same numbers.
    """
    statement = select(customers.c.id).where(
        customers.c.member == member, customers.c.person.is_not(None)
    )
    in_sandbox = partner.stage == SANDBOX
    own_test_customer = customers.c.tried_by == partner.id
    if hint.is_subject:
        named = select(pairwise_subjects.c.customer).where(
            pairwise_subjects.c.subject == hint.value,
            pairwise_subjects.c.organisation == partner.id,
        )
        statement = statement.where(customers.c.id.in_(named))
        if in_sandbox:
            statement = statement.where(own_test_customer)
    else:
        kind = own_test_customer if in_sandbox else customers.c.tried_by.is_(None)
        statement = statement.where(customers.c.customer_ref == hint.value, kind)
    found: str | None = (await connection.execute(statement)).scalar_one_or_none()
    return found


def _subject(services: Services, client_id: str, token: str) -> str:
    """Return the subject of an ID token of this server for this client; an old one will do."""
    claims = _signed_here(services, token)
    issuer = services.addresses.issuer
    if (
        claims is None
        or (claims.get("iss"), claims.get("aud")) != (issuer, client_id)
        or not isinstance(claims.get("sub"), str)
    ):
        raise _wrong("id_token_hint", "is no ID token of this server for this application")
    return str(claims["sub"])


def _signed_here(services: Services, token: str) -> dict[str, Any] | None:
    """Return the claims of an ID token that this server signed; None for any other text."""
    if len(token) > ACCESS_TOKEN_CHARACTERS:
        return None
    keys = KeySet.import_key_set(services.signer.public_jwks())  # type: ignore[arg-type]
    try:
        signed = jws.deserialize_compact(token, keys, algorithms=services.signer.algorithms())
        claims = loads(signed.payload)
    except (JoseError, ValueError):
        return None
    is_id_token = signed.headers().get("typ") == "JWT" and isinstance(claims, dict)
    return claims if is_id_token and "auth_time" in claims else None


def _wrong(parameter: str, reason: str) -> Refusal:
    return Refusal(OAUTH_INVALID_REQUEST, f"{parameter} {reason}", parameter=parameter, why=reason)
