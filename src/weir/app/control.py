"""The control process: authorization server, portal and management API, behind the gateways."""

from __future__ import annotations

import asyncio
import gc
import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

from starlette.applications import Starlette

from weir.api import management
from weir.api.services import Services as Managing
from weir.app.core import Core, open_core, stop_event
from weir.app.declares import JWKS_TIMEOUT_S
from weir.app.late_refusals import LateRefusals
from weir.app.private_sockets import (
    Asgi,
    backend_tests,
    health,
    member_client,
    outbound_client,
    outbound_tls_context,
    serve_private,
)
from weir.app.settings import Settings
from weir.authorization.clients.key_set_fetch import KeyFetcher
from weir.authorization.clients.remote_keys import RemoteKeys
from weir.authorization.front import http
from weir.authorization.services import Addresses, RequestRates
from weir.authorization.services import Services as Authorization
from weir.identity.passphrases import Passphrases
from weir.identity.sessions import Sessions
from weir.kernel import identifiers
from weir.kernel.origins import https_origin
from weir.keys.authority import Authority
from weir.keys.follower import KeyFollower
from weir.keys.vault import Vault
from weir.metering.lake.lake import Lake
from weir.portal import pages
from weir.portal.management import Management
from weir.portal.relay import Relay
from weir.portal.renderer import Portal
from weir.portal.service_levels import ServiceLevels
from weir.store.engines.home import Home
from weir.wire.outbound import Outbound

# Rarer collections of the youngest generation, each of the objects of many requests.
_GC_THRESHOLDS: Final = (20_000, 20, 100)


async def run_control(settings: Settings, home: Home, listening: Path) -> None:
    """Run a control process on the private socket `listening`, until the process is told to end."""
    stop = stop_event()
    async with open_core(settings, home) as core, member_client(core) as client:
        vault = await Vault.open(core.database, core.sealing)
        async with follow_keys(core, vault):
            application = await build_control(core, client, vault)
            _spare_the_collector()
            await serve_private(application, listening, stop)


def _spare_the_collector() -> None:
    """Exclude loaded objects, which live as long as the process, from garbage collection."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_GC_THRESHOLDS)


@asynccontextmanager
async def follow_keys(core: Core, vault: Vault) -> AsyncIterator[None]:
    """Keep the vault's keys up to date under a lease, as long as the context lasts."""
    process = identifiers.mint("prc", int(core.clock.now().timestamp() * 1000), os.urandom(10))
    following = KeyFollower(core.database, core.cache, vault, process)
    await following.start()
    beat = asyncio.create_task(following.run())
    try:
        yield
    finally:
        beat.cancel()
        await asyncio.gather(beat, return_exceptions=True)
        await following.stop()


async def build_control(core: Core, directory: Outbound, vault: Vault) -> Asgi:
    """Wire one ASGI application for the three hosts whose requests gateways pass through."""
    domain = core.settings.domain
    addresses = Addresses.of(core.settings)
    authority = await Authority.open(core.database, core.sealing)
    fetcher = KeyFetcher(outbound_client(core, JWKS_TIMEOUT_S))
    remote_keys = RemoteKeys(fetcher.fetch, time.monotonic)
    authorization = Authorization(
        core.database,
        core.cache,
        vault,
        addresses,
        authority,
        remote_keys,
        core.sealing,
        RequestRates(core.settings.client_requests_a_second),
    )
    lake = Lake(core.lake_url)
    passphrases = Passphrases()
    management_services = Managing(
        database=core.database,
        signer=vault,
        authority=authority,
        journal=core.journal,
        sealing=core.sealing,
        cache=core.cache,
        passphrases=passphrases,
        lake=lake,
        receipt_secret=core.receipt_secret,
        addresses=addresses,
        api_origin=https_origin(f"api.{domain}", core.settings.mtls_port),
        portal_origin=https_origin(f"portal.{domain}", core.settings.public_port),
        backend_tests=backend_tests(core, authority),
    )
    managing = management.application(management_services)
    portal = Portal(
        authorization,
        Sessions(core.cache),
        passphrases,
        directory,
        Management(managing),
        management_services.api_origin,
        management_services.lake,
        ServiceLevels(core.database, lake),
        Relay(https_origin(f"api.{domain}", core.settings.public_port), outbound_tls_context(core)),
        Relay(addresses.issuer, outbound_tls_context(core)),
    )
    refusal_page = pages.refusal_page(portal)
    hosts: dict[bytes, Asgi] = {
        b"auth": http.application(authorization, refusal_page, pages.routes(portal, "auth")),
        b"portal": Starlette(routes=pages.routes(portal, "portal")),
        b"manage": managing,
    }
    return LateRefusals(_by_host(hosts, health(core)))


def _by_host(hosts: dict[bytes, Asgi], unnamed: Asgi) -> Asgi:
    """Route by `weir-host-role`, a header that only a gateway can set; health without it."""

    async def choose(scope: dict[str, Any], receive: Any, send: Any) -> None:
        fields = dict(scope.get("headers", ()))
        chosen: Asgi = hosts.get(fields.get(b"weir-host-role", b""), unnamed)
        await chosen(scope, receive, send)

    return choose
