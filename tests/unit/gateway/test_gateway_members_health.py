"""Health checks and the return of endpoints, over real sockets, with short times."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from gateway_support import NoTls, drafted, operation, product, row, world

from ports import HOST, own_ports
from waits import PATIENCE_S, rounds, until
from weir.gateway.config.snapshot import Operation, Snapshot
from weir.gateway.members import upkeep
from weir.gateway.members.members import Members
from weir.gateway.members.upkeep import Upkeep
from weir.kernel.outcomes import Refusal
from weir.shelf.published import BackendDocument, backend_key
from weir.wire import ejection, health_check
from weir.wire.deadlines import Deadlines
from weir.wire.declares import ENDPOINT_FAILURES
from weir.wire.reactor import Reactor
from weir.wire.resolver import Reachable

URL = "https://member.example:9101"
KEY = backend_key("org_bank", URL)


class Endpoint:
    """A plain HTTP server that is well, or says that it is not."""

    def __init__(self) -> None:
        self.status = 200
        self.heads: list[bytes] = []
        (self.port,) = own_ports(1)  # nobody takes it while this is stopped

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, HOST, self.port)

    def stop(self) -> None:
        self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                self.heads.append(await reader.readuntil(b"\r\n\r\n"))
                writer.write(b"HTTP/1.1 %d X\r\ncontent-length: 0\r\n\r\n" % self.status)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()


class Gateway:
    """What of a gateway looks after members."""

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        self.deadlines = Deadlines(loop, 0.02)
        self.deadlines.start()
        tls, reachable = NoTls(), Reachable()
        self.members = Members(loop, self.deadlines, tls, reachable, Reactor(loop))  # type: ignore[arg-type]
        self.upkeep = Upkeep(loop, self.members)
        self.snapshot: Snapshot = world()
        found = self.snapshot.products["prd_1"].routes.find("GET", [b"rates"])
        assert found is not None
        self.operation: Operation = found[0]

    def register(self, *endpoints: Endpoint, health_path: str | None = None) -> None:
        named = [f"127.0.0.1:{each.port}" for each in endpoints]
        document = BackendDocument(
            member="org_bank", url=URL, endpoints=named, health_path=health_path
        )
        self.snapshot = drafted(self.snapshot, [row("backend", KEY, document)])

    def close(self) -> None:
        self.upkeep.close()
        self.members.close()

    def pool(self) -> Any:
        return self.members.pool(self.operation, self.snapshot)

    async def until(self, reached: Callable[[], bool]) -> None:
        async def swept() -> bool:
            await self.upkeep.sweep()
            return reached()

        await until(swept)


@pytest.fixture(autouse=True)
def short_times(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upkeep, "HEALTH_INTERVAL_S", 0.02)
    monkeypatch.setattr(health_check, "HEALTH_TIMEOUT_S", PATIENCE_S)
    monkeypatch.setattr(ejection, "ENDPOINT_EJECTION_S", 0.05)
    monkeypatch.setattr(upkeep, "RETRY_WINDOW_S", 60)


@pytest.fixture
async def endpoints() -> AsyncIterator[list[Endpoint]]:
    both = [Endpoint(), Endpoint()]
    for each in both:
        await each.start()
    yield both
    for each in both:
        each.stop()


async def test_an_endpoint_that_says_it_is_not_well_is_ejected_and_returns_when_it_is(
    endpoints: list[Endpoint],
) -> None:
    gateway = Gateway()
    gateway.register(*endpoints, health_path="/healthz?deep=1")
    gateway.pool()
    endpoints[0].status = 503
    await gateway.until(lambda: gateway.members.ejected() == 1)
    chosen = {gateway.pool()._port for _ in range(4)}
    assert chosen == {endpoints[1].port}
    assert endpoints[0].heads[-1] == (
        b"GET /healthz?deep=1 HTTP/1.1\r\nhost: member.example:9101\r\naccept: */*\r\n\r\n"
    )
    endpoints[0].status = 200
    await gateway.until(lambda: gateway.members.ejected() == 0)
    assert {gateway.pool()._port for _ in range(4)} == {each.port for each in endpoints}
    gateway.close()


async def test_an_endpoint_that_was_ejected_by_calls_returns_when_it_can_be_connected_to(
    endpoints: list[Endpoint],
) -> None:
    gateway = Gateway()
    gateway.register(*endpoints)
    endpoints[0].stop()
    gateway.pool()
    out = next(p for p in gateway.pool().origin.pools if p._port == endpoints[0].port)
    for _ in range(ENDPOINT_FAILURES):
        out.failed()
    assert gateway.members.ejected() == 1
    for _ in range(20):
        await gateway.upkeep.sweep()
        await asyncio.sleep(0.01)
    assert gateway.members.ejected() == 1
    await endpoints[0].start()
    await gateway.until(lambda: gateway.members.ejected() == 0)
    assert out.failed() is None
    assert gateway.members.ejected() == 1  # on probation: the next failure ejects it
    gateway.close()


async def test_a_silent_endpoint_fails_its_checks(monkeypatch: pytest.MonkeyPatch) -> None:
    async def say_nothing(_reader: Any, _writer: Any) -> None:
        await asyncio.sleep(30)

    monkeypatch.setattr(health_check, "HEALTH_TIMEOUT_S", 0.2)
    server = await asyncio.start_server(say_nothing, "127.0.0.1", 0)
    silent = Endpoint()
    silent.port = server.sockets[0].getsockname()[1]
    gateway = Gateway()
    gateway.register(silent, health_path="/")
    gateway.pool()
    await gateway.until(lambda: gateway.members.ejected() == 1)
    with pytest.raises(Refusal) as refused:
        gateway.pool()
    assert refused.value.outcome.code == "member_unreachable"
    gateway.close()
    server.close()


async def test_nobody_is_checked_whom_nobody_calls(endpoints: list[Endpoint]) -> None:
    gateway = Gateway()
    gateway.register(*endpoints, health_path="/")
    gateway.pool()
    await gateway.until(lambda: len(endpoints[0].heads) > 0)
    origin = gateway.pool().origin
    origin.requests = 0
    for _ in range(20):
        origin.renew_budget()

    def all_closed() -> bool:
        for pool in origin.pools:
            pool.close_idle(0.0)
        return gateway.members.connections() == 0

    await until(all_closed)  # the checks that were under way have ended
    asked = len(endpoints[0].heads)
    for _ in range(10):
        await gateway.upkeep.sweep()
        await asyncio.sleep(0.01)
    await rounds()
    assert len(endpoints[0].heads) == asked
    assert gateway.members.connections() == 0


async def test_a_new_registration_keeps_the_endpoints_that_stay(endpoints: list[Endpoint]) -> None:
    gateway = Gateway()
    gateway.register(endpoints[0])
    kept = gateway.pool()
    gateway.register(*endpoints)
    assert kept in gateway.pool().origin.pools
    gateway.register(endpoints[1])
    assert gateway.pool() is not kept
    gateway.snapshot = drafted(gateway.snapshot, [row("backend", KEY, None)])
    (pool,) = gateway.pool().origin.pools
    assert pool._addresses._host == "member.example"


async def test_two_members_with_one_address_share_nothing(endpoints: list[Endpoint]) -> None:
    gateway = Gateway()
    gateway.register(endpoints[0])
    document = product(
        id="prd_2",
        prefix="/hill-bank/accounts/v1",
        operations=[operation("GET", "/rates", member="org_hill")],
    )
    gateway.snapshot = drafted(gateway.snapshot, [row("product", "prd_2", document)])
    found = gateway.snapshot.products["prd_2"].routes.find("GET", [b"rates"])
    assert found is not None
    assert gateway.pool()._port == endpoints[0].port
    assert gateway.members.pool(found[0], gateway.snapshot)._port == 9101
