"""One gateway process for tests: `python gateway_runner.py config.json`."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from pathlib import Path

import uvloop

from weir.app.log import log_to_stdout
from weir.audit.chain import AuditJournal
from weir.gateway.process import GatewayConfig, serve
from weir.kernel.clock import SystemClock
from weir.keys.master_key import SealingKey, derive
from weir.keys.message_key import MessageKeys
from weir.store.cache import Cache
from weir.store.database import Database

SECRET = bytes(range(64, 96))  # that of tests/seals.py, which is not on this process's path

PATHS = (
    "server_certificate",
    "server_key",
    "authority",
    "client_certificate",
    "client_key",
    "records",
    "health_socket",
)


async def main(given: dict[str, object]) -> None:
    log_to_stdout("debug")
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    cache = Cache(str(given.pop("valkey_url")))
    journal = AuditJournal(derive(bytes(range(32)), "weir audit v1"))
    database = Database(
        str(given.pop("database_url")), clock=SystemClock(), journal=journal, cache=cache, pool=4
    )
    for name in PATHS:
        given[name] = Path(str(given[name]))
    given["control_sockets"] = [Path(path) for path in given["control_sockets"]]  # type: ignore[attr-defined]
    given["receipt_secret"] = SECRET
    try:
        message_keys = await MessageKeys.open(database, SealingKey(bytes(range(32))))
        await serve(GatewayConfig(**given), database, cache, message_keys, stop)  # type: ignore[arg-type]
    finally:
        await database.close()
        await cache.close()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main(json.loads(Path(sys.argv[1]).read_text())))
