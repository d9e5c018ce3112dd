"""The plan's rate and quota, taken from budgets leased in advance."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Final

from weir.gateway.call import Call
from weir.gateway.declares import LIMIT_UNCHECKABLE, QUOTA_EXCEEDED
from weir.kernel.declares import RATE_EXCEEDED

# In the order in which they are tried.
REFUSALS: Final = (
    RATE_EXCEEDED,
    QUOTA_EXCEEDED,
    LIMIT_UNCHECKABLE,
)


def limit(call: Call) -> Awaitable[None] | None:
    """Take one call from the subscription's budgets. Return an awaitable when a lease is needed."""
    assert call.subscription is not None
    return call.parts.allowances.take(call.subscription)
