"""Callers of the API: a sender-constrained access token, checked against the database each time.

RFC 9068 section 4 for the token, RFC 8705 section 3 for its certificate. The certificate comes in a
header that only a gateway can set. The process keeps nothing about the caller between requests, so
a suspension or a revocation holds from the next request on.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from weir.access.roles import OWNER, Rule, lesser
from weir.api.declares import PERSON_REQUIRED, REGISTRANT_GONE
from weir.api.services import Services
from weir.identity import people
from weir.kernel.declares import (
    CERTIFICATE_MISMATCH,
    CERTIFICATE_REQUIRED,
    CERTIFICATE_REVOKED,
    CLOCK_AHEAD_ACCEPTED_S,
    FORBIDDEN,
    FRESH_PROOF_NEEDED,
    NOT_FOUND,
    SCOPE_INSUFFICIENT,
    TOKEN_EXPIRED,
    TOKEN_INVALID,
    TOKEN_MISSING,
    TOKEN_REVOKED,
)
from weir.kernel.outcomes import Refusal
from weir.keys.jose import ALGORITHMS
from weir.keys.published import REVOCATION
from weir.partners import applications
from weir.partners.applications import Application, KnownApplication
from weir.partners.declares import APPLICATION_SUSPENDED, ORGANISATION_SUSPENDED
from weir.partners.organisations import SANDBOX, Organisation
from weir.store.schema import changes
from weir.store.unit import Actor

MANAGE_SCOPE: Final = "manage"
_TOKEN_TYPES: Final = ("at+jwt", "application/at+jwt")  # RFC 9068 section 4
_BEARER: Final = re.compile(r"bearer +([A-Za-z0-9._~+/=-]{1,8192})", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Caller:
    """The caller of an operation, its organisation, and the permission rule of the operation.

    It is an application with the certificate it asks with, or a person. `person` is the person who
    acts or in whose name the application does, None for an application without a registrant. `role`
    is the role that holds for this request.
    """

    organisation: Organisation
    rule: Rule
    subject: str  # the application's or the person's identifier
    role: str
    person: str | None
    thumbprint: str | None = None  # of an application's certificate
    proven_afresh: bool = False  # whether a person proved its identity just now

    @property
    def kind(self) -> str:
        return self.organisation.kind

    @property
    def actor(self) -> Actor:
        """The caller, as units of work and the audit chain record it."""
        return Actor(organisation=self.organisation.id, subject=self.subject)

    @property
    def signs_with(self) -> str:
        """Thumbprint of the certificate whose key an application signs with.

        The table lets no person ask for an operation that needs a signature.
        """
        assert self.thumbprint is not None, "the table lets people do what needs a signature"
        return self.thumbprint

    @property
    def in_sandbox(self) -> bool:
        """Whether the caller's organisation has only the sandbox so far."""
        return self.organisation.stage == SANDBOX

    def may_reach(self, organisation_id: str) -> bool:
        """Whether the rule lets the caller act on what belongs to an organisation."""
        if self.kind in self.rule.every:
            return True
        return self.kind in self.rule.own and organisation_id == self.organisation.id

    def reach_application(self, application: Application) -> None:
        """Raise NOT_FOUND unless the caller may reach the application.

        FORBIDDEN when the rule lets an application act on itself only, and this is another.
        """
        self.reach(application.organisation)
        another = self.thumbprint is not None and self.subject != application.id
        if another and self.rule.programs == "itself":
            raise Refusal(
                FORBIDDEN,
                f"{self.subject} on {application.id}",
                why="an application does this for itself only; a person does it for the others",
                why_zh="应用仅可对自身执行此操作，其他应用须由人员办理",
            )

    def equip(self, application: Application) -> None:
        """Raise as `reach_application`, and unless the caller may give it a key or a certificate.

        One that manages renews its own; else an owner does, as of `require_fresh_owner`.
        """
        self.reach_application(application)
        if application.manages and self.subject != application.id:
            self.require_fresh_owner()

    def require_fresh_owner(self) -> None:
        """Raise FORBIDDEN unless the caller is a person and an owner; FRESH_PROOF_NEEDED."""
        if self.thumbprint is not None or self.role != OWNER:
            raise Refusal(
                FORBIDDEN,
                f"{self.subject} is not an owner in person",
                why="applications with the role manage are for owners, in person",
                why_zh="具有 manage 角色的应用仅可由所有者本人办理",
            )
        if not self.proven_afresh:
            raise Refusal(FRESH_PROOF_NEEDED, "an application that manages")

    def reach(self, organisation_id: str) -> None:
        """Raise NOT_FOUND unless the caller may reach the organisation."""
        if not self.may_reach(organisation_id):
            raise Refusal(NOT_FOUND, f"out of reach of {self.organisation.id}")


async def identify(headers: Mapping[str, str], rule: Rule, services: Services) -> Caller:
    """Identify the calling application.

    Raises the first refusal of: certificate, token, application, permission.
    """
    thumbprint = _presented_certificate(headers)
    claims = _verify(_bearer(headers), services)
    _require_bound(claims, thumbprint)
    async with services.database.connect() as connection:
        await _refuse_revoked(connection, claims)
        known = await applications.find_known(connection, claims["client_id"], thumbprint)
        active = _require_active(known, claims)
        role = await present_role(connection, active.application)
    kind = active.organisation.kind
    if kind not in rule.kinds:
        raise Refusal(FORBIDDEN, f"a {kind} may not")
    if rule.programs == "no":
        raise Refusal(PERSON_REQUIRED)
    if not rule.permits_program(kind, role):
        raise Refusal(
            FORBIDDEN,
            f"{active.application.id} acts as {role}",
            why=f"the application acts as {role}, and that role may not",
            why_zh=f"该应用以 {role} 角色行事，该角色无权执行",
        )
    application = active.application
    return Caller(
        active.organisation, rule, application.id, role, application.registrant, thumbprint
    )


