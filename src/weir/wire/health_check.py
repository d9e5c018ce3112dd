"""A health check of an endpoint: one GET, of whose answer only the status counts."""

from __future__ import annotations

import asyncio
from typing import Final

from weir.wire.declares import HEALTH_TIMEOUT_S, REQUEST_TRIES
from weir.wire.heads import AnswerHead
from weir.wire.member_connection import Failure, Outgoing
from weir.wire.upstream import Pool

_OK: Final = range(200, 300)


class HealthCheck:
    """Receives the answer to a check. `passed` is decided when it has ended."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.passed: asyncio.Future[bool] = loop.create_future()
        self._status = 0

    @classmethod
    async def ask(cls, pool: Pool, host: bytes, path: bytes) -> bool:
        """Whether the endpoint answers `GET path` with a 2xx within HEALTH_TIMEOUT_S."""
        check = cls(pool.loop)
        head = b"GET %b HTTP/1.1\r\nhost: %b\r\naccept: */*\r\n\r\n" % (path, host)
        outgoing = Outgoing(
            pool,
            check,
            head,
            whole=True,
            method="GET",
            repeatable=False,
            answer_timeout_s=HEALTH_TIMEOUT_S,
            whole_within_s=HEALTH_TIMEOUT_S,
        )
        outgoing.tries = REQUEST_TRIES  # it is about this endpoint and no other
        pool.send_ahead(outgoing)
        return await check.passed

    def still_allowed(self) -> bool:
        return True

    def answer_head(self, head: AnswerHead, length: int | None) -> None:  # noqa: ARG002
        self._status = head.status

    def answer_body(self, data: bytes) -> None:
        """Drop the body: only the status counts."""

    def answer_pause(self) -> None:
        """Do nothing, since nothing was kept back."""

    def answer_end(self) -> None:
        self._settle(self._status in _OK)

    def answer_failed(self, failure: Failure, detail: str) -> None:  # noqa: ARG002
        self._settle(False)

    def request_writable(self, allowed: bool) -> None:
        """Do nothing, since the request left in one piece."""

    def _settle(self, passed: bool) -> None:
        if not self.passed.done():
            self.passed.set_result(passed)
