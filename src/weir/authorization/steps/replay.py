"""Single use of a client's proofs, both claimed in one round trip to the cache.

A proof older than the cache's own memory may have been used and forgotten, so it is refused.
"""

from __future__ import annotations

from hashlib import sha256

from weir.authorization.declares import OAUTH_INVALID_CLIENT, OAUTH_INVALID_DPOP_PROOF
from weir.authorization.exchange import Exchange
from weir.kernel.declares import CLOCK_AHEAD_ACCEPTED_S
from weir.kernel.outcomes import Outcome, Refusal
from weir.keys import dpop
from weir.store.cache import Claim, Mark


async def nothing_is_replayed(exchange: Exchange) -> None:
    """Refuse a `jti` that was used before, in any process.

    RFC 7523 section 3 item 7, RFC 9449 section 11.1.
    """
    found = (
        (OAUTH_INVALID_CLIENT, "assertion", _assertion(exchange)),
        (OAUTH_INVALID_DPOP_PROOF, "proof", _proof(exchange)),
    )
    marks = [(outcome, name, mark) for outcome, name, mark in found if mark is not None]
    if not marks:
        return
    claims = await exchange.services.cache.claim(*(mark for _, _, mark in marks))
    for (outcome, name, _), claim in zip(marks, claims, strict=True):
        if claim is not Claim.FIRST:
            raise _refused(outcome, name, claim)


def _assertion(exchange: Exchange) -> Mark | None:
    assertion = exchange.assertion
    if assertion is None:
        return None
    name = sha256(f"{exchange.client.id}|{assertion.jti}".encode()).hexdigest()
    left_s = int(assertion.expires_at_s - exchange.now.timestamp()) + 1
    lifetime_s = left_s + CLOCK_AHEAD_ACCEPTED_S
    return Mark(f"assertion:{name}", assertion.issued_at_s, lifetime_s)


def _proof(exchange: Exchange) -> Mark | None:
    proof = exchange.proof
    if proof is None:
        return None
    return Mark(f"dpop:{proof.name}", proof.issued_at_s, dpop.KEPT_S)


def _refused(outcome: Outcome, name: str, claim: Claim) -> Refusal:
    reason = f"the {name} was used before"
    if claim is Claim.TOO_OLD:
        reason = f"the {name} is older than this server's memory: make a new one"
    return Refusal(outcome, reason, why=reason)
