"""People at terminals as callers of the API: a session token under DPoP (RFC 9449 section 7).

The token says nothing by itself: each request reads the session and the person, and needs a proof
by the terminal's own key. It is taken at the public address, where no certificate is asked for.
"""

from __future__ import annotations

import hmac
from typing import Final

from starlette.requests import Request

from weir.access.roles import Rule
from weir.api.callers import Caller
from weir.api.portal_callers import identify_person
from weir.api.services import Services
from weir.identity import terminal_sessions
from weir.identity.acting_person import ActingPerson
from weir.identity.declares import TERMINAL_SESSION_ENDED
from weir.kernel.declares import DPOP_PROOF_INVALID
from weir.kernel.outcomes import Refusal
from weir.keys import dpop
from weir.store.cache import Claim, Mark
from weir.store.declares import ENGINE_UNAVAILABLE

_SCHEME: Final = "dpop "


def token_of(request: Request) -> str | None:
    """Return the session token that a request brings under the scheme DPoP, or None."""
    written = request.headers.get("authorization", "")
    if written[: len(_SCHEME)].lower() != _SCHEME:
        return None
    return written[len(_SCHEME) :].strip()


async def identify_terminal(request: Request, rule: Rule, services: Services, token: str) -> Caller:
    """Identify the person at a terminal as a caller.

    Raises the first refusal of: proof, session, organisation, permission, freshness.
    """
    proof = await checked_proof(request, services, token)
    async with services.database.connect() as connection:
        now = services.database.clock.now()
        session = await terminal_sessions.find(connection, token, now)
    if session is None:
        raise Refusal(TERMINAL_SESSION_ENDED)
    if not hmac.compare_digest(session.thumbprint, proof.thumbprint):
        raise _wrong("it is by another key than the session's")
    acting = ActingPerson(session.person, session.proven_at)
    return await identify_person(acting, rule, services.database)


async def checked_proof(
    request: Request, services: Services, token: str | None = None
) -> dpop.Proof:
    """Check the request's DPoP proof, and use it up.

    Refusal DPOP_PROOF_INVALID; ENGINE_UNAVAILABLE when it may have been used before.
    """
    proofs = request.headers.getlist("dpop")
    if len(proofs) != 1:
        raise _wrong("there must be one DPoP field")
    try:
        proof = dpop.read(
            proofs[0],
            method=request.method,
            url=services.addresses.public_manage + request.url.path,
            now_s=services.database.clock.now().timestamp(),
            access_token=None if token is None else token.encode(),
        )
    except dpop.ProofError as error:
        raise _wrong(str(error)) from error
    mark = Mark(f"dpop:{proof.name}", proof.issued_at_s, dpop.KEPT_S)
    (claim,) = await services.cache.claim(mark)
    if claim is Claim.TOO_OLD:  # just after a start of the cache; another proof will do
        raise Refusal(ENGINE_UNAVAILABLE, "the cache began after this proof")
    if claim is not Claim.FIRST:
        raise _wrong("it was used before")
    return proof


def _wrong(why: str) -> Refusal:
    return Refusal(DPOP_PROOF_INVALID, why, why=why)
