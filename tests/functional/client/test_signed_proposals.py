"""A client signs what it proposed, and nothing that a platform put in its place."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from test_session import Script, calling
from tls_listener import Listener

from weir.client.credentials import Credentials
from weir.client.errors import ProtocolError
from weir.client.management.money.agreements import Agreements
from weir.client.management.requests import Requests
from weir.keys.authority import Authority

PRODUCT, OWNER, BEFORE = "prd_1", "org_1", "agr_0"
ASKED: dict[str, Any] = {
    "shares": [{"party": "member", "weight": 10_000}],
    "currency": "CNY",
    "effective_from": "2026-12-01T08:00:00+08:00",
    "billable": "answered",
    "rounding": "half_up",
}
SHOWN = ASKED | {"product": PRODUCT, "effective_from": "2026-12-01T00:00:00.000000Z"}


def answered(**terms: Any) -> bytes:
    """What a platform says was proposed."""
    agreement = {"id": "agr_1", "needed": [OWNER], "proposed_by": OWNER}
    body = json.dumps(agreement | {"terms": json.dumps(SHOWN | terms)}).encode()
    return b"HTTP/1.1 201 Created\r\ncontent-length: %d\r\n\r\n" % len(body) + body


@pytest.fixture
def credentials(tmp_path: Path, authority: Authority) -> Credentials:
    made = Credentials.generate(tmp_path / "keys")
    issued = authority.issue_own("gateway", ["api.localhost"])
    made.certificate_file.write_text(issued.certificate.pem)
    return made


async def asked(listener: Listener, script: Script, credentials: Credentials, kind: str) -> None:
    async with calling(listener, script) as session:
        agreements = Agreements(Requests(session))
        if kind == "propose":
            await agreements.propose(PRODUCT, **ASKED, credentials=credentials)
        else:
            given = {name: value for name, value in ASKED.items() if name != "currency"}
            await agreements.counter(BEFORE, **given, credentials=credentials)


@pytest.mark.parametrize("kind", ["propose", "counter"])
async def test_what_was_asked_for_is_signed(
    listener: Listener, credentials: Credentials, kind: str
) -> None:
    counters = BEFORE if kind == "counter" else None
    script = Script(answered(counters=counters), b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}")
    await asked(listener, script, credentials, kind)
    assert script.asked[1]["line"].split()[1] == "/v1/agreements/agr_1/accept"


@pytest.mark.parametrize(
    ("kind", "terms"),
    [
        ("propose", {"product": "prd_2"}),
        ("propose", {"currency": "USD"}),
        ("propose", {"effective_from": "2026-12-01T08:00:00.000000Z"}),
        ("propose", {"effective_from": None}),
        ("propose", {"effective_from": "soon"}),
        ("propose", {"shares": [{"party": "operator", "weight": 10_000}]}),
        ("propose", {"billable": "succeeded"}),
        ("propose", {"rounding": "down"}),
        ("counter", {"counters": "agr_9"}),
    ],
)
async def test_other_terms_are_not(
    listener: Listener, credentials: Credentials, kind: str, terms: dict[str, Any]
) -> None:
    script = Script(answered(**terms))
    with pytest.raises(ProtocolError, match="other terms"):
        await asked(listener, script, credentials, kind)
    assert len(script.asked) == 1
