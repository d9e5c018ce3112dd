"""The metadata of a registering client, read and checked (RFC 7591 section 2). Pure.

A member is one of three kinds. `TAKEN` ones are registered, told back and kept to. Ones that this
server knows and cannot meet are refused by name, so that no client believes in a protection that it
does not have. All others are ignored and not told back, as RFC 7591 section 2 demands.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from weir.authorization.declares import OAUTH_INVALID_CLIENT_METADATA, OAUTH_REGISTRATION_ADDRESS
from weir.authorization.grammar import scopes
from weir.authorization.grammar.grant_types import AUTHORIZATION_CODE, CIBA
from weir.authorization.pipeline import GRANT_TYPES
from weir.consent.types import SCHEMAS, is_payment
from weir.kernel import inputs
from weir.kernel.declares import INVALID_INPUT
from weir.kernel.outcomes import Refusal
from weir.keys.declares import JTI_CHARACTERS
from weir.partners import registration_rules
from weir.partners.applications import Application
from weir.partners.classes import (
    APPLICATION_ROLES,
    DELIVERY_MODES,
    TLS_CLIENT_AUTH,
    TOKEN_ENDPOINT_AUTH_METHODS,
)
from weir.partners.constraints import Constraints
from weir.partners.registration_rules import ApplicationFacts

# Members that decide something here, and their JSON types.
TAKEN: Final[dict[str, type]] = {
    "client_name": str,
    "redirect_uris": list,
    "token_endpoint_auth_method": str,
    "token_endpoint_auth_signing_alg": str,
    "grant_types": list,
    "response_types": list,
    "scope": str,
    "jwks": dict,
    "jwks_uri": str,
    "weir_roles": list,
    "application_type": str,
    "subject_type": str,
    "id_token_signed_response_alg": str,
    "authorization_signed_response_alg": str,
    "introspection_signed_response_alg": str,
    "require_pushed_authorization_requests": bool,
    "require_signed_request_object": bool,
    "request_object_signing_alg": str,
    "tls_client_certificate_bound_access_tokens": bool,
    "dpop_bound_access_tokens": bool,
    "authorization_details_types": list,
    "backchannel_token_delivery_mode": str,
    "backchannel_client_notification_endpoint": str,
    "backchannel_authentication_request_signing_alg": str,
    "backchannel_user_code_parameter": bool,
    "default_max_age": int,
    "tls_client_auth_subject_dn": str,
    "software_id": str,
    "software_version": str,
}
# Members whose protection is not offered here, and the reason.
_ENCRYPTION: Final = "is not offered: answers and requests are signed, and encrypted by TLS alone"
_SUBJECT: Final = "is not taken: certificates are issued here, send a certificate_request"
NOT_OFFERED: Final[dict[str, str]] = {
    **{
        f"{what}_{member}": _ENCRYPTION
        for what in ("id_token", "userinfo", "authorization", "introspection")
        for member in ("encrypted_response_alg", "encrypted_response_enc")
    },
    "request_object_encryption_alg": _ENCRYPTION,
    "request_object_encryption_enc": _ENCRYPTION,
    "userinfo_signed_response_alg": "is not offered: UserInfo answers in JSON",
    **{f"tls_client_auth_san_{kind}": _SUBJECT for kind in ("dns", "uri", "ip", "email")},
}
# The values of members that are the same for every client of this server.
FIXED: Final[dict[str, Any]] = {
    "application_type": "web",
    "subject_type": "pairwise",
    "backchannel_user_code_parameter": False,
}
# Members of answers that this server signs, and may sign with any of its own algorithms.
SIGNED_ANSWERS: Final = (
    "id_token_signed_response_alg",
    "authorization_signed_response_alg",
    "introspection_signed_response_alg",
)
_SIGNED_BY_CLIENT: Final = (
    "token_endpoint_auth_signing_alg",
    "request_object_signing_alg",
    "backchannel_authentication_request_signing_alg",
)
# The role `manage` acts for the whole organisation, so it is given by a person, in the portal.
_ROLES: Final = frozenset(APPLICATION_ROLES) - {"manage"}
_ASKING: Final = frozenset({"data", "payments"})


def facts_of(
    given: Mapping[str, Any],
    stated: Mapping[str, Any],
    accepted: Collection[str],
    signed: Collection[str],
) -> tuple[ApplicationFacts, dict[str, Any]]:
    """Return the application that a request and its statement describe, and its merged metadata.

    `accepted` are the algorithms open to clients, `signed` the ones this server signs with. The
    rules are the ones for all applications. OAUTH_INVALID_CLIENT_METADATA or
    OAUTH_REGISTRATION_ADDRESS says what is wrong.
    """
    for name, why in NOT_OFFERED.items():
        if name in given:
            raise bad_metadata(name, why)
    merged = {name: value for name, value in given.items() if name in TAKEN} | dict(stated)
    for name, value in merged.items():
        if type(value) is not TAKEN[name]:
            raise bad_metadata(name, "is of another JSON type")
    _check_offered(merged, accepted, signed)
    roles = _roles(merged, stated)
    grant_types = _grant_types(merged, roles)
    try:
        facts = registration_rules.application_facts(
            name=merged.get("client_name", ""),
            token_endpoint_auth_method=merged.get("token_endpoint_auth_method", "private_key_jwt"),
            jwks=merged.get("jwks", {"keys": []}),
            jwks_uri=merged.get("jwks_uri"),
            redirect_uris=_texts(merged, "redirect_uris"),
            roles=roles,
            require_signed_request_object=merged.get("require_signed_request_object", False),
            returns_customers=AUTHORIZATION_CODE in grant_types,
        )
        mode, endpoint = _backchannel(merged, grant_types, facts)
        if "software_version" in merged:
            inputs.text(merged["software_version"], "/software_version", JTI_CHARACTERS)
    except Refusal as refusal:
        raise _as_metadata(refusal) from refusal
    _check_types(merged, facts.roles)
    constraints = _constraints(merged, grant_types)
    return replace(
        facts,
        backchannel_token_delivery_mode=mode,
        backchannel_client_notification_endpoint=endpoint,
        constraints=constraints,
    ), merged


def registered(application: Application, signed: str) -> dict[str, Any]:
    """Return the registered metadata of an application (RFC 7591 section 3.2.1).

    `signed` is the algorithm that this server signs its answers with.
    """
    constraints = application.constraints.stored()
    grant_types = constraints.get("grant_types", ())
    if "scope" in constraints:
        constraints["scope"] = " ".join(constraints["scope"])
    optional: dict[str, Any] = {
        "jwks_uri": application.jwks_uri,
        "backchannel_token_delivery_mode": application.backchannel_token_delivery_mode,
        "backchannel_client_notification_endpoint": (
            application.backchannel_client_notification_endpoint
        ),
    }
    if application.jwks_uri is None:
        optional["jwks"] = application.jwks
    if application.token_endpoint_auth_method == TLS_CLIENT_AUTH:
        optional["tls_client_auth_subject_dn"] = subject_of(application)
    return {
        "client_name": application.name,
        "redirect_uris": application.redirect_uris,
        "token_endpoint_auth_method": application.token_endpoint_auth_method,
        "response_types": ["code"] if AUTHORIZATION_CODE in grant_types else [],
        "require_signed_request_object": application.require_signed_request_object,
        "require_pushed_authorization_requests": True,
        "weir_roles": application.roles,
        **FIXED,
        **dict.fromkeys(SIGNED_ANSWERS, signed),
        **constraints,
        **{name: value for name, value in optional.items() if value is not None},
    }


def subject_of(application: Application) -> str:
    """Return the subject of the application's certificates, as RFC 4514 writes it."""
    return f"CN={application.id},O={application.organisation}"


