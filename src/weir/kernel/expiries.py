"""Expiry statements: signed lists of removed call records, with the rule and the time.

Seals, roots and counts stay, so a later check of the records finds that some are missing. The
statement proves that they were removed under the retention rule and are not withheld.
docs/receipts.md gives the format.
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from typing import Final, Literal

import msgspec

from weir.kernel.seals import PublicKey, SealingKey, text_fault

# `transaction`: calls that asked for a payment. `interface`: all others.
RecordClass = Literal["interface", "transaction"]
CLASSES: Final[tuple[RecordClass, ...]] = ("interface", "transaction")


class Span(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Consecutive segments of one stream, `first` to `last`; each has lost some of its records."""

    stream: str
    first: int
    last: int


class Expiry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The signed statement that records of one class were removed.

    The records arrived at or after `from_us` and before `until_us`, and were removed at `at_us`
    (Unix microseconds), since the rule keeps them for `kept_days` days of UTC. `records` is how
    many were removed, `key` and `signature` name and prove the signer.
    """

    from_us: int
    until_us: int
    record_class: RecordClass
    kept_days: int
    records: int
    segments: list[Span]
    at_us: int
    key: str
    signature: str = ""

    def statement(self) -> bytes:
        """Return the bytes that are signed."""
        spans = "".join(f"{each.stream} {each.first} {each.last}\n" for each in self.segments)
        return (
            f"weir expiry 1\nfrom {self.from_us}\nuntil {self.until_us}\n"
            f"class {self.record_class}\nkept {self.kept_days}\nrecords {self.records}\n"
            f"segments {sha256(spans.encode()).hexdigest()}\nat {self.at_us}\nkey {self.key}\n"
        ).encode()

    def names(self, stream: str, segment: int) -> bool:
        """Whether records of this segment were removed."""
        return any(
            each.stream == stream and each.first <= segment <= each.last for each in self.segments
        )


def sign(expiry: Expiry, key: SealingKey) -> Expiry:
    """Return a copy of the statement with the key's name and signature."""
    named = msgspec.structs.replace(expiry, key=key.kid)
    return msgspec.structs.replace(named, signature=key.sign_text(named.statement()))


def expiry_fault(expiry: Expiry, keys: Mapping[str, PublicKey]) -> str | None:
    """Return the reason to reject a statement, or None when it holds.

    Reasons are a signature that does not verify, and a removal sooner than `kept_days` allows.
    """
    if fault := text_fault(expiry.statement(), expiry.key, expiry.at_us, expiry.signature, keys):
        return fault
    if expiry.at_us < expiry.until_us + expiry.kept_days * 86_400_000_000:
        return "it removed records sooner than its own rule says"
    return None


def spans(segments: set[tuple[str, int]]) -> list[Span]:
    """Return the fewest spans that cover exactly these segments, each a (stream, number)."""
    found: list[Span] = []
    for stream, segment in sorted(segments):
        last = found[-1] if found else None
        if last is not None and (last.stream, last.last + 1) == (stream, segment):
            found[-1] = Span(stream, last.first, segment)
        else:
            found.append(Span(stream, segment, segment))
    return found
