"""Waiting for what must happen: for the thing itself, and never for a time in which it should.

What is awaited comes within moments on a quiet machine. A busy one may take long, and a test that
gives up early says nothing about the platform.
"""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from typing import Any

PATIENCE_S = 90.0
_PAUSE_S = 0.02
_ROUNDS = 50


async def until(look: Callable[[], Any | Awaitable[Any]], patience_s: float = PATIENCE_S) -> Any:
    """The first true thing that `look` finds. AssertionError, with the last, if none comes."""
    deadline_s = time.monotonic() + patience_s
    while True:
        found = look()
        if inspect.isawaitable(found):
            found = await found
        if found:
            return found
        assert time.monotonic() < deadline_s, f"not within {patience_s:.0f} s; last: {found!r}"
        await asyncio.sleep(_PAUSE_S)


async def rounds() -> None:
    """Let the loop look at its sockets so often that what is under way in this process arrives.

    A pause of so many milliseconds can be over in one round, if another process had the processor.
    """
    for _ in range(_ROUNDS):
        await asyncio.sleep(0.001)
