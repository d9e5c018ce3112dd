"""Harbour Insurance: premiums that can be checked by hand, policies, claims."""

from __future__ import annotations

import uuid
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sandbox_world import Client, identity

from weir_sandbox.amounts import text
from weir_sandbox.insurer.policies import last_day
from weir_sandbox.insurer.risks import Risk
from weir_sandbox.insurer.tariff import half_up, premium
from weir_sandbox.preparation import CHINA

ON = date(2026, 3, 3)


def money(amount: str) -> dict[str, str]:
    return {"amount": amount, "currency": "CNY"}


ACCIDENT = {
    "product": "personal_accident",
    "insured_age": 35,
    "occupation_class": 1,
    "sum_insured": money("500000.00"),
    "term_months": 12,
}
LIFE = {
    "product": "term_life",
    "insured_age": 35,
    "sex": "male",
    "smoker": False,
    "sum_insured": money("1000000.00"),
    "term_years": 20,
}
MOTOR = {
    "product": "motor",
    "vehicle_value": money("150000.00"),
    "seats": 5,
    "use": "private",
    "first_registered_on": "2024-05-01",
    "claim_free_years": 2,
    "third_party_limit": "2000000.00",
}
PROPERTY = {
    "product": "business_property",
    "industry": "catering",
    "construction": "concrete",
    "sprinklers": True,
    "sum_insured": money("500000.00"),
    "deductible": money("2000.00"),
}


def priced(risk: dict[str, Any]) -> dict[str, int]:
    worth = premium(msgspec.convert(risk, Risk), ON)
    return dict(worth.components) | {"net": worth.net_minor, "tax": worth.tax_minor}


def test_an_accident_premium_is_rate_times_sum_and_a_short_term_costs_its_share() -> None:
    # 500,000 yuan x 0.8 per mille = 400 yuan; six percent tax.
    assert priced(ACCIDENT) == {"accident": 40_000, "net": 40_000, "tax": 2_400}
    assert priced(ACCIDENT | {"term_months": 3})["accident"] == 12_000
    assert priced(ACCIDENT | {"insured_age": 61})["accident"] == 72_000
    smallest = ACCIDENT | {"sum_insured": money("10000.00"), "term_months": 1}
    assert priced(smallest)["accident"] == 1_000


def test_a_motor_premium_is_the_sum_of_its_four_covers() -> None:
    # 22 months old: 150,000 x (1 - 0.006 x 22) = 130,200; (539 + 130,200 x 1.28 %) x 0.8
    assert priced(MOTOR) == {
        "compulsory": 76_000,
        "damage": half_up(Decimal("176445.44")),
        "third_party": 74_000,
        "seats": 10_800,
        "net": 76_000 + 176_445 + 74_000 + 10_800,
        "tax": half_up(Decimal("337245") * Decimal("0.06")),
    }


def test_a_property_premium_has_its_loadings_and_its_floor() -> None:
    # 500,000 x 1.2 per mille x 0.85 x (1 - 10 x 0.4 %) = 489.60
    assert priced(PROPERTY) == {"fire_and_perils": 48_960, "net": 48_960, "tax": 2_938}
    office = PROPERTY | {"industry": "office", "sum_insured": money("50000.00")}
    assert priced(office)["fire_and_perils"] == 20_000


def test_life_cover_bears_no_tax_and_costs_more_for_smokers_and_with_age() -> None:
    base = priced(LIFE)
    assert base["tax"] == 0
    assert base["net"] == base["death"] + 3_000
    assert 200_000 < base["death"] < 400_000
    assert priced(LIFE | {"sex": "female"})["death"] < base["death"]
    assert priced(LIFE | {"smoker": True})["death"] > base["death"] * 1.5
    assert priced(LIFE | {"insured_age": 45})["death"] > base["death"] * 2


def test_a_years_life_cover_is_the_discounted_chance_of_death_and_its_loading() -> None:
    # q = 1 - exp(-(A + B c^35.5)), discounted a year, over 1 - 28 %.
    force = Decimal("0.00025") + Decimal("0.000028") * Decimal("1.0985") ** Decimal("35.5")
    chance = 1 - (-force).exp()
    expected = Decimal(100_000_000) * chance / Decimal("1.025") / Decimal("0.72")
    assert priced(LIFE | {"term_years": 1})["death"] == half_up(expected)


@given(st.integers(min_value=0, max_value=10**12))
def test_halves_of_a_fen_are_rounded_up(tenths: int) -> None:
    assert half_up(Decimal(tenths) / 10) == (tenths + 5) // 10


