"""The members' services and their endpoints as they are registered.

A service without a registration is one endpoint, its own address. A registration may change at any
time; a request in flight to an endpoint that is gone is carried to its end, nothing new is sent.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Iterator
from typing import Final, final
from urllib.parse import urlsplit

from immutables import Map

from weir.gateway.config.snapshot import Operation, Snapshot
from weir.shelf.published import BackendDocument
from weir.wire.deadlines import Deadlines
from weir.wire.listeners import MemberTls
from weir.wire.origin import Origin
from weir.wire.reactor import Reactor
from weir.wire.resolver import Reachable
from weir.wire.upstream import Pool

HTTPS_PORT: Final = 443


@final
class Service:
    """One service in use. `registered` is None where there is no registration."""

    __slots__ = (
        "checked_at_s",
        "checking",
        "leaving",
        "member",
        "origin",
        "pools",
        "registered",
        "url",
    )

    def __init__(
        self, member: str, url: str, registered: BackendDocument | None, now_s: float
    ) -> None:
        self.member = member
        self.url = url
        self.registered = registered
        self.origin = Origin([])
        self.pools: dict[str, Pool] = {}
        self.checked_at_s = now_s
        self.checking = False
        self.leaving: list[Pool] = []

    def every_pool(self) -> Iterator[Pool]:
        """Return the pools of present endpoints, then of leaving ones."""
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
        self.services: dict[str, Service] = {}
        self._registered: Map[str, BackendDocument] = Map()
        self.past_retries = 0  # of services that are not in use any more

    # --- calls ---------------------------------------------------------------------------------

    def pool(self, operation: Operation, snapshot: Snapshot) -> Pool:
        """Return the pool to send a call by. Refusal MEMBER_UNREACHABLE while no endpoint may be
        called.
        """
        if snapshot.backends is not self._registered:
            self._follow(snapshot.backends)
        service = self.services.get(operation.backend)
        if service is None:
            service = self._begin(operation)
        return service.origin.choose()

    def _begin(self, operation: Operation) -> Service:
        registered = self._registered.get(operation.backend)
        service = Service(operation.member, operation.backend_url, registered, self._loop.time())
        self._equip(service)
        self.services[operation.backend] = service
        return service

    def _follow(self, registered: Map[str, BackendDocument]) -> None:
        """Give each service in use the endpoints it has now, after registrations have changed."""
        self._registered = registered
        for key, service in self.services.items():
            now = registered.get(key)
            if now is not service.registered:
                before, service.registered = service.registered, now
                self._equip(service, anew=_trust(before) != _trust(now))

    def _equip(self, service: Service, *, anew: bool = False) -> None:
        """Make the service's pools; pools of endpoints that stay are kept, unless `anew`."""
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

    def _dialling(self, endpoint: str, service: Service, tls: ssl.SSLContext) -> Pool:
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

    # --- what metrics read of them -------------------------------------------------------------

    def connections(self) -> int:
        """Return the number of open connections to members."""
        pools = (pool for service in self.services.values() for pool in service.every_pool())
        return sum(pool.open_connections for pool in pools)

    def ejected(self) -> int:
        """Return the number of endpoints that are ejected."""
        return sum(service.origin.ejected for service in self.services.values())

    def retries(self) -> int:
        """Return the number of requests that were sent again."""
        return self.past_retries + sum(s.origin.retries for s in self.services.values())

    def close(self) -> None:
        """Close every connection."""
        for service in self.services.values():
            for pool in service.every_pool():
                pool.close()


def _endpoints(service: Service) -> set[str]:
    if service.registered is not None:
        return set(service.registered.endpoints)
    return {urlsplit(service.url).netloc}


def _trust(registered: BackendDocument | None) -> str | None:
    return None if registered is None else registered.authority
