"""A slot among the calls in flight, from here until the call is recorded."""

from __future__ import annotations

from typing import Final

from weir.gateway.call import Call
from weir.gateway.declares import CONCURRENCY_EXCEEDED
from weir.kernel.declares import OVERLOADED

# In the order in which they are tried.
REFUSALS: Final = (
    OVERLOADED,
    CONCURRENCY_EXCEEDED,
)


def admit(call: Call) -> None:
    """Count the call in. Runs after *identify*, so unidentified requests never occupy a slot.

    Refusals OVERLOADED and CONCURRENCY_EXCEEDED.
    """
    assert call.application is not None
    call.parts.concurrency.enter(call.application.id)
    call.admitted = True
