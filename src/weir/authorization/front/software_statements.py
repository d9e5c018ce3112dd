"""A registering client's metadata and its software statement, read and checked (RFC 7591).

Pure: the caller brings the issuer's keys and the time. The grammar is closed: a name that is not in
these lists is refused, because one that is misspelt would silently mean nothing. Names of RFC 7591
that only describe (a logo, a contact) are taken and not kept.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from weir.authorization.declares import (
    OAUTH_INVALID_CLIENT_METADATA,
    OAUTH_INVALID_SOFTWARE_STATEMENT,
    OAUTH_REGISTRATION_ADDRESS,
    SOFTWARE_STATEMENT_CHARACTERS,
    SOFTWARE_STATEMENT_LIFETIME_S,
)
from weir.authorization.pipeline import GRANT_TYPES
from weir.consent.types import SCHEMAS, is_payment
from weir.kernel import inputs
from weir.kernel.declares import CLOCK_AHEAD_ACCEPTED_S, INVALID_INPUT
from weir.kernel.outcomes import Refusal
from weir.keys import jose
from weir.keys.declares import JTI_CHARACTERS
from weir.partners import registration_rules
from weir.partners.classes import APPLICATION_ROLES, TOKEN_ENDPOINT_AUTH_METHODS
from weir.partners.registration_rules import ApplicationFacts

# Members that decide something here, and their JSON types.
TAKEN: Final[dict[str, type]] = {
    "client_name": str,
    "redirect_uris": list,
    "token_endpoint_auth_method": str,
    "token_endpoint_auth_signing_alg": str,
    "grant_types": list,
    "response_types": list,
    "jwks": dict,
    "jwks_uri": str,
    "weir_roles": list,
    "require_signed_request_object": bool,
    "request_object_signing_alg": str,
    "tls_client_certificate_bound_access_tokens": bool,
    "dpop_bound_access_tokens": bool,
    "authorization_details_types": list,
    "tls_client_auth_subject_dn": str,
    "software_id": str,
    "software_version": str,
}
DESCRIBING: Final = frozenset(
    {"client_uri", "logo_uri", "contacts", "tos_uri", "policy_uri", "scope"}
)
# Of the request alone.
OWN: Final = frozenset({"software_statement", "certificate_request", "client_id"})
_TYPES: Final = frozenset({"jwt", "software-statement+jwt"})
# The role `manage` acts for the whole organisation, so it is given by a person, in the portal.
_ROLES: Final = frozenset(APPLICATION_ROLES) - {"manage"}


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


def facts_of(
    given: Mapping[str, Any], stated: Mapping[str, Any], algorithms: Collection[str]
) -> tuple[ApplicationFacts, dict[str, Any]]:
    """Return the application that a request and its statement describe, and its merged metadata.

    The rules are the ones for all applications. OAUTH_INVALID_CLIENT_METADATA or
    OAUTH_REGISTRATION_ADDRESS says what is wrong.
    """
    for name in given:
        if name not in TAKEN and name not in DESCRIBING and name not in OWN:
            raise bad_metadata(name, "is not taken here")
    merged = {name: value for name, value in given.items() if name in TAKEN} | dict(stated)
    for name, value in merged.items():
        if not isinstance(value, TAKEN[name]):
            raise bad_metadata(name, "is of another JSON type")
    _check_offered(merged, algorithms)
    try:
        facts = registration_rules.application_facts(
            name=merged.get("client_name", ""),
            token_endpoint_auth_method=merged.get("token_endpoint_auth_method", "private_key_jwt"),
            jwks=merged.get("jwks", {"keys": []}),
            jwks_uri=merged.get("jwks_uri"),
            redirect_uris=_texts(merged, "redirect_uris"),
            roles=_roles(merged, stated),
            require_signed_request_object=merged.get("require_signed_request_object", False),
        )
    except Refusal as refusal:
        raise _as_metadata(refusal) from refusal
    _check_types(merged, facts.roles)
    return facts, merged


def bad_metadata(name: str, why: str) -> Refusal:
    """Return the refusal of one member of the client's metadata."""
    return Refusal(OAUTH_INVALID_CLIENT_METADATA, f"{name[:64]} {why}", member=name[:64], why=why)


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


