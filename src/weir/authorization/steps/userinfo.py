"""The UserInfo endpoint (OpenID Connect Core section 5.3), for tokens bound to a key.

It is a resource like any other, so the key is shown.
"""

from __future__ import annotations

import re

from weir.authorization.exchange import Answer, Exchange
from weir.authorization.grammar.openid import OPENID
from weir.authorization.grants import grants
from weir.authorization.tokens import id_tokens, presented_tokens
from weir.kernel.declares import (
    CERTIFICATE_MISMATCH,
    CERTIFICATE_REQUIRED,
    DPOP_PROOF_INVALID,
    SCOPE_INSUFFICIENT,
    TOKEN_INVALID,
    TOKEN_MISSING,
    TOKEN_REVOKED,
    TOKEN_SCHEME_WRONG,
)
from weir.kernel.outcomes import Refusal
from weir.keys import dpop

_CREDENTIALS = re.compile(r"(bearer|dpop) +([A-Za-z0-9._~+/=-]+)", re.IGNORECASE | re.ASCII)


def token_is_ours(exchange: Exchange) -> None:
    """Require a token in the header, from this server, for this endpoint.

    RFC 6750 section 2.1, FAPI 2.0 section 5.3.4. A good token for another audience lacks the scopes
    that lead here: SCOPE_INSUFFICIENT.
    """
    found = _CREDENTIALS.fullmatch(exchange.authorization or "")
    if found is None:
        raise Refusal(TOKEN_MISSING)
    exchange.scheme, exchange.token = found[1].lower(), found[2]
    claims = presented_tokens.claims_of(exchange.services.signer, exchange.token)
    issuer = exchange.services.addresses.issuer
    if claims is None or claims["iss"] != issuer:
        raise Refusal(TOKEN_INVALID)
    if issuer not in claims["aud"]:
        raise Refusal(SCOPE_INSUFFICIENT, f"for {claims['aud']}")
    exchange.claims = claims


def key_is_the_tokens(exchange: Exchange) -> None:
    """Require the key that the token is bound to (RFC 8705 section 3, RFC 9449 section 7)."""
    confirmation = exchange.claims["cnf"]
    if ("jkt" in confirmation) != (exchange.scheme == "dpop"):
        raise Refusal(TOKEN_SCHEME_WRONG)
    if "jkt" in confirmation:
        exchange.proof = _proof(exchange)
        if exchange.proof.thumbprint != confirmation["jkt"]:
            raise _unproven("the proof's key is not the token's")
    elif exchange.certificate is None:
        raise Refusal(CERTIFICATE_REQUIRED)
    elif exchange.certificate != confirmation["x5t#S256"]:
        raise Refusal(CERTIFICATE_MISMATCH)


def _proof(exchange: Exchange) -> dpop.Proof:
    if len(exchange.proofs) != 1:
        raise _unproven("there must be one DPoP field")
    try:
        return dpop.read(
            exchange.proofs[0],
            method=exchange.method,
            url=exchange.url,
            now_s=exchange.now.timestamp(),
            access_token=exchange.token.encode(),
            algorithms=exchange.services.signer.accepted_algorithms(exchange.now),
        )
    except dpop.ProofError as error:
        raise _unproven(str(error)) from error


async def proof_is_new(exchange: Exchange) -> None:
    """Refuse a `jti` that was used before, in any process (RFC 9449 section 11.1)."""
    proof = exchange.proof
    if proof is None:
        return
    cache = exchange.services.cache
    if proof.issued_at_s < await cache.started_at_s():
        raise _unproven("the proof is older than this server's memory: make a new one")
    if not await cache.claim_once(f"dpop:{proof.name}", dpop.KEPT_S):
        raise _unproven("the proof was used before")


def scope_is_openid(exchange: Exchange) -> None:
    """Require the scope `openid` (OpenID Connect Core section 5.3, RFC 6750 section 3.1)."""
    if OPENID not in exchange.claims["scope"].split(" "):
        raise Refusal(SCOPE_INSUFFICIENT, f"needs {OPENID}", scope=OPENID)


async def token_stands(exchange: Exchange) -> None:
    """Refuse a token that was revoked or whose consent has ended (RFC 6750 section 3.1)."""
    async with exchange.services.database.connect() as connection:
        found = await presented_tokens.find_active(connection, exchange.claims, exchange.now)
        if found is None or found.consent is None:
            raise Refusal(TOKEN_REVOKED)
        grant = await grants.of_consent(connection, found.consent.id)
    if grant is None or grant.authentication is None:
        raise Refusal(TOKEN_REVOKED, "no grant of openid")
    exchange.grant, exchange.consent = grant, found.consent


async def customer_is_named(exchange: Exchange) -> None:
    """Answer with `sub` and the names the customer agreed to (OpenID
    Connect Core section 5.3.2).
    """
    authentication = exchange.grant.authentication
    assert authentication is not None, "token_stands sees to it"
    known = await id_tokens.names(
        exchange.services.database, exchange.consent.customer, authentication.userinfo
    )
    exchange.answer = Answer(200, {"sub": exchange.grant.subject, **known})


def _unproven(reason: str) -> Refusal:
    return Refusal(DPOP_PROOF_INVALID, reason, why=reason)
