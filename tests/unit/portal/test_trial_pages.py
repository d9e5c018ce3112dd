"""What the page of an operation says and lets through, as far as it needs nobody else."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from weir.access import consent_types
from weir.consent.types import SCHEMAS, parse_entry
from weir.portal.trials import trial_calls, trial_consents
from weir.shelf.capabilities import Capability
from weir.shelf.published import Bindings
from weir.shelf.reference.operations import Body, OperationDescription
from weir.shelf.reference.schemas import Node

NOW = datetime(2027, 3, 1, tzinfo=UTC)
PLAIN = OperationDescription(
    summary="", summary_zh="", description="", deprecated=False,
    parameters=(), bodies=(), answers=(),
)  # fmt: skip


def _asking(kind: str | None, permission: str | None, **bound: str) -> Capability:
    return Capability(
        id="cap", document="doc", position=0, owner="org", operation_id="makePayment",
        method="POST", path="/payments", summary="", summary_zh=None,
        state="published", consent_type=kind,
        permission=permission, moves_money=kind in consent_types.PAYMENTS,
        bindings=Bindings(**bound) if bound else None, declared_at=None,
    )  # fmt: skip


def test_the_payment_that_a_page_asks_for_is_the_one_in_its_example() -> None:
    body = {"amount": {"amount": "12.30", "currency": "CNY"}, "creditor_account": "6222-7"}
    node = Node(name="", kind="object")
    described = replace(PLAIN, bodies=(Body(media="application/json", node=node, example=body),))
    bound = {
        "amount": "body:/amount/amount", "currency": "body:/amount/currency",
        "payee": "body:/creditor_account",
    }  # fmt: skip
    asking = _asking(consent_types.PAYMENT_INITIATION, None, **bound)
    shown = trial_consents.grant_for("river-bank", asking, described, NOW)
    assert shown is not None
    assert shown["amount"] == body["amount"]
    assert shown["payee"]["account"] == "6222-7"
    assert parse_entry(shown, NOW).type == consent_types.PAYMENT_INITIATION


@pytest.mark.parametrize("kind", SCHEMAS)
def test_the_consent_that_a_page_shows_is_one_the_server_takes(kind: str) -> None:
    permission = (
        None if kind in consent_types.PAYMENTS else sorted(consent_types.PERMISSIONS[kind])[0]
    )
    shown = trial_consents.grant_for("river-bank", _asking(kind, permission), PLAIN, NOW)
    assert shown is not None
    assert parse_entry(shown, NOW).type == kind


def test_an_operation_that_needs_no_consent_shows_none() -> None:
    assert trial_consents.grant_for("river-bank", _asking(None, None), PLAIN, NOW) is None


def test_an_address_fits_its_template_within_segments() -> None:
    fits = trial_calls._pattern("/bank/v1/accounts/{id}/lines/{line}.json").fullmatch
    assert fits("/bank/v1/accounts/a%2Fb/lines/7.json")
    others = (
        "/bank/v1/accounts/a/b/lines/7.json",
        "/bank/v1/accounts//lines/7.json",
        "/bank/v1/accounts/../lines/7.json",
        "/bank/v1/accounts/./lines/7.json",
        "/bank/v1/accounts/a/lines/7xjson",
        "/bank/v1/accounts/a/lines/7.json/",
    )
    assert [each for each in others if fits(each)] == []