def _check_offered(merged: Mapping[str, Any], algorithms: Collection[str]) -> None:
    """Check that this server offers the requested features."""
    for name in ("token_endpoint_auth_signing_alg", "request_object_signing_alg"):
        if name in merged and merged[name] not in algorithms:
            raise bad_metadata(name, f"must be one of {', '.join(algorithms)}")
    lists: dict[str, Collection[str]] = {
        "grant_types": GRANT_TYPES,
        "response_types": ("code",),
        "authorization_details_types": SCHEMAS,
    }
    for name, offered in lists.items():
        if not set(_texts(merged, name)) <= set(offered):
            raise bad_metadata(name, f"must be of {', '.join(offered)}")
    method = merged.get("token_endpoint_auth_method", "private_key_jwt")
    if method not in TOKEN_ENDPOINT_AUTH_METHODS:
        raise bad_metadata(
            "token_endpoint_auth_method", "must be tls_client_auth or private_key_jwt"
        )
    for name in ("tls_client_certificate_bound_access_tokens", "dpop_bound_access_tokens"):
        if merged.get(name) is False and not merged.get(_OTHER[name]):
            raise bad_metadata(name, "tokens here are bound to a certificate or a DPoP key")


_OTHER: Final = {
    "tls_client_certificate_bound_access_tokens": "dpop_bound_access_tokens",
    "dpop_bound_access_tokens": "tls_client_certificate_bound_access_tokens",
}


def _check_types(merged: Mapping[str, Any], roles: Collection[str]) -> None:
    """Check that the roles let the application ask for the types of consent that it registers."""
    for name in _texts(merged, "authorization_details_types"):
        role = "payments" if is_payment(name) else "data"
        if role not in roles:
            raise bad_metadata("authorization_details_types", f"{name} takes the role {role}")


def _roles(merged: Mapping[str, Any], stated: Mapping[str, Any]) -> list[str]:
    """Return the roles, which the issuer alone may give; without any, the least."""
    if "weir_roles" in merged and "weir_roles" not in stated:
        raise bad_metadata("weir_roles", "are given by the software statement")
    roles = _texts(merged, "weir_roles")
    if not set(roles) <= _ROLES:
        raise bad_metadata("weir_roles", f"must be of {', '.join(sorted(_ROLES))}")
    return roles


def _texts(merged: Mapping[str, Any], name: str) -> list[str]:
    values = merged.get(name, [])
    if not all(isinstance(each, str) for each in values):
        raise bad_metadata(name, "must hold texts")
    return list(values)


def _text(claims: Mapping[str, Any], name: str) -> str:
    value = claims.get(name)
    if not isinstance(value, str) or not 0 < len(value) <= JTI_CHARACTERS:
        raise bad_statement(f"{name} is missing or too long")
    try:
        return inputs.text(value, f"/{name}", JTI_CHARACTERS)
    except Refusal as refusal:
        raise bad_statement(f"{name} is not plain text") from refusal


_MEMBERS: Final = {"name": "client_name", "roles": "weir_roles"}


def _as_metadata(refusal: Refusal) -> Refusal:
    """Translate a refusal by pointer into the codes of RFC 7591 section 3.2.2."""
    if refusal.outcome is not INVALID_INPUT:
        return refusal
    pointer = str(refusal.public.get("pointer", "/"))
    member = pointer.split("/")[1]
    if member == "redirect_uris":
        return Refusal(OAUTH_REGISTRATION_ADDRESS, pointer, **refusal.public)
    name = _MEMBERS.get(member, member)
    return bad_metadata(name, str(refusal.public.get("why", "is not well-formed")))