def bad_metadata(name: str, why: str) -> Refusal:
    """Return the refusal of one member of the client's metadata."""
    return Refusal(OAUTH_INVALID_CLIENT_METADATA, f"{name[:64]} {why}", member=name[:64], why=why)


def _check_offered(
    merged: Mapping[str, Any], accepted: Collection[str], signed: Collection[str]
) -> None:
    """Check that this server offers the requested features."""
    for names, offered in ((_SIGNED_BY_CLIENT, accepted), (SIGNED_ANSWERS, signed)):
        for name in names:
            if name in merged and merged[name] not in offered:
                raise bad_metadata(name, f"must be one of {', '.join(offered)}")
    for name, value in FIXED.items():
        if merged.get(name, value) != value:
            raise bad_metadata(name, f"must be {str(value).lower()} here")
    for name, types in (("response_types", ("code",)), ("authorization_details_types", SCHEMAS)):
        if not set(_texts(merged, name)) <= set(types):
            raise bad_metadata(name, f"must be of {', '.join(types)}")
    method = merged.get("token_endpoint_auth_method", "private_key_jwt")
    if method not in TOKEN_ENDPOINT_AUTH_METHODS:
        raise bad_metadata(
            "token_endpoint_auth_method", "must be tls_client_auth or private_key_jwt"
        )
    for name in ("tls_client_certificate_bound_access_tokens", "dpop_bound_access_tokens"):
        if merged.get(name) is False and not merged.get(_OTHER[name]):
            raise bad_metadata(name, "tokens here are bound to a certificate or a DPoP key")
    if merged.get("default_max_age", 0) < 0:
        raise bad_metadata("default_max_age", "must be a number of seconds")


