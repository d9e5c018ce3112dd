"""Possession of a DPoP key: a proof for this very call, used once in all processes (RFC 9449).

No nonces are asked for here: a proof lives a minute, and its `jti` is remembered for longer.
"""

from __future__ import annotations

from collections.abc import Awaitable
from datetime import UTC, datetime

from weir.gateway.call import Call
from weir.kernel.declares import DPOP_PROOF_INVALID
from weir.kernel.outcomes import Refusal
from weir.keys import algorithms, dpop, jose


def check_dpop(call: Call, key: str, raw_token: bytes) -> Awaitable[None]:
    """Check the call's proof against the token's key. Return an awaitable of its single use.

    Refusal DPOP_PROOF_INVALID, also from the awaitable.
    """
    request = call.exchange.request
    given = request.single.get(b"dpop")
    if given is None:
        raise _refused("there is no DPoP field")
    try:
        proof = dpop.read(
            given.decode("ascii"),
            method=request.method,
            url=f"https://{request.host.decode()}{request.target.partition(b'?')[0].decode()}",
            now_s=call.now_s,
            access_token=raw_token,
            algorithms=_algorithms(call),
        )
    except UnicodeDecodeError as error:
        raise _refused("the proof is not a well-formed JWT") from error
    except dpop.ProofError as error:
        raise _refused(str(error)) from error
    if proof.thumbprint != key:
        raise _refused("the proof's key is not the token's")
    return _use(call, proof)


def _algorithms(call: Call) -> tuple[str, ...]:
    """Return the algorithms accepted of proofs; announced ends hold early in rehearsals."""
    endings = call.snapshot.endings
    if not endings or call.token is None:
        return jose.ALGORITHMS
    application = call.snapshot.applications.get(call.token.client_id)
    rehearsing = application is not None and application.rehearses
    now = datetime.fromtimestamp(call.now_s, UTC)
    return algorithms.accepted_algorithms(endings, now, rehearsing=rehearsing)


async def _use(call: Call, proof: dpop.Proof) -> None:
    """Use the proof up. One older than the cache may be used and forgotten, so it is refused."""
    cache = call.parts.cache
    if proof.issued_at_s < await cache.started_at_s():
        raise _refused("the proof is older than this platform's memory: make a new one")
    if not await cache.claim_once(f"dpop:{proof.name}", dpop.KEPT_S):
        raise _refused("the proof was used before")
    call.possessed = True


def _refused(reason: str) -> Refusal:
    return Refusal(DPOP_PROOF_INVALID, reason, why=reason)
