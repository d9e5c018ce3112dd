"""What members are told, what callers are shown, and that records come before the last byte."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path
from uuid import RFC_4122, UUID

import pytest
from gateway_support import INTERACTION, House, claims, consented, sign

from weir.gateway.front import metrics
from weir.gateway.front.interaction_ids import InteractionIds
from weir.metering.records.records import CallRecord

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"


async def test_the_member_is_told_who_calls_and_nothing_of_the_callers_secrets(
    tmp_path: Path,
) -> None:
    house = House(tmp_path)
    house.call(
        "GET",
        "/rates?day=1",
        claims(),
        None,
        "Cookie: a=b",
        "Weir-Client-Certificate: forged",
        "weir_client_certificate: forged",
        "OpenFinance-Identity: forged",
        "X-Forwarded-For: 1.2.3.4",
        "Forwarded: for=1.2.3.4",
        "Keep-Alive: timeout=5",
        "Proxy-Authorization: Basic x",
        "TE: trailers",
        "Connection: keep-alive, te",
        "Accept: application/json",
        "X-Own: kept",
    )
    head = house.member.written.decode().split("\r\n")
    assert head[0] == "GET /open/rates?day=1 HTTP/1.1"
    names = sorted(line.partition(":")[0] for line in head[1:-2])
    assert names == [
        "accept",
        "host",
        "openfinance-identity",
        "openfinance-timeout-ms",
        "x-fapi-interaction-id",
        "x-own",
    ]
    assert "openfinance-timeout-ms: 1000" in head
    assert "host: member.example:9101" in head
    assert f"x-fapi-interaction-id: {INTERACTION}" in head


@pytest.mark.parametrize(
    ("given", "kept"),
    [(INTERACTION, True), (INTERACTION.upper(), True), ("not-a-uuid", False), ("", False)],
)
async def test_the_interaction_id_is_the_callers_if_it_is_a_uuid(
    tmp_path: Path, given: str, kept: bool
) -> None:
    house = House(tmp_path)
    house.ask(
        f"GET /x HTTP/1.1\r\nHost: api.localhost\r\nx-fapi-interaction-id: {given}\r\n\r\n".encode()
    )
    used = house.problem["interaction_id"]
    assert (used == given) is kept
    assert len(used) == 36
    if not kept:
        assert (used[14], used[19] in "89ab") == ("4", True)


def test_made_interaction_ids_are_distinct_uuids_of_version_4() -> None:
    made = InteractionIds()
    identifiers = [made.next().decode() for _ in range(1_000)]
    assert len(set(identifiers)) == 1_000
    for each in identifiers:
        assert str(UUID(each)) == each
        assert (UUID(each).version, UUID(each).variant) == (4, RFC_4122)


async def test_the_caller_sees_nothing_of_the_members_servers(tmp_path: Path) -> None:
    house = House(tmp_path)
    house.call()
    house.answer(
        b"HTTP/1.1 200 OK\r\nServer: secret/1\r\nX-Powered-By: php\r\nVia: 1.1 proxy\r\n"
        b"Set-Cookie: a=b\r\nStrict-Transport-Security: max-age=1\r\nAlt-Svc: h3\r\n"
        b"Connection: keep-alive\r\nX-Fapi-Interaction-Id: forged\r\nWeir-Secret: 1\r\n"
        b'ETag: "1"\r\nContent-Type: application/json\r\ncontent-length: 2\r\n\r\n{}'
    )
    head = house.caller.written.partition(b"\r\n\r\n")[0].decode().split("\r\n")
    assert sorted(
        line for line in head[1:] if not line.startswith(("weir-receipt: ", "date: "))
    ) == [
        "content-length: 2",
        "content-type: application/json",
        'etag: "1"',
        f"x-fapi-interaction-id: {INTERACTION}",
    ]


async def test_the_record_is_written_before_the_last_byte_leaves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = House(tmp_path)
    written_when_recorded: list[bytes] = []

    def watch(fd: int, line: bytes) -> int:
        written_when_recorded.append(house.caller.written)
        return write(fd, line)

    write = os.write
    monkeypatch.setattr(os, "write", watch)
    for answer, begun in (
        (b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\n", b"cd"),
        (
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab\r\n",
            b"2\r\ncd\r\n0\r\n\r\n",
        ),
    ):
        house.caller.written = b""
        house.call()
        house.answer(answer + (b"ab" if b"length" in answer else b""))
        house.answer(begun)
        before = written_when_recorded.pop()
        assert b"cd" not in before.partition(b"\r\n\r\n")[2]
        assert house.caller.written.startswith(before)
        assert b"cd" in house.caller.written
    house.caller.written = b""
    house.call("GET", "/nowhere")
    assert written_when_recorded.pop() == b""
    assert house.problem["code"] == "unknown_path"


async def test_what_cannot_be_recorded_is_not_shown_and_the_next_call_is_not_forwarded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = House(tmp_path)
    house.call()

    def full(fd: int, line: bytes) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "write", full)
    house.answer(b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nsecret")
    assert b"secret" not in house.caller.written
    assert house.problem["code"] == "record_unwritable"
    house.member.written = house.caller.written = b""
    house.call()
    assert house.member.written == b""
    assert house.problem["code"] == "record_unwritable"
    monkeypatch.undo()
    house.caller.written = b""
    house.call()  # the refusal is recorded, which shows that records can be written again
    assert house.problem["code"] == "record_unwritable"
    house.caller.written = b""
    house.call()
    assert house.member.written != b""
    (record,) = house.records()
    assert record.refusal == "record_unwritable"


MEMBER_FAULTS = {
    "malformed": (b"SPAM\r\n\r\n", 502, "member_broken_answer"),
    "two lengths": (
        b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n",
        502,
        "member_broken_answer",
    ),
}


@pytest.mark.parametrize("name", MEMBER_FAULTS)
async def test_a_members_fault_is_told_and_recorded_as_the_members(
    tmp_path: Path, name: str
) -> None:
    raw, status, code = MEMBER_FAULTS[name]
    house = House(tmp_path)
    house.call()
    house.answer(raw)
    assert house.problem["code"] == code
    (record,) = house.records()
    assert (record.status, record.refusal, record.fault) == (status, code, "member")


async def test_a_members_own_error_is_passed_on_and_is_no_refusal_of_ours(tmp_path: Path) -> None:
    house = House(tmp_path)
    house.call()
    house.answer(b"HTTP/1.1 404 Not Found\r\ncontent-length: 2\r\n\r\nno")
    (record,) = house.records()
    assert (record.status, record.refusal, record.fault) == (404, None, None)


async def test_a_caller_that_leaves_is_recorded_and_the_members_connection_cut(
    tmp_path: Path,
) -> None:
    house = House(tmp_path)
    house.call()
    house.connection.connection_lost(None)
    assert house.member.closed
    (record,) = house.records()
    assert (record.status, record.refusal) == (499, "caller_gone")


async def test_a_record_says_what_the_call_was(tmp_path: Path) -> None:
    house = House(tmp_path)
    house.call("GET", "/accounts/acc-1/balances", sign(consented()))
    house.answer(OK)
    (record,) = house.records()
    assert isinstance(record, CallRecord)
    assert (record.path, record.consent) == (
        "/river-bank/accounts/v1/accounts/{id}/balances",
        "rec_1",
    )
    assert (record.bytes_out, record.interaction_id, record.number) == (2, INTERACTION, 1)
    assert "acc-1" not in json.dumps([getattr(record, each) for each in record.__struct_fields__])


async def test_every_metric_is_in_the_closed_list_and_in_the_docs(tmp_path: Path) -> None:
    house = House(tmp_path)
    house.gateway.listeners.append(house.listener)
    house.call()
    house.answer(OK)
    house.call("GET", "/nowhere")
    text = metrics.exposition(house.gateway).decode()
    named = {line.split(" ")[2] for line in text.splitlines() if line.startswith("# TYPE")}
    assert {name.removesuffix("_total") for name in named} == set(metrics.METRICS)
    assert 'weir_gateway_calls_total{refusal="",status="200"} 1.0' in text
    assert 'weir_gateway_calls_total{refusal="unknown_path",status="404"} 1.0' in text
    docs = (Path(__file__).parents[3] / "docs" / "gateway.md").read_text()
    assert all(f"`{name}`" in docs for name in metrics.METRICS)
