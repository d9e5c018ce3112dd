"""Members at their worst: what the caller sees, and what the record says."""

from __future__ import annotations

import ssl

import pytest
from gateway_lab import Desk, GatewayProcess, Lab
from model_member import ModelMember
from raw_caller import Caller, request

from waits import until
from weir.shelf.published import SubscriptionDocument
from weir.store.unit import Change


@pytest.mark.parametrize(
    ("how", "body"),
    [
        ("chunked", b"hello world"),
        ("until-closed", b"until the end"),
        ("early-hints", b'{"after": "hints"}'),
    ],
)
async def test_every_framing_of_an_answer_arrives_whole(desk: Desk, how: str, body: bytes) -> None:
    answer = await desk.call("GET", f"/behave/{how}")
    assert (answer.status, answer.body) == (200, body)
    assert (await desk.call("GET", "/rates")).status == 200


@pytest.mark.parametrize(("how", "status"), [("no-content", 204), ("not-modified", 304)])
async def test_answers_without_a_body_keep_the_connection(
    desk: Desk, how: str, status: int
) -> None:
    assert (await desk.call("GET", f"/behave/{how}")).status == status
    assert (await desk.call("GET", "/rates")).status == 200


async def test_head_has_the_length_and_no_body(desk: Desk) -> None:
    answer = await desk.call("HEAD", "/behave/head")
    assert (answer.status, answer.headers["content-length"]) == (200, "1234")
    assert (await desk.call("GET", "/rates")).status == 200


async def test_the_members_own_refusal_is_passed_on(lab: Lab, desk: Desk) -> None:
    answer = await desk.call("GET", "/behave/status")
    assert (answer.status, answer.body) == (404, b'{"code": "members own"}')
    record = lab.record_of(answer.headers["x-fapi-interaction-id"])
    assert (record.status, record.refusal) == (404, None)


@pytest.mark.parametrize(
    "how", ["garbage", "two-lengths", "length-and-chunks", "switch", "hang-up", "huge-head"]
)
async def test_a_broken_answer_is_the_members_fault(lab: Lab, desk: Desk, how: str) -> None:
    answer = await desk.call("GET", f"/behave/{how}")
    assert (answer.status, answer.code) == (502, "member_broken_answer")
    record = lab.record_of(answer.headers["x-fapi-interaction-id"])
    assert (record.status, record.refusal, record.fault) == (
        502,
        "member_broken_answer",
        "member",
    )
    assert (await desk.call("GET", "/rates")).status == 200


async def test_bytes_after_an_answer_reach_nobody(desk: Desk) -> None:
    assert (await desk.call("GET", "/behave/extra")).body == b"ok"
    assert b"poison" not in (await desk.call("GET", "/rates")).body


@pytest.mark.parametrize("how", ["break-off", "break-off-chunks"])
async def test_an_answer_that_breaks_off_is_not_taken_for_whole(
    lab: Lab, desk: Desk, how: str
) -> None:
    headers = {"authorization": f"Bearer {desk.token}"}
    await desk.caller.send(request("GET", f"{lab.prefix}/behave/{how}", headers))
    status, answered = await desk.caller.read_head()
    assert status == 200
    rest = await desk.caller.reader.read(-1)
    assert len(rest) < 1_000_000
    assert not rest.endswith(b"0\r\n\r\n")
    record = await lab.until_recorded(answered["x-fapi-interaction-id"])
    assert (record.status, record.refusal) == (200, "member_broken_answer")


async def test_no_answer_in_time_is_a_timeout(lab: Lab, desk: Desk) -> None:
    answer = await desk.call("GET", "/impatient/silence")
    assert (answer.status, answer.code) == (504, "member_timeout")
    assert lab.record_of(answer.headers["x-fapi-interaction-id"]).fault == "member"


async def test_a_member_that_is_not_there_or_not_itself_is_unreachable(
    lab: Lab, gateway: GatewayProcess, desk: Desk
) -> None:
    plain = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    issued = lab.authority.issue_own("elsewhere", ["elsewhere.example"])  # another name
    lab._write("elsewhere", issued)
    plain.load_cert_chain(lab.folder / "elsewhere.pem", lab.folder / "elsewhere.key")
    impostor = ModelMember(plain)
    await impostor.start()
    for url in ("https://127.0.0.1:1", impostor.url):
        product = lab.product()
        product.operations[:] = [lab.operation("GET", "/gone", backend_url=url)]
        document = type(product)(
            **{
                **{name: getattr(product, name) for name in product.__struct_fields__},
                "id": "prd_gone",
                "prefix": "/river-bank/gone/v1",
            }
        )
        await lab.republish(
            Change("product", "prd_gone", document),
            lab.subscription("app_shop"),
            _second_subscription(),
        )
        answer = await Desk(desk.caller, desk.token, "/river-bank/gone/v1").call("GET", "/gone")
        assert (answer.status, answer.code) == (502, "member_unreachable")
    assert impostor.seen == []
    await impostor.stop()


def _second_subscription() -> Change:
    document = SubscriptionDocument(
        id="sub_gone",
        application="app_shop",
        product="prd_gone",
        plan="pln_free",
        status="active",
        rate_per_s=None,
        quota=None,
        quota_period=None,
    )
    return Change("subscription", "sub_gone", document)


async def test_a_caller_that_leaves_is_recorded(lab: Lab, gateway: GatewayProcess) -> None:
    caller = await Caller.connect(gateway.mtls_port, lab.tls())
    interaction = "11111111-2222-4333-8444-555555555555"
    headers = {
        "authorization": f"Bearer {await lab.token()}",
        "x-fapi-interaction-id": interaction,
    }
    before = len(lab.member.seen)
    await caller.send(request("GET", f"{lab.prefix}/behave/silence", headers))
    await until(lambda: len(lab.member.seen) > before)
    caller.writer.transport.abort()
    record = await lab.until_recorded(interaction)
    assert (record.status, record.refusal, record.fault) == (499, "caller_gone", "caller")
