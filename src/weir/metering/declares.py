"""Declarations of metering: refusals, limits, events, prefixes, permissions."""

from __future__ import annotations

from typing import Final

from weir.access.roles import ALL, OPERATOR, OWNERS, PARTIES, READERS, Rule
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
RECORD_BYTES: Final = 4_096
MERGED_RECORDS: Final = 1_000_000  # in one file of the lake that was merged of others
MERGED_SEGMENTS: Final = 10_000  # in one such file, whose metadata holds their seals
MERGE_FILES: Final = 200  # small files of the running hour that are worth merging
MERGE_AFTER_S: Final = 900  # after its end an hour's small files are merged, however few
REPLACED_KEPT_S: Final = 3_600  # a file that was merged stays for questions that are reading it
TERMS_BYTES: Final = 3_072  # of a record: who called what; a longer path template is left out
TRAFFIC_ROWS: Final = 1_000  # kinds of calls in one answer, the most frequent ones
RECONCILE_AFTER_S: Final = 120  # longer than any call lasts: its timeouts sum to less
RECONCILE_LOOKBACK_DAYS: Final = 7  # how far before an intent its records are looked for

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
    "sign_root": Rule(every=OPERATOR, people=OWNERS, fresh=True),
    "list_roots": Rule(every=ALL, people=READERS),
    "get_root": Rule(every=ALL, people=READERS),
    "prove_consistency": Rule(every=ALL, people=READERS),
    "witness_root": Rule(own=ALL),
}
