"""Calls that move money: an intent before, one consent once, and nothing lost."""

from __future__ import annotations

import asyncio
import uuid
from typing import Any

import pytest
from gateway_lab import Desk, GatewayProcess, Lab, payment, payment_body
from raw_caller import Answer, Caller, request
from sqlalchemy import text

from waits import until

_WAITING = text("""
    SELECT count(*) FROM pg_locks
    WHERE NOT granted AND relation = 'intents'::regclass
      AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
""")


@pytest.fixture
async def payer(lab: Lab, caller: Caller) -> Desk:
    return await new_payer(lab, caller)


async def new_payer(lab: Lab, caller: Caller) -> Desk:
    consent = f"cns_{uuid.uuid4().hex}"
    return Desk(caller, await lab.token(consent=consent, details=[payment()]))


async def pay(
    desk: Desk, key: str | None, body: bytes | None = None, path: str = "/payments"
) -> Answer:
    headers = {} if key is None else {"x_idempotency_key": key}
    return await desk.call(
        "POST", path, body or payment_body(), content_type="application/json", **headers
    )


async def send_a_payment(lab: Lab, desk: Desk, path: str, key: str) -> str:
    """Send it and wait for nothing; its interaction identifier."""
    interaction = str(uuid.uuid4())
    headers = {
        "authorization": f"Bearer {desk.token}",
        "content-type": "application/json",
        "x-idempotency-key": key,
        "x-fapi-interaction-id": interaction,
    }
    await desk.caller.send(request("POST", f"{lab.prefix}{path}", headers, payment_body()))
    return interaction


async def intent(lab: Lab, key: str) -> Any:
    async with lab.database.connect() as connection:
        rows = await connection.execute(
            text("SELECT * FROM intents WHERE idempotency_key = :key"), {"key": key}
        )
        return rows.one_or_none()


async def until_state(lab: Lab, key: str, state: str) -> Any:
    async def there() -> Any:
        row = await intent(lab, key)
        return row if row is not None and row.state == state else None

    return await until(there)


async def test_a_payment_leaves_an_intent_and_a_record(lab: Lab, payer: Desk) -> None:
    answer = await pay(payer, "key-happy")
    assert answer.status == 201
    row = await until_state(lab, "key-happy", "answered")
    assert (row.amount_minor, row.currency, row.status) == (1230, "CNY", 201)
    assert (row.client_id, row.member, row.capability) == (
        "app_shop",
        "org_bank",
        "cap_POST/payments",
    )
    record = lab.record_of(answer.headers["x-fapi-interaction-id"])
    assert (record.amount_minor, record.currency, record.consent) == (1230, "CNY", row.record_name)
    assert lab.member.seen[-1].identity()["accounts"] == ["acc-1"]


async def test_the_same_request_again_goes_to_the_member_again(lab: Lab, payer: Desk) -> None:
    first = await pay(payer, "key-again")
    second = await pay(payer, "key-again")
    assert (first.status, second.status) == (201, 201)
    assert b'"again": true' in second.body


async def test_a_consent_pays_once(lab: Lab, payer: Desk) -> None:
    assert (await pay(payer, "key-once")).status == 201
    assert (await pay(payer, "key-twice")).code == "consent_used"
    assert "key-twice" not in lab.member.payments


async def test_a_key_belongs_to_one_request(lab: Lab, caller: Caller, payer: Desk) -> None:
    assert (await pay(payer, "key-mine")).status == 201
    other_body = payment_body(note="another")
    answer = await pay(payer, "key-mine", other_body)
    assert (answer.status, answer.code) == (422, "idempotency_key_reused")
    another = await new_payer(lab, caller)
    assert (await pay(another, "key-mine")).code == "idempotency_key_reused"


async def test_of_many_payments_at_once_under_one_consent_one_is_made(
    lab: Lab, gateway: GatewayProcess
) -> None:
    second = await lab.start_gateway()
    token = await lab.token(consent="cns_race", details=[payment()])
    desks = [
        Desk(await Caller.connect(each.mtls_port, lab.tls()), token)
        for each in (gateway, second)
        for _ in range(5)
    ]
    answers = await asyncio.gather(*(pay(desk, f"key-race-{n}") for n, desk in enumerate(desks)))
    assert sorted(answer.status for answer in answers) == [201] + [403] * 9
    assert {answer.code for answer in answers if answer.status == 403} == {"consent_used"}
    assert sum(key.startswith("key-race-") for key in lab.member.payments) == 1
    second.kill()


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (payment_body(amount={"amount": "12.31", "currency": "CNY"}), "consent_payment_mismatch"),
        (payment_body(debtor={"account": "acc-2"}), "consent_account"),
        (b'{"amount": {"amount": "12.30", "amount": "99.00"}}', "bound_value_missing"),
    ],
)
async def test_another_payment_than_consented_claims_nothing(
    lab: Lab, payer: Desk, body: bytes, code: str
) -> None:
    key = f"key-{uuid.uuid4()}"
    assert (await pay(payer, key, body)).code == code
    assert await intent(lab, key) is None
    assert (await pay(payer, key)).status == 201  # the consent is still there


async def test_a_payment_without_a_key_claims_nothing(lab: Lab, payer: Desk) -> None:
    assert (await pay(payer, None)).code == "idempotency_key_required"
    assert (await pay(payer, "key-late")).status == 201


@pytest.mark.parametrize("how", ["hang-up", "status"])
async def test_a_payment_without_a_good_answer_stays_in_doubt(
    lab: Lab, payer: Desk, how: str
) -> None:
    key = f"key-doubt-{how}"
    answer = await pay(payer, key, path=f"/behave/money/{how}")
    assert answer.status in (502, 404)
    await asyncio.sleep(0.1)
    row = await intent(lab, key)
    assert (row.state, row.status) == ("forwarded", None)


async def test_a_payment_whose_caller_leaves_is_carried_to_its_end(
    lab: Lab, gateway: GatewayProcess
) -> None:
    caller = await Caller.connect(gateway.mtls_port, lab.tls())
    desk = await new_payer(lab, caller)
    lab.member.released.clear()
    before = len(lab.member.seen)
    interaction = await send_a_payment(lab, desk, "/behave/money/wait", "key-left")
    await until(lambda: len(lab.member.seen) > before)
    caller.writer.transport.abort()
    await asyncio.sleep(0.1)
    lab.member.released.set()
    record = await lab.until_recorded(interaction)
    assert (record.status, record.refusal, record.amount_minor) == (200, None, 1230)
    assert (await until_state(lab, "key-left", "answered")).status == 200


async def test_a_payment_whose_caller_leaves_while_its_intent_is_written_is_recorded_as_made(
    lab: Lab, gateway: GatewayProcess
) -> None:
    caller = await Caller.connect(gateway.mtls_port, lab.tls())
    desk = await new_payer(lab, caller)
    async with lab.database.connect() as holding:
        await holding.execute(text("LOCK TABLE intents IN SHARE ROW EXCLUSIVE MODE"))
        interaction = await send_a_payment(lab, desk, "/payments", "key-left-early")
        await until(lambda: somebody_waits_for_intents(lab))
        caller.writer.transport.abort()
        await asyncio.sleep(0.3)  # so that the gateway hears of it while the intent is not there
        await holding.rollback()
    record = await lab.until_recorded(interaction)
    assert (record.status, record.refusal, record.amount_minor) == (201, None, 1230)
    assert (await until_state(lab, "key-left-early", "answered")).status == 201


async def somebody_waits_for_intents(lab: Lab) -> Any:
    async with lab.database.connect() as connection:
        return await connection.scalar(_WAITING)