@given(
    age=st.integers(18, 60), years=st.integers(1, 30), sum_minor=st.integers(10**7, 10**9),
    smoker=st.booleans(), sex=st.sampled_from(["female", "male"]),
)  # fmt: skip
def test_a_life_premium_is_positive_and_below_the_sum(
    age: int, years: int, sum_minor: int, smoker: bool, sex: str
) -> None:
    risk = {
        "product": "term_life", "insured_age": age, "sex": sex, "smoker": smoker,
        "sum_insured": money(text(sum_minor)), "term_years": years,
    }  # fmt: skip
    assert 0 < priced(risk)["death"] < sum_minor // 5


@given(st.dates(date(2000, 1, 1), date(2090, 1, 1)), st.integers(1, 360))
def test_cover_ends_the_day_before_the_same_day(starts_on: date, months: int) -> None:
    following = last_day(starts_on, months) + timedelta(days=1)
    assert (following.year - starts_on.year) * 12 + following.month - starts_on.month == months
    assert following.day == starts_on.day or following.day < starts_on.day > 28


@pytest.mark.parametrize("risk", [ACCIDENT, LIFE, MOTOR, PROPERTY], ids=lambda r: r["product"])
async def test_a_quotation_is_kept_for_the_client_that_asked(
    insurer: Client, risk: dict[str, Any]
) -> None:
    made = await insurer.post("/quotations", risk)
    quotation = made.json()
    assert made.status_code == 201
    assert quotation["risk"] == risk
    worth = {k: v["amount"] for k, v in quotation["premium"].items() if k in ("net", "tax")}
    total = quotation["premium"]["total"]["amount"]
    assert sum(map(Decimal, worth.values())) == Decimal(total)
    path = f"/quotations/{quotation['quotation_id']}"
    assert (await insurer.get(path)).content == made.content
    others = await insurer.send("GET", path, headers=identity(client="app_other"))
    assert others.status_code == 404


@pytest.mark.parametrize(
    ("risk", "status"),
    [
        ({"product": "pet"}, 400),
        ({k: v for k, v in ACCIDENT.items() if k != "insured_age"}, 400),
        (ACCIDENT | {"insured_age": 76}, 400),
        (ACCIDENT | {"insured_age": "35"}, 400),
        (ACCIDENT | {"smoker": True}, 400),
        (ACCIDENT | {"sum_insured": money("9999.99")}, 422),
        (ACCIDENT | {"sum_insured": money("9999999999999.99")}, 422),
        (MOTOR | {"first_registered_on": "2999-01-01"}, 422),
        (MOTOR | {"first_registered_on": "2024-02-30"}, 400),
        (PROPERTY | {"deductible": money("50000.01")}, 422),
    ],
)
async def test_a_risk_that_cannot_be_is_refused(
    insurer: Client, risk: dict[str, Any], status: int
) -> None:
    assert (await insurer.post("/quotations", risk)).status_code == status


def purchase(quotation: str, **more: Any) -> dict[str, Any]:
    tomorrow = datetime.now(CHINA).date() + timedelta(days=1)
    return {
        "quotation_id": quotation,
        "holder": {"name": "李雷", "kind": "individual"},
        "starts_on": tomorrow.isoformat(),
    } | more


async def test_a_quotation_becomes_one_policy(insurer: Client) -> None:
    quoted = (await insurer.post("/quotations", ACCIDENT)).json()
    body = purchase(quoted["quotation_id"])
    bought = await insurer.post("/policies", body)
    policy = bought.json()
    assert bought.status_code == 201
    assert policy["premium"] == quoted["premium"]["total"]
    assert policy["status"] == "pending"
    assert (await insurer.post("/policies", body)).content == bought.content
    other = body | {"holder": {"name": "韩梅梅", "kind": "individual"}}
    refused = await insurer.post("/policies", other)
    assert (refused.status_code, refused.json()["code"]) == (422, "key_reused")
    customer = policy["policy_id"].replace("hi-", "HI-")[:-3]
    held = await insurer.platform(f"/directory/customers/{customer}/accounts")
    assert [a["account_id"] for a in held.json()["accounts"]] == [policy["policy_id"]]
    granted = [policy["policy_id"]]
    assert (await insurer.get(f"/policies/{policy['policy_id']}", granted)).json() == policy


async def test_a_policy_needs_a_quotation_of_the_client_and_a_day_that_can_be(
    insurer: Client,
) -> None:
    quoted = (await insurer.post("/quotations", ACCIDENT)).json()["quotation_id"]
    assert (await insurer.post("/policies", purchase(f"hiq-{'0' * 32}"))).status_code == 404
    theirs = await insurer.post("/policies", purchase(quoted), client="app_other")
    assert theirs.status_code == 404
    for day in ("2020-01-01", "2999-01-01"):
        refused = await insurer.post("/policies", purchase(quoted, starts_on=day))
        assert (refused.status_code, refused.json()["code"]) == (422, "invalid")


