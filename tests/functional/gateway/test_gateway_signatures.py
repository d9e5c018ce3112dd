"""Signed requests and answers (RFC 9421), signed and verified by a library that is not ours."""

from __future__ import annotations

import base64
import json
import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from gateway_lab import GatewayProcess, Lab
from http_message_signatures import (
    HTTPMessageSigner,
    HTTPMessageVerifier,
    HTTPSignatureKeyResolver,
    algorithms,
)
from raw_caller import Answer, Caller, request

from weir.gateway.declares import SIGNED_BODY_BYTES
from weir.kernel.declares import SIGNATURE_AGE_S
from weir.keys import private_keys, signing_keys
from weir.keys.master_key import SealingKey
from weir.keys.message_key import MessageKeys
from weir.keys.signing_keys import PLATFORM
from weir.partners.published import ApplicationDocument
from weir.store.processes import await_acknowledged
from weir.store.unit import Change

PREFIX = "/river-bank/signed/v1"
COVERED = ("@method", "@target-uri", "authorization")
Key = ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey


@dataclass
class Message:
    """A request as the peer's library sees one."""

    method: str
    url: str
    headers: dict[str, str]


@dataclass
class Reply:
    """An answer as the peer's library sees one."""

    status_code: int
    headers: dict[str, str]
    request: Message


class Keys(HTTPSignatureKeyResolver):
    def __init__(self, private: Any = None, public: Any = None) -> None:
        self.private, self.public = private, public

    def resolve_private_key(self, key_id: str) -> Any:
        return self.private

    def resolve_public_key(self, key_id: str) -> Any:
        return self.public


@dataclass
class Signatory:
    """app_shop with a registered key, calling the product that asks for signatures."""

    lab: Lab
    caller: Caller
    key: Key
    answers_key: Any  # what the gateway's answers are verified with
    token: str
    kid: str = "one"
    last: Message = field(init=False)

    @property
    def algorithm(self) -> Any:
        is_ec = isinstance(self.key, ec.EllipticCurvePrivateKey)
        return algorithms.ECDSA_P256_SHA256 if is_ec else algorithms.ED25519

    def message(self, method: str, path: str, body: bytes | None, **headers: str) -> Message:
        sent = {"authorization": f"Bearer {self.token}"} | headers
        if body is not None:
            digest = base64.b64encode(sha256(body).digest()).decode()
            sent.setdefault("content-digest", f"sha-256=:{digest}:")
        return Message(method, f"https://api.localhost{PREFIX}{path}", sent)

    def sign(self, message: Message, *more: str, key: Key | None = None, **said: Any) -> Message:
        """By the peer's library; `said` replaces its parameters."""
        signer = HTTPMessageSigner(
            signature_algorithm=self.algorithm, key_resolver=Keys(private=key or self.key)
        )
        digest = ("content-digest",) if "content-digest" in message.headers else ()
        parameters: dict[str, Any] = {
            "key_id": self.kid,
            "nonce": secrets.token_urlsafe(16),
            "label": "sig",
            "tag": "fapi-2-request",
            "covered_component_ids": (*COVERED, *digest, *more),
            "use_existing_digest": bool(digest),
        }
        signer.sign(message, **(parameters | said))
        return message

    async def send(self, message: Message, body: bytes | None = None) -> Answer:
        self.last = message
        target = message.url.removeprefix("https://api.localhost")
        headers = {name.lower(): value for name, value in message.headers.items()}
        return await self.caller.call(message.method, target, headers, body)

    async def call(self, method: str, path: str, body: bytes | None = None, **said: Any) -> Answer:
        return await self.send(self.sign(self.message(method, path, body), **said), body)

    def verify(self, answer: Answer, *, body: bytes | None = None) -> list[str]:
        """The answer's signature, by the peer's library; the components it covers."""
        verifier = HTTPMessageVerifier(
            signature_algorithm=algorithms.ECDSA_P256_SHA256,
            key_resolver=Keys(public=self.answers_key),
        )
        reply = Reply(answer.status, answer.headers, self.last)
        (result,) = verifier.verify(
            reply,
            max_age=timedelta(seconds=SIGNATURE_AGE_S),
            expect_tag="fapi-2-response",
            require_components=("@status", '"@method";req', '"@target-uri";req'),
            body=body,
        )
        return list(result.covered_components)


@pytest.fixture(params=["ES256", "EdDSA"])
async def signatory(
    lab: Lab, gateway: GatewayProcess, caller: Caller, request: pytest.FixtureRequest
) -> Signatory:
    return await new_signatory(lab, caller, request.param)


