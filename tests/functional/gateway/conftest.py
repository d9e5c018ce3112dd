"""One lab a module: its own database and folder, a model member, one gateway process."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from gateway_lab import Desk, GatewayProcess, Lab, member_tls
from model_member import ModelMember
from raw_caller import Caller

from weir.audit.chain import AuditJournal
from weir.kernel.clock import SystemClock
from weir.keys.authority import Authority
from weir.keys.master_key import SealingKey, derive
from weir.keys.vault import Vault
from weir.store.cache import Cache
from weir.store.database import Database

MASTER = bytes(range(32))


@pytest.fixture(scope="module")
async def lab(
    engines: Any, template: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Lab]:
    url = engines.create_database(template)
    folder = tmp_path_factory.mktemp("gw")
    folder.chmod(0o700)
    (folder / "records").mkdir()
    cache = Cache(engines.valkey_url)
    journal = AuditJournal(derive(MASTER, "weir audit v1"))
    database = Database(url, clock=SystemClock(), journal=journal, cache=cache)
    vault = await Vault.open(database, SealingKey(MASTER))
    authority = await Authority.open(database, SealingKey(MASTER))
    member = ModelMember(member_tls(authority, folder))
    await member.start()
    urls = (url, engines.admin_url, engines.valkey_url)
    lab = Lab(database, vault, authority, folder, *urls, member)
    await lab.found()
    yield lab
    for gateway in lab.gateways:
        if gateway.running:
            gateway.kill()
    await member.stop()
    await database.close()
    await cache.close()
    engines.drop_database(url)


@pytest.fixture(scope="module")
async def gateway(lab: Lab) -> GatewayProcess:
    return await lab.start_gateway()


@pytest.fixture
async def caller(lab: Lab, gateway: GatewayProcess) -> AsyncIterator[Caller]:
    caller = await Caller.connect(gateway.mtls_port, lab.tls())
    yield caller
    await caller.close()


@pytest.fixture
async def desk(lab: Lab, caller: Caller) -> Desk:
    """Own-right calls of app_shop."""
    return Desk(caller, await lab.token())
