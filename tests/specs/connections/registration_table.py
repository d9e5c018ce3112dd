"""Every refusal of dynamic registration: what spoils a good request so that just this is refused.

A row names the function that refuses, and stands where its turn is: of two faults in one request
the upper row's is answered. `why` tells apart what has one code.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

from directory import ISSUER, StatementIssuer, key_set
from joserfc.jwk import ECKey

from weir.authorization.declares import (
    OAUTH_INVALID_CLIENT_METADATA,
    OAUTH_INVALID_SOFTWARE_STATEMENT,
    OAUTH_REGISTRATION_ADDRESS,
    OAUTH_REGISTRATION_TOKEN_INVALID,
    OAUTH_TEMPORARILY_UNAVAILABLE,
    OAUTH_TOO_MANY_REQUESTS,
    OAUTH_UNAPPROVED_SOFTWARE_STATEMENT,
    REGISTRATION_BYTES,
    REGISTRATION_REQUESTS,
    REGISTRATION_WINDOW_S,
)
from weir.identity.secrets import digest
from weir.kernel.declares import (
    CONFLICT,
    INVALID_INPUT,
    NOT_FOUND,
    PLATFORM_ERROR,
    UNSUPPORTED_MEDIA_TYPE,
)
from weir.kernel.outcomes import Outcome
from weir.keys.vault import PLATFORM
from weir.partners import dynamic_registration, organisations
from weir.partners.declares import ORGANISATION_SUSPENDED
from weir.wire.declares import BODY_TOO_LARGE, METHOD_NOT_ALLOWED
from weir.wire.networks import network_of


@dataclass
class Attempt:
    """One request to one of the four operations."""

    issuer: StatementIssuer
    method: str
    peer: str
    path: str = "/register"
    token: str = ""
    media_type: str = "application/json"
    stated: dict[str, Any] = field(default_factory=dict)  # what the statement says otherwise
    signer: StatementIssuer | None = None  # in the issuer's place
    body: dict[str, Any] = field(default_factory=dict)
    raw: str | None = None  # in the body's place

    async def send(self) -> Any:
        headers = self.issuer.world.headers(None) | {"weir-peer": self.peer}
        if self.token:
            headers["authorization"] = f"Bearer {self.token}"
        content = ""
        if self.method in ("POST", "PUT"):
            headers["content-type"] = self.media_type
            body = {"software_statement": (self.signer or self.issuer).statement(**self.stated)}
            content = json.dumps(body | self.body) if self.raw is None else self.raw
        auth = self.issuer.world.auth
        return await auth.request(self.method, self.path, content=content, headers=headers)


Spoil = Callable[[Attempt], Awaitable[None] | None]


@dataclass(frozen=True)
class Row:
    place: str
    outcome: Outcome
    why: str
    spoil: Spoil
    of: tuple[str, ...] = ("POST", "PUT")
    alone: bool = False  # it cannot be told beside another fault


async def attempt_at(issuer: StatementIssuer, method: str, number: int) -> Attempt:
    """A request that passes, from an address of its own."""
    attempt = Attempt(issuer, method, peer=f"10.1.{number // 250}.{number % 250}")
    attempt.body = {"jwks": key_set(ECKey.generate_key("P-256"))}
    if method != "POST":
        told = (await issuer.register(peer=f"10.2.{number // 250}.{number % 250}")).json()
        attempt.path = f"/register/{told['client_id']}"
        attempt.token = told["registration_access_token"]
        attempt.body["client_id"] = told["client_id"]
    return attempt


# --- what spoils a request ---------------------------------------------------------------------


def says(**changed: Any) -> Spoil:
    return lambda attempt: attempt.body.update(changed)


def states(**changed: Any) -> Spoil:
    return lambda attempt: attempt.stated.update(changed)


def sets(**changed: Any) -> Spoil:
    def spoil(attempt: Attempt) -> None:
        for name, value in changed.items():
            setattr(attempt, name, value)

    return spoil


def signed_by_another(attempt: Attempt) -> None:
    attempt.signer = StatementIssuer(attempt.issuer.world)


async def too_often(attempt: Attempt) -> None:
    name = f"register:{digest(network_of(attempt.peer))}"
    for _ in range(REGISTRATION_REQUESTS):
        await attempt.issuer.world.services.cache.count(name, REGISTRATION_WINDOW_S)


async def used_before(attempt: Attempt) -> None:
    world, jti = attempt.issuer.world, f"used {attempt.peer}"
    attempt.stated["jti"] = jti
    async with world.services.database.unit(PLATFORM) as unit:
        until = unit.now + timedelta(hours=1)
        assert await dynamic_registration.use_statement(unit, ISSUER, jti, until)


async def suspended(attempt: Attempt) -> None:
    """A registration of an organisation of its own, which was suspended since."""
    slug = f"gone-{attempt.path[-12:]}"
    world, issuer = attempt.issuer.world, attempt.issuer
    async with world.services.database.unit(PLATFORM) as unit:
        partner = await organisations.admit_partner(
            unit, slug=slug, name_en=slug, name_zh=f"已停 {slug}", partner_class="software_vendor"
        )
    statement = issuer.statement(organisation=slug, client_name=f"Till of {slug}")
    told = (await issuer.register(statement, peer=f"10.4{attempt.peer[4:]}")).json()
    async with world.services.database.unit(PLATFORM) as unit:
        await organisations.suspend(unit, partner.id)
    attempt.path = f"/register/{told['client_id']}"
    attempt.token = told["registration_access_token"]


_METADATA: Final = OAUTH_INVALID_CLIENT_METADATA
_STATEMENT: Final = OAUTH_INVALID_SOFTWARE_STATEMENT
_UNAPPROVED: Final = OAUTH_UNAPPROVED_SOFTWARE_STATEMENT
_TOKEN: Final = OAUTH_REGISTRATION_TOKEN_INVALID
_MANAGED: Final = ("GET", "PUT", "DELETE")
ALL: Final = ("POST", *_MANAGED)

ROWS: Final = (
    Row(
        "_Registering._answered", METHOD_NOT_ALLOWED, "", sets(method="PATCH"),
        of=ALL, alone=True,
    ),
    Row("_Registering._slow_down", OAUTH_TOO_MANY_REQUESTS, "", too_often, of=ALL),
    Row("_Registering._managed", _TOKEN, "", sets(token="rat_x"), of=_MANAGED),
    Row(
        "_Registering._managed", ORGANISATION_SUSPENDED, "", suspended,
        of=_MANAGED, alone=True,
    ),
    Row("_read_json", UNSUPPORTED_MEDIA_TYPE, "", sets(media_type="text/plain")),
    Row(
        "_read_json", BODY_TOO_LARGE, "", sets(raw=" " * (REGISTRATION_BYTES + 1)),
        alone=True,
    ),
    Row("_read_json", _METADATA, "not a JSON object", sets(raw="[]"), alone=True),
    Row("_Registering._register", _METADATA, "given by this server", says(client_id="app_x"),
        of=("POST",)),
    Row("_without_answers", _METADATA, "must be the client's own", says(client_id="app_x"),
        of=("PUT",)),
    Row("_Registering._register", _STATEMENT, "it is missing", says(software_statement=7),
        of=("POST",)),
    Row("_Registering._another", _STATEMENT, "it is not a text", says(software_statement=7),
        of=("PUT",)),
    Row("issuer_of", _STATEMENT, "not a compact JWT", says(software_statement="x")),
    Row("_text", _STATEMENT, "iss is missing", states(iss=None)),
    Row("_Registering._verified", _UNAPPROVED, "its issuer is not", states(iss="https://x.example")),
    Row("verify", _STATEMENT, "no key of its issuer", signed_by_another),
    Row("_read", _STATEMENT, "exp is missing or past", states(exp=1)),
    Row("_Registering._verified", _UNAPPROVED, "no active organisation", states(organisation="x")),
    Row("_Registering._another", _UNAPPROVED, "for other software", states(software_id="till-9"),
        of=("PUT",)),
    Row("facts_of", _METADATA, "is not offered", says(userinfo_signed_response_alg="ES256")),
    Row("_check_offered", _METADATA, "must be of code", says(response_types=["token"])),
    Row("_texts", _METADATA, "must hold texts", states(authorization_details_types=[7])),
    Row("_roles", _METADATA, "must be of", states(weir_roles=["manage"])),
    Row("_grant_types", _METADATA, "must be of", says(grant_types=["implicit"]),
        of=("POST",)),
    Row("_backchannel", _METADATA, "must be of",
        says(backchannel_token_delivery_mode="push"), of=("POST",), alone=True),
    Row("_scope", _METADATA, "no list of scopes", says(scope="a  b"), of=("POST",), alone=True),
    Row(
        "_as_metadata", OAUTH_REGISTRATION_ADDRESS, "",
        states(redirect_uris=["http://shop.example/back"]),
    ),
    Row("_check_types", _METADATA, "takes the role payments",
        states(authorization_details_types=["urn:weir:payment-initiation:v1"])),
    Row("_refuse_names", _METADATA, "is assigned here", says(tls_client_auth_subject_dn="CN=x")),
    Row("_use", _STATEMENT, "it was used before", used_before),
    Row("_allowed", _METADATA, "introspect is for members",
        states(weir_roles=["introspect"])),
    Row("_Registering._certificate", _METADATA, "is not a text", says(certificate_request=7)),
    Row("_as_oauth", _METADATA, "", says(certificate_request="no PEM"), alone=True),
)  # fmt: skip

# What the source speaks of and no request leads to, or none that a test can make.
ELSEWHERE: Final[dict[tuple[str, Outcome], str]] = {
    ("_Registering._answered", PLATFORM_ERROR): "a fault of ours",
    ("_Registering._answered", _TOKEN): "its answer gets a header field",
    (
        "_Registering._end",
        OAUTH_TEMPORARILY_UNAVAILABLE,
    ): "needs a gateway that lives and does not follow: tests/functional/platform",
    ("_as_oauth", CONFLICT): "what other rooms refuse, told as metadata",
    ("_as_oauth", NOT_FOUND): "the same",
    ("_as_metadata", INVALID_INPUT): "the same",
    ("_as_metadata", _METADATA): "of the rules for all applications: test_dynamic_registration.py",
}
