"""Who is let in, and what is refused before any business is done."""

from __future__ import annotations

import asyncio
import base64
import json

import httpx
import pytest
from sandbox_world import DOCUMENTS, Certificates, Client, Document, Running, identity

from waits import PATIENCE_S

EACH = pytest.mark.parametrize("name", list(DOCUMENTS))


@EACH
async def test_a_stranger_with_a_certificate_of_the_same_authority_is_refused(
    name: str, institutions: dict[str, Running], certificates: Certificates
) -> None:
    tls = certificates.client_tls("stranger")
    async with httpx.AsyncClient(base_url=institutions[name].url, verify=tls) as client:
        for path in ("/health", "/directory/customers", "/accounts", "/nothing"):
            response = await client.get(path, headers=identity([]))
            assert response.status_code == 403
            assert response.json()["code"] == "unknown_peer"
            assert response.headers["connection"] == "close"


@EACH
async def test_a_caller_without_a_certificate_gets_no_answer_at_all(
    name: str, institutions: dict[str, Running], certificates: Certificates
) -> None:
    tls = certificates.client_tls(None)
    async with httpx.AsyncClient(base_url=institutions[name].url, verify=tls) as client:
        with pytest.raises(httpx.TransportError):
            await client.get("/health")


def _header(value: object) -> dict[str, str]:
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return {"openfinance-identity": base64.urlsafe_b64encode(raw).decode().rstrip("=")}


WHOLE = {
    "client_id": "app_1",
    "organisation": "org_1",
    "consent_id": None,
    "accounts": None,
    "interaction_id": "i-1",
}


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"openfinance-identity": ""},
        {"openfinance-identity": "not base64"},
        {"openfinance-identity": "aGVsbG8="},
        {"openfinance-identity": "A" * 40_000},
        _header(b"\xff\xfe"),
        _header([]),
        _header({k: v for k, v in WHOLE.items() if k != "client_id"}),
        _header(WHOLE | {"client_id": "a\nb"}),
        _header(WHOLE | {"client_id": ""}),
        _header(WHOLE | {"organisation": "a\x00b"}),
        _header(WHOLE | {"accounts": "rb-000001-01"}),
        _header(WHOLE | {"accounts": [1]}),
        _header(WHOLE | {"accounts": ["x"] * 1_001}),
    ],
    ids=lambda headers: str(headers)[:48],
)
async def test_a_missing_or_malformed_identity_is_refused(
    bank: Client, headers: dict[str, str]
) -> None:
    response = await bank.send("GET", "/accounts", headers=headers)
    assert (response.status_code, response.json()["code"]) == (400, "identity_missing")


async def test_two_identities_are_refused(bank: Client) -> None:
    one, two = identity(["rb-000001-01"]), identity(["rb-000002-01"])
    headers = httpx.Headers([*one.items(), *two.items()])
    response = await bank.http.get("/accounts", headers=headers)
    assert (response.status_code, response.json()["code"]) == (400, "identity_missing")


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
