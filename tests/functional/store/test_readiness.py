"""A role is ready while it reaches PostgreSQL, and alive in any case."""

from __future__ import annotations

import httpx
import pytest

from weir.app.core import Core
from weir.app.private_sockets import health
from weir.app.settings import Settings
from weir.audit.chain import AuditJournal
from weir.kernel.clock import SystemClock
from weir.keys.master_key import SealingKey
from weir.store.cache import Cache
from weir.store.database import Database
from weir.store.engines import Home


async def asked(core: Core) -> dict[str, int]:
    transport = httpx.ASGITransport(health(core))
    async with httpx.AsyncClient(transport=transport, base_url="http://health") as client:
        paths = ("/livez", "/readyz", "/else")
        return {path: (await client.get(path)).status_code for path in paths}


@pytest.mark.parametrize(("reachable", "ready"), [(True, 200), (False, 503)])
async def test_ready_means_that_the_database_answers(
    database_url: str,
    cache: Cache,
    journal: AuditJournal,
    sealing: SealingKey,
    home: Home,
    reachable: bool,
    ready: int,
) -> None:
    url = database_url if reachable else "postgresql+psycopg://weir@/weir?host=/nowhere"
    database = Database(url, clock=SystemClock(), journal=journal, cache=cache)
    core = Core(Settings(), home, SystemClock(), cache, database, journal, sealing, bytes(32))
    assert await asked(core) == {"/livez": 200, "/readyz": ready, "/else": 404}
    await database.close()
