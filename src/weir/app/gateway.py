"""The gateway process, one of several that share the public ports."""

from __future__ import annotations

from pathlib import Path

from weir.app.core import open_core, stop_event
from weir.app.settings import Settings
from weir.authorization.services import Addresses
from weir.gateway.process import GatewayConfig, serve
from weir.keys.message_key import MessageKeys
from weir.store.engines.home import Home


async def run_gateway(
    settings: Settings, home: Home, health: Path, control_sockets: list[Path]
) -> None:
    """Run a gateway process, which shares its ports with the others, until it is told to end.

    `health` is the private socket of its health checks, `control_sockets` those of the control
    processes.
    """
    stop = stop_event()
    async with open_core(settings, home, connections=8) as core:
        files = core.tls
        config = GatewayConfig(
            issuer=Addresses.of(settings).issuer,
            domain=settings.domain,
            bind_address=settings.bind_address,
            public_port=settings.public_port,
            mtls_port=settings.mtls_port,
            server_certificate=files.server_certificate,
            server_key=files.server_key,
            authority=files.root,
            client_certificate=files.client_certificate,
            client_key=files.client_key,
            records=core.records_folder,
            control_sockets=control_sockets,
            health_socket=health,
            otlp_endpoint=settings.otlp_endpoint,
            trace_percent=settings.trace_percent,
            member_networks=settings.member_networks,
            proxy_networks=settings.proxy_networks,
            client_cert_networks=settings.client_cert_networks,
            unconfirmed_calls_s=settings.unconfirmed_calls_s,
            receipt_secret=core.receipt_secret,
            records_sync_s=settings.records_sync_ms / 1000,
            connections=settings.connections,
            connections_each_percent=settings.connections_each_percent,
        )
        message_keys = await MessageKeys.open(core.database, core.sealing)
        await serve(config, core.database, core.cache, message_keys, stop)
