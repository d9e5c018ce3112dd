"""Sealed segments: reading them, and checking that they are as they were sealed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from functools import cached_property
from pathlib import Path
from typing import Final

import msgspec

from weir.kernel import identifiers, merkle, pruned_trees
from weir.kernel.declares import PAGE_ROWS
from weir.kernel.pruned_trees import Nodes
from weir.kernel.seals import NO_PREVIOUS, PublicKey, Seal, signature_fault
from weir.metering.declares import RECORD_BYTES, SEGMENT_RECORDS
from weir.metering.records.records import FINISHED_SUFFIX, OPEN_SUFFIX, CallRecord, segment_path

SEAL_SUFFIX: Final = ".seal"  # a seal, as JSON
PRUNED_SUFFIX: Final = ".pruned"  # in a bundle: subtrees for records that expired, as JSON
LEAVES_SUFFIX: Final = ".leaves"  # the hashes of a segment's lines, 32 bytes each

SEGMENT_BYTES: Final = SEGMENT_RECORDS * RECORD_BYTES

# Exceptions of msgspec for bytes that are not the JSON it expects, or not UTF-8.
UNREADABLE: Final = (msgspec.MsgspecError, UnicodeDecodeError)

_decode_record = msgspec.json.Decoder(CallRecord).decode
_decode_pruned = msgspec.json.Decoder(list[tuple[int, int, str]]).decode
_decode_seal = msgspec.json.Decoder(Seal).decode

Keys = Mapping[str, PublicKey]


class Damage(Enum):
    """Kinds of damage to records or to a log of them, named alike by all checks."""

    ALTERED = "altered"  # it differs from what was sealed
    DROPPED = "dropped"  # something is missing between two things that are there
    DOUBLED = "doubled"  # something is there twice
    REORDERED = "reordered"  # everything is there, in another order
    TRUNCATED = "truncated"  # the end is missing
    UNSIGNED = "unsigned"  # the signature is not one of the platform's
    BACKDATED = "backdated"  # its time is earlier than it can have been made


@dataclass(frozen=True, slots=True)
class Finding:
    """One damage of one segment. `detail` is for people; it holds no record's content."""

    stream: str
    segment: int
    damage: Damage
    detail: str

    def __str__(self) -> str:
        return f"{self.stream} segment {self.segment} {self.damage.value}: {self.detail}"


class SegmentDamaged(Exception):  # noqa: N818 - it names a state of the segment
    """Raised when a segment differs from what was sealed."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(str(finding))
        self.finding = finding


@dataclass(frozen=True)
class Segment:
    """A sealed segment whose lines match its root. `lines` have no line feed."""

    seal: Seal
    lines: list[bytes]

    @cached_property
    def records(self) -> list[CallRecord]:
        """The lines as records. SegmentDamaged if their numbers do not run as the seal says."""
        records = decode_lines(self.lines, self.seal.stream, self.seal.segment)
        check_numbers(self.seal, [record.number for record in records])
        return records


@dataclass(frozen=True)
class Remains:
    """The rest of a segment: its lines by index from 0, and subtrees for its expired records.

    See `weir.kernel.pruned_trees`. `nodes` is empty when every record has expired.
    """

    seal: Seal
    lines: dict[int, bytes]
    nodes: Nodes = field(default_factory=dict)

    @property
    def is_whole(self) -> bool:
        return len(self.lines) == self.seal.records

    @cached_property
    def records(self) -> list[CallRecord]:
        """The records that are left, in order."""
        return decode_lines(list(self.lines.values()), self.seal.stream, self.seal.segment)

    def node(self) -> merkle.Node:
        """Return the hashes of the segment's tree."""
        leaves = {index: merkle.leaf_hash(line) for index, line in self.lines.items()}
        return pruned_trees.node_of(leaves, self.nodes)


def check_remains(seal: Seal, lines: Sequence[bytes], nodes: Nodes) -> Remains:
    """Return the lines that are left, in order, checked against the seal's root. SegmentDamaged."""
    numbers = [each.number for each in decode_lines(lines, seal.stream, seal.segment)]
    indexes = [number - seal.first for number in numbers]
    remains = Remains(seal, dict(zip(indexes, lines, strict=True)), nodes)
    if not (lines or nodes):
        return remains
    if indexes != sorted(set(indexes)) or pruned_trees.find_fault(
        seal.records, seal.root, remains.node()
    ):
        detail = "what remains of it is not what was sealed"
        raise damage_error(seal.stream, seal.segment, Damage.ALTERED, detail)
    return remains


