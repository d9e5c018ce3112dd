"""The UserInfo endpoint (OpenID Connect Core section 5.3): a resource like any other, so a token
for it is bound to a key, and the key is shown.
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
    TOKEN_INVALID,
    TOKEN_MISSING,
    TOKEN_REVOKED,
    TOKEN_SCHEME_WRONG,
)
from weir.kernel.outcomes import Refusal
from weir.keys import dpop

_CREDENTIALS = re.compile(r"(bearer|dpop) +([A-Za-z0-9._~+/=-]+)", re.IGNORECASE | re.ASCII)


def token_is_ours(exchange: Exchange) -> None:
    """RFC 6750 section 2.1, FAPI 2.0 section 5.3.4: in the header, from this server, for here."""
    found = _CREDENTIALS.fullmatch(exchange.authorization or "")
    if found is None:
        raise Refusal(TOKEN_MISSING)
    exchange.scheme, exchange.token = found[1].lower(), found[2]
    claims = presented_tokens.claims_of(exchange.services.signer, exchange.token)
    issuer = exchange.services.addresses.issuer
    if claims is None or claims["iss"] != issuer or issuer not in claims["aud"]:
        raise Refusal(TOKEN_INVALID)
    exchange.claims = claims


def key_is_the_tokens(exchange: Exchange) -> None:
    """RFC 8705 section 3, RFC 9449 section 7: who sends the token holds its key."""
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
            algorithms=exchange.services.signer.taken(exchange.now),
        )
    except dpop.ProofError as error:
        raise _unproven(str(error)) from error


async def proof_is_new(exchange: Exchange) -> None:
    """RFC 9449 section 11.1: a `jti` counts once, in any process."""
    proof = exchange.proof
    if proof is None:
        return
    cache = exchange.services.cache
    if proof.issued_at_s < await cache.started_at_s():
        raise _unproven("the proof is older than this server's memory: make a new one")
    if not await cache.claim_once(f"dpop:{proof.name}", dpop.KEPT_S):
        raise _unproven("the proof was used before")


def scope_is_openid(exchange: Exchange) -> None:
    """OpenID Connect Core section 5.3: names are told under the scope `openid` only."""
    if OPENID not in exchange.claims["scope"].split(" "):
        raise Refusal(TOKEN_INVALID, "not of the scope openid")


async def token_stands(exchange: Exchange) -> None:
    """RFC 6750 section 3.1: nothing is told after a withdrawal, whatever the token says."""
    async with exchange.services.database.connect() as connection:
        found = await presented_tokens.find_active(connection, exchange.claims, exchange.now)
        if found is None or found.consent is None:
            raise Refusal(TOKEN_REVOKED)
        grant = await grants.of_consent(connection, found.consent.id)
    if grant is None or grant.authentication is None:
        raise Refusal(TOKEN_REVOKED, "no grant of openid")
    exchange.grant, exchange.consent = grant, found.consent


async def customer_is_named(exchange: Exchange) -> None:
    """OpenID Connect Core section 5.3.2: `sub`, and the names the customer agreed to be told."""
    told = exchange.grant.authentication
    assert told is not None, "token_stands sees to it"
    known = await id_tokens.names(
        exchange.services.database, exchange.consent.customer, told.userinfo
    )
    exchange.answer = Answer(200, {"sub": exchange.grant.subject, **known})


def _unproven(reason: str) -> Refusal:
    return Refusal(DPOP_PROOF_INVALID, reason, why=reason)
