"""One gateway process from its start to its last byte."""

from __future__ import annotations

import asyncio
import gc
import os
import socket
import ssl
import time
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import structlog

from weir import compiled
from weir.gateway.budgets.allowances import Allowances, DatabaseClock
from weir.gateway.budgets.counters import DatabaseCounters
from weir.gateway.config.follower import Follower
from weir.gateway.declares import CERTIFICATE_SWEEP_S, GATEWAY_DRAIN_S
from weir.gateway.front.front import Gateway
from weir.gateway.front.health import Health
from weir.gateway.observing.crowd import Crowd
from weir.gateway.parts import Parts
from weir.gateway.record_stream import RecordStream
from weir.gateway.tokens.identities import Identities
from weir.gateway.tokens.known_tokens import TokenMemory
from weir.gateway.tokens.verifier import TokenVerifier
from weir.kernel import identifiers
from weir.kernel.declares import SETTING_INVALID
from weir.kernel.outcomes import Refusal
from weir.keys.message_key import MessageKeys
from weir.metering.declares import SEGMENT_AGE_S
from weir.metering.records.sealer import stream_key
from weir.metering.records.writer import RecordWriter
from weir.store.cache import Cache
from weir.store.database import Database
from weir.store.declares import LEASE_RENEWAL_S
from weir.wire.acceptor import TlsAcceptor
from weir.wire.balancers import Balancers
from weir.wire.certificate_files import Presented
from weir.wire.deadlines import Deadlines
from weir.wire.declares import PRIVATE_BACKLOG
from weir.wire.downstream import Listener
from weir.wire.listeners import MemberTls, public_socket, server_context
from weir.wire.loop_streams import StreamProtocol
from weir.wire.peer import private_socket
from weir.wire.places import Places, raise_descriptors
from weir.wire.reactor import Reactor
from weir.wire.resolver import Reachable
from weir.wire.upstream import Pool

if TYPE_CHECKING:
    from weir.gateway.observing.spans import SpanExporter

IN_FLIGHT_SWEEP_S: Final = 0.1
CONNECTION_SWEEP_S: Final = 1.0
_SECOND_S: Final = 1.0
_MINUTE_S: Final = 60.0
_SWEEP_S: Final = 1.0
# Collections of the youngest generation, each over many calls' objects; see docs/gateway.md.
_GC_THRESHOLDS: Final = (20_000, 20, 100)
_log = structlog.get_logger("weir.gateway")


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayConfig:
    """The configuration of a gateway process. Paths are PEM files,
    folders, or sockets to be made.
    """

    issuer: str  # https://auth.<domain>[:port], the `iss` of access tokens and identities
    domain: str
    bind_address: str
    public_port: int
    mtls_port: int
    server_certificate: Path
    server_key: Path
    authority: Path  # the alliance's root: issuer of callers' and members' certificates
    client_certificate: Path  # presented to members
    client_key: Path
    records: Path
    control_sockets: list[Path]
    health_socket: Path
    otlp_endpoint: str | None  # where spans are sent; None loads nothing of OpenTelemetry
    trace_percent: int
    member_networks: str | None  # where members' endpoints may lie, as the setting says it
    proxy_networks: str | None  # of balancers that begin with a PROXY header
    client_cert_networks: str | None  # of balancers that tell the caller's certificate
    unconfirmed_calls_s: int  # how long after its lease a process serves own-right calls
    receipt_secret: bytes  # the keys of receipts are derived from it
    records_sync_s: float  # how long a record may be in memory alone
    connections: int  # of callers, at most; fewer where descriptors are short
    connections_each_percent: int  # of these, of one address or IPv6 network


async def serve(
    config: GatewayConfig,
    database: Database,
    cache: Cache,
    message_keys: MessageKeys,
    stop: asyncio.Event,
) -> None:
    """Serve until `stop` is set, then finish what is in flight and leave nothing behind.

    Refusals PORT_TAKEN, SETTING_INVALID, HOME_UNUSABLE and ENGINE_UNAVAILABLE at the start.
    """
    serving = await _Serving.start(config, database, cache, message_keys, stop)
    _log.info(
        "gateway_ready",
        public_port=config.public_port,
        mtls_port=config.mtls_port,
        compiled=compiled.is_used(),
    )
    try:
        await stop.wait()
    finally:
        await serving.drain()


