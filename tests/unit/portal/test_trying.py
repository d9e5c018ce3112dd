"""What the page of an operation says and lets through, as far as it needs nobody else."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from weir.consent.types import PAYMENT_INITIATION, SCHEMAS, parse_entry
from weir.kernel import access
from weir.portal import trying

NOW = datetime(2027, 3, 1, tzinfo=UTC)


@pytest.mark.parametrize("kind", SCHEMAS)
def test_the_consent_that_a_page_shows_is_one_the_server_takes(kind: str) -> None:
    permission = None if kind == PAYMENT_INITIATION else sorted(access.PERMISSIONS[kind])[0]
    shown = trying.grant_for("river-bank", kind, permission, NOW)
    assert shown is not None
    assert parse_entry(shown, NOW).type == kind


def test_an_operation_that_needs_no_consent_shows_none() -> None:
    assert trying.grant_for("river-bank", None, None, NOW) is None


def test_an_address_fits_its_template_within_segments() -> None:
    fits = trying._pattern("/bank/v1/accounts/{id}/lines/{line}.json").fullmatch
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
