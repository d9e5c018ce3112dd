"""Signed messages (RFC 9421), for products that ask for them.

Requests are signed with the application's registered key, and answers believed only with the
platform's signature.
"""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass
from typing import Any, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import (
    decode_dss_signature,
    encode_dss_signature,
)
from cryptography.hazmat.primitives.hashes import SHA256
from joserfc.jwk import import_key

from weir.client.credentials import Credentials
from weir.client.errors import ProtocolError
from weir.client.exchange import INTERACTION, Answer
from weir.client.published_keys import PublishedKeys
from weir.kernel import message_signatures
from weir.kernel.declares import CLOCK_AHEAD_ACCEPTED_S, MEMBER_ANSWER_TIMEOUT_S, SIGNATURE_AGE_S
from weir.kernel.message_signatures import (
    REQUEST_TAG,
    RESPONSE_TAG,
    SignatureError,
    SignatureInput,
    component,
)

_LABEL: Final = "sig"
_COVERED_IF_SENT: Final = (
    *("authorization", "content-digest", "content-type", "dpop", INTERACTION),
    *("idempotency-key", "x-idempotency-key"),
)
_HALF_BYTES: Final = 32  # of an ES256 signature
# The platform signs when a call arrives at it, and answers when the institution has.
_ANSWER_AGE_S: Final = SIGNATURE_AGE_S + MEMBER_ANSWER_TIMEOUT_S


@dataclass(frozen=True, slots=True)
class SignedMessage:
    """A signed request: the fields to send, and the values that its answer must be bound to."""

    method: str
    url: str
    headers: dict[str, str]


class MessageSigner:
    """Signer of an application's requests, and verifier of the answers' signatures.

    The key is the one of `credentials`; it must be registered for the application.
    """

    def __init__(self, credentials: Credentials, keys: PublishedKeys) -> None:
        self._credentials = credentials
        self._keys = keys

    def sign(
        self, method: str, url: str, headers: dict[str, str], content: bytes | None
    ) -> SignedMessage:
        """Return the request with Content-Digest, Signature-Input and Signature.

        `url` is the whole address, with its query as it will be sent; names in `headers` are in
        lower case.
        """
        sent = {**headers, "accept-encoding": "identity"}  # a digest is of the bytes on their way
        if content:
            sent["content-digest"] = message_signatures.content_digest(content)
        values = {component("@method"): method, component("@target-uri"): url}
        values |= {component(name): sent[name] for name in _COVERED_IF_SENT if name in sent}
        key = self._credentials.signing_key
        parameters: dict[str, str | int] = {
            "created": int(time.time()),
            "keyid": str(key.kid),
            "nonce": secrets.token_urlsafe(18),
            "tag": REQUEST_TAG,
        }
        said = SignatureInput(_LABEL, tuple(values), parameters)
        signature = self._signature(message_signatures.signature_base(said, values))
        sent["signature-input"] = said.field
        sent["signature"] = message_signatures.written_signature(_LABEL, signature)
        return SignedMessage(method, url, sent)

    def _signature(self, base: bytes) -> bytes:
        private: Any = self._credentials.signing_key.get_op_key("sign")
        r, s = decode_dss_signature(private.sign(base, ec.ECDSA(SHA256())))
        return r.to_bytes(_HALF_BYTES, "big") + s.to_bytes(_HALF_BYTES, "big")

    async def check(self, sent: SignedMessage, answer: Answer) -> None:
        """Raise ProtocolError unless the platform signed this answer, to this request, just now.

        A refusal without a signature is let through: before it knows the product, the platform does
        not know that it should sign, and such an answer claims nothing but "no".
        """
        if "signature-input" not in answer.headers and answer.status >= 400:
            return
        try:
            said = message_signatures.read_input(answer.headers.get("signature-input", ""))
            field = answer.headers.get("signature", "")
            signature = message_signatures.read_signature(field, said.label)
            _check_coverage(said, answer)
            base = message_signatures.signature_base(said, _values(said, sent, answer))
            key = await self._keys.find(said.text("keyid") or "")
            _check_signature(key, base, signature)
            if answer.content:
                digest = answer.headers.get("content-digest", "")
                message_signatures.require_digest(digest, answer.content)
        except SignatureError as error:
            raise ProtocolError(f"the answer's signature does not hold: {error}") from error


def _check_coverage(said: SignatureInput, answer: Answer) -> None:
    created_s = said.number("created")
    age_s = None if created_s is None else time.time() - created_s
    if age_s is None or not -CLOCK_AHEAD_ACCEPTED_S <= age_s <= _ANSWER_AGE_S:
        raise SignatureError("it is not of now")
    if said.text("tag") != RESPONSE_TAG:
        raise SignatureError("it was made for something else")
    wanted = {
        component("@status"),
        component("@method", of_request=True),
        component("@target-uri", of_request=True),
    }
    if answer.content:
        wanted.add(component("content-digest"))
    if answer.status < 400:  # a refusal may be of a request whose signature did not hold
        wanted.add(component("signature", of_request=True, key=_LABEL))
    if not wanted <= set(said.components):
        raise SignatureError("it covers too little")


def _values(said: SignatureInput, sent: SignedMessage, answer: Answer) -> dict[str, str]:
    known = {
        component("@status"): str(answer.status),
        component("@method", of_request=True): sent.method,
        component("@target-uri", of_request=True): sent.url,
        component("signature", of_request=True, key=_LABEL): sent.headers["signature"].partition(
            "="
        )[2],
    }
    known |= {
        component(name, of_request=True): value
        for name, value in sent.headers.items()
        if name != "signature"
    }
    known |= {component(name): value for name, value in answer.headers.items()}
    if not set(said.components) <= known.keys():
        raise SignatureError("it covers what is not there")
    return {each: known[each] for each in said.components}


def _check_signature(jwk: dict[str, Any], base: bytes, signature: bytes) -> None:
    """Verify the platform's ES256 signature. SignatureError."""
    if (jwk.get("kty"), jwk.get("crv")) != ("EC", "P-256") or len(signature) != 2 * _HALF_BYTES:
        raise SignatureError("it is not by ES256")
    public: Any = import_key(jwk).get_op_key("verify")
    r, s = (int.from_bytes(signature[at : at + _HALF_BYTES], "big") for at in (0, _HALF_BYTES))
    try:
        public.verify(encode_dss_signature(r, s), base, ec.ECDSA(SHA256()))
    except InvalidSignature as error:
        raise SignatureError("the platform's key did not sign it") from error
