"""Signed answers (RFC 9421), made where a product asks for signed messages.

The gateway's own signature covers the status, the digest of the body, and the request that is
answered. A signature stands in the head, so the answer is held whole, up to SIGNED_BODY_BYTES; the
platform's own refusals are signed the same way.
"""

from __future__ import annotations

from typing import Final

from weir.gateway.call import Call
from weir.gateway.declares import ANSWER_TOO_LARGE, SIGNED_BODY_BYTES
from weir.gateway.phases.filter import filter_fields
from weir.gateway.phases.signature import derived
from weir.kernel import message_signatures
from weir.kernel.message_signatures import RESPONSE_TAG, SignatureInput, component
from weir.kernel.outcomes import Refusal
from weir.wire.heads import AnswerHead
from weir.wire.member_connection import Failure

_LABEL: Final = "weir"
# The member's own words on these would stand beside the platform's.
_REPLACED: Final = frozenset({b"signature", b"signature-input", b"content-digest"})
_BODILESS: Final = frozenset({204, 304})


class HeldAnswer:
    """Takes a member's answer in a call's place, and passes it on when it is whole and signed."""

    __slots__ = ("_call", "_head", "_length", "_pieces", "_size")

    def __init__(self, call: Call) -> None:
        self._call = call
        self._head = AnswerHead(0, [])
        self._length: int | None = None
        self._pieces: list[bytes] = []
        self._size = 0

    def answer_head(self, head: AnswerHead, length: int | None) -> None:
        kept = [field for field in head.fields if field[0] not in _REPLACED]
        self._head, self._length = AnswerHead(head.status, kept), length

    def answer_body(self, data: bytes) -> None:
        self._size += len(data)
        if self._size <= SIGNED_BODY_BYTES:
            self._pieces.append(data)
            return
        self._pieces.clear()
        if self._call.outgoing is not None:
            self._call.outgoing.cancel()
        too_large = Refusal(ANSWER_TOO_LARGE, "an answer that is to be signed")
        self._call.failed(too_large, too_large.detail)

    def answer_pause(self) -> None:
        """Do nothing: no byte leaves before the answer is whole."""

    def answer_end(self) -> None:
        call, head, status = self._call, self._head, self._head.status
        call.status = status
        bodiless = status in _BODILESS or call.exchange.request.method == "HEAD"
        body = b"".join(self._pieces)
        lines = filter_fields(call, head)
        kind = b", ".join(value for name, value in head.fields if name == b"content-type")
        lines += signature_lines(call, status, kind, None if bodiless else body)
        if not call.exchange.ended:
            call.exchange.begin(status, lines, self._length if bodiless else len(body))
            call.exchange.send(body)
        call.answer_end()

    def answer_failed(self, failure: Failure, detail: str) -> None:
        self._call.answer_failed(failure, detail)

    def request_writable(self, allowed: bool) -> None:
        self._call.request_writable(allowed)

    def still_allowed(self) -> bool:
        return self._call.still_allowed()


def signature_lines(call: Call, status: int, content_type: bytes, body: bytes | None) -> bytes:
    """Return Content-Digest, Signature-Input and Signature of an answer; `body` None for none."""
    values = {component("@status"): str(status)}
    lines = b""
    if content_type:
        values[component("content-type")] = content_type.decode("latin-1").strip(" \t")
    if body is not None:
        digest = message_signatures.content_digest(body)
        values[component("content-digest")] = digest
        lines = b"content-digest: %b\r\n" % digest.encode()
    values[component("x-fapi-interaction-id")] = call.interaction_id.decode()
    values |= _of_request(call)
    if not all(value.isascii() for value in values.values()):
        del values[component("content-type")]  # the only one that is another's
    key = call.parts.message_keys.current
    parameters: dict[str, str | int] = {
        "created": int(call.now_s),
        "keyid": key.kid,
        "tag": RESPONSE_TAG,
    }
    signed = SignatureInput(_LABEL, tuple(values), parameters)
    signature = key.sign(message_signatures.signature_base(signed, values))
    written = message_signatures.written_signature(_LABEL, signature)
    return lines + f"signature-input: {signed.field}\r\nsignature: {written}\r\n".encode()


def _of_request(call: Call) -> dict[str, str]:
    """Return components of the answered request (RFC 9421 section 2.4), with its signature if
    checked.
    """
    request, signed = call.exchange.request, call.signed
    values = {
        component(name, of_request=True): derived(request, name)
        for name in ("@method", "@target-uri")
    }
    if signed is not None:
        if signed.digest is not None:
            values[component("content-digest", of_request=True)] = signed.digest
        member = message_signatures.written_signature(signed.label, signed.signature)
        identifier = component("signature", of_request=True, key=signed.label)
        values[identifier] = member.partition("=")[2]
    return values
