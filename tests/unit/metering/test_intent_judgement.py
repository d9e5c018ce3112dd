"""What a claim is, in every case, and where a payment is looked up."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from weir.metering.counters.budgets import window_of
from weir.metering.counters.payment_intents import ClaimOutcome, Intent, judge
from weir.metering.counters.reconciliation import outcome_path

INTENT = Intent(
    consent_id="cns_1",
    record_name="rec_1",
    client_id="app_1",
    idempotency_key="key-1",
    request_sha256="aa",
    capability="cap_1",
    subscription="sub_1",
    member="org_1",
    interaction_id="11111111-1111-4111-8111-111111111111",
    amount_minor=1230,
    currency="CNY",
    at=datetime(2026, 11, 5, tzinfo=UTC),
)


def held(**fields: Any) -> SimpleNamespace:
    names = ("consent_id", "client_id", "idempotency_key", "request_sha256")
    own = {name: getattr(INTENT, name) for name in names}
    return SimpleNamespace(**(own | {"state": "forwarded", "status": None} | fields))


@pytest.mark.parametrize(
    ("row", "outcome"),
    [
        ({}, ClaimOutcome.RETRY_SAME),
        ({"state": "answered", "status": 201}, ClaimOutcome.RETRY_SAME),
        ({"state": "reconciled", "status": 201}, ClaimOutcome.RETRY_SAME),
        ({"state": "reconciled", "status": 0}, ClaimOutcome.CONSENT_USED),
        ({"request_sha256": "bb"}, ClaimOutcome.KEY_REUSED),
        ({"consent_id": "cns_2"}, ClaimOutcome.KEY_REUSED),
        ({"idempotency_key": "key-2"}, ClaimOutcome.CONSENT_USED),
        ({"client_id": "app_2"}, ClaimOutcome.CONSENT_USED),
    ],
)
def test_a_claim_is_judged_by_who_holds_its_consent_and_key(
    row: dict[str, Any], outcome: ClaimOutcome
) -> None:
    assert judge(INTENT, [held(**row)]) is outcome


def test_a_key_of_another_payment_is_named_before_a_used_consent() -> None:
    rows = [held(idempotency_key="key-2"), held(consent_id="cns_2")]
    assert judge(INTENT, rows) is ClaimOutcome.KEY_REUSED
    assert judge(INTENT, rows[::-1]) is ClaimOutcome.KEY_REUSED
    assert judge(replace(INTENT, idempotency_key="key-3"), rows[:1]) is ClaimOutcome.CONSENT_USED


def test_windows_are_named_in_utc() -> None:
    at = datetime.fromisoformat("2026-12-01T07:30:00+08:00")
    assert window_of("day", at) == "d:2026-11-30"
    assert window_of("month", at) == "m:2026-11"
    assert window_of("second", at) == f"s:{int(at.timestamp())}"


def test_an_outcome_path_encodes_what_it_is_given() -> None:
    template = "/directory/payments/{idempotency_key}?client_id={client_id}"
    values = {"idempotency_key": "a/b?c&d=é", "client_id": "app_1"}
    found = outcome_path(template, values)
    assert found == "/directory/payments/a%2Fb%3Fc%26d%3D%C3%A9?client_id=app_1"
    up = outcome_path(template, {"idempotency_key": "..", "client_id": "app_1"})
    assert up == "/directory/payments/%2E%2E?client_id=app_1"
    with pytest.raises(ValueError, match="outcome path"):
        outcome_path("/{other}", values)
