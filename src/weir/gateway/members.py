"""The members' services: their endpoints as they are registered, kept in sight and in order.

A service without a registration is one endpoint, its own address. A registration may change at
any time; what is in flight to an endpoint that is gone is carried to its end, nothing new is sent.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit

import structlog
from immutables import Map

from weir.gateway.snapshot import Operation, Snapshot
from weir.kernel import limits
from weir.shelf.published import BackendDocument
from weir.wire.checking import HealthCheck
from weir.wire.deadlines import Deadlines
from weir.wire.listening import MemberTls
from weir.wire.origin import Origin
from weir.wire.reactor import Reactor
from weir.wire.resolving import Reachable
from weir.wire.upstream import Pool

HTTPS_PORT: Final = 443
_log = structlog.get_logger("weir.gateway")


@dataclass(slots=True)
class _Service:
    """One service in use. `registered` is None where there is no registration."""

    member: str
    url: str
    registered: BackendDocument | None
    origin: Origin
    pools: dict[str, Pool]
    checked_at_s: float = 0.0
    checking: bool = False
    leaving: list[Pool] = field(default_factory=list)

    def every_pool(self) -> Iterator[Pool]:
        yield from self.origin.pools
        yield from self.leaving


class Members:
    """The services that were called lately, by `Operation.backend`."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        deadlines: Deadlines,
        tls: MemberTls,
        reachable: Reachable,
        reactor: Reactor,
    ) -> None:
        self._loop = loop
        self._deadlines = deadlines
        self._tls = tls
        self._reachable = reachable
        self._reactor = reactor
        self._services: dict[str, _Service] = {}
        self._registered: Map[str, BackendDocument] = Map()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._budget_renewed_s = 0.0
        self._past_retries = 0

    # --- calls ---------------------------------------------------------------------------------

    def pool(self, operation: Operation, snapshot: Snapshot) -> Pool:
        """Where to send a call. Refusal MEMBER_UNREACHABLE while no endpoint may be called."""
        if snapshot.backends is not self._registered:
            self._follow(snapshot.backends)
        service = self._services.get(operation.backend)
        if service is None:
            service = self._begin(operation)
        return service.origin.choose()

    def _begin(self, operation: Operation) -> _Service:
        registered = self._registered.get(operation.backend)
        service = _Service(
            operation.member, operation.backend_url, registered, Origin([]), {}, self._loop.time()
        )
        self._equip(service)
        self._services[operation.backend] = service
        return service

    def _follow(self, registered: Map[str, BackendDocument]) -> None:
        """Registrations have changed: give each service in use the endpoints it has now."""
        self._registered = registered
        for key, service in self._services.items():
            now = registered.get(key)
            if now is not service.registered:
                before, service.registered = service.registered, now
                self._equip(service, anew=_trust(before) != _trust(now))

    def _equip(self, service: _Service, *, anew: bool = False) -> None:
        """Make the service's pools; those of endpoints that stay are kept, unless `anew`."""
        endpoints = _endpoints(service)
        kept = (
            {} if anew else {each: service.pools[each] for each in endpoints & service.pools.keys()}
        )
        for endpoint, pool in service.pools.items():
            if kept.get(endpoint) is not pool:
                pool.origin = None
                pool.retire()
                service.leaving.append(pool)
        tls = self._tls.context(_trust(service.registered))
        service.pools = {
            each: kept.get(each) or self._dialling(each, service, tls) for each in sorted(endpoints)
        }
        requests, retries = service.origin.requests, service.origin.retries
        service.origin = Origin(list(service.pools.values()))
        service.origin.requests, service.origin.retries = requests, retries

    def _dialling(self, endpoint: str, service: _Service, tls: ssl.SSLContext) -> Pool:
        parts = urlsplit(f"//{endpoint}")
        return Pool(
            self._loop,
            self._deadlines,
            host=parts.hostname or "",
            port=parts.port or HTTPS_PORT,
            tls=tls,
            name=urlsplit(service.url).hostname or "",
            reachable=self._reachable,
            reactor=self._reactor,
        )

    # --- keeping them in sight -----------------------------------------------------------------

    async def sweep(self) -> None:
        """Once a second or so: checks that are due, names, idle connections, the retry budget."""
        now_s = self._loop.time()
        if now_s - self._budget_renewed_s >= limits.RETRY_WINDOW_S:
            self._budget_renewed_s = now_s
            for service in self._services.values():
                service.origin.renew_budget()
        for key, service in tuple(self._services.items()):
            self._tidy(service)
            if service.origin.is_quiet and all(pool.is_unused for pool in service.every_pool()):
                self._past_retries += service.origin.retries
                del self._services[key]
            elif not (service.checking or service.origin.is_quiet) and self._is_due(service, now_s):
                service.checking = True
                self._spawn(self._check(service))

    def _tidy(self, service: _Service) -> None:
        for pool in service.origin.pools:
            pool.close_idle()
            if pool.is_stale:
                self._spawn(pool.refresh())
        service.leaving = [pool for pool in service.leaving if not pool.is_unused]

    def _is_due(self, service: _Service, now_s: float) -> bool:
        if any(pool.ejection.check_is_due(now_s) for pool in service.origin.pools):
            return True
        path = service.registered and service.registered.health_path
        return bool(path) and now_s - service.checked_at_s >= limits.HEALTH_INTERVAL_S

    async def _check(self, service: _Service) -> None:
        """Check every endpoint that is in, if there is a path for it, and those due to return."""
        service.checked_at_s = self._loop.time()
        try:
            await asyncio.gather(*(self._check_one(service, pool) for pool in service.origin.pools))
        finally:
            service.checking = False

    async def _check_one(self, service: _Service, pool: Pool) -> None:
        """By its path if there is one; else an endpoint that is out, by connecting to it."""
        due = pool.ejection.check_is_due(self._loop.time())
        path = service.registered and service.registered.health_path
        if (pool.ejection.out or not path) and not due:
            return
        before = pool.ejection.out
        if path:
            host = urlsplit(service.url).netloc.encode("ascii")
            pool.checked(await HealthCheck.ask(pool, host, path.encode("ascii")))
        else:
            pool.checked(await pool.connects())
        if pool.ejection.out != before:
            _log.warning("endpoint_standing", member=service.member, ejected=pool.ejection.out)

    def _spawn(self, work: Any) -> None:
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # --- what is seen of them ------------------------------------------------------------------

    def connections(self) -> int:
        """Open connections to members."""
        pools = (pool for service in self._services.values() for pool in service.every_pool())
        return sum(pool.open_connections for pool in pools)

    def ejected(self) -> int:
        """Endpoints that are out."""
        return sum(service.origin.ejected for service in self._services.values())

    def retries(self) -> int:
        """Requests that were sent again."""
        return self._past_retries + sum(s.origin.retries for s in self._services.values())

    def close(self) -> None:
        """Close every connection."""
        for task in tuple(self._tasks):
            task.cancel()
        for service in self._services.values():
            for pool in service.every_pool():
                pool.close()


def _endpoints(service: _Service) -> set[str]:
    if service.registered is not None:
        return set(service.registered.endpoints)
    return {urlsplit(service.url).netloc}


def _trust(registered: BackendDocument | None) -> str | None:
    return None if registered is None else registered.authority
