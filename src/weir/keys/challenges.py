"""Challenges of resources: how a token is shown, and what was wrong with the one that was.

RFC 6750 section 3 and RFC 9449 section 7.1. A resource here takes tokens bound to a certificate,
under the scheme Bearer (RFC 8705), and tokens bound to a DPoP key, so that it challenges for both.
"""

from __future__ import annotations

from typing import Final

from weir.kernel.declares import DPOP_PROOF_INVALID, TOKEN_SCHEME_WRONG
from weir.kernel.outcomes import Refusal
from weir.keys.jose import ALGORITHMS

_UNAUTHORIZED: Final = 401
_ALGORITHMS: Final = f'algs="{" ".join(ALGORITHMS)}"'


def of_refusal(refusal: Refusal) -> str | None:
    """Return the value of WWW-Authenticate for a refusal; None when it challenges for nothing.

    A refusal about the proof or the scheme names DPoP alone. Without a token no error is named.
    """
    outcome = refusal.outcome
    if outcome.status != _UNAUTHORIZED and outcome.oauth != "insufficient_scope":
        return None
    said = [] if outcome.oauth is None else [f'error="{outcome.oauth}"']
    if "scope" in refusal.public:
        said.append(f'scope="{refusal.public["scope"]}"')
    dpop = f"DPoP {', '.join([*said, _ALGORITHMS])}"
    if outcome in (DPOP_PROOF_INVALID, TOKEN_SCHEME_WRONG):
        return dpop
    return f"{' '.join(filter(None, ('Bearer', ', '.join(said))))}, {dpop}"
