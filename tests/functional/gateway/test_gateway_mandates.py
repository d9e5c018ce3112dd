"""Payments under a mandate: as often as asked, never beyond what the customer allowed."""

from __future__ import annotations

import asyncio
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from gateway_lab import Desk, GatewayProcess, Lab, mandate, payment, payment_body
from raw_caller import Answer, Caller
from sqlalchemy import text

from waits import until
from weir.keys.published import REVOCATION, RevocationDocument
from weir.metering.counters.payment_intents import record_name_of
from weir.store.unit import Change

PATH = "/mandates/payments"


@pytest.fixture
def consent() -> str:
    return f"cns_{uuid.uuid4().hex}"


@pytest.fixture
async def payer(lab: Lab, caller: Caller, consent: str) -> Desk:
    return Desk(caller, await lab.token(consent=consent, details=[mandate()]))


def body(amount: str = "12.30", **changed: Any) -> bytes:
    return payment_body(amount={"amount": amount, "currency": "CNY"}, **changed)


async def pay(desk: Desk, key: str, sent: bytes | None = None, path: str = PATH) -> Answer:
    return await desk.call(
        "POST", path, sent or body(), content_type="application/json", x_idempotency_key=key
    )


async def rows(lab: Lab, table: str, consent: str) -> list[Any]:
    async with lab.database.connect() as connection:
        asked = text(f"SELECT * FROM {table} WHERE consent_id = :consent ORDER BY 1, 2")
        return list(await connection.execute(asked, {"consent": consent}))


async def spent(lab: Lab, consent: str) -> list[int]:
    return [row.spent_minor for row in await rows(lab, "period_sums", consent)]


async def test_payments_are_made_until_the_limit_and_say_what_is_left(
    lab: Lab, payer: Desk, consent: str
) -> None:
    first, second, key = f"a-{consent}", f"b-{consent}", f"c-{consent}"
    for each in (first, second):
        assert (await pay(payer, each)).status == 201
    answer = await pay(payer, key, body("0.41"))
    assert (answer.status, answer.code) == (403, "consent_limit_reached")
    told = answer.problem()["parameters"]
    assert {name: told[name] for name in ("period", "limit", "left", "currency")} == {
        "period": "day", "limit": "25.00", "left": "0.40", "currency": "CNY",
    }  # fmt: skip
    renews_in = datetime.fromisoformat(told["renews_at"]) - datetime.now(UTC)
    assert timedelta() < renews_in <= timedelta(days=1)
    assert key not in lab.member.payments
    assert (await pay(payer, key, body("0.40"))).status == 201
    assert await spent(lab, consent) == [2_500]
    record = lab.record_of(answer.headers["x-fapi-interaction-id"])
    assert (record.refusal, record.amount_minor) == ("consent_limit_reached", 41)


async def test_each_payment_has_its_intent_and_a_name_of_its_own_in_the_records(
    lab: Lab, payer: Desk, consent: str
) -> None:
    answers = [await pay(payer, f"{n}-{consent}") for n in range(2)]
    named = [lab.record_of(each.headers["x-fapi-interaction-id"]).consent for each in answers]
    whole = consent.replace("cns", "rec")
    assert named == [record_name_of(whole, f"{n}-{consent}") for n in range(2)]

    async def answered() -> bool:
        return {row.state for row in await rows(lab, "intents", consent)} == {"answered"}

    await until(answered)
    held = await rows(lab, "intents", consent)
    assert {row.record_name for row in held} == set(named)


async def test_the_same_payment_again_reaches_the_member_and_counts_once(
    lab: Lab, payer: Desk, consent: str
) -> None:
    key = f"again-{consent}"
    assert (await pay(payer, key)).status == 201
    again = await pay(payer, key)
    assert b'"again": true' in again.body
    assert (await pay(payer, key, body("12.29"))).code == "idempotency_key_reused"
    assert await spent(lab, consent) == [1_230]


async def test_of_many_at_once_through_two_processes_the_limit_lets_two_pass(
    lab: Lab, gateway: GatewayProcess, consent: str
) -> None:
    second = await lab.start_gateway()
    token = await lab.token(consent=consent, details=[mandate()])
    desks = [
        Desk(await Caller.connect(each.mtls_port, lab.tls()), token)
        for each in (gateway, second)
        for _ in range(5)
    ]
    answers = await asyncio.gather(*(pay(desk, f"{n}-{consent}") for n, desk in enumerate(desks)))
    assert sorted(answer.status for answer in answers) == [201] * 2 + [403] * 8
    assert {each.code for each in answers if each.status == 403} == {"consent_limit_reached"}
    assert sum(key.endswith(consent) for key in lab.member.payments) == 2
    assert await spent(lab, consent) == [2_460]
    second.kill()