async def test_six_hundred_customers_hold_policies_and_some_made_claims(insurer: Client) -> None:
    customers = (await insurer.platform("/directory/customers?limit=1000")).json()["customers"]
    original = [c for c in customers if c["customer_ref"] < "HI-900000"]
    assert len(original) == 600
    granted, claims = [], 0
    for customer in original[:60]:
        path = f"/directory/customers/{customer['customer_ref']}/accounts"
        granted += [a["account_id"] for a in (await insurer.platform(path)).json()["accounts"]]
    assert len(granted) >= 60
    listed = (await insurer.get("/policies", granted)).json()["policies"]
    assert [p["policy_id"] for p in listed] == sorted(granted)
    assert {"active", "expired"} <= {p["status"] for p in listed}
    for policy in granted:
        claims += len((await insurer.get(f"/policies/{policy}/claims", granted)).json()["claims"])
    assert claims >= 5


async def test_a_claim_is_taken_in_once_a_key(insurer: Client) -> None:
    policy = await _policy_in_force(insurer)
    report = {
        "occurred_on": policy["starts_on"],
        "description": "骑行摔倒\n手腕骨折",
        "claimed": money("100.00"),
    }
    path, granted, key = f"/policies/{policy['policy_id']}/claims", [policy["policy_id"]], "c-1"
    made = await insurer.post(path, report, granted, key=key)
    assert (made.status_code, made.json()["status"]) == (201, "received")
    assert (await insurer.post(path, report, granted, key=key)).content == made.content
    changed = await insurer.post(path, report | {"description": "摔倒"}, granted, key=key)
    assert (changed.status_code, changed.json()["code"]) == (422, "key_reused")
    without_key = await insurer.post(path, report, granted)
    assert without_key.json()["claim_id"] != made.json()["claim_id"]
    listed = (await insurer.get(path, granted)).json()["claims"]
    assert made.json() in listed


async def _policy_in_force(insurer: Client) -> dict[str, Any]:
    customers = (await insurer.platform("/directory/customers?limit=50")).json()["customers"]
    for customer in customers:
        path = f"/directory/customers/{customer['customer_ref']}/accounts"
        for held in (await insurer.platform(path)).json()["accounts"]:
            name = held["account_id"]
            policy: dict[str, Any] = (await insurer.get(f"/policies/{name}", [name])).json()
            if policy["status"] == "active":
                return policy
    raise AssertionError("nobody holds a policy in force")


async def test_a_claim_outside_its_cover_is_refused(insurer: Client) -> None:
    policy = await _policy_in_force(insurer)
    path, granted = f"/policies/{policy['policy_id']}/claims", [policy["policy_id"]]
    right = {"occurred_on": policy["starts_on"], "description": "x", "claimed": money("1.00")}
    before = date.fromisoformat(policy["starts_on"]) - timedelta(days=1)
    tomorrow = datetime.now(CHINA).date() + timedelta(days=1)
    for change, status in (
        ({"occurred_on": before.isoformat()}, 422),
        ({"occurred_on": tomorrow.isoformat()}, 422),
        ({"claimed": money("9999999999999.99")}, 422),
        ({"claimed": money("0.00")}, 422),
        ({"description": ""}, 400),
        ({"description": "\u0000"}, 400),
    ):
        assert (await insurer.post(path, right | change, granted)).status_code == status
    assert (await insurer.post(path, right, [])).status_code == 403
    nobody = "hi-999999-01"
    missing = await insurer.post(f"/policies/{nobody}/claims", right, [nobody])
    assert missing.status_code == 404


async def test_policies_are_shown_only_where_granted(insurer: Client) -> None:
    for granted in (None, [], ["hi-000004-01"]):
        for part in ("", "/claims"):
            response = await insurer.get(f"/policies/hi-000002-01{part}", granted)
            assert (response.status_code, response.json()["code"]) == (403, "not_granted")
    assert (await insurer.get("/policies", [])).json() == {"policies": []}


async def test_a_sale_is_logged_with_the_policy(insurer: Client) -> None:
    quoted = (await insurer.post("/quotations", LIFE)).json()["quotation_id"]
    interaction = str(uuid.uuid4())
    await insurer.post("/policies", purchase(quoted), interaction=interaction)
    (line,) = await insurer.lines(interaction)
    assert (line["path"], line["status"]) == ("/policies", 201)
