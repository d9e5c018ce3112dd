"""What an operator sees: spans at an OTLP receiver of our own, and logs without anybody's data."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from gateway_lab import Desk, GatewayProcess, Lab
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from raw_caller import Caller

from waits import until

TRACE = "0af7651916cd43dd8448eb211c80319c"
PARENT = "b7ad6b7169203331"


@dataclass
class Receiver:
    """Takes OTLP over HTTP and keeps the spans."""

    spans: list[Any] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    raw: bytes = b""

    async def start(self) -> None:
        self.server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self.server.sockets[0].getsockname()[1]}"

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            try:
                head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
            except (asyncio.IncompleteReadError, ConnectionError):
                return writer.close()
            self.requests.append(head.splitlines()[0])
            length = int(head.partition("content-length: ")[2].splitlines()[0])
            body = await reader.readexactly(length)
            body = gzip.decompress(body) if "content-encoding: gzip" in head else body
            self.raw += body
            for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
                for scope in resource.scope_spans:
                    self.spans.extend(scope.spans)
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")

    async def until(self, count: int) -> list[Any]:
        await until(lambda: len(self.spans) >= count)
        return self.spans


@pytest.fixture(scope="module")
async def receiver() -> AsyncIterator[Receiver]:
    receiver = Receiver()
    await receiver.start()
    yield receiver
    receiver.server.close()


@pytest.fixture(scope="module")
async def traced(lab: Lab, receiver: Receiver) -> GatewayProcess:
    return await lab.start_gateway(otlp_endpoint=receiver.url)


async def test_a_traced_call_is_two_spans_at_the_receiver_and_says_nothing_private(
    lab: Lab, traced: GatewayProcess, receiver: Receiver
) -> None:
    token = await lab.token(consent="cns_watched")
    desk = Desk(await Caller.connect(traced.mtls_port, lab.tls()), token)
    answer = await desk.call(
        "GET", "/accounts/acc-1/balances", traceparent=f"00-{TRACE}-{PARENT}-01", tracestate="a=1"
    )
    assert answer.status == 200
    await desk.call("GET", "/nowhere", traceparent=f"00-{TRACE}-{PARENT}-00")
    assert traced.stop() == 0  # what is left is sent before the end
    here, there = sorted(await receiver.until(2), key=lambda span: span.kind)
    assert receiver.requests[0] == "post /v1/traces http/1.1"
    assert len(receiver.spans) == 2  # the second call's caller wished for none
    assert {here.trace_id.hex(), there.trace_id.hex()} == {TRACE}
    assert here.parent_span_id.hex() == PARENT
    assert there.parent_span_id == here.span_id
    passed_on = lab.member.seen[-1].headers
    assert passed_on["traceparent"] == f"00-{TRACE}-{there.span_id.hex()}-01"
    assert passed_on["tracestate"] == "a=1"
    assert here.name == f"GET {lab.prefix}/accounts/{{account}}/balances"
    said = {each.key: each.value for each in here.attributes}
    assert said["http.response.status_code"].int_value == 200
    assert said["weir.interaction_id"].string_value == answer.headers["x-fapi-interaction-id"]
    assert here.start_time_unix_nano <= there.start_time_unix_nano < there.end_time_unix_nano
    for private in (token, "acc-1", "cns_watched", "someone"):
        assert private.encode() not in receiver.raw
    await desk.caller.close()


async def test_a_receiver_that_is_away_costs_no_call(lab: Lab) -> None:
    gateway = await lab.start_gateway(otlp_endpoint="http://127.0.0.1:9")
    desk = Desk(await Caller.connect(gateway.mtls_port, lab.tls()), await lab.token())
    for _ in range(20):
        answer = await desk.call("GET", "/rates", traceparent=f"00-{TRACE}-{PARENT}-01")
        assert answer.status == 200
    await desk.caller.close()
    assert gateway.stop() == 0


async def test_logs_are_json_and_hold_no_secret_and_nobodys_data(lab: Lab) -> None:
    gateway = await lab.start_gateway()
    token = await lab.token(consent="cns_logged")
    desk = Desk(await Caller.connect(gateway.mtls_port, lab.tls()), token)
    for path in ("/behave/garbage", "/behave/hang-up", "/impatient/silence"):
        assert (await desk.call("GET", f"{path}?account=acc-secret")).status >= 500
    await desk.call("GET", "/accounts/acc-secret/balances", cookie="session=topsecret")
    await desk.caller.send(b"GET /acc-secret HTTP/1.1\r\nHost: evil host\r\n\r\n")
    await desk.caller.read()
    await desk.caller.close()
    assert gateway.stop() == 0
    lines = gateway.log.read_text().splitlines()
    events = [json.loads(line) for line in lines]
    assert all({"event", "level", "timestamp"} <= event.keys() for event in events)
    refused = [event for event in events if event["event"] == "call_refused"]
    assert {event["code"] for event in refused} == {"member_broken_answer", "member_timeout"}
    assert all(event["interaction_id"] for event in refused)
    written = "\n".join(lines)
    for private in (token, "acc-secret", "topsecret", "someone", "evil host", "BEGIN"):
        assert private not in written