async def test_a_new_period_begins_with_its_whole_limit(lab: Lab, caller: Caller) -> None:
    """A day counted from the consent's beginning ends a few seconds from now. Where the machine is
    too slow to use the limit up before, there is another with more time.
    """
    for left_s in (3, 6, 12, 24):
        consent = f"cns_{uuid.uuid4().hex}"
        ends = datetime.now(UTC) + timedelta(seconds=left_s)
        begun = (ends - timedelta(days=1)).isoformat()
        desk = Desk(caller, await lab.token(consent=consent, details=[mandate(valid_from=begun)]))
        for key in ("a", "b"):
            assert (await pay(desk, f"{key}-{consent}")).status == 201
        if await spent(lab, consent) == [2_460]:
            break

    async def passes() -> bool:
        return (await pay(desk, f"c-{consent}")).status == 201

    await until(passes)
    assert datetime.now(UTC) >= ends
    assert await spent(lab, consent) == [2_460, 1_230]


@pytest.mark.parametrize(
    ("sent", "changed", "code"),
    [
        (body("12.31"), {}, "consent_payment_mismatch"),
        (body("0.00"), {}, "consent_payment_mismatch"),
        (body(creditor={"account": "shop-8"}), {}, "consent_payment_mismatch"),
        (
            payment_body(amount={"amount": "12.30", "currency": "EUR"}),
            {},
            "consent_payment_mismatch",
        ),
        (body(debtor={"account": "acc-2"}), {}, "consent_account"),
        (body(), {"valid_from": "2998-01-01T00:00:00Z"}, "consent_not_begun"),
        (body(), {"expires_at": "2026-01-02T00:00:00Z"}, "consent_expired"),
    ],
)
async def test_what_the_customer_did_not_allow_claims_nothing(
    lab: Lab, caller: Caller, consent: str, sent: bytes, changed: dict[str, Any], code: str
) -> None:
    desk = Desk(caller, await lab.token(consent=consent, details=[mandate(**changed)]))
    answer = await pay(desk, f"x-{consent}", sent)
    assert (answer.status, answer.code) == (403, code)
    assert await rows(lab, "intents", consent) == []
    assert await rows(lab, "period_sums", consent) == []


async def test_a_payment_that_never_left_gives_its_claim_back(
    lab: Lab, payer: Desk, consent: str
) -> None:
    key = f"gone-{consent}"
    answer = await pay(payer, key, path="/gone/payments")
    assert (answer.status, answer.code) == (502, "member_unreachable")

    async def given_back() -> bool:
        return not await rows(lab, "intents", consent)

    await until(given_back)
    assert await spent(lab, consent) == [0]
    assert (await pay(payer, key)).status == 201
    assert await spent(lab, consent) == [1_230]


async def test_a_payment_whose_fate_is_unknown_keeps_its_claim(
    lab: Lab, payer: Desk, consent: str
) -> None:
    answer = await pay(payer, f"broken-{consent}", path="/behave/mandate/hang-up")
    assert answer.status == 502
    record = await lab.until_recorded(answer.headers["x-fapi-interaction-id"])
    assert record.refusal == "member_broken_answer"
    await asyncio.sleep(0.1)
    assert [row.state for row in await rows(lab, "intents", consent)] == ["forwarded"]
    assert await spent(lab, consent) == [1_230]


async def test_once_withdrawn_no_payment_leaves(
    lab: Lab, gateway: GatewayProcess, payer: Desk, consent: str
) -> None:
    assert (await pay(payer, f"a-{consent}")).status == 201
    withdrawn = RevocationDocument("consent", consent, datetime.now(UTC))
    sequence = await lab.publish(Change(REVOCATION, withdrawn.key, withdrawn))
    await until(lambda: gateway.has_applied(sequence))
    assert (await pay(payer, f"b-{consent}")).code == "consent_withdrawn"
    assert await spent(lab, consent) == [1_230]


async def test_a_consent_to_one_payment_is_none_to_recurring_ones(
    lab: Lab, caller: Caller, consent: str
) -> None:
    once = Desk(caller, await lab.token(consent=consent, details=[payment()]))
    assert (await pay(once, f"a-{consent}")).code == "consent_required"
    often = Desk(caller, await lab.token(consent=consent, details=[mandate()]))
    assert (await pay(often, f"a-{consent}", path="/payments")).code == "consent_required"
