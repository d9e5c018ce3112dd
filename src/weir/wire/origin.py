"""A member's service behind several endpoints: the choice of one, and the retries.

- the endpoint with the fewest requests in flight is chosen, among those that are not ejected;
- a request that was not sent (no connection could be made) goes to another endpoint, whatever its
  method; one that was sent and not answered with a single byte goes once more only if its method is
  idempotent (RFC 9110 section 9.2.2) and its body is at hand;
- both only within the retry budget, so that a member in trouble does not get more calls for it;
- one that waited for an endpoint that is ejected meanwhile goes to another, as if it came now.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from weir.kernel.outcomes import Refusal
from weir.wire.declares import MEMBER_UNREACHABLE, REQUEST_TRIES, RETRIES_MIN, RETRY_PERCENT
from weir.wire.member_connection import Failure, Outgoing
from weir.wire.upstream import Endpoints, Pool

_QUIET_WINDOWS: Final = 12


class Origin(Endpoints):
    """The pools of one service's endpoints."""

    def __init__(self, pools: Sequence[Pool]) -> None:
        self.pools = list(pools)
        self.requests = 0  # since the last `renew_budget`
        self.retries = 0  # ever
        self._quiet_windows = 0
        self._retries_left = RETRIES_MIN
        self._last = 0
        for pool in self.pools:
            pool.origin = self
        self.standing_changed()

    def standing_changed(self) -> None:
        """Take in that an endpoint was ejected or has returned."""
        self._usable = [pool for pool in self.pools if not pool.ejection.out]

    @property
    def are_several(self) -> bool:
        """Whether there is more than one endpoint."""
        return len(self.pools) > 1

    @property
    def ejected(self) -> int:
        """The number of ejected endpoints."""
        return len(self.pools) - len(self._usable)

    @property
    def is_quiet(self) -> bool:
        """Whether no call came for a while, so that the service needs no upkeep."""
        return self._quiet_windows > _QUIET_WINDOWS

    def choose(self) -> Pool:
        """Return the pool for the next request.

        Refusal MEMBER_UNREACHABLE (with `retry_after_s`) while every endpoint is ejected: the
        circuit is open.
        """
        self.requests += 1
        usable = self._usable
        if len(usable) == 1:
            return usable[0]
        if not usable:
            now_s = self.pools[0].loop.time()
            wait_s = min(pool.ejection.left_s(now_s) for pool in self.pools)
            raise Refusal(MEMBER_UNREACHABLE, "circuit is open", retry_after_s=int(wait_s) + 1)
        return self._least_busy(usable)

    def _least_busy(self, pools: Sequence[Pool]) -> Pool:
        """Return the pool with the fewest requests in flight; among equals they take turns."""
        self._last = (self._last + 1) % len(pools)
        turned = (*pools[self._last :], *pools[: self._last])
        return min(turned, key=lambda pool: pool.busy)

    def send_again(self, outgoing: Outgoing, failed: Pool, *, sent: bool) -> bool:
        """Send a request that `failed` could not carry once more. Return whether it is taken care
        of.

        When it had left (`sent`), the connection it left on is gone and nothing more is known of
        the endpoint, so that for want of others the same one may be asked.
        """
        others = [pool for pool in self._usable if pool is not failed]
        if not others and sent and not failed.ejection.out:
            others = [failed]
        if not others or self._retries_left <= 0 or outgoing.tries >= REQUEST_TRIES:
            return False
        if outgoing.done or not outgoing.receiver.still_allowed():
            return True  # it was given up, or refused by its receiver
        self._retries_left -= 1
        self.retries += 1
        outgoing.tries += 1
        outgoing.repeatable = outgoing.repeatable and not sent
        pool = outgoing.pool = self._least_busy(others)
        pool.send_fresh(outgoing)
        return True

    def move(self, waiting: Iterable[Outgoing]) -> None:
        """Send requests elsewhere that waited for an endpoint that is ejected now.

        They were never sent, so that neither their tries nor the budget count; where all endpoints
        are ejected they fail.
        """
        for outgoing in waiting:
            if outgoing.done or not outgoing.receiver.still_allowed():
                continue
            if not self._usable:
                outgoing.fail(Failure.UNREACHABLE, "every endpoint is out")
                continue
            pool = outgoing.pool = self._least_busy(self._usable)
            pool.send(outgoing)

    def renew_budget(self) -> None:
        """Allow a share of the last window's requests, or a few, to be sent again.

        Called once a RETRY_WINDOW_S.
        """
        share = self.requests * RETRY_PERCENT // 100
        self._retries_left = max(RETRIES_MIN, share)
        self._quiet_windows = 0 if self.requests else self._quiet_windows + 1
        self.requests = 0