def read_remains(folder: Path, stream: str, segment: int) -> Remains:
    """Read a segment as `read_segment` does, or its rest where a bundle says records expired."""
    path = segment_path(folder, stream, segment, PRUNED_SUFFIX)
    if not path.exists():
        whole = read_segment(folder, stream, segment)
        return Remains(whole.seal, dict(enumerate(whole.lines)))
    seal = read_seal(folder, stream, segment)
    if (seal.stream, seal.segment) != (stream, segment):
        raise damage_error(stream, segment, Damage.REORDERED, "its seal is that of another segment")
    try:
        rows = _decode_pruned(path.read_bytes())
        nodes = {(level, position): bytes.fromhex(found) for level, position, found in rows}
    except (ValueError, *UNREADABLE) as error:
        detail = "what stands for its expired records is not readable"
        raise damage_error(stream, segment, Damage.ALTERED, detail) from error
    raw = segment_path(folder, stream, segment, FINISHED_SUFFIX).read_bytes()
    return check_remains(seal, raw.split(b"\n")[:-1], nodes)


def parse_segment(
    raw: bytes, seal: Seal, stream: str, segment: int, leaves: bytes | None = None
) -> Segment:
    """Check bytes that claim to be `segment` of `stream`; SegmentDamaged if they are not as sealed.

    The seal's signature is checked by `signature_fault`, the order of segments by `Chain`. With
    `leaves`, the hashes of the lines, altered records are named by their numbers.
    """
    if (seal.stream, seal.segment) != (stream, segment):
        detail = f"its seal is that of {seal.stream} segment {seal.segment}"
        raise damage_error(stream, segment, Damage.REORDERED, detail)
    if raw and not raw.endswith(b"\n"):
        raise damage_error(stream, segment, Damage.TRUNCATED, "it ends within a line")
    lines = raw.split(b"\n")[:-1]
    hashes = [merkle.leaf_hash(line) for line in lines]
    if len(lines) == seal.records and merkle.Tree(hashes).root.hex() == seal.root:
        return Segment(seal, lines)
    raise SegmentDamaged(_told_apart(lines, hashes, seal, leaves))


def read_seal(folder: Path, stream: str, segment: int) -> Seal:
    """Read a seal under the records folder. OSError when it is not there."""
    path = segment_path(folder, stream, segment, SEAL_SUFFIX)
    return parse_seal(path.read_bytes(), stream, segment)


def parse_seal(raw: bytes, stream: str, segment: int) -> Seal:
    """Parse a seal's JSON. SegmentDamaged when it is not a seal."""
    try:
        return _decode_seal(raw)
    except UNREADABLE as error:
        raise damage_error(stream, segment, Damage.ALTERED, "its seal is not readable") from error


def read_segment(folder: Path, stream: str, segment: int) -> Segment:
    """Read and check one sealed segment under the records folder. OSError when it is not there."""
    seal = read_seal(folder, stream, segment)
    path = segment_path(folder, stream, segment, FINISHED_SUFFIX)
    if seal.records == 0 and not path.exists():
        return parse_segment(b"", seal, stream, segment)
    if path.stat().st_size > SEGMENT_BYTES:
        raise damage_error(stream, segment, Damage.ALTERED, "it is longer than a segment can be")
    leaves = segment_path(folder, stream, segment, LEAVES_SUFFIX)
    kept = leaves.read_bytes() if leaves.exists() else None
    return parse_segment(path.read_bytes(), seal, stream, segment, kept)


