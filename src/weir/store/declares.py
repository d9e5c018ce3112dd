"""Declarations of the store; `kernel/rooms.py` composes the lists of all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from mypy_extensions import mypyc_attr

from weir.kernel.declarations import Bound, Lock, Periodic, setting
from weir.kernel.declares import OVERLOADED
from weir.kernel.outcomes import Fault, Outcome, Retry

# --- Refusals ---
IDEMPOTENCY_KEY_REUSED: Final = Outcome(
    "idempotency_key_reused",
    422,
    "This idempotency key was used before with a different request.",
    "该幂等键已用于另一笔不同的请求。",
)
ENGINE_UNAVAILABLE: Final = Outcome(
    "engine_unavailable",
    503,
    "A database the platform stands on cannot be reached.",
    "平台所依赖的数据库无法连接。",
    Fault.PLATFORM,
    Retry.LATER,
)
SCHEMA_NEWER: Final = Outcome(
    "schema_newer",
    500,
    "The database was written by a newer weir; start that version.",
    "数据库由更新版本的 weir 写入，请使用该版本启动。",
    Fault.PLATFORM,
)

# --- Limits ---
# Gateway processes
PROCESS_LEASE_S: Final = 3  # a gateway that cannot hear stops serving consented calls after this
LEASE_RENEWAL_S: Final = 1
REVOCATION_WAIT_S: Final = 6  # how long a withdrawal waits for every gateway's word

# Embedded engines and the processes that `weir up` starts
ENGINE_START_TIMEOUT_S: Final = 120  # recovery after a crash is part of a start
ENGINE_PREPARE_TIMEOUT_S: Final = 120  # making a new, empty database
ENGINE_STOP_TIMEOUT_S: Final = 30  # after which a server is stopped less gently
SOCKET_PATH_BYTES: Final = 100  # the kernel takes 107 (unix(7))
PROCESS_LOG_BYTES: Final = 8 * 1024 * 1024  # of one process; a longer log is cut while it runs
LOGS_BYTES: Final = 256 * 1024 * 1024  # of all processes of a home, with what was cut from them

# Starting and stopping roles
GATHERED_QUESTIONS: Final = 100  # of several requests, put to an engine together

POOL_TIMEOUT_S: Final = 5  # for a connection to PostgreSQL to become free

# The change log
REMOVAL_KEPT_S: Final = 86_400
EXPIRED_AT_ONCE: Final = 10_000

# --- Bounds of inputs ---
BOUNDS: Final = {
    "the log of a process, and all logs of a home": Bound(
        (
            "PROCESS_LOG_BYTES",
            "LOGS_BYTES",
        ),
        "those bytes on the disk",
        "cut while it is written; its end is kept once",
        "test_all_logs_together_stay_within_their_bound",
    ),
    "units of work that wait for a connection to PostgreSQL": Bound(
        ("POOL_TIMEOUT_S",),
        "a task each",
        OVERLOADED,
        "test_a_hundred_times_as_many_units_as_connections_are_refused_and_none_fails",
    ),
}


# --- Settings ---
@mypyc_attr(native_class=False)  # the whole of the settings inherits it
@dataclass(frozen=True)
class Settings:
    """The addresses of the engines."""

    database_url: str | None = setting(
        None, "PostgreSQL 15 or newer by URL; unset starts the embedded one.", secret=True
    )
    valkey_url: str | None = setting(
        None, "Valkey or Redis by URL; unset starts the embedded one.", secret=True
    )


# --- Advisory locks ---
CHANGES_LOCK: Final = Lock(
    1, "Numbering changes, so that they become visible in the order of their numbers."
)
KEPT_LOCK: Final = Lock(
    17, "Counting what an organisation keeps before one more is added; the kind and the keeper."
)
SCHEMA_LOCK: Final = Lock(
    2, "Migrating the schema: of processes that start at once, one after the other."
)

# --- Periodic work of the worker ---
PERIODIC: Final = {
    "what_is_over": Periodic(
        30.0, "End what has ended by its time: consents, changes, dead processes, old counters."
    ),
}

# --- Prefixes of identifiers ---
PREFIXES: Final = {
    "prc": "process",
}

# --- Compiled modules (docs/decisions/0008) ---
COMPILED: Final = (
    "batching",
    "declares",
)
