"""How much may be called: the plan's rate and quota, from budgets leased in advance.

Refusals: rate_exceeded, quota_exceeded, limit_uncheckable.
"""

from __future__ import annotations

from collections.abc import Awaitable

from weir.gateway.call import Call


def limit(call: Call) -> Awaitable[None] | None:
    """Take one call from the subscription's budgets. Waits for a lease when they are used up."""
    assert call.subscription is not None
    return call.parts.allowances.take(call.subscription)
