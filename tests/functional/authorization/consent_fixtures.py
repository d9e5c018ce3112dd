"""Fixtures: the authorization server and the pages as `control` serves them, behind no gateway."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from argon2 import PasswordHasher
from consent_world import Browser, Directory, MovableClock, World, tls_context
from starlette.applications import Starlette

from backend_probes import backend_tests
from seals import SECRET
from weir.api.management import application
from weir.api.services import Services as Managing
from weir.app.declares import JWKS_TIMEOUT_S
from weir.app.settings import Settings
from weir.audit.chain import AuditJournal
from weir.authorization.clients.key_set_fetch import KeyFetcher
from weir.authorization.clients.remote_keys import RemoteKeys
from weir.authorization.front import http
from weir.authorization.front.endpoints import Asgi
from weir.authorization.services import Addresses, Services
from weir.identity.passphrases import Passphrases
from weir.identity.sessions import Sessions
from weir.keys.authority import Authority
from weir.keys.master_key import SealingKey
from weir.keys.vault import Vault
from weir.metering.lake.lake import Lake
from weir.portal import pages
from weir.portal.management import Management
from weir.portal.relay import Relay
from weir.portal.renderer import Portal
from weir.portal.service_levels import ServiceLevels
from weir.store.cache import Cache
from weir.store.database import Database
from weir.wire.declares import MEMBER_QUESTION_S
from weir.wire.networks import networks
from weir.wire.outbound import Outbound, PublicAlone
from weir.wire.resolver import Reachable


@pytest.fixture
async def directory(authority: Authority, folder: Path) -> AsyncIterator[Directory]:
    directory = Directory()
    await directory.start(tls_context(authority, folder, "river-bank", server=True))
    yield directory
    await directory.stop()


@pytest.fixture
async def portal(
    database: Database,
    cache: Cache,
    vault: Vault,
    sealing: SealingKey,
    authority: Authority,
    journal: AuditJournal,
    folder: Path,
) -> AsyncIterator[Portal]:
    context = tls_context(authority, folder, "gateway", server=False)
    fetcher = KeyFetcher(
        Outbound(
            tls_context(authority, folder, "gateway", server=False),
            PublicAlone(networks("127.0.0.0/9,::1/128", "WEIR_PARTNER_NETWORKS")),
            timeout_s=JWKS_TIMEOUT_S,
        )
    )
    remote_keys = RemoteKeys(fetcher.fetch, lambda: database.clock.now().timestamp())
    addresses = Addresses.of(Settings())
    services = Services(database, cache, vault, addresses, authority, remote_keys, sealing)
    # The cheapest parameters argon2 takes: these tests are about who may sign in, not how slowly.
    passphrases = Passphrases(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
    managing = Managing(
        database=database,
        signer=vault,
        authority=authority,
        journal=journal,
        sealing=sealing,
        cache=cache,
        passphrases=passphrases,
        lake=Lake((folder / "lake").as_uri()),
        receipt_secret=SECRET,
        addresses=addresses,
        api_origin="https://api.localhost:8444",
        portal_origin="https://portal.localhost:8443",
        backend_tests=backend_tests(authority, folder),
    )
    management = Management(application(managing))
    members = Outbound(context, Reachable().choice, timeout_s=MEMBER_QUESTION_S, kept=4)
    try:
        yield Portal(
            services,
            Sessions(cache),
            passphrases,
            members,
            management,
            managing.api_origin,
            managing.lake,
            ServiceLevels(database, managing.lake),
            Relay("https://api.localhost:9", context),  # nobody serves the discard port
            Relay("https://auth.localhost:9", context),
        )
    finally:
        await members.close()


@pytest.fixture
def auth_app(portal: Portal) -> Asgi:
    refusal_page = pages.refusal_page(portal)
    return http.application(portal.authorization, refusal_page, pages.routes(portal, "auth"))


@pytest.fixture
def portal_app(portal: Portal) -> Starlette:
    return Starlette(routes=pages.routes(portal, "portal"))


@pytest.fixture
async def world(
    portal: Portal, authority: Authority, directory: Directory, auth_app: Asgi
) -> AsyncIterator[World]:
    clock = MovableClock()
    portal.database.clock = clock
    transport = httpx.ASGITransport(app=auth_app)
    async with httpx.AsyncClient(transport=transport, base_url="https://auth.localhost") as auth:
        world = World(portal.authorization, authority, directory, clock, auth)
        await world.found()
        yield world


@pytest.fixture
async def browser(auth_app: Asgi) -> AsyncIterator[Browser]:
    """A customer's browser at the authorization server."""
    browser = Browser(auth_app, "https://auth.localhost")
    yield browser
    await browser.close()


@pytest.fixture
async def portal_browser(portal_app: Starlette) -> AsyncIterator[Browser]:
    """A browser at the portal."""
    browser = Browser(portal_app, "https://portal.localhost")
    yield browser
    await browser.close()
