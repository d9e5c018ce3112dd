"""A second check after a wait, of everything that can be withdrawn.

A call keeps the snapshot of its beginning. When it had to wait, for a lease, a commit or a
connection, a withdrawal may have been acknowledged meanwhile, and then it must not leave any more.
"""

from __future__ import annotations

from typing import Final

from weir.gateway.call import Call
from weir.gateway.declares import CONSENT_UNCHECKABLE, CONSENT_WITHDRAWN, STANDING_UNCHECKABLE
from weir.gateway.phases.identify import check_application, check_certificate, check_proof_key
from weir.kernel.declares import (
    CERTIFICATE_REVOKED,
    DPOP_PROOF_INVALID,
    SUBSCRIPTION_REQUIRED,
    TOKEN_REVOKED,
)
from weir.kernel.outcomes import Refusal
from weir.partners.declares import APPLICATION_SUSPENDED, ORGANISATION_SUSPENDED

# In the order in which they are tried.
REFUSALS: Final = (
    TOKEN_REVOKED,
    CERTIFICATE_REVOKED,
    DPOP_PROOF_INVALID,
    APPLICATION_SUSPENDED,
    ORGANISATION_SUSPENDED,
    CONSENT_WITHDRAWN,
    SUBSCRIPTION_REQUIRED,
    CONSENT_UNCHECKABLE,
    STANDING_UNCHECKABLE,
)


def recheck(call: Call) -> None:
    """Check token, key, application, consent and subscription against the newest snapshot.

    Refusals: `REFUSALS`, which are of *identify* and *authorize*.
    """
    token = call.token
    if token is None:
        return
    follower = call.parts.follower
    snapshot = follower.snapshot
    if snapshot is not call.snapshot:
        call.snapshot = snapshot
        if token.token_key in snapshot.revoked:
            raise Refusal(TOKEN_REVOKED)
        if token.proof_key is None:
            check_certificate(token, call.exchange.certificate, snapshot)
        else:
            check_proof_key(token, snapshot)
        check_application(token, snapshot)
        if token.consent_key in snapshot.revoked:
            raise Refusal(CONSENT_WITHDRAWN)
        _check_subscription(call, token.client_id)
    if token.consent_id is not None and not follower.lease.holds():
        raise Refusal(CONSENT_UNCHECKABLE)
    if not follower.lease.standing_holds():
        raise Refusal(STANDING_UNCHECKABLE)


def _check_subscription(call: Call, application: str) -> None:
    if call.subscription is None or call.operation is None:
        return
    if call.snapshot.subscription(application, call.operation.product) is None:
        raise Refusal(SUBSCRIPTION_REQUIRED)
