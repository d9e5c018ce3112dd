"""Questions of several requests, put to an engine together.

While one batch is under way the next one gathers: a request alone waits for nobody, and under load
one round trip, one statement and one commit serve many. An answer is never older than its question.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

from weir.store.declares import GATHERED_QUESTIONS

K = TypeVar("K")
V = TypeVar("V")
Asked = Callable[[Sequence[K]], Awaitable[Sequence[V]]]


class Gathering(Generic[K, V]):
    """Asks for the answers to as many keys as have come together, one batch at a time.

    `ask` gives an answer a key, in their order; when it fails, all who asked in that batch are told
    so. Keys therefore come from us or are checked before: one must not spoil the others' answers.
    """

    def __init__(self, ask: Asked[K, V]) -> None:
        self._ask = ask
        self._waiting: list[tuple[K, asyncio.Future[V]]] = []
        self._asking: asyncio.Task[None] | None = None

    async def of(self, key: K) -> V:
        """The answer to one key."""
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[V] = loop.create_future()
        self._waiting.append((key, answer))
        if self._asking is None:
            self._asking = loop.create_task(self._ask_all())
        return await answer

    async def _ask_all(self) -> None:
        try:
            while self._waiting:
                batch = self._waiting[:GATHERED_QUESTIONS]
                del self._waiting[:GATHERED_QUESTIONS]
                await self._answer(batch)
        finally:
            self._asking = None

    async def _answer(self, batch: list[tuple[K, asyncio.Future[V]]]) -> None:
        try:
            found = await self._ask([key for key, _ in batch])
        except BaseException as error:
            for _, answer in batch:
                if not answer.done():
                    answer.set_exception(error)
            if not isinstance(error, Exception):
                raise
            return
        for (_, answer), value in zip(batch, found, strict=True):
            if not answer.done():  # else whoever asked has gone
                answer.set_result(value)
