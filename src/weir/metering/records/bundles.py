"""Bundles: the files of an offline audit, in one folder.

```
keys.json           the keys that seal records: a list
ca.pem              the alliance's authority, for the certificates of witnesses
seals.jsonl         every seal, in the order of the tree
roots.json          signed roots with their witnesses: a list
records/            streams, as gateways and workers leave them (docs/records.md)
expiries.json       signed statements of expiry: a list
receipt-keys.json   keys of streams' receipts in hexadecimal, where they were shown
logs/*.jsonl        logs of callers and of members (weir.kernel.call_log)
receipts/*.json     receipts that were fetched
```

All files but `keys.json` may be missing; the audit checks the ones that are there.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import msgspec

from weir.kernel import call_log
from weir.kernel.call_log import LogEntry
from weir.kernel.expiries import Expiry
from weir.kernel.seals import PublicKey, Receipt, Seal
from weir.kernel.witnesses import WitnessedRoot

KEYS: Final = "keys.json"
AUTHORITY: Final = "ca.pem"
SEALS: Final = "seals.jsonl"
ROOTS: Final = "roots.json"
RECORDS: Final = "records"
EXPIRIES: Final = "expiries.json"
RECEIPT_KEYS: Final = "receipt-keys.json"
LOGS: Final = "logs"
RECEIPTS: Final = "receipts"


@dataclass(slots=True)
class Log:
    """One party's log; `fault` says why the log as a whole is not valid."""

    name: str
    entries: list[LogEntry] = field(default_factory=list)
    fault: str | None = None


@dataclass(slots=True)
class Bundle:
    """The contents of a bundle's folder.

    `keys` are by key identifier, `receipt_keys` by stream, `receipts` are pairs of file name and
    receipt.
    """

    folder: Path
    keys: dict[str, PublicKey]
    authority: bytes | None
    seals: list[Seal] | None
    roots: list[WitnessedRoot]
    receipt_keys: dict[str, bytes]
    logs: list[Log]
    receipts: list[tuple[str, Receipt]]
    expiries: list[Expiry] = field(default_factory=list)

    @property
    def records(self) -> Path:
        return self.folder / RECORDS


def read(folder: Path) -> Bundle:
    """Read a bundle. ValueError names the file that is missing or malformed."""
    keys = _json(folder / KEYS, list[PublicKey])
    if keys is None:
        raise ValueError(f"{folder / KEYS} is missing: without keys nothing can be checked")
    shown = _json(folder / RECEIPT_KEYS, dict[str, str]) or {}
    authority = folder / AUTHORITY
    return Bundle(
        folder=folder,
        keys={key.kid: key for key in keys},
        authority=authority.read_bytes() if authority.exists() else None,
        seals=_seals(folder / SEALS),
        roots=_json(folder / ROOTS, list[WitnessedRoot]) or [],
        receipt_keys={stream: bytes.fromhex(key) for stream, key in shown.items()},
        logs=[_log(path) for path in sorted((folder / LOGS).glob("*.jsonl"))],
        expiries=_json(folder / EXPIRIES, list[Expiry]) or [],
        receipts=[
            (path.name, _json(path, Receipt)) for path in sorted((folder / RECEIPTS).glob("*.json"))
        ],
    )


def _seals(path: Path) -> list[Seal] | None:
    if not path.exists():
        return None
    try:
        return [msgspec.json.decode(line, type=Seal) for line in path.read_bytes().splitlines()]
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} is not a list of seals: {error}") from error


def _log(path: Path) -> Log:
    try:
        return Log(path.name, call_log.read(path.read_bytes()))
    except ValueError as error:
        return Log(path.name, fault=str(error))


def _json(path: Path, form: Any) -> Any:
    if not path.exists():
        return None
    try:
        return msgspec.json.decode(path.read_bytes(), type=form)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} is not what it should be: {error}") from error
