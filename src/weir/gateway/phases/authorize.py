"""Subscription, scope, and the customer's consent to exactly this call.

A token may carry several grants for one member; each check narrows them, and the one that leaves
none names the refusal.
"""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Final

from weir.gateway.call import Call
from weir.gateway.config.bindings import Reference
from weir.gateway.config.lease import Lease
from weir.gateway.config.snapshot import Bound, Operation, Snapshot
from weir.gateway.declares import (
    BOUND_VALUE_MISSING,
    CONSENT_ACCOUNT,
    CONSENT_EXPIRED,
    CONSENT_NOT_BEGUN,
    CONSENT_PAYMENT_MISMATCH,
    CONSENT_PERMISSION,
    CONSENT_REQUIRED,
    CONSENT_UNCHECKABLE,
    CONSENT_WITHDRAWN,
    STANDING_UNCHECKABLE,
)
from weir.gateway.phases import bound_values
from weir.gateway.phases.bound_values import missing
from weir.gateway.tokens.known_tokens import Grant, KnownToken, Right, TokenRights
from weir.kernel.declares import SCOPE_INSUFFICIENT, SUBSCRIPTION_REQUIRED, UNSUPPORTED_MEDIA_TYPE
from weir.kernel.money import Money, parse_amount
from weir.kernel.outcomes import Outcome, Refusal
from weir.wire.declares import BODY_TOO_LARGE, MALFORMED_HTTP, REQUEST_TIMEOUT

# In the order in which they are tried.
REFUSALS: Final = (
    SUBSCRIPTION_REQUIRED,
    SCOPE_INSUFFICIENT,
    CONSENT_REQUIRED,
    CONSENT_WITHDRAWN,
    STANDING_UNCHECKABLE,
    CONSENT_UNCHECKABLE,
    MALFORMED_HTTP,
    REQUEST_TIMEOUT,
    BODY_TOO_LARGE,
    CONSENT_EXPIRED,
    CONSENT_PERMISSION,
    UNSUPPORTED_MEDIA_TYPE,
    BOUND_VALUE_MISSING,
    CONSENT_ACCOUNT,
    CONSENT_PAYMENT_MISMATCH,
    CONSENT_NOT_BEGUN,
)


def authorize(call: Call) -> Awaitable[None] | None:
    """Check the call's rights. Return an awaitable for a body that a consent is checked against."""
    token_rights, operation = call.token_rights, call.operation
    assert token_rights is not None
    assert operation is not None
    right = _known_right(call, token_rights, operation)
    call.right = right
    call.subscription = right.subscription
    lease: Lease = call.parts.follower.lease
    if token_rights.token.consent_id is None:
        if not lease.standing_holds():
            raise Refusal(STANDING_UNCHECKABLE)
        return None
    if not lease.holds():
        raise Refusal(CONSENT_UNCHECKABLE)
    if operation.consent_type is None:
        return None
    if operation.reads_body:
        waiting = call.collect()
        if waiting is not None:
            return waiting
    call.grant = _matching_grant(call, operation, list(right.grants))
    return None


def _known_right(call: Call, token_rights: TokenRights, operation: Operation) -> Right:
    """Return the right, decided once a token, an operation and a snapshot."""
    if token_rights.sequence != call.snapshot.sequence:  # others moved on while the call waited
        return _right(token_rights.token, operation, call.snapshot)
    right = token_rights.rights.get(operation)
    if right is None:
        right = _right(token_rights.token, operation, call.snapshot)
        token_rights.remember(operation, right)
    return right


def _right(token: KnownToken, operation: Operation, snapshot: Snapshot) -> Right:
    """Decide from token and snapshot: subscription, scope, and valid grants of the operation's
    kind.
    """
    subscription = snapshot.subscription(token.client_id, operation.product)
    if subscription is None:
        raise Refusal(SUBSCRIPTION_REQUIRED)
    if operation.scope not in token.scopes:
        raise Refusal(SCOPE_INSUFFICIENT, scope=operation.scope)
    grants: tuple[Grant, ...] = ()
    member = snapshot.organisations[operation.member].slug
    if operation.consent_type is not None:
        wanted = (operation.consent_type, member)
        grants = tuple(grant for grant in token.grants if (grant.type, grant.member) == wanted)
        if token.consent_id is None or not grants:
            raise Refusal(CONSENT_REQUIRED)
    if token.consent_id is not None and token.consent_key in snapshot.revoked:
        raise Refusal(CONSENT_WITHDRAWN)
    registered = snapshot.backends.get(operation.backend)
    asked = registered is not None and registered.signs_each_call
    signs_each_call = asked or operation.moves_money or operation.signed
    return Right(subscription, grants, member, signs_each_call=signs_each_call)


def _matching_grant(call: Call, operation: Operation, grants: list[Grant]) -> Grant:
    """Return the first grant that passes every check; each check has its own refusal."""
    left = [grant for grant in grants if grant.expires_at_s > call.now_s]
    _some(left, CONSENT_EXPIRED)
    if operation.permission is not None:
        left = [grant for grant in left if operation.permission in grant.permissions]
        _some(left, CONSENT_PERMISSION)
    if operation.bound is not None:
        left = _within_bounds(call, operation, operation.bound, left)
    elif operation.moves_money:
        raise missing("amount", "a payment without bindings cannot be checked")
    return left[0]


def _within_bounds(
    call: Call, operation: Operation, bound: Bound, left: list[Grant]
) -> list[Grant]:
    """Return the grants that the bound values match: all values are read first, then compared."""
    account = _read(call, bound.account)
    amount, payee = _payment(call, operation, bound)
    if account is not None:
        left = [grant for grant in left if account in grant.accounts]
        _some(left, CONSENT_ACCOUNT)
    if amount is not None:
        call.amount = amount
        assert payee is not None
        left = [grant for grant in left if grant.allows(amount, payee)]
        _some(left, CONSENT_PAYMENT_MISMATCH)
        left = [grant for grant in left if grant.has_begun(call.now_s)]
        _some(left, CONSENT_NOT_BEGUN)
    return left


def _payment(
    call: Call, operation: Operation, bound: Bound
) -> tuple[Money, str] | tuple[None, None]:
    """Return amount and payee of a call that moves money, both of which must be bound.

    (None, None) for a call that moves none. Refusal BOUND_VALUE_MISSING.
    """
    if not operation.moves_money:
        return None, None
    amount = _read(call, bound.amount)
    currency = _read(call, bound.currency)
    payee = _read(call, bound.payee)
    if amount is None or currency is None or payee is None:
        raise missing("amount", "a payment's amount, currency or payee is not bound")
    try:
        return parse_amount(amount, currency), payee
    except ValueError as error:
        raise missing("amount", str(error)) from error


def _read(call: Call, reference: Reference | None) -> str | None:
    return None if reference is None else bound_values.read(call, reference)


def _some(grants: list[Grant], outcome: Outcome) -> None:
    if not grants:
        raise Refusal(outcome)
