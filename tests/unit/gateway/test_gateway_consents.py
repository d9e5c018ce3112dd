"""What a consent is checked against: bound values, read exactly or not at all."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from gateway_support import House, access, claims, consented, payment, revocation, sign

from weir.gateway.declares import BOUND_BODY_BYTES

OWN_ACCOUNT = {
    "a path parameter": ("GET", "/accounts/acc-1/balances", None, ()),
    "an encoded path parameter": ("GET", "/accounts/acc%2D1/balances", None, ()),
    "a query parameter": ("GET", "/balances?account=acc-1", None, ()),
    "a query parameter among others": ("GET", "/balances?x=1&account=acc-1&y", None, ()),
    "an encoded query value": ("GET", "/balances?account=acc%2D1", None, ()),
    "a header": ("GET", "/held", None, ("X-Account: acc-1",)),
    "a body": ("POST", "/search", b'{"a/b": [{"id": "acc-1"}]}', ()),
    "a body that says UTF-8": (
        "POST",
        "/search",
        b'{"a/b": [{"id": "acc-1"}]}',
        ("Content-Type: application/vnd.x+json; charset=utf-8",),
    ),
    "no account in the call": ("GET", "/accounts", None, ()),
}


@pytest.mark.parametrize("name", OWN_ACCOUNT)
async def test_a_consented_account_passes(tmp_path: Path, name: str) -> None:
    method, path, body, lines = OWN_ACCOUNT[name]
    house = House(tmp_path)
    house.call(method, path, consented(), body, *lines)
    assert house.code == "forwarded"


@pytest.mark.parametrize("kind", ["portfolio-access", "account-access", "policy-servicing"])
async def test_a_product_may_insist_on_one_kind_of_access(tmp_path: Path, kind: str) -> None:
    house = House(tmp_path)
    granted = access(type=f"urn:weir:{kind}:v1", permissions=["ReadHoldings"])
    house.call("GET", "/holdings", consented(granted))
    assert house.code == ("forwarded" if kind == "portfolio-access" else "consent_required")


ANOTHER_ACCOUNT = {
    "a path parameter": ("GET", "/accounts/acc-9/balances", None, ()),
    "a path parameter with a matrix": ("GET", "/accounts/acc-1;x=acc-9/balances", None, ()),
    "a query parameter": ("GET", "/balances?account=acc-9", None, ()),
    "a header": ("GET", "/held", None, ("X-Account: acc-9",)),
    "a body": ("POST", "/search", b'{"a/b": [{"id": "acc-9"}]}', ()),
    "another spelling": ("GET", "/balances?account=ACC-1", None, ()),
}


@pytest.mark.parametrize("name", ANOTHER_ACCOUNT)
async def test_another_account_is_refused(tmp_path: Path, name: str) -> None:
    method, path, body, lines = ANOTHER_ACCOUNT[name]
    house = House(tmp_path)
    house.call(method, path, consented(), body, *lines)
    assert house.code == "consent_account"


NOT_READ = {
    "no query": ("GET", "/balances", None, ()),
    "an empty value": ("GET", "/balances?account=", None, ()),
    "twice in the query": ("GET", "/balances?account=acc-1&account=acc-1", None, ()),
    "twice, once encoded": ("GET", "/balances?account=acc-1&%61ccount=acc-9", None, ()),
    "twice, once in capitals": ("GET", "/balances?account=acc-1&Account=acc-9", None, ()),
    "an encoded name": ("GET", "/balances?%61ccount=acc-1", None, ()),
    "a plus in the query": ("GET", "/balances?account=acc-1&q=a+b", None, ()),
    "a semicolon in the query": ("GET", "/balances?account=acc-1;account=acc-9", None, ()),
    "bytes that are not UTF-8": ("GET", "/balances?account=%ff", None, ()),
    "a control in the value": ("GET", "/balances?account=acc-1%00", None, ()),
    "no header": ("GET", "/held", None, ()),
    "two headers": ("GET", "/held", None, ("X-Account: acc-1", "x-account: acc-9")),
    "no body": ("POST", "/search", b"", ()),
    "no JSON": ("POST", "/search", b"account=acc-1", ()),
    "a repeated name": ("POST", "/search", b'{"a/b":[{"id":"acc-1","id":"acc-9"}]}', ()),
    "a repeated name further up": ("POST", "/search", b'{"a/b":[{"id":"acc-1"}],"a/b":[]}', ()),
    "a number": ("POST", "/search", b'{"a/b": [{"id": 1}]}', ()),
    "null": ("POST", "/search", b'{"a/b": [{"id": null}]}', ()),
    "another place": ("POST", "/search", b'{"a/b": {"id": "acc-1"}}', ()),
    "a byte order mark": ("POST", "/search", b'\xef\xbb\xbf{"a/b": [{"id": "acc-1"}]}', ()),
    "UTF-16": ("POST", "/search", '{"a/b": [{"id": "acc-1"}]}'.encode("utf-16"), ()),
    "deep nesting": ("POST", "/search", b"[" * 5_000 + b"]" * 5_000, ()),
    "trailing text": ("POST", "/search", b'{"a/b": [{"id": "acc-1"}]} {}', ()),
}


@pytest.mark.parametrize("name", NOT_READ)
async def test_a_value_that_may_be_read_in_two_ways_is_not_read(tmp_path: Path, name: str) -> None:
    method, path, body, lines = NOT_READ[name]
    house = House(tmp_path)
    house.call(method, path, consented(), body, *lines)
    assert house.code == "bound_value_missing"
    assert house.problem["parameters"]["binding"].split(":")[0] in ("query", "header", "body")


@pytest.mark.parametrize(
    "lines",
    [
        ("Content-Type: text/plain",),
        ("Content-Type: application/json; charset=utf-16",),
        ("Content-Type: application/x-www-form-urlencoded",),
        ("Content-Type: application/json", "Content-Encoding: gzip"),
    ],
)
async def test_a_bound_body_must_be_plain_json(tmp_path: Path, lines: tuple[str, ...]) -> None:
    house = House(tmp_path)
    house.call("POST", "/search", consented(), b'{"a/b": [{"id": "acc-1"}]}', *lines)
    assert house.code == "unsupported_media_type"


async def test_a_bound_body_that_is_too_large_is_refused(tmp_path: Path) -> None:
    house = House(tmp_path)
    house.call("POST", "/search", consented(), None, "Content-Length: 65537")
    assert house.code == "body_too_large"


# --- which grants count -------------------------------------------------------------------------

NO_GRANT = {
    "another member's": ([access(member="hill-bank")], "consent_required"),
    "of another kind": ([payment()], "consent_required"),
    "of an unknown kind": ([{"type": "urn:other", "member": "river-bank"}], "consent_required"),
    "ended": ([access(expires_at="2020-01-01T00:00:00Z")], "consent_expired"),
    "without the permission": ([access(permissions=["ReadClaims"])], "consent_permission"),
    "without the account": ([access(accounts=["acc-2"])], "consent_account"),
    "the permission here, the account there": (
        [access(permissions=["ReadClaims"]), access(accounts=["acc-2"])],
        "consent_account",
    ),
    "one of two fits": ([access(accounts=["acc-2"]), access()], "forwarded"),
}


@pytest.mark.parametrize("name", NO_GRANT)
async def test_a_grant_must_fit_as_a_whole(tmp_path: Path, name: str) -> None:
    details, expected = NO_GRANT[name]
    house = House(tmp_path)
    house.call("GET", "/accounts/acc-1/balances", consented(*details))
    assert house.code == expected


async def test_details_without_a_consent_behind_them_are_worth_nothing(tmp_path: Path) -> None:
    house = House(tmp_path)
    house.call("GET", "/accounts", claims(authorization_details=[access()]))
    assert house.code == "consent_required"


@pytest.mark.parametrize("lease_s", [1_000.0, -1.0, -61.0])
async def test_without_a_lease_own_right_calls_flow_for_a_while_and_consented_ones_do_not(
    tmp_path: Path, lease_s: float
) -> None:
    calls = ((claims(), "/rates"), (consented(), "/rates"), (consented(), "/accounts"))
    for number, (token, path) in enumerate(calls):
        house = House(tmp_path / str(number))
        house.follower.lease.until_s = house.parts.loop.time() + lease_s
        house.call("GET", path, token)
        own = "grant_id" not in token
        late = "forwarded" if lease_s > -60 else "standing_uncheckable"
        assert house.code == (
            "forwarded" if lease_s > 0 else late if own else "consent_uncheckable"
        )


async def test_after_a_wait_an_own_right_call_needs_the_lease_as_well(tmp_path: Path) -> None:
    house = House(tmp_path)
    house.call()
    flow = house.connection._active.receiver  # type: ignore[union-attr]
    assert flow.still_allowed()  # type: ignore[union-attr]
    house.follower.lease.until_s = house.parts.loop.time() - 61
    assert not flow.still_allowed()  # type: ignore[union-attr]
    assert house.problem["code"] == "standing_uncheckable"


# --- payments -----------------------------------------------------------------------------------


def priced(amount: object, currency: str = "CNY") -> bytes:
    return order(amount={"amount": amount, "currency": currency})


def order(**changed: Any) -> bytes:
    whole: dict[str, Any] = {
        "debtor": {"account": "acc-1"},
        "amount": {"amount": "12.30", "currency": "CNY"},
        "creditor": {"account": "shop-9"},
    }
    return json.dumps(whole | changed).encode()


PAYMENTS = {
    "less": (priced("12.29"), "consent_payment_mismatch"),
    "more": (priced("12.31"), "consent_payment_mismatch"),
    "another currency": (
        priced("12.30", "USD"),
        "consent_payment_mismatch",
    ),
    "another payee": (order(creditor={"account": "shop-8"}), "consent_payment_mismatch"),
    "another account": (order(debtor={"account": "acc-2"}), "consent_account"),
    "a number": (priced(12.3), "bound_value_missing"),
    "a sign": (priced("+12.30"), "bound_value_missing"),
    "an exponent": (priced("1.23e1"), "bound_value_missing"),
    "a leading zero": (
        priced("012.30"),
        "bound_value_missing",
    ),
    "three decimals": (
        priced("12.300"),
        "bound_value_missing",
    ),
    "an unknown currency": (
        priced("12.30", "cny"),
        "bound_value_missing",
    ),
    "no payee": (order(creditor={}), "bound_value_missing"),
}


@pytest.mark.parametrize("name", PAYMENTS)
async def test_a_payment_must_be_the_one_consented_to(tmp_path: Path, name: str) -> None:
    body, expected = PAYMENTS[name]
    house = House(tmp_path)
    house.call("POST", "/payments", consented(payment()), body, "X-Idempotency-Key: k-1")
    assert house.code == expected
    (record,) = house.records()
    assert record.consent == "rec_1"


@pytest.mark.parametrize("times", [1, 100])
async def test_a_body_too_large_to_be_checked_is_refused(tmp_path: Path, times: int) -> None:
    house = House(tmp_path)
    body = b" " * (times * BOUND_BODY_BYTES) + order()
    house.call("POST", "/payments", consented(payment()), body, "X-Idempotency-Key: k-1")
    assert house.code == "body_too_large"


async def test_the_same_amount_written_otherwise_is_the_same_amount(tmp_path: Path) -> None:
    house = House(tmp_path)
    body = priced("12.3")
    house.call("POST", "/payments", consented(payment()), body)
    assert house.code == "idempotency_key_required"  # the next check


@pytest.mark.parametrize(
    "line",
    [
        (),
        ("X-Idempotency-Key: a b",),
        ("X-Idempotency-Key: ",),
        ("X-Idempotency-Key: .",),
        ("X-Idempotency-Key: ..",),
    ],
)
async def test_a_payment_needs_an_idempotency_key(tmp_path: Path, line: tuple[str, ...]) -> None:
    house = House(tmp_path)
    house.call("POST", "/payments", consented(payment()), order(), *line)
    assert house.code == "idempotency_key_required"


async def test_a_payment_that_nothing_is_bound_of_cannot_be_checked(tmp_path: Path) -> None:
    house = House(tmp_path)
    house.call("POST", "/blind", consented(payment()), order(), "X-Idempotency-Key: k-1")
    assert house.code == "bound_value_missing"


async def test_a_token_is_checked_again_under_every_snapshot(tmp_path: Path) -> None:
    house = House(tmp_path)
    token = sign(consented())
    house.call("GET", "/accounts", token)
    assert house.code == "forwarded"
    house.answer(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
    house.member.written = house.caller.written = b""
    house.apply(revocation("consent", "cns_1"))
    house.call("GET", "/accounts", token)
    assert house.code == "consent_withdrawn"


@pytest.mark.parametrize("name", ["access_token", "token", "authorization"])
async def test_a_token_in_the_query_is_none(tmp_path: Path, name: str) -> None:
    """FAPI 2.0 Security Profile section 5.3.4, RFC 6750 section 2.3: in the header field only."""
    house = House(tmp_path)
    house.call("GET", f"/accounts?{name}={sign(consented())}", "")
    assert house.code == "token_missing"
