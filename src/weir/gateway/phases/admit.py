"""A place among the calls in flight, from here until the call is recorded.

Refusals in this order: overloaded, concurrency_exceeded.
"""

from __future__ import annotations

from weir.gateway.call import Call


def admit(call: Call) -> None:
    """Count the call in. It comes after *identify*: who is nobody takes nobody's place."""
    assert call.application is not None
    call.parts.concurrency.enter(call.application.id)
    call.admitted = True