async def new_signatory(lab: Lab, caller: Caller, algorithm: str) -> Signatory:
    """Publish the product that asks for signatures, and a key of app_shop."""
    key = private_keys.generate(algorithm)
    assert not isinstance(key, private_keys.rsa.RSAPrivateKey)
    document = lab.product()
    product = msgspec.structs.replace(
        document, id="prd_signed", slug="signed", prefix=PREFIX, signed_messages=True
    )
    application = lab.application("app_shop").document
    assert isinstance(application, ApplicationDocument)
    keyed = msgspec.structs.replace(
        application, keys=[private_keys.public_jwk(key, "one", algorithm)]
    )
    subscription = lab.subscription("app_shop", product="prd_signed").document
    assert subscription is not None
    subscription = msgspec.structs.replace(subscription, id="sub_signed")  # type: ignore[type-var]
    await lab.republish(
        Change("product", product.id, product),
        Change("subscription", "sub_signed", subscription),
        Change("application", "app_shop", keyed),
    )
    answers = await MessageKeys.open(lab.database, SealingKey(bytes(range(32))))
    public = answers.current.private.public_key()
    return Signatory(lab, caller, key, public, await lab.token())


async def test_a_signed_call_is_answered_signed(signatory: Signatory) -> None:
    body = json.dumps({"n": 1}).encode()
    for method, path, sent in (("GET", "/rates?day=1", None), ("POST", "/echo", body)):
        answer = await signatory.call(method, path, sent)
        assert answer.status == 200, answer.body
        covered = signatory.verify(answer, body=answer.body)
        assert '"signature";req;key="sig"' in covered
        assert ('"content-digest";req' in covered) is (sent is not None)
        assert '"content-digest"' in covered
    assert json.loads(answer.body)["sha256"] == sha256(body).hexdigest()


async def test_what_has_no_body_is_signed_without_a_digest(signatory: Signatory) -> None:
    for method, path, status in (
        ("GET", "/behave/no-content", 204),
        ("GET", "/behave/not-modified", 304),
    ):
        answer = await signatory.call(method, path)
        assert (answer.status, answer.body) == (status, b"")
        assert "content-digest" not in answer.headers
        signatory.verify(answer)


async def test_answers_of_every_framing_are_signed_whole(signatory: Signatory) -> None:
    for path, body in (("/behave/chunked", b"hello world"), ("/behave/until-closed", None)):
        answer = await signatory.call("GET", path)
        assert answer.status == 200
        assert body is None or answer.body == body
        signatory.verify(answer, body=answer.body)


async def test_refusals_are_signed_too(signatory: Signatory) -> None:
    message = signatory.message("GET", "/rates", None)
    answer = await signatory.send(message)
    assert answer.code == "signature_missing"
    assert answer.headers["accept-signature"].startswith('sig=("@method" "@target-uri"')
    covered = signatory.verify(answer, body=answer.body)
    assert '"signature";req;key="sig"' not in covered  # there is none to speak of
    answer = await signatory.call("GET", "/behave/garbage")
    assert answer.code == "member_broken_answer"
    assert '"signature";req;key="sig"' in signatory.verify(answer, body=answer.body)


async def test_a_product_that_asks_for_nothing_gets_and_gives_nothing(
    lab: Lab, signatory: Signatory
) -> None:
    plain = await signatory.caller.call(
        "GET", f"{lab.prefix}/rates", {"authorization": f"Bearer {signatory.token}"}
    )
    assert plain.status == 200
    assert not {"signature", "signature-input", "content-digest"} & plain.headers.keys()


async def test_each_nonce_counts_once_in_all_processes(lab: Lab, signatory: Signatory) -> None:
    message = signatory.sign(signatory.message("GET", "/rates", None))
    assert (await signatory.send(message)).status == 200
    assert (await signatory.send(message)).code == "signature_invalid"
    other = await lab.start_gateway()
    caller = await Caller.connect(other.mtls_port, lab.tls())
    signatory.caller = caller
    assert (await signatory.send(message)).code == "signature_invalid"
    assert (await signatory.call("GET", "/rates")).status == 200
    await caller.close()
    other.stop()


async def refused(signatory: Signatory, message: Message, body: bytes | None = None) -> str:
    """The member hears nothing of it; why it was refused."""
    before = len(signatory.lab.member.seen)
    answer = await signatory.send(message, body)
    assert answer.code == "signature_invalid", answer.body
    assert len(signatory.lab.member.seen) == before
    return str(answer.problem()["parameters"]["why"])


