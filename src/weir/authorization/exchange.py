"""The typed context of one request on its way through the table of steps."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import msgspec

from weir.authorization.backchannel.hints import Hint
from weir.authorization.backchannel.questions import BackchannelRequest
from weir.authorization.clients.assertions import Assertion
from weir.authorization.clients.trial_keys import TrialKey
from weir.authorization.declares import (
    BACKCHANNEL_LIFETIME_S,
    OAUTH_INVALID_GRANT,
    OAUTH_INVALID_REQUEST,
    OAUTH_UNAUTHORIZED_CLIENT,
)
from weir.authorization.grammar.openid import OpenIdRequest
from weir.authorization.grants.grants import Grant
from weir.authorization.services import Services
from weir.consent.consents import Consent
from weir.consent.grant_changes import Action
from weir.consent.types import ConsentRequest
from weir.kernel import identifiers
from weir.kernel.outcomes import Refusal
from weir.keys.dpop import Proof
from weir.partners.applications import Application
from weir.partners.organisations import Organisation


class PushedRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A validated authorization request (RFC 9126), kept in the cache until it is used.

    `consent` is the identifier the consent will have; it makes the request single-use.
    """

    client: str
    organisation: str
    consent: str
    redirect_uri: str
    state: str | None
    code_challenge: str
    scope: str
    ask: ConsentRequest
    member: str
    certificate: str | None
    dpop_jkt: str | None = None
    signed_answer: bool = False  # JARM
    openid: OpenIdRequest | None = None
    rehearses: bool = False  # the answer is signed with the announced key
    action: Action = "create"  # grant_management_action
    grant_id: str | None = None  # the grant to merge into or to replace
    language: str | None = None  # in which its client wishes the customer to be asked
    trial: bool = False  # a developer tries it out, with a test customer
    sandbox: bool = False  # its organisation is in the sandbox: test customers alone may answer


@dataclass(frozen=True, slots=True)
class Answer:
    """An endpoint's answer: a JSON body, a text of a type, or an address to send the browser to."""

    status: int
    body: Mapping[str, Any] | None = None
    location: str | None = None
    text: str | None = None
    media_type: str | None = None


@dataclass(slots=True)
class Exchange:
    """The typed context of one request. Each step reads the fields that earlier steps set.

    A field without a value is one no earlier step has set; the order of the table sees to it that
    it is set before it is read, and tests hold the table to it.
    """

    services: Services
    parameters: Mapping[str, str]
    certificate: str | None  # x5t#S256 of the certificate presented, RFC 8705 section 3.1
    now: datetime
    url: str = ""  # as the caller addressed it, without a query
    proofs: tuple[str, ...] = ()  # DPoP header fields
    visit: str | None = None  # the browser's visit secret, at the authorization endpoint
    method: str = "POST"
    authorization: str | None = None  # the header field, where a token is shown
    accepts_signed: bool = False  # an introspection as a JWT
    client_id: str = field(init=False)
    client: Application = field(init=False)
    organisation: Organisation = field(init=False)
    subscribed: frozenset[str] = frozenset()  # scopes of the products the client subscribes to
    trial: TrialKey | None = None  # the key of a developer's browser, if it asks
    proven: bool = False  # whether it is known who asks
    certificate_known: bool = False
    certificate_revoked: bool = False
    assertion: Assertion | None = None
    proof: Proof | None = None
    fresh_nonce: str | None = None  # for the DPoP-Nonce field of the answer
    request_claims: Mapping[str, Any] = field(default_factory=dict)  # of a signed request
    scope: frozenset[str] = frozenset()
    action: Action = "create"
    grant_id: str = ""  # the grant the address names, or the request shall change
    openid: OpenIdRequest | None = None
    language: str | None = None  # in which the client wishes the customer to be asked
    lodged: Consent | None = None  # the consent that the request is about, if it was lodged before
    hint: Hint = field(init=False)  # at the customer of a backchannel request
    lifetime_s: int = BACKCHANNEL_LIFETIME_S  # of its question
    question: BackchannelRequest = field(init=False)
    ask: ConsentRequest = field(init=False)
    member: Organisation = field(init=False)
    pushed: PushedRequest = field(init=False)
    request_key: str = field(init=False)
    grant: Grant = field(init=False)
    consent: Consent = field(init=False)
    scheme: str = field(init=False)  # `bearer` or `dpop`
    token: str = field(init=False)  # an access token shown
    claims: dict[str, Any] = field(init=False)  # the shown token's claims
    details: dict[str, Any] | None = None  # of a token that is asked for less than was granted
    answer: Answer = field(init=False)

    @property
    def algorithms(self) -> tuple[str, ...]:
        """Signature algorithms open to this client now; in a
        rehearsal, the ones that will remain.
        """
        return self.services.signer.accepted_algorithms(self.now, rehearsing=self.client.rehearses)

    def algorithms_of(self, registered: str | None) -> tuple[str, ...]:
        """Return the algorithms open to this client for a thing whose algorithm it registered."""
        if registered is None:
            return self.algorithms
        return tuple(name for name in self.algorithms if name == registered)

    async def sign(self, claims: dict[str, Any], typ: str) -> str:
        """Return a JWT for this client, signed by the platform."""
        return await self.services.signer.sign_jwt(claims, typ, rehearsing=self.client.rehearses)

    def required(self, name: str) -> str:
        """Return a parameter's value. OAUTH_INVALID_REQUEST when it is absent or empty."""
        value = self.parameters.get(name)
        if value is None:
            raise wrong(name, "is missing")
        return value

    def mint(self, prefix: str) -> str:
        """Return a new identifier, born now."""
        return identifiers.mint(prefix, int(self.now.timestamp() * 1000), os.urandom(10))


def not_granted(reason: str) -> Refusal:
    """Return the refusal of a code, a refresh token or an auth_req_id."""
    return Refusal(OAUTH_INVALID_GRANT, reason, why=reason)


def not_open(reason: str) -> Refusal:
    """Return the refusal of an endpoint or a grant type that is not open to the client."""
    return Refusal(OAUTH_UNAUTHORIZED_CLIENT, reason, why=reason)


def wrong(parameter: str, reason: str) -> Refusal:
    """Return the refusal of one parameter."""
    return Refusal(OAUTH_INVALID_REQUEST, f"{parameter} {reason}", parameter=parameter, why=reason)
