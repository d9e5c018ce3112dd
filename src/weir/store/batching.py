"""Batching of the queries of concurrent requests, so that one round trip serves many.

While one batch runs, the next one collects: a single request does not wait, and under load one
statement and one commit serve many. A query is sent after it was asked, so its answer is never
older than the request.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

from weir.store.declares import GATHERED_QUESTIONS

K = TypeVar("K")
V = TypeVar("V")
Asked = Callable[[Sequence[K]], Awaitable[Sequence[V]]]


class KeyBatcher(Generic[K, V]):
    """Collects keys and looks them up together, one batch at a time.

    `ask` returns one answer for each key, in the order of the keys. When it fails, every request of
    the batch gets the error. So keys must be our own or checked before, or a bad key would make
    the other requests of its batch fail.
    """

    def __init__(self, ask: Asked[K, V]) -> None:
        self._ask = ask
        self._waiting: list[tuple[K, asyncio.Future[V]]] = []
        self._asking: asyncio.Task[None] | None = None

    async def of(self, key: K) -> V:
        """Return the answer for one key, looked up together with other waiting keys."""
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
            if not answer.done():  # done already when the request was cancelled
                answer.set_result(value)
