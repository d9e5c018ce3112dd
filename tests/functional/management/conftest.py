"""An alliance founded through its own API, and callers that ask it over ASGI as a gateway would."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from argon2 import PasswordHasher
from management_support import Api, Party, found

from backend_probes import backend_tests
from seals import SECRET
from weir.api.management import application
from weir.api.services import Services
from weir.app.settings import Settings
from weir.audit.chain import AuditJournal
from weir.authorization.services import Addresses
from weir.identity.passphrases import Passphrases
from weir.keys.authority import Authority
from weir.keys.master_key import SealingKey
from weir.keys.vault import Vault
from weir.metering.lake.lake import Lake
from weir.store.cache import Cache
from weir.store.database import Database


@pytest.fixture
async def api(
    database: Database,
    vault: Vault,
    authority: Authority,
    journal: AuditJournal,
    sealing: SealingKey,
    cache: Cache,
    folder: Path,
) -> AsyncIterator[Api]:
    """An alliance whose operator has claimed its one-time link."""
    services = Services(
        database=database,
        signer=vault,
        authority=authority,
        journal=journal,
        sealing=sealing,
        cache=cache,
        passphrases=Passphrases(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)),
        lake=Lake((folder / "lake").as_uri()),
        receipt_secret=SECRET,
        addresses=Addresses.of(Settings()),
        api_origin="https://api.localhost:8444",
        portal_origin="https://portal.localhost:8443",
        backend_tests=backend_tests(authority, folder),
    )
    app = application(services)
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="https://manage.localhost") as http:
        api = Api(services, vault, app, http)
        api.operator = await found(api)
        yield api


@pytest.fixture
async def bank(api: Api) -> Party:
    return await api.admit("member", "river-bank")


@pytest.fixture
async def other_bank(api: Api) -> Party:
    return await api.admit("member", "lake-bank")


@pytest.fixture
async def partner(api: Api) -> Party:
    return await api.admit("partner", "shop")


@pytest.fixture
async def other_partner(api: Api) -> Party:
    return await api.admit("partner", "stall")
