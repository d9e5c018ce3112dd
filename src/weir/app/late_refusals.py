"""Late refusals: a caller that exceeds a rate waits for the answer that says so.

A refusal is cheap, and a caller that ignores it and asks again at once could still fill a process
with them. So it is held back for a moment, which costs nothing but the place of a waiting request;
a connection then asks about once a second, and others have the process. Only so many wait, since a
waiting one holds a connection between gateway and control, and others need those.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final

from weir.app.declares import LATE_REFUSAL_S, LATE_REFUSALS

Asgi = Callable[[Any, Any, Any], Awaitable[None]]
_TOO_MANY_REQUESTS: Final = 429


class LateRefusals:
    """An application whose answers with status 429 come late, so many of them at a time."""

    def __init__(self, inner: Asgi, late_s: float = LATE_REFUSAL_S) -> None:
        self._inner = inner
        self._late_s = late_s
        self.waiting = 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve a request by the inner application."""

        async def send_late(message: Any) -> None:
            if message.get("status") == _TOO_MANY_REQUESTS and self.waiting < LATE_REFUSALS:
                self.waiting += 1
                try:
                    await asyncio.sleep(self._late_s)
                finally:
                    self.waiting -= 1
            await send(message)

        await self._inner(scope, receive, send_late)