async def test_a_signature_must_be_fresh_and_meant_for_this(signatory: Signatory) -> None:
    now = datetime.now(UTC)

    def get(*more: str, **said: Any) -> Message:
        return signatory.sign(signatory.message("GET", "/rates", None), *more, **said)

    late, early = now - timedelta(seconds=90), now + timedelta(seconds=60)
    assert "created" in await refused(signatory, get(created=late))
    assert "created" in await refused(signatory, get(created=early))
    past = now - timedelta(seconds=1)
    assert "expires" in await refused(
        signatory, get(created=now - timedelta(seconds=5), expires=past)
    )
    assert "tag" in await refused(signatory, get(tag="another"))
    assert "nonce" in await refused(signatory, get(nonce=None))
    assert "keyid" in await refused(signatory, get(key_id="two"))
    stranger = private_keys.generate(
        "EdDSA" if signatory.algorithm is algorithms.ED25519 else "ES256"
    )
    assert "sign" in await refused(signatory, get(key=stranger))
    assert "must cover" in await refused(
        signatory, get(covered_component_ids=("@method", "authorization"))
    )
    assert "not one of this profile" in await refused(signatory, get("@scheme"))


async def test_what_is_signed_cannot_be_changed(signatory: Signatory) -> None:
    changes: list[dict[str, Any]] = [
        {"url": f"https://api.localhost{PREFIX}/rates?day=2"},
        {"token": await signatory.lab.token()},
    ]
    for change in changes:
        message = signatory.sign(signatory.message("GET", "/rates?day=1", None))
        message.url = change.get("url", message.url)
        if "token" in change:
            message.headers["authorization"] = f"Bearer {change['token']}"
        assert "sign" in await refused(signatory, message)


async def test_a_body_reaches_nobody_before_its_digest_is_checked(signatory: Signatory) -> None:
    good, bad = b'{"amount": 1}', b'{"amount": 9}'
    message = signatory.sign(signatory.message("POST", "/echo", good))
    assert "Content-Digest" in await refused(signatory, message, bad)
    message = signatory.message("POST", "/echo", good)
    del message.headers["content-digest"]
    assert "needs Content-Digest" in await refused(signatory, signatory.sign(message), good)
    message = signatory.message("POST", "/echo", good)
    uncovered = signatory.sign(message, covered_component_ids=COVERED)
    assert "must cover" in await refused(signatory, uncovered, good)
    message = signatory.message("POST", "/echo", good)
    message.headers["x-idempotency-key"] = "k-1"
    assert "must cover" in await refused(signatory, signatory.sign(message), good)


async def test_a_body_is_held_up_to_its_bound(signatory: Signatory) -> None:
    largest = b"x" * SIGNED_BODY_BYTES
    answer = await signatory.call("POST", "/echo", largest)
    assert json.loads(answer.body)["sha256"] == sha256(largest).hexdigest()
    body = largest + b"x"
    message = signatory.sign(signatory.message("POST", "/echo", body))
    caller = await Caller.connect(signatory.lab.gateways[0].mtls_port, signatory.lab.tls())
    signatory.caller = caller
    assert (await signatory.send(message, body)).code == "body_too_large"
    await caller.close()


async def test_a_signed_body_that_breaks_off_reaches_nobody(
    lab: Lab, gateway: GatewayProcess, signatory: Signatory
) -> None:
    message = signatory.sign(signatory.message("POST", "/echo", b"{}"))
    caller, seen = await Caller.connect(gateway.mtls_port, lab.tls()), len(lab.member.seen)
    lines = {name.lower(): value for name, value in message.headers.items()}
    lines |= {"transfer-encoding": "chunked", "expect": "100-continue"}
    await caller.send(request("POST", f"{PREFIX}/echo", lines))
    assert (await caller.read()).status == 100  # the phase waits for it
    await caller.send(b"no size\r\n")
    assert (await caller.read()).code == "malformed_http"
    assert len(lab.member.seen) == seen
    await caller.close()


async def test_a_revoked_key_signs_no_answer_once_that_is_reported(signatory: Signatory) -> None:
    sealing, database = SealingKey(bytes(range(32))), signatory.lab.database
    assert (await signatory.call("GET", "/rates?day=1")).status == 200
    stolen = (await MessageKeys.open(database, sealing)).current.kid
    sequence = await signing_keys.revoke(database, PLATFORM, sealing, stolen)
    assert await await_acknowledged(database, sequence) is not None
    answer = await signatory.call("GET", "/rates?day=2")
    assert stolen not in answer.headers["signature-input"]
    after = await MessageKeys.open(database, sealing)
    signatory.answers_key = after.current.private.public_key()
    assert f'keyid="{after.current.kid}"' in answer.headers["signature-input"]
    signatory.verify(answer, body=answer.body)