class Chain:
    """A check that seals follow each other. Feed them in order; the first bad link raises.

    With `keys`, each must be signed by one of them.
    """

    def __init__(
        self,
        stream: str,
        previous: str = NO_PREVIOUS,
        last_segment: int = 0,
        last_number: int = 0,
        *,
        sealed_at_us: int = 0,
        keys: Keys | None = None,
    ) -> None:
        self._stream = stream
        self._previous = previous
        self._segment = last_segment
        self._number = last_number
        self._sealed_at_us = sealed_at_us
        self._keys = keys
        self._ended = False

    @classmethod
    def from_start(cls, stream: str, keys: Keys | None = None) -> Chain:
        return cls(stream, keys=keys)

    def link(self, seal: Seal) -> None:
        """Accept the next seal, or raise SegmentDamaged."""
        damage = self._damage(seal)
        if damage is not None:
            raise damage_error(self._stream, seal.segment, *damage)
        self._segment, self._number = seal.segment, seal.last
        self._previous, self._sealed_at_us = seal.sha256, seal.sealed_at_us
        self._ended = seal.state != "open"

    def _damage(self, seal: Seal) -> tuple[Damage, str] | None:
        if self._keys is not None and (fault := signature_fault(seal, self._keys)):
            return Damage.UNSIGNED, fault
        if self._ended:
            return Damage.DOUBLED, "it follows the end of its stream"
        if seal.segment != self._segment + 1:
            return Damage.DROPPED, f"it should follow segment {seal.segment - 1}"
        if seal.first > self._number + 1:
            return Damage.DROPPED, f"records {self._number + 1} to {seal.first - 1}"
        if seal.first <= self._number:
            return Damage.DOUBLED, f"records from {seal.first} come twice"
        if seal.previous != self._previous:
            return Damage.ALTERED, "the segment before it is not the one it was chained to"
        if seal.sealed_at_us < self._sealed_at_us:
            return Damage.BACKDATED, "it says it was sealed before the segment it follows"
        return None


def streams(folder: Path) -> list[str]:
    """List the streams under a records folder, oldest first."""
    if not folder.is_dir():
        return []
    names = (entry.name for entry in folder.iterdir() if entry.is_dir())
    return sorted(name for name in names if identifiers.is_identifier(name, "str"))


def verify_stream(
    folder: Path, stream: str, expected_last: int | None = None, keys: Keys | None = None
) -> list[Finding]:
    """Return all findings on the sealed segments of a stream; empty when there are none.

    `expected_last` is the newest segment known from elsewhere (the database, a statement): without
    it, a stream that lost its newest segments whole looks like one that is still written.
    """
    findings: list[Finding] = []
    chain: Chain | None = Chain.from_start(stream, keys)
    expected = 1
    for number in list_numbers(folder / stream, SEAL_SUFFIX):
        for missing in range(expected, min(number, expected + PAGE_ROWS)):
            findings.append(Finding(stream, missing, Damage.DROPPED, "there is no such file"))
            chain = None
        expected = number + 1
        chain = _verify_next(folder, stream, number, chain, findings, keys)
    if expected_last is not None and expected <= expected_last:
        detail = f"the stream should reach segment {expected_last}"
        findings.append(Finding(stream, expected, Damage.TRUNCATED, detail))
    return findings


def _verify_next(
    folder: Path,
    stream: str,
    number: int,
    chain: Chain | None,
    findings: list[Finding],
    keys: Keys | None,
) -> Chain | None:
    """Check one more segment; after a damaged one the chain starts anew at the next."""
    try:
        remains = read_remains(folder, stream, number)
        if chain is None:
            chain = chain_at(remains.seal, keys, before=True)
        chain.link(remains.seal)
        check_remaining(remains)
    except SegmentDamaged as found:
        findings.append(found.finding)
        return None
    except FileNotFoundError:
        findings.append(Finding(stream, number, Damage.DROPPED, "its records are not there"))
        return None
    return chain


def chain_at(seal: Seal, keys: Keys | None, *, before: bool) -> Chain:
    """Return the chain as it should be right before this seal, or right after it."""
    if before:
        at = (seal.previous, seal.segment - 1, seal.first - 1)
    else:
        at = (seal.sha256, seal.segment, seal.last)
    return Chain(seal.stream, *at, keys=keys)


def open_records(folder: Path, stream: str, segment: int) -> list[CallRecord]:
    """Return the whole records of a segment that is still open, for lookups, not for counts."""
    raw = segment_path(folder, stream, segment, OPEN_SUFFIX).read_bytes()
    return decode_lines(raw[: raw.rfind(b"\n") + 1].split(b"\n")[:-1], stream, segment)


def pending_records(folder: Path, stream: str, after: int) -> Iterator[CallRecord]:
    """Yield the whole records of every segment after `after`, sealed or not, for lookups."""
    number = after
    while True:
        number += 1
        try:
            yield from open_records(folder, stream, number)
            continue
        except FileNotFoundError:
            pass  # it was finished meanwhile, or is not there
        try:
            raw = segment_path(folder, stream, number, FINISHED_SUFFIX).read_bytes()
        except FileNotFoundError:
            return
        yield from decode_lines(raw.split(b"\n")[:-1], stream, number)


