"""Software statements, read and checked (RFC 7591 section 2.3).

Pure: the caller brings the issuer's keys and the time.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from weir.authorization.declares import (
    OAUTH_INVALID_SOFTWARE_STATEMENT,
    SOFTWARE_STATEMENT_CHARACTERS,
    SOFTWARE_STATEMENT_LIFETIME_S,
)
from weir.authorization.front.client_metadata import TAKEN
from weir.kernel import inputs
from weir.kernel.declares import CLOCK_AHEAD_ACCEPTED_S
from weir.kernel.outcomes import Refusal
from weir.keys import jose
from weir.keys.declares import JTI_CHARACTERS

_TYPES: Final = frozenset({"jwt", "software-statement+jwt"})


@dataclass(frozen=True, slots=True)
class Statement:
    """A verified software statement. `metadata` is its metadata of the client, and wins."""

    issuer: str
    jti: str
    organisation: str
    software_id: str
    expires_at: datetime
    metadata: Mapping[str, Any]


def issuer_of(token: str) -> str:
    """Return a statement's issuer, unverified: only to look the keys up.

    Refusal OAUTH_INVALID_SOFTWARE_STATEMENT.
    """
    try:
        claims = jose.segments(token, SOFTWARE_STATEMENT_CHARACTERS)[1]
    except ValueError as error:
        raise bad_statement("it is not a compact JWT") from error
    return _text(claims, "iss")


def verify(
    token: str, jwks: Mapping[str, Any], algorithms: Collection[str], audience: str, now_s: float
) -> Statement:
    """Return a statement signed by one of its issuer's keys, for this server, not long ago.

    `now_s` is Unix time. Refusal OAUTH_INVALID_SOFTWARE_STATEMENT.
    """
    header, claims = jose.segments(token, SOFTWARE_STATEMENT_CHARACTERS)
    algorithm = str(header.get("alg"))
    if algorithm not in algorithms:
        raise bad_statement(f"alg must be one of {', '.join(algorithms)}")
    if not jose.FOREIGN_KEYS.isdisjoint(header):
        raise bad_statement("the header brings a key or an extension of its own")
    if str(header.get("typ", "JWT")).lower() not in _TYPES:
        raise bad_statement("typ is not JWT")
    if not any(
        jose.verifies(token, key, algorithm) for key in jose.matching_keys(header, algorithm, jwks)
    ):
        raise bad_statement("no key of its issuer verifies the signature")
    return _read(claims, audience, now_s)


def read_metadata(token: str) -> Mapping[str, Any]:
    """Return the client's metadata in a statement that was verified before."""
    claims = jose.segments(token, SOFTWARE_STATEMENT_CHARACTERS)[1]
    return {name: claims[name] for name in TAKEN if name in claims}


def bad_statement(why: str) -> Refusal:
    """Return the refusal of a software statement."""
    return Refusal(OAUTH_INVALID_SOFTWARE_STATEMENT, why, why=why)


def _read(claims: Mapping[str, Any], audience: str, now_s: float) -> Statement:
    try:
        issued_at_s, expires_at_s = (
            jose.numeric_date(claims, "iat"),
            jose.numeric_date(claims, "exp"),
        )
    except ValueError as error:
        raise bad_statement(str(error)) from error
    if issued_at_s is None or issued_at_s > now_s + CLOCK_AHEAD_ACCEPTED_S:
        raise bad_statement("iat is missing or lies ahead of this server's clock")
    if expires_at_s is None or expires_at_s <= now_s:
        raise bad_statement("exp is missing or past")
    if expires_at_s > issued_at_s + SOFTWARE_STATEMENT_LIFETIME_S:
        raise bad_statement("exp lies over a day after iat")
    meant = claims.get("aud", audience)
    if audience not in (meant if isinstance(meant, list) else [meant]):
        raise bad_statement("aud is not this server")
    return Statement(
        issuer=_text(claims, "iss"),
        jti=_text(claims, "jti"),
        organisation=_text(claims, "organisation"),
        software_id=_text(claims, "software_id"),
        expires_at=datetime.fromtimestamp(expires_at_s, UTC),
        metadata={name: claims[name] for name in TAKEN if name in claims},
    )


def _text(claims: Mapping[str, Any], name: str) -> str:
    value = claims.get(name)
    if not isinstance(value, str) or not 0 < len(value) <= JTI_CHARACTERS:
        raise bad_statement(f"{name} is missing or too long")
    try:
        return inputs.text(value, f"/{name}", JTI_CHARACTERS)
    except Refusal as refusal:
        raise bad_statement(f"{name} is not plain text") from refusal
