"""Bodies both ways: as they come, at the slower side's pace, in bounded memory."""

from __future__ import annotations

import asyncio
import hashlib
import json

import pytest
from gateway_lab import Desk, GatewayProcess, Lab
from raw_caller import Caller, request

from waits import until

MEGABYTE = 1024 * 1024
FIVE = 5 * MEGABYTE


def pattern(size: int) -> bytes:
    return (hashlib.sha256(b"seed").digest() * (size // 32 + 1))[:size]


async def test_five_megabytes_up_arrive_unchanged(lab: Lab, desk: Desk) -> None:
    body = pattern(FIVE)
    answer = await desk.call("POST", "/echo", body)
    assert json.loads(answer.body) == {"sha256": hashlib.sha256(body).hexdigest(), "bytes": FIVE}
    assert lab.record_of(answer.headers["x-fapi-interaction-id"]).bytes_in == FIVE


async def test_five_megabytes_up_in_chunks_arrive_unchanged(lab: Lab, desk: Desk) -> None:
    body = pattern(FIVE)
    head = request(
        "POST",
        lab.prefix + "/echo",
        {"authorization": f"Bearer {desk.token}", "transfer-encoding": "chunked"},
    )
    await desk.caller.send(head)
    for start in range(0, FIVE, 70_000):
        piece = body[start : start + 70_000]
        await desk.caller.send(b"%x\r\n%b\r\n" % (len(piece), piece))
    await desk.caller.send(b"0\r\nx-trailer: dropped\r\n\r\n")
    answer = await desk.caller.read()
    assert json.loads(answer.body)["sha256"] == hashlib.sha256(body).hexdigest()


@pytest.mark.parametrize("how", ["big", "big-chunked"])
async def test_five_megabytes_down_arrive_whole(lab: Lab, desk: Desk, how: str) -> None:
    answer = await desk.call("GET", f"/behave/{how}?bytes={FIVE}")
    assert answer.body == bytes(FIVE)
    assert lab.record_of(answer.headers["x-fapi-interaction-id"]).bytes_out == FIVE


async def test_a_caller_that_does_not_read_holds_the_member_up_not_the_memory(
    lab: Lab, gateway: GatewayProcess, desk: Desk
) -> None:
    total = 200 * MEGABYTE
    await desk.call("GET", f"/behave/big?bytes={FIVE}")  # everything warm
    before = gateway.resident_bytes()
    headers = {"authorization": f"Bearer {desk.token}"}
    desk.caller.writer.transport.get_extra_info("socket")
    await desk.caller.send(request("GET", f"{lab.prefix}/behave/big?bytes={total}", headers))
    await desk.caller.read_head()
    desk.caller.reader._transport.pause_reading()  # type: ignore[attr-defined]
    for _ in range(20):
        written = lab.member.written_big
        await asyncio.sleep(0.05)
        if written == lab.member.written_big > 0:
            break
    assert lab.member.written_big < 20 * MEGABYTE  # what sockets on both sides hold
    assert gateway.resident_bytes() - before < 4 * MEGABYTE
    desk.caller.reader._transport.resume_reading()  # type: ignore[attr-defined]
    left = total
    while left:
        left -= len(await desk.caller.reader.read(MEGABYTE))
    assert gateway.resident_bytes() - before < 8 * MEGABYTE


async def test_a_member_that_does_not_read_holds_the_caller_up_not_the_memory(
    lab: Lab, gateway: GatewayProcess, desk: Desk
) -> None:
    lab.member.released.clear()
    size = 9 * MEGABYTE
    before = gateway.resident_bytes()
    body = pattern(size)
    sending = asyncio.create_task(desk.call("POST", "/behave/slow-reader", body))
    await asyncio.sleep(0.5)
    assert not sending.done()
    assert gateway.resident_bytes() - before < 4 * MEGABYTE
    lab.member.released.set()
    answer = await sending
    assert answer.status == 200
    assert lab.member.seen[-1].body_sha256 == hashlib.sha256(body).hexdigest()


async def test_a_body_over_the_bound_is_refused_unread(lab: Lab, desk: Desk) -> None:
    head = request(
        "POST",
        lab.prefix + "/echo",
        {"authorization": f"Bearer {desk.token}", "content-length": str(11 * MEGABYTE)},
    )
    await desk.caller.send(head)
    answer = await desk.caller.read()
    assert (answer.status, answer.code) == (413, "body_too_large")
    assert await desk.caller.at_end()


async def test_chunks_over_the_bound_are_refused_on_their_way(lab: Lab, desk: Desk) -> None:
    head = request(
        "POST",
        lab.prefix + "/echo",
        {"authorization": f"Bearer {desk.token}", "transfer-encoding": "chunked"},
    )
    await desk.caller.send(head)
    piece = bytes(MEGABYTE)

    async def send() -> None:
        for _ in range(12):
            await desk.caller.send(b"%x\r\n%b\r\n" % (len(piece), piece))

    sending = asyncio.create_task(send())
    answer = await desk.caller.read()
    assert answer.code == "body_too_large"
    sending.cancel()
    record = lab.record_of(answer.headers["x-fapi-interaction-id"])
    assert record.refusal == "body_too_large"


async def test_broken_chunks_in_a_forwarded_body_never_reach_the_member_as_whole(
    lab: Lab, desk: Desk
) -> None:
    head = request(
        "POST",
        lab.prefix + "/echo",
        {"authorization": f"Bearer {desk.token}", "transfer-encoding": "chunked"},
    )
    before = len(lab.member.seen)
    await desk.caller.send(head + b"5\r\nhello\r\n")
    await until(lambda: len(lab.member.seen) > before)
    await desk.caller.send(b"zz\r\n")
    answer = await desk.caller.read()
    assert answer.code == "malformed_http"
    await asyncio.sleep(0.05)
    assert not lab.member.seen[-1].whole


async def test_expect_continue_is_answered_by_the_gateway_when_the_call_is_allowed(
    lab: Lab, gateway: GatewayProcess, desk: Desk
) -> None:
    headers = {"expect": "100-continue", "content-length": "5"}
    good = {"authorization": f"Bearer {desk.token}"}
    await desk.caller.send(request("POST", lab.prefix + "/echo", headers | good))
    status, _ = await desk.caller.read_head()
    assert status == 100
    await desk.caller.send(b"hello")
    assert json.loads((await desk.caller.read()).body)["bytes"] == 5
    assert "expect" not in lab.member.seen[-1].headers
    await desk.caller.send(request("POST", lab.prefix + "/echo", headers))
    answer = await desk.caller.read()
    assert answer.code == "token_missing"
    assert await desk.caller.at_end()


async def test_a_member_that_answers_before_the_body_is_through_is_heard(
    lab: Lab, desk: Desk
) -> None:
    lab.member.released.clear()
    head = request(
        "POST",
        lab.prefix + "/behave/refuse-early",
        {"authorization": f"Bearer {desk.token}", "content-length": str(FIVE)},
    )
    await desk.caller.send(head + bytes(1_000))
    answer = await desk.caller.read()
    assert (answer.status, answer.body) == (413, b"no")
    assert answer.headers["connection"] == "close"


async def test_many_idle_connections_cost_little(lab: Lab, gateway: GatewayProcess) -> None:
    before = gateway.resident_bytes()
    context = lab.tls()
    callers = [await Caller.connect(gateway.mtls_port, context) for _ in range(200)]
    token = await lab.token()
    for caller in callers:
        assert (await Desk(caller, token).call("GET", "/rates")).status == 200
    assert (gateway.resident_bytes() - before) / len(callers) < 100_000
    for caller in callers:
        caller.writer.transport.abort()
