"""Requests in their usual form but for what a test puts in, and what a member got of them."""

from __future__ import annotations

import base64
import json
import re
from typing import Any

from gateway_support import INTERACTION, MESSAGE_KEYS, PREFIX, House, claims, sign

from weir.keys import private_keys

API = "Host: api.localhost"
OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
CHUNKS = "Transfer-Encoding: chunked"
SMUGGLED = b"GET /river-bank/accounts/v1/rates?smuggled HTTP/1.1\r\nHost: api.localhost\r\n\r\n"


def token() -> str:
    return f"Authorization: Bearer {sign(claims())}"


def raw(
    start: str | bytes, *lines: str | bytes, body: bytes = b"", host: str | None = API
) -> bytes:
    """A request of ours in its usual form but for what the test puts into it."""
    own = [token(), f"x-fapi-interaction-id: {INTERACTION}"]
    named = ([host] if host else []) + own
    whole = [start, *named, *lines, "", ""]
    return (
        b"\r\n".join(line if isinstance(line, bytes) else line.encode("latin-1") for line in whole)
        + body
    )


def get(path: str = "/rates", *lines: str | bytes, **more: str | None) -> bytes:
    return raw(f"GET {PREFIX}{path} HTTP/1.1", *lines, **more)  # type: ignore[arg-type]


def post(*lines: str | bytes, body: bytes = b"") -> bytes:
    return raw(f"POST {PREFIX}/rates HTTP/1.1", *lines, body=body)


IDENTITY = re.compile(rb"openfinance-identity: ([A-Za-z0-9._-]+)\r\n")


def identity_in(value: bytes) -> dict[str, Any]:
    """The claims of an identity, its signature verified by the gateway's key."""
    key = MESSAGE_KEYS.current
    signed, _, signature = value.rpartition(b".")
    header, claims = (json.loads(_decoded(each)) for each in signed.split(b"."))
    assert header == {"alg": "ES256", "kid": key.kid, "typ": "openfinance-identity+jwt"}
    public = private_keys.public_key(private_keys.public_jwk(key.private, "", "ES256"), "ES256")
    private_keys.verify(public, signed, _decoded(signature))
    return dict(claims)


def _decoded(text: bytes) -> bytes:
    return base64.urlsafe_b64decode(text + b"=" * (-len(text) % 4))


def received(house: House) -> bytes:
    """What the member got, the two lines of identity and interaction checked and left out."""
    found = IDENTITY.findall(house.member.written)
    for value in found:
        told = identity_in(value)
        assert told.pop("exp") == told.pop("iat") + 60
        assert told == {
            "iss": "https://auth.localhost",
            "aud": "river-bank",
            "client_id": "app_shop",
            "organisation": "org_shop",
            "consent_id": None,
            "accounts": None,
        }
    assert len(found) == house.member.written.count(b" HTTP/1.1\r\n")
    interaction = b"x-fapi-interaction-id: %b\r\n" % INTERACTION.encode()
    assert house.member.written.count(b"x-fapi-interaction-id") == len(found)
    return IDENTITY.sub(b"", house.member.written).replace(interaction, b"")


def sent(
    method: str = "GET", path: str = "/rates", *lines: str, framing: bytes = b"", body: bytes = b""
) -> bytes:
    """What the member should get, those two lines left out."""
    head = [f"{method} /open{path} HTTP/1.1", "host: member.example:9101", *lines]
    head.append("openfinance-timeout-ms: 1000")
    return "".join(f"{line}\r\n" for line in head).encode() + framing + b"\r\n" + body


LENGTH_5 = {"framing": b"content-length: 5\r\n", "body": b"hello"}
CHUNKED = b"transfer-encoding: chunked\r\n"


def answers(house: House) -> int:
    """How many answers the caller was given."""
    return len(re.findall(rb"HTTP/1\.1 [1-5][0-9][0-9] ", house.caller.written))
