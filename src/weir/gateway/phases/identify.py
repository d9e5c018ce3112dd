"""Who calls: the token, verified once, and the key it is bound to, checked every time."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Final

from weir.gateway.call import Call
from weir.gateway.config.snapshot import Application, Snapshot
from weir.gateway.phases.check_dpop import possess
from weir.gateway.tokens.known_tokens import KnownToken
from weir.kernel.declares import (
    CERTIFICATE_MISMATCH,
    CERTIFICATE_REQUIRED,
    CERTIFICATE_REVOKED,
    DPOP_PROOF_INVALID,
    TOKEN_EXPIRED,
    TOKEN_INVALID,
    TOKEN_MISSING,
    TOKEN_REVOKED,
    TOKEN_SCHEME_WRONG,
)
from weir.kernel.outcomes import Refusal
from weir.partners.declares import APPLICATION_SUSPENDED, ORGANISATION_SUSPENDED
from weir.store.declares import ENGINE_UNAVAILABLE
from weir.wire.peer import PeerCertificate

# In the order in which they are tried.
REFUSALS: Final = (
    TOKEN_MISSING,
    TOKEN_INVALID,
    TOKEN_EXPIRED,
    TOKEN_REVOKED,
    TOKEN_SCHEME_WRONG,
    CERTIFICATE_REQUIRED,
    CERTIFICATE_MISMATCH,
    CERTIFICATE_REVOKED,
    DPOP_PROOF_INVALID,
    ENGINE_UNAVAILABLE,
    APPLICATION_SUSPENDED,
    ORGANISATION_SUSPENDED,
)


def identify(call: Call) -> Awaitable[None] | None:
    """Find the token and the application behind the call. Waits only for the use of a proof."""
    snapshot, said = call.snapshot, call.known_head
    assert said is not None
    if said.bearer is None:
        return _identify_by_proof(call)
    tokens = call.parts.tokens
    call.token_rights = standing = tokens.know(said.bearer, snapshot.signing_keys, call.now_s)
    call.token = token = standing.token
    certificate = call.exchange.certificate
    if (
        standing.sequence == snapshot.sequence
        and certificate is not None
        and certificate.sha256 == token.thumbprint
    ):
        call.application = standing.application  # found good before, under this very snapshot
        return None
    if token.token_key in snapshot.revoked:
        raise Refusal(TOKEN_REVOKED)
    check_certificate(token, certificate, snapshot)
    call.application = check_application(token, snapshot)
    standing.stands(snapshot, call.application)
    return None


def _identify_by_proof(call: Call) -> Awaitable[None] | None:
    """RFC 9449 section 7.1: a token under the scheme DPoP, with a proof for this very call."""
    authorization = call.exchange.request.single.get(b"authorization")
    if authorization is None or authorization[:5].lower() != b"dpop ":
        raise Refusal(TOKEN_MISSING)
    raw, snapshot = authorization[5:], call.snapshot
    call.token_rights = standing = call.parts.tokens.know(raw, snapshot.signing_keys, call.now_s)
    call.token = token = standing.token
    if token.token_key in snapshot.revoked:
        raise Refusal(TOKEN_REVOKED)
    if token.proof_key is None:
        raise Refusal(TOKEN_SCHEME_WRONG)
    check_proof_key(token, snapshot)
    if not call.possessed:
        return possess(call, token.proof_key, raw)
    call.application = check_application(token, snapshot)
    standing.stands(snapshot, call.application)
    return None


def check_certificate(
    token: KnownToken, certificate: PeerCertificate | None, snapshot: Snapshot
) -> None:
    """The sender constraint (RFC 8705 section 3)."""
    if token.proof_key is not None:
        raise Refusal(TOKEN_SCHEME_WRONG)
    if certificate is None:
        raise Refusal(CERTIFICATE_REQUIRED)
    if certificate.sha256 != token.thumbprint:
        raise Refusal(CERTIFICATE_MISMATCH)
    if token.constraint_key in snapshot.revoked:
        raise Refusal(CERTIFICATE_REVOKED)


def check_proof_key(token: KnownToken, snapshot: Snapshot) -> None:
    """The application did not revoke its DPoP key."""
    if token.constraint_key in snapshot.revoked:
        raise Refusal(DPOP_PROOF_INVALID, "the key was revoked", why="the key was revoked")


def check_application(token: KnownToken, snapshot: Snapshot) -> Application:
    """The application, if it and its organisation may call, with this certificate."""
    application = snapshot.applications.get(token.client_id)
    if application is None:
        raise Refusal(APPLICATION_SUSPENDED, "unknown application")
    if token.proof_key is None and token.thumbprint not in application.certificates:
        raise Refusal(CERTIFICATE_REVOKED, "not one of the application's certificates")
    if application.status != "active":
        raise Refusal(APPLICATION_SUSPENDED)
    organisation = snapshot.organisations.get(application.organisation)
    if organisation is None or organisation.status != "active":
        raise Refusal(ORGANISATION_SUSPENDED)
    return application
