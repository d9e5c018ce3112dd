"""The caller's token, verified once, and the key it is bound to, checked every time."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Final

from weir.gateway.call import Call
from weir.gateway.config.snapshot import Application, Snapshot
from weir.gateway.phases.check_dpop import check_dpop
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
    """Find token and application of the call. Return an awaitable for the use of a DPoP proof."""
    snapshot, known_head = call.snapshot, call.known_head
    assert known_head is not None
    if known_head.bearer is None:
        return _identify_by_proof(call)
    tokens = call.parts.tokens
    token_rights = tokens.find_or_verify(known_head.bearer, snapshot.signing_keys, call.now_s)
    call.token_rights = token_rights
    call.token = token = token_rights.token
    certificate = call.exchange.certificate
    if (
        token_rights.sequence == snapshot.sequence
        and certificate is not None
        and certificate.sha256 == token.thumbprint
    ):
        call.application = token_rights.application  # found good before, under this very snapshot
        return None
    if token.token_key in snapshot.revoked:
        raise Refusal(TOKEN_REVOKED)
    check_certificate(token, certificate, snapshot)
    call.application = check_application(token, snapshot)
    token_rights.mark_good(snapshot, call.application)
    return None


def _identify_by_proof(call: Call) -> Awaitable[None] | None:
    """Identify by a token under the scheme DPoP, with a proof for this very call.

    RFC 9449 section 7.1.
    """
    authorization = call.exchange.request.single.get(b"authorization")
    if authorization is None or authorization[:5].lower() != b"dpop ":
        raise Refusal(TOKEN_MISSING)
    raw, snapshot = authorization[5:], call.snapshot
    token_rights = call.parts.tokens.find_or_verify(raw, snapshot.signing_keys, call.now_s)
    call.token_rights = token_rights
    call.token = token = token_rights.token
    if token.token_key in snapshot.revoked:
        raise Refusal(TOKEN_REVOKED)
    if token.proof_key is None:
        raise Refusal(TOKEN_SCHEME_WRONG)
    check_proof_key(token, snapshot)
    if not call.possessed:
        return check_dpop(call, token.proof_key, raw)
    call.application = check_application(token, snapshot)
    token_rights.mark_good(snapshot, call.application)
    return None


def check_certificate(
    token: KnownToken, certificate: PeerCertificate | None, snapshot: Snapshot
) -> None:
    """Check the sender constraint (RFC 8705 section 3).

    Refusals TOKEN_SCHEME_WRONG, CERTIFICATE_REQUIRED, CERTIFICATE_MISMATCH, CERTIFICATE_REVOKED.
    """
    if token.proof_key is not None:
        raise Refusal(TOKEN_SCHEME_WRONG)
    if certificate is None:
        raise Refusal(CERTIFICATE_REQUIRED)
    if certificate.sha256 != token.thumbprint:
        raise Refusal(CERTIFICATE_MISMATCH)
    if token.constraint_key in snapshot.revoked:
        raise Refusal(CERTIFICATE_REVOKED)


def check_proof_key(token: KnownToken, snapshot: Snapshot) -> None:
    """Check that the application did not revoke its DPoP key. Refusal DPOP_PROOF_INVALID."""
    if token.constraint_key in snapshot.revoked:
        raise Refusal(DPOP_PROOF_INVALID, "the key was revoked", why="the key was revoked")


def check_application(token: KnownToken, snapshot: Snapshot) -> Application:
    """Return the application, if it and its organisation may call, with this certificate.

    Refusals APPLICATION_SUSPENDED, CERTIFICATE_REVOKED and ORGANISATION_SUSPENDED.
    """
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