_OTHER: Final = {
    "tls_client_certificate_bound_access_tokens": "dpop_bound_access_tokens",
    "dpop_bound_access_tokens": "tls_client_certificate_bound_access_tokens",
}


def _grant_types(merged: Mapping[str, Any], roles: Sequence[str]) -> tuple[str, ...]:
    """Return the grant types; without any, all that the roles and the delivery mode allow.

    They and the response types must be consistent (RFC 7591 section 2.1).
    """
    asks = not _ASKING.isdisjoint(roles)
    allowed = [
        name
        for name in GRANT_TYPES
        if (asks or name == "client_credentials")
        and (name != CIBA or "backchannel_token_delivery_mode" in merged)
    ]
    given = tuple(_texts(merged, "grant_types")) if "grant_types" in merged else tuple(allowed)
    for name in given:
        if name not in GRANT_TYPES:
            raise bad_metadata("grant_types", f"must be of {', '.join(GRANT_TYPES)}")
        if name not in allowed:
            needed = "backchannel_token_delivery_mode" if asks else "the role data or payments"
            raise bad_metadata("grant_types", f"{name} takes {needed}")
    if not given:
        raise bad_metadata("grant_types", "must not be empty")
    has_code, names_code = AUTHORIZATION_CODE in given, "code" in merged.get("response_types", ())
    if "response_types" in merged and has_code != names_code:
        raise bad_metadata(
            "response_types", f"code and the grant type {AUTHORIZATION_CODE} go together"
        )
    return tuple(dict.fromkeys(given))


def _backchannel(
    merged: Mapping[str, Any], grant_types: Collection[str], facts: ApplicationFacts
) -> tuple[str | None, str | None]:
    """Return the delivery mode and the address of pings (CIBA Core section 4)."""
    mode = merged.get("backchannel_token_delivery_mode")
    endpoint = merged.get("backchannel_client_notification_endpoint")
    if mode is not None and mode not in DELIVERY_MODES:
        raise bad_metadata(
            "backchannel_token_delivery_mode", f"must be of {', '.join(DELIVERY_MODES)}"
        )
    if mode is not None and CIBA not in grant_types:
        raise bad_metadata("backchannel_token_delivery_mode", f"takes the grant type {CIBA}")
    has_keys = bool(facts.jwks["keys"]) or facts.jwks_uri is not None
    registration_rules.require_backchannel(mode, endpoint, has_keys=has_keys)
    return mode, endpoint


def _constraints(merged: Mapping[str, Any], grant_types: tuple[str, ...]) -> Constraints:
    def listed(name: str) -> tuple[str, ...] | None:
        return tuple(_texts(merged, name)) if name in merged else None

    return Constraints(
        grant_types=grant_types,
        scope=_scope(merged),
        authorization_details_types=listed("authorization_details_types"),
        token_endpoint_auth_signing_alg=merged.get("token_endpoint_auth_signing_alg"),
        request_object_signing_alg=merged.get("request_object_signing_alg"),
        backchannel_authentication_request_signing_alg=merged.get(
            "backchannel_authentication_request_signing_alg"
        ),
        dpop_bound_access_tokens=merged.get("dpop_bound_access_tokens", False),
        tls_client_certificate_bound_access_tokens=merged.get(
            "tls_client_certificate_bound_access_tokens", False
        ),
        default_max_age=merged.get("default_max_age"),
    )


def _scope(merged: Mapping[str, Any]) -> tuple[str, ...] | None:
    if "scope" not in merged:
        return None
    try:
        return tuple(sorted(scopes.read_scopes(merged["scope"])))
    except Refusal as refusal:
        raise bad_metadata("scope", "is no list of scopes") from refusal


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


_MEMBERS: Final = {
    "name": "client_name",
    "roles": "weir_roles",
    "mode": "backchannel_token_delivery_mode",
    "endpoint": "backchannel_client_notification_endpoint",
}


def _as_metadata(refusal: Refusal) -> Refusal:
    """Translate a refusal by pointer into the codes of RFC 7591 section 3.2.2."""
    if refusal.outcome is not INVALID_INPUT:
        return refusal
    pointer = str(refusal.public.get("pointer", "/"))
    _, member, *inside = pointer.split("/")
    if member == "redirect_uris":
        return Refusal(OAUTH_REGISTRATION_ADDRESS, pointer, **refusal.public)
    why = str(refusal.public.get("why", "is not well-formed"))
    return bad_metadata(_MEMBERS.get(member, member), " ".join(["/".join(inside), why]).strip())
