"""Rules for the registration of organisations and applications; pure, a pointer for each fault."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from weir.access.roles import OWNER, ROLES
from weir.kernel import inputs
from weir.partners import classes, keys
from weir.partners.constraints import NONE, Constraints
from weir.partners.declares import APPLICATION_REDIRECT_URIS

# The institution's code from its supervisor (JR/T 0185 embeds its first 6 characters), or its LEI.
_INSTITUTION_CODE: Final = re.compile(r"[A-Z0-9]{6,20}")
_LOOPBACK_HOSTS: Final = ("127.0.0.1", "::1")


@dataclass(frozen=True, slots=True, kw_only=True)
class OrganisationFacts:
    """The checked facts of an organisation."""

    kind: str
    slug: str
    name_en: str
    name_zh: str
    partner_class: str | None = None
    licence_kind: str | None = None
    institution_code: str | None = None
    directory_url: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ApplicationFacts:
    """The checked facts of an application. `jwks` holds public keys only."""

    name: str
    token_endpoint_auth_method: str
    jwks: dict[str, Any]
    redirect_uris: list[str]
    roles: list[str]
    require_signed_request_object: bool = False
    jwks_uri: str | None = None
    backchannel_token_delivery_mode: str | None = None
    backchannel_client_notification_endpoint: str | None = None
    constraints: Constraints = NONE


def operator_facts(*, slug: str, name_en: str, name_zh: str) -> OrganisationFacts:
    """Check the facts of the operator. Refusal INVALID_INPUT."""
    return _named("operator", slug, name_en, name_zh)


def member_facts(
    *,
    slug: str,
    name_en: str,
    name_zh: str,
    licence_kind: str,
    institution_code: str | None,
    directory_url: str | None,
) -> OrganisationFacts:
    """Check the facts of a member, with its licence and the address of its account directory.

    Refusal INVALID_INPUT.
    """
    named = _named("member", slug, name_en, name_zh)
    return OrganisationFacts(
        kind=named.kind,
        slug=named.slug,
        name_en=named.name_en,
        name_zh=named.name_zh,
        licence_kind=inputs.choice(licence_kind, classes.LICENCE_KINDS, "/licence_kind"),
        institution_code=_institution_code(institution_code),
        directory_url=directory_url and inputs.https_url(directory_url, "/directory_url"),
    )


def partner_facts(
    *,
    slug: str,
    name_en: str,
    name_zh: str,
    partner_class: str,
    institution_code: str | None = None,
) -> OrganisationFacts:
    """Check the facts of a partner. Refusal INVALID_INPUT."""
    named = _named("partner", slug, name_en, name_zh)
    return OrganisationFacts(
        kind=named.kind,
        slug=named.slug,
        name_en=named.name_en,
        name_zh=named.name_zh,
        partner_class=inputs.choice(partner_class, classes.PARTNER_CLASSES, "/partner_class"),
        institution_code=_institution_code(institution_code),
    )


def application_facts(
    *,
    name: str,
    token_endpoint_auth_method: str,
    jwks: Any,
    redirect_uris: Sequence[str],
    roles: Sequence[str],
    require_signed_request_object: bool = False,
    jwks_uri: str | None = None,
    returns_customers: bool = True,
) -> ApplicationFacts:
    """Check the facts of an application, alone and together. Refusal INVALID_INPUT.

    It `returns_customers` unless it asks them on another device only.
    """
    public = keys.public_jwks(jwks, "/jwks")
    method = inputs.choice(
        token_endpoint_auth_method,
        classes.TOKEN_ENDPOINT_AUTH_METHODS,
        "/token_endpoint_auth_method",
    )
    if jwks_uri is None:
        require_keys_for(method, public, require_signed_request_object)
    else:
        _check_key_address(jwks_uri, public)
    checked_roles = _roles(roles)
    addresses = _redirect_uris(redirect_uris)
    asks = not {"data", "payments"}.isdisjoint(checked_roles)
    if asks and returns_customers and not addresses:
        raise inputs.wrong(
            "/redirect_uris",
            "an application that asks customers needs an address to send them back to",
            "向客户请求授权的应用须登记回跳地址",
        )
    return ApplicationFacts(
        name=inputs.text(name, "/name"),
        token_endpoint_auth_method=method,
        jwks=public,
        redirect_uris=addresses,
        roles=checked_roles,
        jwks_uri=jwks_uri,
        require_signed_request_object=require_signed_request_object,
    )


def require_keys_for(
    token_endpoint_auth_method: str, jwks: dict[str, Any], signs_requests: bool
) -> None:
    """Refuse (INVALID_INPUT) an application without a key that needs one.

    It needs one to authenticate by private_key_jwt (RFC 7523), and to sign its requests
    (RFC 9101 section 10.5).
    """
    if signs_requests and not jwks["keys"]:
        raise inputs.wrong(
            "/jwks/keys",
            "signed requests need at least one public key",
            "签名请求至少需要一把公钥",
        )
    if token_endpoint_auth_method == classes.PRIVATE_KEY_JWT and not jwks["keys"]:
        raise inputs.wrong(
            "/jwks/keys",
            "private_key_jwt needs at least one public key",
            "private_key_jwt 方式至少需要一把公钥",
        )


def _check_key_address(jwks_uri: str, jwks: dict[str, Any]) -> None:
    """Refuse keys both by value and by address (RFC 7591 section 2), or an unsafe address."""
    parts = inputs.split_url(jwks_uri, "/jwks_uri")
    if parts.scheme != "https" or parts.fragment:
        raise inputs.wrong(
            "/jwks_uri", "must be https, without a fragment", "须为不含片段的 https 地址"
        )
    if jwks["keys"]:
        raise inputs.wrong("/jwks_uri", "and jwks exclude each other", "与 jwks 不能同时提供")


def require_backchannel(mode: str | None, endpoint: str | None, *, has_keys: bool) -> None:
    """Check a backchannel mode (CIBA Core section 4). Refusal INVALID_INPUT.

    The mode ping needs a registered https address, and every mode needs keys for signed requests.
    """
    if mode is not None:
        inputs.choice(mode, classes.DELIVERY_MODES, "/mode")
    if (mode == classes.PING) != (endpoint is not None):
        raise inputs.wrong("/endpoint", "goes with the mode ping", "仅用于 ping 模式，且必须填写")
    if endpoint is not None:
        inputs.https_url(endpoint, "/endpoint")
    if mode is not None and not has_keys:
        raise inputs.wrong(
            "/mode",
            "backchannel requests are signed: register a public key first",
            "后端通道请求须签名：请先登记公钥",
        )


def redirect_uri(value: str, pointer: str) -> str:
    """Check a redirect URI (FAPI 2.0 Security Profile section 5.3.2.2): https or native loopback.

    It is returned unchanged, since it is later compared character by character. Refusal
    INVALID_INPUT.
    """
    parts = inputs.split_url(value, pointer)
    loopback = parts.scheme == "http" and parts.hostname in _LOOPBACK_HOSTS
    if not (parts.scheme == "https" or loopback) or "#" in value or "*" in value:
        raise inputs.wrong(
            pointer,
            "must be https, or http to 127.0.0.1 or [::1], without a fragment or wildcard",
            "须为 https 地址，或指向 127.0.0.1、[::1] 的 http 地址，且不含片段和通配符",
        )
    return value


def _named(kind: str, slug: str, name_en: str, name_zh: str) -> OrganisationFacts:
    return OrganisationFacts(
        kind=kind,
        slug=inputs.slug(slug, "/slug"),
        name_en=inputs.text(name_en, "/name_en"),
        name_zh=inputs.text(name_zh, "/name_zh"),
    )


def _institution_code(value: str | None) -> str | None:
    if value is not None and not _INSTITUTION_CODE.fullmatch(value):
        raise inputs.wrong(
            "/institution_code",
            "must be 6 to 20 capital letters and digits",
            "须为 6 至 20 个大写字母或数字",
        )
    return value


def _roles(values: Sequence[str]) -> list[str]:
    for number, value in enumerate(values):
        inputs.choice(value, classes.APPLICATION_ROLES, f"/roles/{number}")
    return sorted(set(values))


def management_role(roles: Sequence[str], named: str | None) -> str | None:
    """Return the role in which an application with these roles acts in the management API.

    That is the named one, or without a name the owner's; None without `manage`. Refusal
    INVALID_INPUT.
    """
    if classes.MANAGE in roles:
        return inputs.choice(named or OWNER, ROLES, "/management_role")
    if named is not None:
        raise inputs.wrong("/management_role", "goes with the role manage", "仅用于 manage 角色")
    return None


def require_roles_of(kind: str, roles: Sequence[str]) -> None:
    """Refuse (INVALID_INPUT) the role `introspect` of an organisation that is no member.

    Only members run systems that receive tokens.
    """
    if classes.INTROSPECT in roles and kind != "member":
        raise inputs.wrong("/roles", "introspect is for members", "introspect 仅限成员机构")


def _redirect_uris(values: Sequence[str]) -> list[str]:
    if len(values) > APPLICATION_REDIRECT_URIS:
        raise inputs.wrong(
            "/redirect_uris",
            f"must be at most {APPLICATION_REDIRECT_URIS}",
            f"不得超过 {APPLICATION_REDIRECT_URIS} 个",
        )
    checked = [redirect_uri(value, f"/redirect_uris/{n}") for n, value in enumerate(values)]
    if len(set(checked)) != len(checked):
        raise inputs.wrong("/redirect_uris", "must not repeat an address", "地址不得重复")
    return checked
