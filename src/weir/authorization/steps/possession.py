"""DPoP at this server (RFC 9449 sections 5, 8 and 10): the key a token will be bound to."""

from __future__ import annotations

from weir.authorization.declares import OAUTH_INVALID_DPOP_PROOF, OAUTH_USE_DPOP_NONCE
from weir.authorization.exchange import Exchange
from weir.authorization.grammar import nonces
from weir.kernel.outcomes import Refusal
from weir.keys import dpop


async def proof_is_valid(exchange: Exchange) -> None:
    """Check the DPoP proof, if there is one: for this request, by its own key.

    RFC 9449 section 4.3; and, as section 8 lets a server ask, with a nonce of ours, so that no
    proof is made in advance.
    """
    if not exchange.proofs:
        return
    if len(exchange.proofs) > 1:
        raise _refused("there is more than one DPoP field")
    now_s = exchange.now.timestamp()
    try:
        proof = dpop.read(
            exchange.proofs[0],
            method="POST",
            url=exchange.url,
            now_s=now_s,
            algorithms=exchange.algorithms,
        )
    except dpop.ProofError as error:
        raise _refused(str(error)) from error
    if proof.thumbprint in exchange.client.revoked_keys:
        raise _refused("the key was revoked")
    secret = await exchange.services.cache.shared_secret(nonces.SECRET)
    exchange.fresh_nonce = nonces.make(secret, now_s)
    if proof.nonce is None or not nonces.is_good(secret, proof.nonce, now_s):
        raise Refusal(OAUTH_USE_DPOP_NONCE, "no nonce, or not one of ours")
    exchange.proof = proof


def _refused(reason: str) -> Refusal:
    return Refusal(OAUTH_INVALID_DPOP_PROOF, reason, why=reason)
