"""Pings over TLS: told once the customer answered, again when it failed, and never elsewhere."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from ciba_support import Asker, error_of
from consent_world import Browser, World
from sqlalchemy import select

from weir.authorization.backchannel import pings
from weir.authorization.declares import PING_PAUSE_MAX_S, PING_TIMEOUT_S, PINGS
from weir.authorization.tables import backchannel_requests
from weir.keys.authority import Authority
from weir.wire.networks import networks
from weir.wire.outbound import Outbound, PublicAlone

TOKEN = "8d67dc78-7faa-4d41-aabd-67707b374255"


class Endpoint:
    """An application's notification endpoint over TLS."""

    def __init__(self) -> None:
        self.status = 204
        self.hangs = False  # takes the request and says nothing
        self.asked = asyncio.Event()
        self.location = ""
        self.seen: list[tuple[str, dict[str, str], dict[str, Any]]] = []
        self.url = ""

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().strip().split("\r\n")
        fields = {
            name.lower(): value for name, _, value in (each.partition(": ") for each in lines)
        }
        body = await reader.readexactly(int(fields["content-length"]))
        self.seen.append((head, fields, json.loads(body)))
        self.asked.set()
        if self.hangs:
            await reader.read()  # until the caller is gone
            writer.close()
            return
        location = f"location: {self.location}\r\n" if self.location else ""
        writer.write(
            f"HTTP/1.1 {self.status} x\r\n{location}content-length: 0\r\n"
            "connection: close\r\n\r\n".encode()
        )
        await writer.drain()
        writer.close()


@pytest.fixture
async def endpoint(authority: Authority, folder: Path) -> AsyncIterator[Endpoint]:
    """Under a name of its own, which only its certificate and the test's resolver know."""
    own = authority.issue_own("shop", ["shop.test"])
    chain = folder / "shop.pem"
    chain.write_text(own.key_pem + own.certificate.pem)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(chain)
    endpoint = Endpoint()
    server = await asyncio.start_server(endpoint.answer, "127.0.0.1", 0, ssl=context)
    endpoint.url = f"https://shop.test:{server.sockets[0].getsockname()[1]}/ciba"
    yield endpoint
    server.close()


async def to_loopback(_host: str, _port: int) -> list[str]:
    return ["127.0.0.1"]


class Pinger:
    """The worker's job, with the clock of the test."""

    def __init__(self, world: World, authority: Authority, allowed: str | None) -> None:
        context = ssl.create_default_context(cadata=authority.root_pem)
        self.world = world
        self.outbound = Outbound(
            context,
            PublicAlone(networks(allowed, "WEIR_PARTNER_NETWORKS")),
            timeout_s=PING_TIMEOUT_S,
            resolver=to_loopback,
        )

    async def run(self) -> int:
        services = self.world.services
        return await pings.deliver_due(services.database, services.sealing, self.outbound)

    async def row(self) -> Any:
        async with self.world.services.database.connect() as connection:
            return (await connection.execute(select(backchannel_requests))).one()


@pytest.fixture
async def asker(world: World, portal_browser: Browser, endpoint: Endpoint) -> Asker:
    await portal_browser.claim(await world.enrol("RB-000001", "acc-1"), "lihua")
    asker = Asker(world, portal_browser)
    await asker.register("ping", endpoint.url)
    return asker


@pytest.fixture
def pinger(world: World, authority: Authority) -> Pinger:
    return Pinger(world, authority, "127.0.0.0/8")


async def test_an_answer_is_told_once_to_the_registered_address(
    asker: Asker, pinger: Pinger, endpoint: Endpoint
) -> None:
    auth_req_id = await asker.asked(client_notification_token=TOKEN)
    assert await pinger.run() == 0  # nothing to tell before the customer has answered
    await asker.yes()
    assert sum(await asyncio.gather(pinger.run(), pinger.run(), pinger.run())) == 1
    assert await pinger.run() == 0
    ((head, fields, body),) = endpoint.seen
    assert head == "POST /ciba HTTP/1.1"
    assert fields["authorization"] == f"Bearer {TOKEN}"
    assert fields["host"].startswith("shop.test:")
    assert body == {"auth_req_id": auth_req_id}
    assert (await asker.poll(auth_req_id)).status_code == 200
    assert (await pinger.row()).sealed_ping is None


async def test_a_no_is_told_too(asker: Asker, pinger: Pinger, endpoint: Endpoint) -> None:
    auth_req_id = await asker.asked(client_notification_token=TOKEN)
    await asker.say(await asker.page(), "no")
    assert await pinger.run() == 1
    assert len(endpoint.seen) == 1
    assert error_of(await asker.poll(auth_req_id)) == (400, "access_denied")


async def test_a_ping_that_failed_is_tried_again_a_bounded_number_of_times(
    asker: Asker, pinger: Pinger, endpoint: Endpoint
) -> None:
    await asker.asked(client_notification_token=TOKEN)
    await asker.yes()
    endpoint.status = 503
    for number in range(1, PINGS + 1):
        assert await pinger.run() == 0
        assert await pinger.run() == 0  # not before its time
        assert len(endpoint.seen) == number
        pause = timedelta(seconds=PING_PAUSE_MAX_S + PING_TIMEOUT_S + 1)
        asker.world.clock.ahead += pause
    assert await pinger.run() == 0
    assert len(endpoint.seen) == PINGS
    assert (await pinger.row()).ping_at is None


async def test_a_ping_survives_a_worker_that_died_on_the_way(
    asker: Asker, pinger: Pinger, endpoint: Endpoint
) -> None:
    await asker.asked(client_notification_token=TOKEN)
    await asker.yes()
    endpoint.hangs = True
    dying = asyncio.create_task(pinger.run())
    await endpoint.asked.wait()
    dying.cancel()  # the worker is gone, and never heard the answer
    with pytest.raises(asyncio.CancelledError):
        await dying
    endpoint.hangs = False
    assert await pinger.run() == 0  # not before its time
    asker.world.clock.ahead = timedelta(seconds=PING_TIMEOUT_S + 3)
    assert await pinger.run() == 1
    assert [body for _, _, body in endpoint.seen] == [endpoint.seen[0][2]] * 2


async def test_a_redirect_is_not_followed(asker: Asker, pinger: Pinger, endpoint: Endpoint) -> None:
    await asker.asked(client_notification_token=TOKEN)
    await asker.yes()
    endpoint.status, endpoint.location = 307, "https://127.0.0.1/elsewhere"
    assert await pinger.run() == 0
    assert len(endpoint.seen) == 1


async def test_an_address_within_is_never_called(
    asker: Asker, world: World, authority: Authority, endpoint: Endpoint
) -> None:
    await asker.asked(client_notification_token=TOKEN)
    await asker.yes()
    assert await Pinger(world, authority, None).run() == 0
    assert endpoint.seen == []


async def test_a_certificate_of_another_name_is_not_believed(
    asker: Asker, pinger: Pinger, endpoint: Endpoint
) -> None:
    await asker.register("ping", endpoint.url.replace("shop.test", "bank.test"))
    await asker.asked(client_notification_token=TOKEN)
    await asker.yes()
    assert await pinger.run() == 0
    assert endpoint.seen == []


async def test_a_ping_needs_a_strong_token(asker: Asker) -> None:
    for token in (None, "short", "x" * 1_025, "with space " * 4, "中文" * 20):
        answer = await asker.ask(client_notification_token=token)
        assert error_of(answer) == (400, "invalid_request"), token
