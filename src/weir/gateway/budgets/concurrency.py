"""Calls in flight in this process, counted in all and by application, and their bounds."""

from __future__ import annotations

from typing import final

from weir.gateway.declares import APPLICATION_CALLS_IN_FLIGHT, CALLS_IN_FLIGHT, CONCURRENCY_EXCEEDED
from weir.kernel.declares import OVERLOADED
from weir.kernel.outcomes import Refusal


@final
class Concurrency:
    """Counts calls from when they are admitted to when their answers are whole.

    A slow member makes calls pile up at any rate. An application's bound is a part of the bound of
    all, so that one application's pile leaves room for the others' calls.
    """

    __slots__ = ("_by_application", "total")

    def __init__(self) -> None:
        self.total = 0
        self._by_application: dict[str, int] = {}

    def enter(self, application: str) -> None:
        """Count one call in. Refusals OVERLOADED and
        CONCURRENCY_EXCEEDED; then it is not counted.
        """
        if self.total >= CALLS_IN_FLIGHT:
            raise Refusal(OVERLOADED, "too many calls in flight", retry_after_s=1)
        own = self._by_application.get(application, 0)
        if own >= APPLICATION_CALLS_IN_FLIGHT:
            raise Refusal(CONCURRENCY_EXCEEDED, retry_after_s=1)
        self._by_application[application] = own + 1
        self.total += 1

    def leave(self, application: str) -> None:
        """Count one call out, which `enter` counted in."""
        self.total -= 1
        left = self._by_application[application] - 1
        if left:
            self._by_application[application] = left
        else:
            del self._by_application[application]
