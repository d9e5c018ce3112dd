"""Writes of the API: a unit of work in the caller's name, repeated safely by Idempotency-Key.

The same key with the same request gets the same answer; with another request it is refused
(draft-ietf-httpapi-idempotency-key-header section 2.7). Keys are the organisation's own.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from hashlib import sha256
from typing import Annotated, Any, Final, TypeVar

from fastapi import Depends, Header
from pydantic import BaseModel
from sqlalchemy import func, select
from starlette.requests import Request

from weir.api.callers import Caller
from weir.api.declares import REVOCATION_UNCONFIRMED
from weir.api.guard import CallerDep, ServicesDep
from weir.api.services import Services
from weir.kernel import inputs
from weir.kernel.outcomes import Refusal
from weir.store.processes import GATEWAYS, await_acknowledged
from weir.store.schema import changes
from weir.store.unit import Idempotency, UnitOfWork

Answer = TypeVar("Answer", bound=BaseModel)

# The draft writes a quoted string; bare ones are what most clients send, so both are taken.
_KEY: Final = re.compile(r'"?([A-Za-z0-9._:~-]{1,128})"?')


class Writing:
    """Runner of one unit of work for the caller, or of the answer kept for its idempotency key."""

    def __init__(self, services: Services, caller: Caller, repeat: Idempotency | None) -> None:
        self._services = services
        self._caller = caller
        self._repeat = repeat

    async def run(
        self, answer_type: type[Answer], work: Callable[[UnitOfWork], Awaitable[Answer]]
    ) -> Answer:
        """Commit `work` and its answer together."""
        answer, _ = await self._run(answer_type, work)
        return answer

    async def run_confirmed(
        self,
        answer_type: type[Answer],
        work: Callable[[UnitOfWork], Awaitable[Answer]],
        roles: Sequence[str] = GATEWAYS,
    ) -> tuple[Answer, datetime]:
        """Commit as `run` does, wait for every gateway, and return the answer with that moment.

        `roles` are the roles whose processes must acknowledge. REVOCATION_UNCONFIRMED when not all
        did; the write is kept all the same.
        """
        answer, sequence = await self._run(answer_type, work)
        if sequence is None:  # a repeated request: whatever it changed has a number by now
            sequence = await self._newest_change()
        return answer, await self.confirm(sequence, roles)

    async def confirm(self, sequence: int, roles: Sequence[str] = GATEWAYS) -> datetime:
        """Wait until every process of `roles` has applied a change, and return when that was.

        REVOCATION_UNCONFIRMED when not all did in time.
        """
        at = await await_acknowledged(self._services.database, sequence, roles=roles)
        if at is None:
            raise Refusal(REVOCATION_UNCONFIRMED, f"change {sequence}")
        return at

    async def _run(
        self, answer_type: type[Answer], work: Callable[[UnitOfWork], Awaitable[Answer]]
    ) -> tuple[Answer, int | None]:
        """Return the answer and the number of the unit's change; None for a kept answer."""
        async with self._services.database.unit(self._caller.actor, self._repeat) as unit:
            if unit.replayed:
                return answer_type.model_validate_json(unit.answer), None
            answer = await work(unit)
            await unit.remember(answer.model_dump_json())
        return answer, unit.sequence

    async def _newest_change(self) -> int:
        async with self._services.database.connect() as connection:
            newest = await connection.scalar(select(func.max(changes.c.sequence)))
        return int(newest or 0)


async def _writing(
    request: Request,
    caller: CallerDep,
    services: ServicesDep,
    idempotency_key: Annotated[
        str | None,
        Header(description="Repeat a request safely: the same key gets the same answer."),
    ] = None,
) -> Writing:
    if idempotency_key is None:
        return Writing(services, caller, None)
    found = _KEY.fullmatch(idempotency_key)
    if found is None:
        raise inputs.wrong(
            "header:idempotency-key",
            "must be 1 to 128 letters, digits and . _ : ~ -",
            "须为 1 至 128 个字母、数字或 . _ : ~ - 符号",
        )
    digest = await _digest(request)
    return Writing(services, caller, Idempotency(found[1], digest))


async def _digest(request: Request) -> str:
    """Return the SHA-256 (hex) of the method, the path, the query and the body."""
    head: list[Any] = [request.method, request.url.path, request.url.query]
    return sha256("\n".join(head).encode() + b"\n" + await request.body()).hexdigest()


Writes = Annotated[Writing, Depends(_writing)]
