"""What is signed when call records expire: which were removed, by which rule, and when.

Seals, roots and counts stay. So whoever checks the records later sees that some are gone, and this
statement says that they went by the rule and are not withheld. docs/receipts.md gives the format.
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
    """Consecutive segments of one stream, of each of which some records were removed."""

    stream: str
    first: int
    last: int


class Expiry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Records of one class that arrived from `from_us` until before `until_us`, removed at `at_us`
    because they were kept for `kept_days` (Unix microseconds; days of UTC).
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
        """The bytes that are signed."""
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
    """The statement under the key's name and signature."""
    named = msgspec.structs.replace(expiry, key=key.kid)
    return msgspec.structs.replace(named, signature=key.sign_text(named.statement()))


def expiry_fault(expiry: Expiry, keys: Mapping[str, PublicKey]) -> str | None:
    """Why it says nothing: it is unsigned, or removed records too soon; None when it holds."""
    if fault := text_fault(expiry.statement(), expiry.key, expiry.at_us, expiry.signature, keys):
        return fault
    if expiry.at_us < expiry.until_us + expiry.kept_days * 86_400_000_000:
        return "it removed records sooner than its own rule says"
    return None


def spans(segments: set[tuple[str, int]]) -> list[Span]:
    """Segments as the fewest spans."""
    found: list[Span] = []
    for stream, segment in sorted(segments):
        last = found[-1] if found else None
        if last is not None and (last.stream, last.last + 1) == (stream, segment):
            found[-1] = Span(stream, last.first, segment)
        else:
            found.append(Span(stream, segment, segment))
    return found
