"""Every refusal of the pure phases, and the order in which they are tried: fixed, a row a refusal.

A call is broken in as many ways as there are rows, and then mended from the top: with the first n
faults mended, fault n + 1 is the one that is named.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from gateway_support import (
    DER,
    THUMBPRINT,
    House,
    access,
    application,
    consented,
    organisation,
    revocation,
    row,
    sign,
    subscription,
)

from weir.kernel.rooms import refusals


def faults() -> list[tuple[str, Callable[[dict[str, Any]], None]]]:
    """(refusal named, how to mend it), in the order of the phases."""
    return [
        ("token_missing", lambda c: c.update(token="altered")),
        ("token_invalid", lambda c: c.update(token="expired")),
        ("token_expired", lambda c: c.update(token="live")),
        ("token_revoked", lambda c: c["rows"].pop("token")),
        ("certificate_required", lambda c: c.update(der=b"another")),
        ("certificate_mismatch", lambda c: c.update(der=DER)),
        ("certificate_revoked", lambda c: c["rows"].pop("certificate")),
        ("application_suspended", lambda c: c["rows"].pop("application")),
        ("organisation_suspended", lambda c: c["rows"].pop("caller")),
        ("unknown_path", lambda c: c.update(path="/accounts/acc-9/balances")),
        ("method_not_allowed", lambda c: c.update(method="GET")),
        ("organisation_suspended", lambda c: c["rows"].pop("member")),
        ("subscription_required", lambda c: c["rows"].pop("subscription")),
        ("scope_insufficient", lambda c: c["claims"].pop("scope")),
        ("consent_required", lambda c: c["claims"].update(member="river-bank")),
        ("consent_withdrawn", lambda c: c["rows"].pop("consent")),
        ("consent_uncheckable", lambda c: c.update(lease=True)),
        ("consent_expired", lambda c: c["claims"].pop("expires_at")),
        ("consent_permission", lambda c: c["claims"].pop("permissions")),
        ("consent_account", lambda c: c.update(path="/accounts/acc-1/balances")),
    ]


# So many of them come before an application is known that may call.
OF_NOBODY = [code for code, _ in faults()].index("unknown_path")


def broken() -> dict[str, Any]:
    return {
        "method": "DELETE",
        "path": "/nowhere",
        "token": "none",
        "der": None,
        "lease": False,
        "claims": {
            "scope": "other.scope",
            "member": "hill-bank",
            "expires_at": "2001-01-01T00:00:00Z",
            "permissions": ["ReadClaims"],
        },
        "rows": {
            "token": revocation("token", "tok_1"),
            "certificate": revocation("certificate", THUMBPRINT),
            "application": row("application", "app_shop", application(status="suspended")),
            "caller": row(
                "organisation", "org_shop", organisation("org_shop", "partner", "shop", "suspended")
            ),
            "member": row(
                "organisation",
                "org_bank",
                organisation("org_bank", "member", "river-bank", "suspended"),
            ),
            "subscription": row("subscription", "sub_1", subscription(status="suspended")),
            "consent": revocation("consent", "cns_1"),
        },
    }


def token_of(call: dict[str, Any]) -> str:
    if call["token"] == "none":
        return ""
    wrong = dict(call["claims"])
    scope = {"scope": wrong.pop("scope")} if "scope" in wrong else {}
    details = access(**wrong)
    expiry = {"exp": 1_000_000_000} if call["token"] == "expired" else {}
    whole = sign(consented(details, **scope, **expiry))
    return whole[:-8] + "AAAAAAAA" if call["token"] == "altered" else whole


@pytest.mark.parametrize("mended", range(len(faults()) + 1))
async def test_refusals_come_in_their_fixed_order(tmp_path: Path, mended: int) -> None:
    call = broken()
    for _, mend in faults()[:mended]:
        mend(call)
    house = House(tmp_path, der=call["der"])
    house.apply(*call["rows"].values())
    if not call["lease"]:
        house.follower.lease.until_s = 0.0
    token = token_of(call)
    house.call(call["method"], call["path"], token)
    expected = faults()[mended][0] if mended < len(faults()) else "forwarded"
    assert house.code == expected
    if expected != "forwarded":
        _is_told_by_the_book(house, expected, known=mended >= OF_NOBODY)


def _is_told_by_the_book(house: House, code: str, *, known: bool) -> None:
    outcome = refusals()[code]
    problem = house.problem
    assert problem["title"] == outcome.en
    assert problem["title_zh"] == outcome.zh
    assert (problem["status"], problem["fault"]) == (outcome.status, outcome.fault.value)
    assert problem["type"] == f"urn:weir:refusal:{code}"
    head = house.caller.written.partition(b"\r\n\r\n")[0].lower()
    assert head.startswith(b"http/1.1 %d " % outcome.status)
    assert b"content-type: application/problem+json" in head
    assert b"x-fapi-interaction-id: " + problem["interaction_id"].encode() in head
    assert (b"www-authenticate: bearer" in head) == (
        outcome.status == 401 or code == "scope_insufficient"
    )
    if not known:
        assert house.records() == []
        assert house.parts.counts.minute() == {code: 1}
        return
    (record,) = house.records()
    assert (record.refusal, record.status, record.fault) == (
        code,
        outcome.status,
        outcome.fault.value,
    )
    assert record.interaction_id == problem["interaction_id"]
    assert record.bytes_out == len(house.caller.written.partition(b"\r\n\r\n")[2])


async def test_405_says_what_is_allowed(tmp_path: Path) -> None:
    house = House(tmp_path)
    house.call("DELETE", "/rates")
    assert house.code == "method_not_allowed"
    assert b"allow: GET, HEAD, POST\r\n" in house.caller.written


async def test_malformed_http_is_counted_and_not_recorded(tmp_path: Path) -> None:
    house = House(tmp_path)
    house.ask(b"SPAM\r\n\r\n")
    assert house.records() == []
    assert house.parts.counts.calls == {(400, "malformed_http"): 1}
    assert house.parts.counts.minute() == {"malformed_http": 1}
    assert house.parts.counts.minute() == {}
    assert json.loads(house.caller.written.partition(b"\r\n\r\n")[2])["code"] == "malformed_http"


@pytest.mark.parametrize(
    ("host", "kind", "served"),
    [
        ("api.localhost", "public", True),
        ("API.Localhost:8444", "mtls", True),
        ("manage.localhost", "public", False),
        ("portal.localhost", "mtls", False),
        ("127.0.0.1", "mtls", False),
        ("api.localhost.evil.example", "mtls", False),
    ],
)
async def test_a_host_is_served_on_its_own_ports_only(
    tmp_path: Path, host: str, kind: str, served: bool
) -> None:
    house = House(tmp_path, kind=kind)
    house.ask(f"GET /x HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
    assert house.problem["code"] == ("token_missing" if served else "unknown_host")