async def present_role(connection: AsyncConnection, application: Application) -> str:
    """Return the role in which an application that manages may act now.

    It is its own role, or its registrant's where that permits less. REGISTRANT_GONE when the
    registrant works here no more, or in a role that does not contain the application's. An
    application that nobody registered in person has its own: the founding one, and a party's first
    until its first owner joins (`applications.adopt`).
    """
    acts_as = application.management_role
    assert acts_as is not None, "an application without the role manage"
    if application.registrant is None:
        return acts_as
    person = await people.find(connection, application.registrant)
    works_here = (
        person is not None
        and person.status == "active"
        and person.organisation == application.organisation
    )
    role = lesser(acts_as, str(person.role)) if person is not None and works_here else None
    if role is None:
        raise Refusal(REGISTRANT_GONE, f"{application.registrant} of {application.id}")
    return role


def _presented_certificate(headers: Mapping[str, str]) -> str:
    thumbprint = headers.get("weir-client-certificate-sha256", "")
    if headers.get("weir-port-kind") != "mtls" or not thumbprint:
        raise Refusal(CERTIFICATE_REQUIRED)
    return thumbprint


def _bearer(headers: Mapping[str, str]) -> str:
    """Return the bearer token of the Authorization header (RFC 6750 section 2.1).

    Tokens in bodies or queries do not count. TOKEN_MISSING or TOKEN_INVALID.
    """
    written = headers.get("authorization")
    if written is None:
        raise Refusal(TOKEN_MISSING)
    found = _BEARER.fullmatch(written)
    if found is None:
        raise Refusal(TOKEN_INVALID, "not a bearer token")
    return found[1]


def _verify(token: str, services: Services) -> dict[str, Any]:
    """Verify an access token (RFC 9068 section 4), and return its claims.

    TOKEN_INVALID, TOKEN_EXPIRED or SCOPE_INSUFFICIENT.
    """
    keys = KeySet.import_key_set(services.signer.public_jwks())  # type: ignore[arg-type]
    try:
        verified = jwt.decode(token, keys, algorithms=list(ALGORITHMS))
    except (JoseError, ValueError, KeyError, TypeError) as error:
        raise Refusal(TOKEN_INVALID, repr(error)) from error
    if verified.header.get("typ") not in _TOKEN_TYPES:
        raise Refusal(TOKEN_INVALID, "not an access token")
    claims = verified.claims
    _require_claims(claims, services)
    now_s = services.database.clock.now().timestamp()
    if claims["iat"] > now_s + CLOCK_AHEAD_ACCEPTED_S:
        raise Refusal(TOKEN_INVALID, "issued in the future")
    if claims["exp"] <= now_s:
        raise Refusal(TOKEN_EXPIRED)
    if MANAGE_SCOPE not in claims["scope"].split(" "):
        raise Refusal(SCOPE_INSUFFICIENT, claims["scope"])
    return claims


def _require_claims(claims: dict[str, Any], services: Services) -> None:
    """Require the claims we read, with their types, our issuer and this audience. TOKEN_INVALID."""
    texts = all(isinstance(claims.get(name), str) for name in ("client_id", "scope", "jti", "org"))
    times = all(type(claims.get(name)) is int for name in ("iat", "exp"))
    audience = claims.get("aud")
    audiences = audience if isinstance(audience, list) else [audience]
    ours = claims.get("iss") == services.addresses.issuer
    if not (texts and times and ours) or services.addresses.manage_audience not in audiences:
        raise Refusal(TOKEN_INVALID, "claims")


def _require_bound(claims: dict[str, Any], thumbprint: str) -> None:
    """Raise CERTIFICATE_MISMATCH unless the token is bound to this certificate.

    RFC 8705 section 3.1.
    """
    cnf = claims.get("cnf")
    bound = cnf.get("x5t#S256") if isinstance(cnf, dict) else None
    if not isinstance(bound, str) or not hmac.compare_digest(bound.encode(), thumbprint.encode()):
        raise Refusal(CERTIFICATE_MISMATCH)


async def _refuse_revoked(connection: AsyncConnection, claims: dict[str, Any]) -> None:
    revoked = await connection.execute(
        select(changes.c.sequence).where(
            changes.c.kind == REVOCATION, changes.c.key == f"token:{claims['jti']}"
        )
    )
    if revoked.first() is not None:
        raise Refusal(TOKEN_REVOKED)


def _require_active(known: KnownApplication | None, claims: dict[str, Any]) -> KnownApplication:
    if known is None or known.organisation.id != claims["org"]:
        raise Refusal(TOKEN_INVALID, "no such application of that organisation")
    if not known.certificate_known:
        raise Refusal(CERTIFICATE_MISMATCH, "not a certificate of the application")
    if known.certificate_revoked:
        raise Refusal(CERTIFICATE_REVOKED)
    if known.application.status != "active":
        raise Refusal(APPLICATION_SUSPENDED)
    if known.organisation.status != "active":
        raise Refusal(ORGANISATION_SUSPENDED)
    if not known.application.manages:
        raise Refusal(SCOPE_INSUFFICIENT, "not registered for manage")
    return known
