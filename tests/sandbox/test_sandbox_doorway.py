"""Who is let in, and what is refused before any business is done."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from sandbox_world import (
    DOCUMENTS,
    HEADER,
    INTERACTION,
    Certificates,
    Client,
    Document,
    Running,
    base64url,
    bound,
    claims,
    identity,
    signed,
)

from waits import PATIENCE_S

FACTS = {"client_id": "app_1", "organisation": "org_1", "consent_id": None, "accounts": None}
STRANGER = ec.generate_private_key(ec.SECP256R1())
MISSING, REFUSED = (400, "identity_missing"), (401, "identity_refused")
Made = Callable[[], str]
EACH = pytest.mark.parametrize("name", list(DOCUMENTS))


@EACH
@pytest.mark.parametrize("other", ["stranger", "institution", None])
async def test_who_has_no_certificate_by_the_issuer_of_gateways_gets_no_answer_at_all(
    name: str,
    other: str | None,
    institutions: dict[str, Running],
    certificates: Certificates,
) -> None:
    tls = certificates.client_tls(other)
    async with httpx.AsyncClient(base_url=institutions[name].url, verify=tls) as client:
        for path in ("/health", "/directory/customers", "/accounts", "/nothing"):
            with pytest.raises(httpx.TransportError):
                await client.get(path, headers={HEADER: signed(claims(FACTS))})


@EACH
async def test_a_certificate_by_that_issuer_without_the_gateways_name_is_refused(
    name: str, institutions: dict[str, Running], certificates: Certificates
) -> None:
    tls = certificates.client_tls("unnamed")
    async with httpx.AsyncClient(base_url=institutions[name].url, verify=tls) as client:
        response = await client.get("/health")
        assert (response.status_code, response.json()["code"]) == (403, "unknown_peer")
        assert response.headers["connection"] == "close"


async def test_staff_are_let_in_but_speak_for_no_caller(
    institutions: dict[str, Running], certificates: Certificates
) -> None:
    tls = certificates.client_tls("staff")
    async with httpx.AsyncClient(base_url=institutions["bank"].url, verify=tls) as client:
        assert (await client.get("/directory/answers")).status_code == 200
        assert (await client.get("/accounts")).status_code == 400


def _is(made: Made, expected: tuple[int, str], why: str) -> object:
    return pytest.param(made, expected, id=why)


async def _answered(client: Client, value: str | None) -> tuple[int, str]:
    headers = {INTERACTION: "i-1"} | ({} if value is None else {HEADER: value})
    response = await client.send("GET", "/accounts", headers=headers)
    return response.status_code, response.json()["code"]


def _facts(**changed: object) -> Made:
    return lambda: signed(claims(FACTS, **changed))


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        _is(lambda: "", MISSING, "empty"),
        _is(lambda: "not base64", MISSING, "no JWS"),
        _is(lambda: base64url(json.dumps(FACTS).encode()), MISSING, "unsigned, as it once was"),
        _is(lambda: "A" * 40_000, MISSING, "too long"),
        _is(lambda: signed(b"\xff\xfe"), MISSING, "no text"),
        _is(lambda: signed([]), MISSING, "no object"),
        _is(_facts(client_id=""), MISSING, "no client"),
        _is(_facts(client_id="a\nb"), MISSING, "a control in the client"),
        _is(_facts(organisation="a\x00b"), MISSING, "a NUL in the organisation"),
        _is(_facts(accounts="rb-000001-01"), MISSING, "accounts no list"),
        _is(_facts(accounts=["x"] * 1_001), MISSING, "too many accounts"),
        _is(lambda: signed(claims(FACTS), crit=["exp"]), MISSING, "a header of more"),
        _is(lambda: signed(claims(FACTS), alg="none"), REFUSED, "no algorithm"),
        _is(lambda: signed(claims(FACTS), alg="HS256"), REFUSED, "another algorithm"),
        _is(lambda: signed(claims(FACTS), typ="at+jwt"), REFUSED, "an access token"),
        _is(lambda: signed(claims(FACTS), kid="key_2"), REFUSED, "an unknown key"),
        _is(lambda: signed(claims(FACTS), STRANGER), REFUSED, "signed by a stranger"),
        _is(_facts(iss="https://auth.other.example"), REFUSED, "of another platform"),
        _is(_facts(aud="harbour-insurance"), REFUSED, "for another member"),
        _is(_facts(exp=int(time.time()) - 60), REFUSED, "expired"),
        _is(_facts(exp=int(time.time()) + 86_400), REFUSED, "good for a day"),
        _is(_facts(jti="1", htm="GET"), REFUSED, "for one call, of which it says nothing"),
    ],
)
async def test_an_identity_that_the_platform_did_not_sign_is_refused(
    bank: Client, made: Made, expected: tuple[int, str]
) -> None:
    assert await _answered(bank, made()) == expected


async def test_a_missing_identity_is_refused_and_one_for_all_calls_of_a_token_is_not(
    bank: Client,
) -> None:
    assert await _answered(bank, None) == MISSING
    value = signed(claims(FACTS | {"consent_id": "cns_1", "accounts": []}))
    for _ in range(2):
        headers = {INTERACTION: "i-1", HEADER: value}
        assert (await bank.send("GET", "/accounts", headers=headers)).status_code == 200


@pytest.mark.parametrize(
    "changed",
    [
        {"htm": "PUT"},
        {"target_uri": "https://127.0.0.1/payments"},
        {"body_sha256": base64url(bytes(32))},
        {"interaction_id": "i-2"},
        {"jti": None},
    ],
    ids=lambda changed: next(iter(changed)),
)
async def test_where_money_moves_an_identity_must_be_signed_for_this_very_call(
    bank: Client, changed: dict[str, object]
) -> None:
    headers = identity(["rb-000001-01"]) | {"content-type": "application/json"}
    request = bank.http.build_request("POST", "/payments", headers=headers, content=b"{}")
    facts = json.loads(request.headers[HEADER])
    request.headers[HEADER] = signed(claims(facts) | bound(request) | changed)
    response = await bank.http.send(request)
    assert (response.status_code, response.json()["code"]) == REFUSED
    right = signed(claims(facts) | bound(request))
    for expected in (400, 401):  # malformed as a payment; and the same identity once more
        request.headers[HEADER] = right
        assert (await bank.http.send(request)).status_code == expected


async def test_two_identities_are_refused(bank: Client) -> None:
    headers = [(HEADER, signed(claims(FACTS))), (HEADER, signed(claims(FACTS)))]
    response = await bank.http.get("/accounts", headers=[*headers, (INTERACTION, "i-1")])
    assert (response.status_code, response.json()["code"]) == MISSING


@EACH
async def test_a_partners_call_cannot_reach_what_is_for_the_platform(
    name: str, institutions: dict[str, Running], certificates: Certificates
) -> None:
    document = Document(name)
    tls = certificates.client_tls("gateway")
    async with httpx.AsyncClient(base_url=institutions[name].url, verify=tls) as client:
        for path, item in document.content["paths"].items():
            if item.get("get", {}).get("tags") == ["directory"]:
                concrete = path.replace("{customer_ref}", "RB-000001")
                response = await client.get(
                    concrete.replace("{idempotency_key}", "k"), headers=identity([])
                )
                document.check(response)
                assert response.json()["code"] == "platform_only"


async def test_a_long_body_is_refused_and_the_connection_ends(bank: Client) -> None:
    headers = identity([]) | {"content-type": "application/json"}
    response = await bank.send("POST", "/payments", headers=headers, content=b" " * 70_000)
    assert (response.status_code, response.json()["code"]) == (413, "too_large")
    assert response.headers["connection"] == "close"


async def test_a_body_that_is_not_json_by_name_is_refused(bank: Client) -> None:
    headers = identity([]) | {"content-type": "text/plain"}
    response = await bank.send("POST", "/payments", headers=headers, content=b"{}")
    assert (response.status_code, response.json()["code"]) == (415, "media_type")


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"\xff", b"null", b'{"account_id":"\\ud800"}', b"[" * 60_000]
)
async def test_a_body_that_is_not_what_is_described_is_refused(bank: Client, body: bytes) -> None:
    headers = identity(["rb-000001-01"]) | {"content-type": "application/json"}
    response = await bank.send("POST", "/funds-confirmations", headers=headers, content=body)
    assert (response.status_code, response.json()["code"]) == (400, "malformed")


@pytest.mark.parametrize(
    "query",
    [
        "limit=0", "limit=501", "limit=x", "limit=1&limit=2", "limit=%F0%9D%9F%98", "unknown=1",
        "from=2026-02-30", "from=yesterday", "to=2026-01-01T00:00:00Z", "cursor=", "cursor=1-2-3",
        "cursor=fffffffffffffff-1", "cursor='%20OR%201=1",
    ],
)  # fmt: skip
async def test_a_query_that_is_not_what_is_described_is_refused(bank: Client, query: str) -> None:
    account = "rb-000001-01"
    response = await bank.get(f"/accounts/{account}/transactions?{query}", [account])
    assert (response.status_code, response.json()["code"]) == (400, "malformed")


async def test_unknown_paths_and_methods_are_refused_in_the_same_shape(bank: Client) -> None:
    missing = await bank.get("/nothing")
    assert (missing.status_code, missing.json()["code"]) == (404, "not_found")
    slash = await bank.get("/accounts/", ["rb-000001-01"])
    assert slash.status_code == 404
    method = await bank.send("DELETE", "/accounts", headers=identity([]))
    assert (method.status_code, method.json()["code"]) == (405, "method_not_allowed")


@pytest.mark.parametrize(
    "sent",
    [
        b"rubbish\r\n\r\n",
        b"GET /health HTTP/1.1\r\nhost: x\r\n" + b"a: " + b"b" * 70_000 + b"\r\n\r\n",
        b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\nhost: x\r\n\r\n",
    ],
    ids=["not-http", "long-header", "long-path"],
)
async def test_what_is_not_http_or_too_long_is_refused_and_the_connection_ends(
    institutions: dict[str, Running], certificates: Certificates, sent: bytes
) -> None:
    reader, writer = await asyncio.open_connection(
        "127.0.0.1", institutions["bank"].port, ssl=certificates.client_tls("gateway")
    )
    writer.write(sent)
    answer = await asyncio.wait_for(reader.read(), PATIENCE_S)
    writer.close()
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400 ")
    assert b"server:" not in head.lower()
    assert b"\r\ndate: " in head.lower()
    assert json.loads(body)["code"] == "malformed"


async def test_health_and_the_document_are_served(bank: Client, insurer: Client) -> None:
    assert (await bank.platform("/health")).json() == {"status": "ok"}
    document = await bank.platform("/openapi")
    assert document.headers["content-type"].startswith("application/yaml")
    assert "江河银行" in document.text
    assert (await insurer.platform("/openapi")).json()["info"]["title"] == "Harbour Insurance"


async def test_a_connection_is_kept_for_many_calls(
    institutions: dict[str, Running], certificates: Certificates
) -> None:
    reader, writer = await asyncio.open_connection(
        "127.0.0.1", institutions["bank"].port, ssl=certificates.client_tls("gateway")
    )
    for _ in range(3):
        writer.write(b"GET /health HTTP/1.1\r\nhost: x\r\n\r\n")
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), PATIENCE_S)
        assert head.startswith(b"HTTP/1.1 200 ")
        assert await reader.readexactly(len(b'{"status":"ok"}')) == b'{"status":"ok"}'
    writer.close()