class _Serving:
    """The running parts of a gateway process, and the order in which they end."""

    def __init__(
        self,
        config: GatewayConfig,
        database: Database,
        cache: Cache,
        message_keys: MessageKeys,
        stop: asyncio.Event,
    ) -> None:
        loop = asyncio.get_running_loop()
        self._config = config
        self._loop = loop
        clock = DatabaseClock(loop)
        self._follower = Follower(
            database,
            cache,
            _mint("prc"),
            clock,
            config.unconfirmed_calls_s,
            on_lost=stop.set,
            reload_keys=message_keys.reload,
        )
        self._allowances = Allowances(loop, DatabaseCounters(database), clock)
        writer = RecordWriter.open(config.records, _mint("str"))
        reactor = Reactor(loop)
        key = stream_key(config.receipt_secret, writer.stream)
        self._record_stream = RecordStream(writer, key, reactor)
        self._in_flight = Deadlines(loop, IN_FLIGHT_SWEEP_S)
        self._connections = Deadlines(loop, CONNECTION_SWEEP_S)
        self._towards_members = Presented(config.client_certificate, config.client_key)
        self._towards_callers = Presented(config.server_certificate, config.server_key)
        self._parts = Parts(
            loop,
            database=database,
            follower=self._follower,
            tokens=TokenMemory(TokenVerifier(config.issuer, f"https://api.{config.domain}")),
            allowances=self._allowances,
            record_stream=self._record_stream,
            reactor=reactor,
            member_tls=MemberTls(self._towards_members, config.authority),
            reachable=Reachable.parse(config.member_networks),
            controls=[
                Pool(loop, self._in_flight, unix_path=str(path)) for path in config.control_sockets
            ],
            in_flight=self._in_flight,
            cache=cache,
            span_exporter=_tracing(config),
            message_keys=message_keys,
            identities=Identities(config.issuer, message_keys),
        )
        self._places = Places.within(
            raise_descriptors(), config.connections, config.connections_each_percent
        )
        self._gateway = Gateway(self._parts, config.domain, self._places)
        self._crowd = Crowd(self._places, self._parts.faults)
        self._balancers = Balancers.parse(
            config.proxy_networks, config.client_cert_networks, config.authority
        )
        self._acceptors: list[TlsAcceptor] = []
        self._servers: list[asyncio.Server] = []
        self._beats: list[asyncio.Task[None]] = []
        self._health = Health(self._gateway)

    @classmethod
    async def start(
        cls,
        config: GatewayConfig,
        database: Database,
        cache: Cache,
        message_keys: MessageKeys,
        stop: asyncio.Event,
    ) -> _Serving:
        """Load, then listen: no request is served from an empty snapshot."""
        serving = cls(config, database, cache, message_keys, stop)
        public, mtls = serving._contexts()
        gc.disable()  # everything made here is kept
        await serving._follower.start()
        gc.enable()
        gc.collect()
        gc.freeze()  # the configuration lives as long as the process: not to be searched again
        gc.set_threshold(*_GC_THRESHOLDS)
        serving._in_flight.start()
        serving._connections.start()
        serving._parts.stalls.start()
        serving._beat(serving._follower.run())
        serving._beat(serving._every(SEGMENT_AGE_S, serving._record_stream.seal))
        serving._beat(serving._every(config.records_sync_s, serving._record_stream.sync))
        serving._beat(serving._every(LEASE_RENEWAL_S, serving._allowances.give_back_idle))
        serving._beat(serving._every(_SWEEP_S, serving._gateway.sweep_connections))
        serving._beat(serving._every(_SWEEP_S, serving._follower.sweep))
        serving._beat(serving._every(_SECOND_S, serving._tell_faults))
        serving._beat(serving._every(CERTIFICATE_SWEEP_S, serving._renew_certificates))
        serving._beat(serving._every(_MINUTE_S, serving._tell_unidentified))
        serving._listen("public", config.public_port, public)
        serving._listen("mtls", config.mtls_port, mtls)
        await serving._listen_privately()
        serving._health.ready = True
        return serving

    def _listen(self, kind: str, port: int, tls: ssl.SSLContext) -> None:
        balancers = self._balancers
        listener = Listener(self._loop, self._gateway, kind, self._connections, balancers)
        self._gateway.listeners.append(listener)
        listening = public_socket(self._config.bind_address, port)
        reactor = self._parts.reactor
        self._acceptors.append(
            TlsAcceptor(
                reactor,
                self._connections,
                listening,
                tls,
                listener.connection,
                balancers.proxies,
                self._places,
            )
        )

    async def _listen_privately(self) -> None:
        listener = Listener(self._loop, self._health, "private", self._connections)
        listening: socket.socket = private_socket(self._config.health_socket)
        self._servers.append(
            await self._loop.create_unix_server(
                lambda: StreamProtocol(listener.connection()),
                sock=listening,
                backlog=PRIVATE_BACKLOG,
            )
        )

    # --- beats ---------------------------------------------------------------------------------

    def _beat(self, work: Coroutine[Any, Any, None]) -> None:
        self._beats.append(self._loop.create_task(work))

    async def _every(self, pause_s: float, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Repeat the work with a pause of `pause_s`; a failure is
        logged and the work tried again.
        """
        while True:
            await asyncio.sleep(pause_s)
            try:
                await work()
            except Exception:
                _log.exception("gateway_beat_failed")

    async def _tell_faults(self) -> None:
        """Log one summary line for the faults that exceeded the last second's limit."""
        self._crowd.tell()
        self._parts.faults.next_second()

    async def _tell_unidentified(self) -> None:
        """Log unidentified requests once a minute, by refusal."""
        counted = self._parts.counts.take_unidentified()
        if counted:
            _log.info("calls_unidentified", calls=sum(counted.values()), refusals=counted)

    async def _renew_certificates(self) -> None:
        """Present renewed certificates; a connection in use goes on with the old one."""
        for presented, towards in (
            (self._towards_callers, "callers"),
            (self._towards_members, "members"),
        ):
            if presented.renew():
                _log.info("certificate_renewed", towards=towards)

    def _contexts(self) -> tuple[ssl.SSLContext, ssl.SSLContext]:
        """Return the TLS contexts of the public port and of the mTLS port."""
        return (
            server_context(self._towards_callers, None),
            server_context(self._towards_callers, self._config.authority),
        )

    # --- the end -------------------------------------------------------------------------------

    async def drain(self) -> None:
        """Take no more calls, finish the ones in flight, give back leases, seal the records."""
        self._health.ready = False
        for acceptor in self._acceptors:
            acceptor.close()
        for server in self._servers:
            server.close()
        for listener in self._gateway.listeners:
            listener.drain()
        await self._wait_for_calls()
        for beat in self._beats:
            beat.cancel()
        await asyncio.gather(*self._beats, return_exceptions=True)
        with suppress(TimeoutError):
            async with asyncio.timeout(GATEWAY_DRAIN_S):
                await self._parts.finish_tasks()
        self._gateway.close_connections()
        self._parts.faults.next_second()
        if self._parts.span_exporter is not None:
            await asyncio.to_thread(self._parts.span_exporter.close)
        await self._allowances.give_back_all()
        await self._follower.stop()
        self._parts.stalls.stop()
        self._in_flight.stop()
        self._connections.stop()
        self._record_stream.close()
        self._config.health_socket.unlink(missing_ok=True)

    async def _wait_for_calls(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(GATEWAY_DRAIN_S):
                for listener in self._gateway.listeners:
                    await listener.left.wait()
        for listener in self._gateway.listeners:
            listener.abort()


def _tracing(config: GatewayConfig) -> SpanExporter | None:
    """Return the exporter of spans, if one is named; OpenTelemetry takes memory and time to load.

    Refusal SETTING_INVALID.
    """
    if config.otlp_endpoint is None:
        return None
    if not config.otlp_endpoint.startswith(("http://", "https://")):
        why = "it must be an http or https address"
        raise Refusal(SETTING_INVALID, setting="WEIR_OTLP_ENDPOINT", why=why)
    from weir.gateway.observing.spans import SpanExporter

    return SpanExporter(config.otlp_endpoint, config.trace_percent)


def _mint(prefix: str) -> str:
    return identifiers.mint(prefix, int(time.time() * 1000), os.urandom(10))
