"""Requests for the portal, the authorization server and the management API, passed to `control`.

Control believes what the gateway says about the caller, so nothing of the sort may come from the
caller: every field that begins with `weir-` is dropped, and ours are added.
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Final

from weir.gateway.front import refusal_pages
from weir.gateway.phases.respond import refusal_body, refusal_lines
from weir.kernel.declares import CONTROL_BODY_BYTES, PLATFORM_UNAVAILABLE
from weir.kernel.outcomes import Refusal
from weir.metering.declares import CALLER_GONE
from weir.wire import balancers
from weir.wire.exchange import Exchange
from weir.wire.heads import AnswerHead
from weir.wire.member_connection import Failure
from weir.wire.message import HOP_BY_HOP, IDEMPOTENT_METHODS, Field
from weir.wire.relay import Relay

if TYPE_CHECKING:
    from weir.gateway.parts import Parts

ANSWER_TIMEOUT_S: Final = (
    60.0  # control waits for members, for every gateway's word, and for Argon2
)
_KEPT_BACK: Final = (
    HOP_BY_HOP | balancers.FIELDS | {b"content-length", b"expect", b"x-fapi-interaction-id"}
)
_ANSWER_KEPT_BACK: Final = HOP_BY_HOP | {b"content-length", b"x-fapi-interaction-id", b"server"}


class Passthrough(Relay):
    """One request passed through to control."""

    __slots__ = ("_interaction_id", "_parts", "_role")

    def __init__(self, parts: Parts, exchange: Exchange, role: str, interaction_id: bytes) -> None:
        super().__init__(exchange)
        exchange.receiver = self
        self._parts = parts
        self._role = role
        self._interaction_id = interaction_id

    def run(self) -> None:
        """Pass the request on."""
        self._parts.counts.passed[self._role] += 1
        try:
            self.forward(
                self._parts.control_pool(),
                self._head(),
                body=None,
                max_body_bytes=CONTROL_BODY_BYTES,
                repeatable=self.exchange.request.method in IDEMPOTENT_METHODS,
                answer_timeout_s=ANSWER_TIMEOUT_S,
            )
        except Refusal as refusal:
            self.refuse(refusal)

    def _head(self) -> bytes:
        request = self.exchange.request
        lines = [b"%b %b HTTP/1.1\r\n" % (request.method.encode(), request.target)]
        lines += [b"%b: %b\r\n" % field for field in request.fields if _travels(field[0])]
        lines += [b"%b: %b\r\n" % field for field in self._caller_fields()]
        return b"".join(lines)

    def _caller_fields(self) -> list[Field]:
        """Return the gateway's own fields about the caller: role, peer, port and certificate."""
        connection = self.exchange.connection
        fields = [
            (b"weir-host-role", self._role.encode()),
            (b"weir-interaction-id", self._interaction_id),
            (b"weir-peer", connection.peer.encode()),
            (b"weir-port-kind", connection.listener.kind.encode()),
        ]
        certificate = self.exchange.certificate
        if certificate is not None:
            der = base64.b64encode(certificate.der)
            fields.append((b"weir-client-certificate", der))
            digest = certificate.sha256.encode()
            fields.append((b"weir-client-certificate-sha256", digest))
        return fields

    def refuse(self, refusal: Refusal) -> None:
        """Answer a refusal of the gateway's own."""
        if self.exchange.ended:
            return
        if self.exchange.begun and not self.exchange.retract():
            self.exchange.abort()
            return
        if refusal_pages.wants_page(self._role, self.exchange.request.fields):
            lines = refusal_pages.lines(refusal, self._interaction_id)
            body = refusal_pages.body(refusal, self._interaction_id)
        else:
            lines = refusal_lines(refusal, self._interaction_id)
            body = refusal_body(refusal, self._interaction_id)
        self.exchange.answer(refusal.outcome.status, lines, body)

    # --- the relay's events --------------------------------------------------------------------

    def head_lines(self, head: AnswerHead) -> bytes:
        lines = [
            b"%b: %b\r\n" % field for field in head.fields if field[0] not in _ANSWER_KEPT_BACK
        ]
        lines.append(b"x-fapi-interaction-id: %b\r\n" % self._interaction_id)
        return b"".join(lines)

    def answer_end(self) -> None:
        if not self.exchange.ended:
            self.exchange.end()

    def failed(self, failure: Failure | Refusal, detail: str) -> None:
        if failure is Failure.CALLER_SLOW:
            failure = Refusal(CALLER_GONE, detail)
        elif isinstance(failure, Failure):
            faults = self._parts.faults
            faults.warn("control_failed", failure.value, detail, self._interaction_id)
            failure = Refusal(PLATFORM_UNAVAILABLE, detail)
        self.refuse(failure)

    def caller_gone(self) -> None:
        if self.outgoing is not None:
            self.outgoing.cancel()


def _travels(name: bytes) -> bool:
    """A field name with `_` does not travel: servers in between may read it as `-`."""
    return not (name in _KEPT_BACK or name.startswith(b"weir-") or b"_" in name)
