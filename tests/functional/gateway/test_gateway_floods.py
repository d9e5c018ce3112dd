"""Doors opened with a hundred times what is normal: bytes, connections and lines stay bounded.

Callers beside the flood are counted by their refusals, of which there are none; how their times
suffer is for a benchmark.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest
from gateway_lab import Desk, GatewayProcess, Lab
from raw_caller import Caller, request

from waits import until
from weir.wire.declares import CHUNK_UNPAID_BYTES

MEGABYTE = 1 << 20
HUNDRED_TIMES = 100 * CHUNK_UNPAID_BYTES
# Bytes that lie in buffers of the kernel and of TLS when a peer takes no more.
ON_THEIR_WAY = 12 * MEGABYTE
FLOODERS = 30
PLACES = 40
OTHERS = 20  # calls beside a flood


async def flood(caller: Caller, head: bytes, piece: bytes) -> tuple[int, int]:
    """Send pieces behind a head until the gateway ends the connection or all is sent.

    Return the status of the answer, 0 for none that could be read, and the bytes that left.
    """
    sent = 0
    with suppress(ConnectionError, ssl.SSLError):
        await caller.send(head)
        while sent < HUNDRED_TIMES and not caller.reader.at_eof():
            await caller.send(piece)
            sent += len(piece)
            await asyncio.sleep(0)
    status = 0
    with suppress(ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
        status = (await caller.read_head())[0]
    await caller.close()
    return status, sent


async def served(lab: Lab, gateway: GatewayProcess, count: int) -> list[int]:
    """The statuses of calls from another address, each on a connection of its own."""
    token = await lab.token()
    statuses = []
    for _ in range(count):
        caller = await Caller.connect(gateway.mtls_port, lab.tls(), source="127.0.0.2")
        answer = await caller.call(
            "GET", lab.prefix + "/rates", {"authorization": f"Bearer {token}"}
        )
        statuses.append(answer.status)
        await caller.close()
    return statuses


@pytest.mark.parametrize(
    ("framing", "piece"),
    [
        (b"1\r\na\r\n0\r\nx: ", b"y" * 65_536),
        (b"1\r\na\r\n0\r\n", b"x: y\r\n" * 10_000),
        (b"1;", b"y" * 65_536),
    ],
    ids=["trailer", "trailers", "extension"],
)
async def test_framing_without_end_is_answered_and_closed(
    lab: Lab, gateway: GatewayProcess, framing: bytes, piece: bytes
) -> None:
    token = await lab.token()
    assert await served(lab, gateway, 1) == [200]
    before = gateway.resident_bytes()
    fields = {"authorization": f"Bearer {token}", "transfer-encoding": "chunked"}
    head = request("POST", lab.prefix + "/echo", fields) + framing
    callers = [await Caller.connect(gateway.mtls_port, lab.tls()) for _ in range(FLOODERS)]
    floods = [asyncio.create_task(flood(each, head, piece)) for each in callers]
    assert await served(lab, gateway, OTHERS) == [200] * OTHERS
    results = await asyncio.gather(*floods)
    assert {status for status, _ in results} <= {431, 0}
    assert 431 in {status for status, _ in results}
    assert gateway.resident_bytes() - before < FLOODERS * MEGABYTE
    assert gateway.metric("weir_gateway_in_flight") == 0


async def test_an_endless_trailer_of_a_member_is_cut(
    lab: Lab, gateway: GatewayProcess, desk: Desk
) -> None:
    await desk.call("GET", "/rates")
    before = gateway.resident_bytes()
    head = request(
        "GET", lab.prefix + "/behave/trailer-flood", {"authorization": f"Bearer {desk.token}"}
    )
    await desk.caller.send(head)
    status, headers = await desk.caller.read_head()
    assert status == 200
    with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
        await desk.caller.reader.readuntil(b"0\r\n\r\n")
    assert await served(lab, gateway, OTHERS) == [200] * OTHERS
    assert lab.member.written_big < HUNDRED_TIMES + ON_THEIR_WAY
    assert gateway.resident_bytes() - before < 8 * MEGABYTE
    record = await lab.until_recorded(headers["x-fapi-interaction-id"])
    assert record.refusal == "member_broken_answer"


@pytest.fixture
async def crowded(lab: Lab) -> AsyncIterator[GatewayProcess]:
    """A gateway of few places."""
    gateway = await lab.start_gateway(connections=PLACES)
    yield gateway
    gateway.stop()


@pytest.mark.parametrize("secured", [False, True], ids=["silent", "idle"])
async def test_connections_of_one_address_leave_places_for_others(
    lab: Lab, crowded: GatewayProcess, secured: bool
) -> None:
    """A hundred times as many as there are places, before their handshake or after it."""
    kept = await Caller.connect(crowded.mtls_port, lab.tls(), source="127.0.0.3")
    fields = {"authorization": f"Bearer {await lab.token()}"}
    assert (await kept.call("GET", lab.prefix + "/rates", fields)).status == 200
    open_sockets: list[socket.socket] = []
    secure_callers: list[Caller] = []
    for number in range(4 * PLACES if secured else 100 * PLACES):
        if secured:
            with suppress(ConnectionError, ssl.SSLError):
                secure_callers.append(await Caller.connect(crowded.mtls_port, lab.tls()))
        else:
            silent = socket.create_connection(("127.0.0.1", crowded.mtls_port))
            open_sockets.append(silent)
        if number % (PLACES if secured else 10 * PLACES) == 0:
            assert await served(lab, crowded, 2) == [200, 200]
    assert await served(lab, crowded, OTHERS) == [200] * OTHERS
    assert (await kept.call("GET", lab.prefix + "/rates", fields)).status == 200
    assert crowded.metric("weir_gateway_connection_places") == PLACES
    held = crowded.ask("/metrics")[1]
    counted = [
        float(line.rpartition(" ")[2])
        for line in held.splitlines()
        if line.startswith("weir_gateway_connections{")
    ]
    assert 0 < sum(counted) <= PLACES
    closed = [line for line in held.splitlines() if 'crowded_out_total{how="closed"}' in line]
    assert float(closed[0].rpartition(" ")[2]) > 0
    told = await until(lambda: _told(crowded))
    assert len(told) < PLACES  # one a second at most, whatever comes
    assert not any("127.0.0." in line for line in told)
    for each in open_sockets:
        each.close()
    for caller in secure_callers:
        await caller.close()
    await kept.close()


async def test_descriptors_are_raised_and_health_is_told_in_a_crowd(
    lab: Lab, crowded: GatewayProcess
) -> None:
    sockets = [
        socket.create_connection(("127.0.0.1", crowded.public_port)) for _ in range(3 * PLACES)
    ]
    assert crowded.ask("/readyz")[0] == 200
    allowed = next(
        line.split()[3:5]
        for line in (await asyncio.to_thread(_limits, crowded.process.pid)).splitlines()
        if line.startswith("Max open files")
    )
    assert allowed[0] == allowed[1]
    for each in sockets:
        each.close()


def _told(gateway: GatewayProcess) -> list[str]:
    lines = gateway.log.read_text().splitlines()
    return [line for line in lines if "connections_crowded_out" in line]


def _limits(process: int) -> str:
    with open(f"/proc/{process}/limits") as limits:
        return limits.read()
