"""Upkeep of the members' endpoints: checks, names, idle connections, and the retry budget."""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import urlsplit

import structlog

from weir.gateway.declares import HEALTH_INTERVAL_S, RETRY_WINDOW_S
from weir.gateway.members.members import Members, Service
from weir.wire.declares import HEALTH_TIMEOUT_S
from weir.wire.health_check import HealthCheck
from weir.wire.upstream import Pool

_log = structlog.get_logger("weir.gateway")


class Upkeep:
    """Sweeps the services that were called lately."""

    def __init__(self, loop: asyncio.AbstractEventLoop, members: Members) -> None:
        self._loop = loop
        self._members = members
        self._tasks: set[asyncio.Task[Any]] = set()
        self._budget_renewed_s = 0.0

    async def sweep(self) -> None:
        """Make the checks that are due, refresh names and the retry budget, close idle connections.

        Called about once a second.
        """
        now_s = self._loop.time()
        if now_s - self._budget_renewed_s >= RETRY_WINDOW_S:
            self._budget_renewed_s = now_s
            for service in self._members.services.values():
                service.origin.renew_budget()
        for key, service in tuple(self._members.services.items()):
            self._tidy(service)
            if service.origin.is_quiet and all(pool.is_unused for pool in service.every_pool()):
                self._members.past_retries += service.origin.retries
                del self._members.services[key]
            elif not (service.checking or service.origin.is_quiet) and self._is_due(service, now_s):
                service.checking = True
                self._spawn(self._check(service))

    def _tidy(self, service: Service) -> None:
        for pool in service.origin.pools:
            pool.close_idle()
            if pool.is_stale:
                self._spawn(pool.refresh())
        service.leaving = [pool for pool in service.leaving if not pool.is_unused]

    def _is_due(self, service: Service, now_s: float) -> bool:
        if any(pool.ejection.check_is_due(now_s) for pool in service.origin.pools):
            return True
        path = service.registered and service.registered.health_path
        return bool(path) and now_s - service.checked_at_s >= HEALTH_INTERVAL_S

    async def _check(self, service: Service) -> None:
        """Check the service's endpoints: the ones in use if there is a path for it, and the ones
        due.
        """
        service.checked_at_s = self._loop.time()
        try:
            await asyncio.gather(*(self._check_one(service, pool) for pool in service.origin.pools))
        finally:
            service.checking = False

    async def _check_one(self, service: Service, pool: Pool) -> None:
        """Check by the path if there is one; else an ejected endpoint by connecting to it."""
        due = pool.ejection.check_is_due(self._loop.time())
        path = service.registered and service.registered.health_path
        if (pool.ejection.out or not path) and not due:
            return
        before = pool.ejection.out
        if path:
            host = urlsplit(service.url).netloc.encode("ascii")
            pool.checked(await HealthCheck.ask(pool, host, path.encode("ascii")))
        else:
            pool.checked(await pool.connects(HEALTH_TIMEOUT_S))
        if pool.ejection.out != before:
            _log.warning("endpoint_standing", member=service.member, ejected=pool.ejection.out)

    def _spawn(self, work: Any) -> None:
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def close(self) -> None:
        """Cancel the checks under way."""
        for task in tuple(self._tasks):
            task.cancel()
