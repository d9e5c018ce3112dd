"""The objects that every role shares: settings, home, engines, keys; and the stop event."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from weir.app.log import tell_lines_left_out
from weir.app.settings import Settings
from weir.audit.chain import AuditJournal
from weir.kernel.clock import SystemClock
from weir.kernel.declares import SETTING_INVALID
from weir.kernel.outcomes import Refusal
from weir.keys import master_key
from weir.keys.master_key import SealingKey
from weir.store.cache import Cache
from weir.store.database import Database
from weir.store.engines.home import Home

RoleLife = Coroutine[Any, Any, None]
HOST_ROLES = ("portal", "auth", "api", "manage")


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """The files of the platform's own certificates and keys in the home, each in PEM."""

    root: Path
    gateways: Path  # the root of gateways' client certificates, which members trust
    server_certificate: Path
    server_key: Path
    client_certificate: Path
    client_key: Path

    @classmethod
    def of(cls, home: Home, settings: Settings) -> TlsFiles:
        folder = home.folder("tls")
        return cls(
            root=folder / "authority.pem",
            gateways=folder / "gateways.pem",
            server_certificate=settings.server_certificate or folder / "server.pem",
            server_key=settings.server_key or folder / "server.key",
            client_certificate=folder / "gateway.pem",
            client_key=folder / "gateway.key",
        )


@dataclass(frozen=True, slots=True)
class Core:
    """The objects that every role shares."""

    settings: Settings
    home: Home
    clock: SystemClock
    cache: Cache
    database: Database
    journal: AuditJournal
    sealing: SealingKey
    receipt_secret: bytes

    @property
    def records_folder(self) -> Path:
        return self.home.folder("records")

    @property
    def lake_url(self) -> str:
        return self.settings.lake_url or self.home.folder("lake").as_uri()

    @property
    def tls(self) -> TlsFiles:
        return TlsFiles.of(self.home, self.settings)


@asynccontextmanager
async def open_core(
    settings: Settings, home: Home, *, connections: int = 10
) -> AsyncIterator[Core]:
    """Connect to the engines that the settings name, and disconnect at the end.

    `connections` is the size of the pool. Refusal SETTING_INVALID without the engines' URLs.
    """
    if settings.database_url is None or settings.valkey_url is None:
        why = "weir up starts the embedded engines and passes their addresses on"
        raise Refusal(SETTING_INVALID, setting="WEIR_DATABASE_URL", why=why)
    key = _master_key(settings, home)
    clock = SystemClock()
    cache = Cache(settings.valkey_url)
    journal = AuditJournal(master_key.derive(key, "weir audit v1"))
    database = Database(
        settings.database_url, clock=clock, journal=journal, cache=cache, pool=connections
    )
    telling = asyncio.create_task(tell_lines_left_out())
    try:
        receipts = master_key.derive(key, "weir receipts v1")
        yield Core(settings, home, clock, cache, database, journal, SealingKey(key), receipts)
    finally:
        telling.cancel()
        await database.close()
        await cache.close()


def _master_key(settings: Settings, home: Home) -> bytes:
    if settings.master_key is not None:
        return master_key.parse(settings.master_key)
    return master_key.load_or_create(home.folder("secrets") / "master.key")


def stop_event() -> asyncio.Event:
    """Return an event that is set when the process is told to end (SIGTERM or SIGINT)."""
    event = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, event.set)
    return event
