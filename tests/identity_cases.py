"""Requests to a member, and what a checker of identities must find, in every language alike."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from weir.keys import private_keys

ISSUER, MEMBER, SERVICE = "https://auth.alliance.example", "river-bank", "https://bank.example"
KEY = private_keys.generate("ES256")
OTHER = private_keys.generate("ES256")
BODY = b'{"amount": "12.30"}'
INTERACTION = "7f3a7f3a-7f3a-4f3a-8f3a-7f3a7f3a7f3a"
BELIEVED = "believed app_shop"


@dataclass(frozen=True)
class Case:
    """A request, whether it must be signed for this very call, and what is found."""

    name: str
    found: str
    identity: str | None
    method: str = "POST"
    target: str = "/open/payments?x=1"
    interaction: str = INTERACTION
    body: bytes = BODY
    for_this_call: bool = True

    def line(self) -> str:
        """The request as the samples read it."""
        body = base64.b64encode(self.body).decode()
        wanted = "call" if self.for_this_call else "any"
        told = (self.method, self.target, self.identity or "", self.interaction, body, wanted)
        return "\t".join(told)


def jwks() -> dict[str, Any]:
    """The keys that the platform publishes; one is for access tokens, and of another kind."""
    edwards = private_keys.generate("EdDSA")
    return {
        "keys": [
            private_keys.public_jwk(edwards, "key_tokens", "EdDSA"),
            private_keys.public_jwk(KEY, "key_gateways", "ES256"),
        ]
    }


def for_all(**changed: Any) -> dict[str, Any]:
    """The claims of an identity for all calls of a token."""
    now_s = int(time.time())
    facts = {"client_id": "app_shop", "organisation": "org_shop", "consent_id": "cns_1"}
    whole = {"iss": ISSUER, "aud": MEMBER, "iat": now_s, "exp": now_s + 60, **facts}
    return whole | {"accounts": ["acc-1", "账户"]} | changed


def for_one(jti: str, method: str = "POST", body: bytes = BODY, **changed: Any) -> dict[str, Any]:
    """The claims of an identity for one call."""
    bound = {
        "jti": jti,
        "htm": method,
        "target_uri": f"{SERVICE}/open/payments?x=1",
        "body_sha256": private_keys.b64url(sha256(body).digest()),
        "interaction_id": INTERACTION,
    }
    return for_all() | bound | changed


def signed(claims: object, key: private_keys.PrivateKey = KEY, **header: Any) -> str:
    """A compact JWS over the claims."""
    head = {"alg": "ES256", "kid": "key_gateways", "typ": "openfinance-identity+jwt"} | header
    raw = claims if isinstance(claims, bytes) else json.dumps(claims, ensure_ascii=False).encode()
    text = f"{private_keys.b64url(json.dumps(head).encode())}.{private_keys.b64url(raw)}"
    return f"{text}.{private_keys.b64url(private_keys.sign(key, text.encode()))}"


def cases() -> Iterator[Case]:
    """Each case in its order: some are about what came before."""
    now_s = int(time.time())
    good = signed(for_one("1"))
    yield Case("for this call", BELIEVED, good)
    yield Case("the same once more", "refused replayed", good)
    reading = signed(for_one("2", "GET", b""))
    for name in ("a read", "the read again, as a gateway may send it"):
        yield Case(name, BELIEVED, reading, method="GET", body=b"")
    every = signed(for_all())
    yield Case("for a token", BELIEVED, every, for_this_call=False)
    yield Case("for a token, elsewhere", BELIEVED, every, target="/", for_this_call=False)
    yield Case("for a token, where one for this call is wanted", "refused unbound", every)
    yield Case("no identity", "refused missing", None)
    unsigned = private_keys.b64url(json.dumps(for_all()).encode())
    yield Case("unsigned", "refused malformed", unsigned)
    yield Case("too long", "refused malformed", "A" * 33_000 + "." + "A" * 86)
    yield Case("no object", "refused malformed", signed([]))
    yield Case("no text", "refused malformed", signed(b"\xff\xfe"))
    yield Case("no end", "refused malformed", signed(for_all(exp=None)))
    yield Case("an end in words", "refused malformed", signed(for_all(exp="tomorrow")))
    yield Case("an access token", "refused malformed", signed(for_all(), typ="at+jwt"))
    yield Case("its own key", "refused malformed", signed(for_all(), jwk={"kty": "EC"}))
    yield Case("critical", "refused malformed", signed(for_all(), crit=["exp"]))
    yield Case("no algorithm", "refused signature", signed(for_all(), alg="none"))
    yield Case("HMAC", "refused signature", signed(for_all(), alg="HS256"))
    yield Case("an unknown key", "refused key_unknown", signed(for_all(), kid="key_mine"))
    yield Case("by another", "refused signature", signed(for_all(), OTHER))
    yield Case("altered", "refused signature", _altered(good))
    yield Case("another issuer", "refused issuer", signed(for_all(iss="https://evil.example")))
    yield Case("another member", "refused audience", signed(for_all(aud="harbour-insurance")))
    past = for_all(iat=now_s - 120, exp=now_s - 60)
    yield Case("expired", "refused expired", signed(past))
    future = for_all(iat=now_s + 300, exp=now_s + 360)
    yield Case("from the future", "refused not_yet", signed(future))
    yield Case("for a day", "refused not_yet", signed(for_all(exp=now_s + 86_400)))
    yield Case("another method", "refused method", signed(for_one("3", "PUT")))
    yield Case("another target", "refused target", signed(for_one("4")), target="/open/payments")
    yield Case("another body", "refused body", signed(for_one("5")), body=BODY + b" ")
    yield Case("another interaction", "refused interaction", signed(for_one("6")), interaction="x")
    yield Case("of a call it says nothing about", "refused method", signed(for_all(jti="7")))


def _altered(value: str) -> str:
    head, payload, signature = value.split(".")
    claims = json.loads(base64.urlsafe_b64decode(payload + "=="))
    changed = json.dumps(claims | {"accounts": ["acc-9"]}).encode()
    return f"{head}.{private_keys.b64url(changed)}.{signature}"
