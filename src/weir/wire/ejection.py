"""The state of a member's endpoint: failures eject it, a passed check lets it return.

| state | what happens | then |
| --- | --- | --- |
| in | a failure, the ENDPOINT_FAILURES-th in a row | out, for ENDPOINT_EJECTION_S |
| in | an answer, whatever its status | in, and the failures before are forgiven |
| in | a health check fails, the HEALTH_FAILURES-th in a row | out, for ENDPOINT_EJECTION_S |
| out | the time is over and a check fails | out, for twice as long |
| out | the time is over and a check passes | in, on probation: the next failure ejects it |

A failure is no connection, no answer in time, or an answer that is broken. A status is an answer: a
member that says 503 has said it itself, and its callers are told so. With one endpoint this is a
circuit breaker; with several, one of them being bad costs no caller anything.
"""

from __future__ import annotations

from weir.wire.deadlines import NEVER
from weir.wire.declares import (
    ENDPOINT_EJECTION_MAX_S,
    ENDPOINT_EJECTION_S,
    ENDPOINT_FAILURES,
    HEALTH_FAILURES,
)


class Ejection:
    """The state of one endpoint. Times are the loop's clock, in seconds."""

    __slots__ = ("_checks_failed", "_ejections", "_until_s", "failures", "out")

    def __init__(self) -> None:
        self.failures = 0  # in a row
        self.out = False
        self._ejections = 0  # in a row
        self._checks_failed = 0  # in a row
        self._until_s = -NEVER

    def failed(self, now_s: float) -> bool:
        """Count a failure. Return whether this one ejected the endpoint."""
        self.failures += 1
        if self.out or self.failures < ENDPOINT_FAILURES:
            return False
        self._eject(now_s)
        return True

    def succeeded(self) -> None:
        """Forgive earlier failures after a whole answer.

        An answer that was still on its way when the endpoint was ejected does not bring it back.
        """
        if not self.out:
            self.failures = self._ejections = 0

    def check_is_due(self, now_s: float) -> bool:
        """Whether the endpoint is out and has been for as long as it must."""
        return self.out and now_s >= self._until_s

    def checked(self, passed: bool, now_s: float) -> bool:
        """Take in a check's result. Return whether it changed the endpoint's state.

        Answered calls do not make up for failed checks: an endpoint that says it is not well wants
        no calls.
        """
        self._checks_failed = 0 if passed else self._checks_failed + 1
        if self.out and passed:
            self.out = False
            self.failures = ENDPOINT_FAILURES - 1
            return True
        if self.out or self._checks_failed >= HEALTH_FAILURES:
            was_out = self.out
            self._eject(now_s)
            return not was_out
        return False

    def left_s(self, now_s: float) -> float:
        """Return the seconds until the check that may let it return."""
        return max(0.0, self._until_s - now_s)

    def _eject(self, now_s: float) -> None:
        self.out = True
        longer_s = ENDPOINT_EJECTION_S * 2.0**self._ejections
        self._until_s = now_s + min(longer_s, ENDPOINT_EJECTION_MAX_S)
        self._ejections = min(self._ejections + 1, 16)
