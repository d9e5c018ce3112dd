"""The front of the gateway: a request is answered by the pipeline, or passed to control."""

from __future__ import annotations

from typing import Final

import structlog

from weir.gateway.front.interaction_ids import InteractionIds
from weir.gateway.front.passthrough import Passthrough
from weir.gateway.head_memo import KnownHead
from weir.gateway.members.upkeep import Upkeep
from weir.gateway.parts import Parts
from weir.gateway.pipeline import Flow
from weir.kernel.declares import UNKNOWN_HOST
from weir.kernel.outcomes import Refusal
from weir.wire import grammar
from weir.wire.declares import MALFORMED_HTTP
from weir.wire.downstream import Listener
from weir.wire.exchange import Exchange
from weir.wire.peer import PeerCertificate
from weir.wire.places import Places

API: Final = "api"
# Which host answers on which port. Without a certificate the management API takes people at
# terminals, under DPoP, and the few operations that need no caller; control tells them apart.
ROLES: Final = {
    "public": frozenset({"portal", "auth", "manage", API}),
    "mtls": frozenset({"auth", "manage", API}),
}
# Of a message whose head was taken, in the order in which they are tried.
REFUSALS: Final = (
    MALFORMED_HTTP,
    UNKNOWN_HOST,
)
_log = structlog.get_logger("weir.gateway")


class Gateway:
    """One gateway process's working parts. Implements `wire.downstream.Handler`."""

    def __init__(self, parts: Parts, domain: str, places: Places) -> None:
        self.parts = parts
        self.places = places
        self.listeners: list[Listener] = []
        self._roles = {
            kind: {f"{role}.{domain}".encode(): role for role in roles}
            for kind, roles in ROLES.items()
        }
        self.upkeep = Upkeep(parts.loop, parts.members)
        self._identifiers = InteractionIds()

    # --- who answers ---------------------------------------------------------------------------

    def begin(self, exchange: Exchange) -> None:
        """Answer a well-formed request."""
        section = exchange.request.section
        known_head: KnownHead | None = section.noted
        if known_head is None:
            known_head = section.noted = KnownHead(section, self._role(exchange))
        role = known_head.role
        interaction_id = known_head.interaction_id or self._identifiers.next()
        if exchange.connection.certifies:
            try:
                exchange.certificate = self._forwarded_certificate(exchange, known_head)
            except Refusal as refusal:
                Flow(self.parts, exchange, interaction_id).refuse(refusal)
                return
        if role == API:
            flow = Flow(self.parts, exchange, interaction_id)
            flow.known_head = known_head
            if self.parts.span_exporter is not None:
                flow.trace = self.parts.span_exporter.begin(exchange)
            flow.run()
        elif role is not None:
            Passthrough(self.parts, exchange, role, interaction_id).run()
        else:
            Flow(self.parts, exchange, interaction_id).refuse(Refusal(UNKNOWN_HOST))

    def _forwarded_certificate(self, exchange: Exchange, head: KnownHead) -> PeerCertificate | None:
        """Return the caller's certificate as a balancer tells it (RFC 9440).

        The balancer's own certificate speaks for no caller. None without the field, or out of time.
        """
        if not head.certificate_is_read:
            value = exchange.request.single.get(b"client-cert")
            if value is not None:
                head.certificate = exchange.connection.listener.balancers.certificate(value)
            head.certificate_is_read = True
        certificate = head.certificate
        if certificate is None or not certificate.in_time(exchange.arrived_ns / 1e9):
            return None
        return certificate

    def malformed(self, exchange: Exchange, refusal: Refusal) -> None:
        """Refuse a message that is not a request, with a record, since its host cannot be known."""
        head = KnownHead(exchange.request.section, None)
        interaction_id = head.interaction_id or self._identifiers.next()
        Flow(self.parts, exchange, interaction_id).refuse(refusal)

    def _role(self, exchange: Exchange) -> str | None:
        roles = self._roles[exchange.connection.listener.kind]
        host = exchange.request.host
        return roles.get(host) or roles.get(grammar.host_name(host) or b"")

    # --- pools ---------------------------------------------------------------------------------

    async def sweep_connections(self) -> None:
        """Close connections that were not used for long; look after the members' endpoints."""
        await self.upkeep.sweep()
        for pool in self.parts.controls:
            pool.close_idle()

    def close_connections(self) -> None:
        """Close every connection to members and control."""
        self.upkeep.close()
        self.parts.members.close()
        for pool in self.parts.controls:
            pool.close()
