"""Declarations of metering; `kernel/rooms.py` composes the lists of all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from mypy_extensions import mypyc_attr

from weir.access.roles import ALL, AUDITORS, OPERATOR, OWNERS, PARTIES, READERS, Rule
from weir.kernel.declarations import BOOKS_PANEL, Command, Lock, Periodic, setting
from weir.kernel.outcomes import Fault, Outcome, Retry

# --- Refusals ---
CALLER_GONE: Final = Outcome(
    "caller_gone",
    499,
    "The caller closed the connection before the answer was complete.",
    "调用方在应答完成前断开了连接。",
    retry=Retry.LATER,
)
RECORD_UNWRITABLE: Final = Outcome(
    "record_unwritable",
    503,
    "The call cannot be recorded right now, so it is not served.",
    "当前无法记录此次调用，因此不予受理。",
    Fault.PLATFORM,
    Retry.LATER,
)

# --- Limits ---
# Call records
SEGMENT_RECORDS: Final = 50_000
SEGMENT_AGE_S: Final = 0.5  # a worker seals what is finished at least as often
RECORD_BYTES: Final = 4_096
MERGED_RECORDS: Final = 1_000_000  # in one file of the lake that was merged of others
MERGED_SEGMENTS: Final = 10_000  # in one such file, whose metadata holds their seals
MERGE_FILES: Final = 200  # small files of the running hour that are worth merging
MERGE_AFTER_S: Final = 900  # after its end an hour's small files are merged, however few
RECORDS_KEPT_DAYS_MIN: Final = 183  # six months: the least that calls' records may be kept
TRANSACTIONS_KEPT_DAYS_MIN: Final = 366  # a year: the least for calls that asked for a payment
REPLACED_KEPT_S: Final = 3_600  # a file that was merged stays for questions that are reading it
TERMS_BYTES: Final = 3_072  # of a record: who called what; a longer path template is left out
TRAFFIC_ROWS: Final = 1_000  # kinds of calls in one answer, the most frequent ones
RECONCILE_AFTER_S: Final = 120  # longer than any call lasts: its timeouts sum to less
RECONCILE_LOOKBACK_DAYS: Final = 7  # how far before an intent its records are looked for


# --- Settings ---
@mypyc_attr(native_class=False)  # the whole of the settings inherits it
@dataclass(frozen=True)
class Settings:
    """Call records and the lake."""

    lake_url: str | None = setting(
        None,
        "Folder or object store of the call records as Parquet: file:// or s3:// with the"
        " options of docs/records.md. Default: HOME/lake.",
    )
    records_sync_ms: int = setting(
        200,
        "Milliseconds after which an answered call's record is on the disk: what a power cut can"
        " take. A killed process loses nothing.",
        low=10,
        high=10_000,
    )
    records_kept_days: int = setting(
        400,
        "Whole days that records of calls are kept, six months at least.",
        low=RECORDS_KEPT_DAYS_MIN,
        high=36_500,
    )
    transactions_kept_days: int = setting(
        1_830,
        "Whole days that records of calls that asked for a payment are kept, a year at least and"
        " no shorter than records_kept_days.",
        low=TRANSACTIONS_KEPT_DAYS_MIN,
        high=36_500,
    )


# --- Advisory locks ---
STREAM_LOCK: Final = Lock(9, "Bringing segments of a stream into the lake; the stream.")
HOUR_LOCK: Final = Lock(10, "Replacing files of an hour of the lake; the hour.")
SEAL_LOG_LOCK: Final = Lock(11, "Adding to the tree over all seals, or signing its root.")
EXPIRY_LOCK: Final = Lock(12, "Removing call records that have expired.")

# --- Periodic work of the worker ---
PERIODIC: Final = {
    "records_sealed": Periodic(SEGMENT_AGE_S / 2, "Seal what gateways have written into segments."),
    "records_to_lake": Periodic(0.5, "Bring sealed segments into the lake."),
    "files_merged": Periodic(
        30.0, "Merge small files of the lake, and forget files that were merged."
    ),
    "records_expired": Periodic(600.0, "Remove call records that are kept no longer."),
    "days_closed": Periodic(60.0, "Sign the root that closes yesterday."),
    "payments_in_doubt": Periodic(2.0, "Ask members about payments that were never answered."),
}

# --- Audit events: (English, Chinese) ---
EVENTS: Final = {
    "records.expired": (
        "Call records were removed by the rule of their class.",
        "按保存期限删除调用记录。",
    ),
    "root.witnessed": ("A party witnessed the root over the records.", "一方见证了调用记录之根。"),
}

# --- Prefixes of identifiers ---
PREFIXES: Final = {
    "str": "stream of call records",
}

# --- Permissions of operations ---
PERMISSIONS: Final = {
    "count_calls": Rule(own=PARTIES, every=OPERATOR, people=READERS),
    "ask_traffic": Rule(own=PARTIES, every=OPERATOR, people=READERS),
    "list_pruned": Rule(every=OPERATOR, people=READERS),
    "list_expiries": Rule(every=ALL, people=READERS),
    "list_lake_files": Rule(every=OPERATOR, people=READERS),
    "get_receipt": Rule(own=PARTIES, every=OPERATOR, people=READERS),
    "list_record_keys": Rule(every=ALL, people=READERS),
    "list_seals": Rule(every=ALL, people=READERS),
    "get_segment": Rule(every=OPERATOR, people=READERS),
    "sign_root": Rule(every=OPERATOR, people=OWNERS, fresh=True, programs="yes"),
    "list_roots": Rule(every=ALL, people=READERS),
    "get_root": Rule(every=ALL, people=READERS),
    "prove_consistency": Rule(every=ALL, people=READERS),
    "witness_root": Rule(own=ALL, people=AUDITORS, signed=True),
}

# --- Routers of the management API ---
ROUTERS: Final = (
    "records.records",
    "records.traffic",
    "records.receipts",
    "records.seals",
    "records.segments",
    "records.expiries",
    "records.roots",
)

# --- Commands ---
COMMANDS: Final = {
    "calls": Command("records.traffic:calls", "Count calls by any dimension.", panel=BOOKS_PANEL),
    "records": Command("records.records:records", "Call records and receipts.", True, BOOKS_PANEL),
}

# --- Compiled modules (docs/decisions/0008) ---
COMPILED: Final = (
    "declares",
    "records.writer",
)
