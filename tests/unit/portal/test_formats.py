"""How figures, moments and addresses are written."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weir.portal import formatting
from weir.portal.security import content_security_policy
from weir.portal.visitor import local_path

NOW = datetime(2027, 3, 1, 16, 30, 5, tzinfo=UTC)


def test_money_shows_its_currency_two_digits_and_a_true_minus() -> None:
    assert formatting.money_minor(-1_222_311, "CNY") == "CNY \u221212,223.11"
    assert formatting.amount_text({"amount": "12688.5", "currency": "CNY"}) == "12,688.50"
    assert formatting.quantity(-1234) == "\u22121,234"
    assert [formatting.milliseconds(us) for us in (0, 49, 10_600, 1_234_567)] == [
        "0.0", "0.0", "10.6", "1,234.6",
    ]  # fmt: skip


def test_moments_name_their_zone_and_can_be_read_by_machines() -> None:
    written = str(formatting.moment(NOW))
    assert "2027-03-02 00:30:05 UTC+8" in written
    assert 'datetime="2027-03-01T16:30:05+00:00"' in written
    assert "2027-03-01 16:30 UTC" in str(formatting.utc(NOW))
    assert formatting.age(NOW - timedelta(minutes=3), NOW, "en") == "3 minutes ago"
    assert formatting.age(NOW - timedelta(minutes=3), NOW, "zh-Hans") == "3分钟前"


@pytest.mark.parametrize(
    "text", [None, "", "//evil", "https://evil", "/\\evil", "/a\nb", "javascript:", "/a//../b%00"]
)
def test_other_hosts_are_never_where_to_go_next(text: str | None) -> None:
    assert local_path(text, "/") == "/"


@given(st.text(max_size=50))
def test_where_to_go_next_is_always_on_this_host(text: str) -> None:
    path = local_path(text, "/")
    assert path.startswith("/")
    assert not path.startswith("//")
    assert "\\" not in path


def test_a_page_may_lead_to_the_application_that_asked_and_nowhere_else() -> None:
    policy = content_security_policy("https://shop.example")
    assert "form-action 'self' https://shop.example;" in policy
    assert "default-src 'none'" in policy
    assert "form-action 'self';" in content_security_policy()


def test_a_period_reads_as_its_month_or_as_its_two_ends() -> None:
    assert formatting.period("2026-10") == "2026-10"
    told = formatting.period("2026-11-22T16:03:21Z/2026-11-23T00:00:00+08:00")
    assert told == "2026-11-22 16:03 – 2026-11-22 16:00 UTC"