def decode_lines(lines: Sequence[bytes], stream: str, segment: int) -> list[CallRecord]:
    """Decode lines as records; SegmentDamaged at the first line that is no record."""
    records = []
    for place, line in enumerate(lines, start=1):
        try:
            records.append(_decode_record(line))
        except UNREADABLE as error:
            detail = f"line {place} is not a record"
            raise damage_error(stream, segment, Damage.ALTERED, detail) from error
    return records


def check_numbers(seal: Seal, numbers: Sequence[int]) -> None:
    """Raise SegmentDamaged when the records' numbers are not as the seal says."""
    damage = numbering_damage(numbers, seal.first, seal.records)
    if damage is not None:
        raise damage_error(seal.stream, seal.segment, *damage)


def check_remaining(remains: Remains) -> None:
    """Check the numbers of a segment without expired records, as `check_numbers` does."""
    if remains.is_whole:
        check_numbers(remains.seal, [record.number for record in remains.records])


def numbering_damage(numbers: Sequence[int], first: int, count: int) -> tuple[Damage, str] | None:
    """Compare record numbers with `count` numbers from `first` on; return damage and detail.

    None when they are the same.
    """
    if not 0 <= count <= SEGMENT_RECORDS:
        return Damage.ALTERED, "no segment holds so many records"
    expected = list(range(first, first + count))
    if list(numbers) == expected:
        return None
    seen, wanted = set(numbers), set(expected)
    missing = sorted(wanted - seen)
    if len(seen) < len(numbers):
        twice = sorted({number for number in seen if list(numbers).count(number) > 1})
        return Damage.DOUBLED, f"{_listed(twice)} twice"
    if seen == wanted:
        at = next(n for n, (a, b) in enumerate(zip(numbers, expected, strict=True)) if a != b)
        return Damage.REORDERED, f"{_listed([numbers[at]])} where {expected[at]} belongs"
    if list(numbers) == expected[: len(numbers)]:
        return Damage.TRUNCATED, f"{_listed(missing)} missing at its end"
    if seen < wanted:
        return Damage.DROPPED, f"{_listed(missing)} missing"
    return Damage.ALTERED, f"{_listed(sorted(seen - wanted))} here, which do not belong here"


def _listed(numbers: Sequence[int]) -> str:
    shown = ", ".join(str(number) for number in numbers[:10])
    more = f" and {len(numbers) - 10} more" if len(numbers) > 10 else ""
    return f"record{'s' if len(numbers) > 1 else ''} {shown}{more}"


def _told_apart(
    lines: Sequence[bytes], hashes: Sequence[bytes], seal: Seal, leaves: bytes | None
) -> Finding:
    """Return the finding for a segment whose lines do not match its root."""
    stream, segment = seal.stream, seal.segment
    try:
        numbers = [record.number for record in decode_lines(lines, stream, segment)]
        if damage := numbering_damage(numbers, seal.first, seal.records):
            return Finding(stream, segment, *damage)
        detail = "its lines are not those that were sealed"
    except SegmentDamaged as found:
        detail = found.finding.detail
    known = _known_leaves(seal, leaves)
    if known is not None and len(known) == len(hashes):
        wrong = [n for n, (a, b) in enumerate(zip(hashes, known, strict=True)) if a != b]
        detail = f"{_listed([seal.first + at for at in wrong])} not as sealed"
    return Finding(stream, segment, Damage.ALTERED, detail)


def _known_leaves(seal: Seal, leaves: bytes | None) -> list[bytes] | None:
    """Return the kept hashes of the lines, None unless they match the seal's root."""
    if leaves is None or len(leaves) != seal.records * merkle.HASH_BYTES:
        return None
    each = range(0, len(leaves), merkle.HASH_BYTES)
    hashes = [leaves[at : at + merkle.HASH_BYTES] for at in each]
    return hashes if merkle.Tree(hashes).root.hex() == seal.root else None


def list_numbers(folder: Path, suffix: str) -> list[int]:
    """Return the numbers of a stream's files with this suffix, in order."""
    names = (entry.name.removesuffix(suffix) for entry in folder.glob(f"*{suffix}"))
    return sorted(
        int(name) for name in names if len(name) == 10 and name.isascii() and name.isdigit()
    )


def damage_error(stream: str, segment: int, damage: Damage, detail: str) -> SegmentDamaged:
    """Return the exception for one finding."""
    return SegmentDamaged(Finding(stream, segment, damage, detail))
