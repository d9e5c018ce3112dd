"""`weir demo`, run for real: what it says, what it writes, and that the figures agree."""

from __future__ import annotations

from typing import Any

import pytest

from demo_process import Demo
from weir_demo.tally import OF_NOBODY

# One demo serves all tests of this folder.
pytestmark = pytest.mark.xdist_group("story")

WRONG_ON_PURPOSE = {
    "certificate_mismatch",
    "certificate_required",
    "consent_account",
    "consent_payment_mismatch",
    "consent_permission",
    "consent_used",
    "consent_withdrawn",
    "malformed_http",
    "quota_exceeded",
    "subscription_required",
    "token_expired",
    "token_invalid",
    "token_missing",
    "unknown_path",
}


def test_the_demo_finds_every_figure_as_it_must_be(demo: Demo) -> None:
    assert demo.figures["wrong"] == []
    assert "Every figure is as it must be." in demo.output


def test_every_kind_of_wrong_call_was_refused_by_its_own_name(demo: Demo) -> None:
    calls: dict[str, Any] = demo.figures["calls"]
    assert set(calls["refused"]) == WRONG_ON_PURPOSE
    assert calls["sent"] == calls["answered"] + sum(calls["refused"].values())
    assert calls["answered"] > 500
    latency = calls["latency_ms"]
    assert 0 < latency["min"] <= latency["p50"] <= latency["p99"]


def test_nothing_was_served_after_the_withdrawal(demo: Demo) -> None:
    consent = demo.figures["consent"]
    assert consent["served_after_withdrawal"] == 0
    assert consent["called_after_withdrawal"] > 0
    assert consent["served_before_withdrawal"] > 0
    assert consent["withdrawal_ms"] >= 0


def test_no_record_is_missing_or_doubled_and_three_sides_agree(demo: Demo) -> None:
    records = demo.figures["records"]
    assert (records["missing"], records["duplicated"]) == (0, 0)
    assert records["expected"] == records["stored"]
    refused = demo.figures["calls"]["refused"]
    assert records["of_nobody"] == sum(refused[code] for code in OF_NOBODY) > 0
    assert records["stored"] + records["of_nobody"] == demo.figures["calls"]["sent"]
    assert len(demo.figures["institutions"]) == 4
    for sides in demo.figures["institutions"].values():
        assert sides["callers"] == sides["records"] == sides["own_log"] > 0


def test_the_statement_adds_up_and_the_payment_moved_what_it_said(demo: Demo) -> None:
    statement, payment = demo.figures["statement"], demo.figures["payment"]
    shares = sum(share["amount_minor"] for share in statement["shares"])
    assert statement["gross_minor"] == statement["sum_of_shares_minor"] == shares > 0
    assert statement["verified_offline"] is True
    assert payment["moved_minor"] == payment["amount_minor"] > 0
    assert demo.figures["audit"]["verified"] is True


def test_debts_are_settled_by_fewer_payments_than_there_are_parties(demo: Demo) -> None:
    netting = demo.figures["netting"]
    assert netting["left_over_minor"] == 0
    assert 0 < len(netting["payments"]) < netting["parties"]
    assert sum(each["amount_minor"] for each in netting["payments"]) == netting["moved_minor"]
    assert netting["messages"] == len({each["debtor"] for each in netting["payments"]})
    assert min(netting["refund_minor"], netting["dispute_minor"]) > 0


def test_the_alliance_is_complete_and_the_engines_name_themselves(demo: Demo) -> None:
    alliance = demo.figures["alliance"]
    assert (alliance["members"], alliance["partners"]) == (3, 5)
    assert alliance["operations"] > alliance["products"] > 0
    assert set(demo.figures["engines"]) == {"postgresql", "valkey"}
    assert all(version[0].isdigit() for version in demo.figures["engines"].values())


def test_no_secret_is_written_with_the_figures(demo: Demo) -> None:
    assert "/welcome/" not in str(demo.figures)
