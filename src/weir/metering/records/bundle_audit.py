"""Audit of a bundle, offline: receipts and logs of all sides compared with the sealed records.

Every finding has one of the words of `Damage`, a place and a detail. A note is a difference that
the rules allow: a call in flight when a process was killed, a loss that was signed for.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature

from weir.kernel import merkle
from weir.kernel.call_log import LogEntry
from weir.kernel.expiries import Expiry, expiry_fault
from weir.kernel.seals import (
    ReceiptName,
    Seal,
    authenticator,
    receipt_fault,
    signature_fault,
)
from weir.kernel.witnesses import Witness, witness_fault
from weir.metering.declares import CALLER_GONE
from weir.metering.records.bundles import Bundle, Log
from weir.metering.records.records import CallRecord, encode
from weir.metering.records.segments import (
    SEAL_SUFFIX,
    Chain,
    Damage,
    Remains,
    SegmentDamaged,
    list_numbers,
    read_remains,
    read_seal,
    streams,
    verify_stream,
)

# Two parties' clocks may differ this much without a finding.
CLOCKS_APART_US: Final = 5_000_000


@dataclass(frozen=True, slots=True)
class Difference:
    """One finding. `where` names the record, seal, root or log line."""

    damage: Damage
    where: str
    detail: str

    def __str__(self) -> str:
        return f"{self.damage.value}: {self.where}: {self.detail}"


@dataclass(slots=True)
class Audit:
    """The result of an audit: counts, findings and notes."""

    records: int = 0
    segments: int = 0
    roots: int = 0
    log_lines: int = 0
    expired: int = 0  # records that expired by the rule of their class
    findings: list[Difference] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def holds(self) -> bool:
        return not self.findings

    def find(self, damage: Damage, where: str, detail: str) -> None:
        """Add a finding."""
        self.findings.append(Difference(damage, where, detail))


@dataclass(slots=True)
class _Held:
    """An index of the bundle's records, seals and expiries."""

    by_call: dict[tuple[str, str, int], CallRecord] = field(default_factory=dict)
    by_interaction: dict[str, list[CallRecord]] = field(default_factory=dict)
    by_number: dict[tuple[str, int], CallRecord] = field(default_factory=dict)
    ends: dict[str, Seal] = field(default_factory=dict)  # the newest seal of each stream
    expiries: list[Expiry] = field(default_factory=list)  # only ones with a valid signature


def audit(bundle: Bundle) -> Audit:
    """Check everything in the bundle against everything else in it. Synchronous."""
    found = Audit()
    _seals(bundle, found)
    held = _records(bundle, found)
    _roots(bundle, found)
    for name, receipt in bundle.receipts:
        fault = receipt_fault(receipt, bundle.keys)
        if fault is not None:
            found.find(Damage.ALTERED, f"receipt {name}", fault)
        else:
            _receipt_beside_records(name, receipt.receipt, receipt.line, held, found)
    for log in bundle.logs:
        _log(bundle, log, held, found)
    return found


# --- seals ---------------------------------------------------------------------------------------


def _seals(bundle: Bundle, found: Audit) -> None:
    """Check the list of all seals: each signed, each stream a chain, none twice."""
    chains: dict[str, Chain | None] = {}
    seen: set[tuple[str, int]] = set()
    for leaf, seal in enumerate(bundle.seals or ()):
        where = f"seal {leaf} ({seal.stream} segment {seal.segment})"
        if (seal.stream, seal.segment) in seen:
            found.find(Damage.DOUBLED, where, "this segment is sealed twice")
            continue
        seen.add((seal.stream, seal.segment))
        if fault := signature_fault(seal, bundle.keys):
            found.find(Damage.UNSIGNED, where, fault)
        chain = chains.get(seal.stream, Chain.from_start(seal.stream))
        if chain is None:
            continue
        try:
            chain.link(seal)
            chains[seal.stream] = chain
        except SegmentDamaged as damaged:
            found.find(damaged.finding.damage, where, damaged.finding.detail)
            chains[seal.stream] = None


# --- records -------------------------------------------------------------------------------------


def _records(bundle: Bundle, found: Audit) -> _Held:
    """Check the streams: intact, as in the list of seals, numbered without gaps; index them."""
    held = _Held(expiries=_expiries(bundle, found))
    listed = {(seal.stream, seal.segment): seal for seal in bundle.seals or ()}
    last: dict[str, int] = {}
    for stream, segment in listed:
        last[stream] = max(segment, last.get(stream, 0))
    for stream in streams(bundle.records):
        for finding in verify_stream(bundle.records, stream, last.get(stream), bundle.keys):
            where = f"{finding.stream} segment {finding.segment}"
            found.find(finding.damage, where, finding.detail)
        _read_stream(bundle, stream, listed, held, found)
        _check_numbering(stream, held, found)
    return held


def _read_stream(
    bundle: Bundle,
    stream: str,
    listed: dict[tuple[str, int], Seal],
    held: _Held,
    found: Audit,
) -> None:
    """Add every readable record of a stream to the index."""
    for number in list_numbers(bundle.records / stream, SEAL_SUFFIX):
        try:
            seal = read_seal(bundle.records, stream, number)
            held.ends[stream] = seal
            _beside_list(bundle, seal, listed, found)
            remains = read_remains(bundle.records, stream, number)
            records = remains.records
        except (SegmentDamaged, OSError):
            continue  # `verify_stream` has named it
        found.segments += 1
        found.records += len(records)
        if not remains.is_whole:
            _expired(remains, held, found)
        for record in records:
            held.by_number[stream, record.number] = record
            held.by_interaction.setdefault(record.interaction_id, []).append(record)
            if record.application is not None and record.call is not None:
                _keep_call(stream, record.application, record.call, record, held, found)


def _expiries(bundle: Bundle, found: Audit) -> list[Expiry]:
    """Return the statements of expiry whose signature holds."""
    holding = []
    for expiry in bundle.expiries:
        fault = expiry_fault(expiry, bundle.keys)
        if fault is None:
            holding.append(expiry)
        else:
            where = f"expiry of {expiry.record_class} records from {expiry.from_us}"
            found.find(Damage.UNSIGNED, where, fault)
    return holding


def _expired(remains: Remains, held: _Held, found: Audit) -> None:
    """Check that a statement of expiry covers a segment that lacks records."""
    seal = remains.seal
    lacks = seal.records - len(remains.lines)
    found.expired += lacks
    if not any(each.names(seal.stream, seal.segment) for each in held.expiries):
        where = f"{seal.stream} segment {seal.segment}"
        found.find(Damage.DROPPED, where, f"it lacks {lacks} records, and none were said to expire")


def _beside_list(
    bundle: Bundle, seal: Seal, listed: dict[tuple[str, int], Seal], found: Audit
) -> None:
    if bundle.seals is None:
        return
    where = f"{seal.stream} segment {seal.segment}"
    known = listed.get((seal.stream, seal.segment))
    if known is None:
        found.find(Damage.DROPPED, where, "its seal is not in the list of all seals")
    elif known != seal:
        found.find(Damage.ALTERED, where, "its seal is not the one in the list of all seals")


def _keep_call(
    stream: str, application: str, call: int, record: CallRecord, held: _Held, found: Audit
) -> None:
    key = (stream, application, call)
    if key in held.by_call:
        where = f"{stream} record {record.number}"
        found.find(Damage.DOUBLED, where, f"call {call} of {application} is there twice")
    held.by_call.setdefault(key, record)


def _check_numbering(stream: str, held: _Held, found: Audit) -> None:
    """Check that each application's calls run from 1 without a gap, except after a crash."""
    calls: dict[str, set[int]] = {}
    for of_stream, application, call in held.by_call:
        if of_stream == stream:
            calls.setdefault(application, set()).add(call)
    state = held.ends[stream].state if stream in held.ends else "open"
    for application, numbers in sorted(calls.items()):
        missing = sorted(set(range(1, max(numbers) + 1)) - numbers)
        if not missing:
            continue
        if any(each.stream == stream for expiry in held.expiries for each in expiry.segments):
            found.notes.append(f"{stream}: of the calls of {application} some have expired")
            continue
        shown = ", ".join(str(each) for each in missing[:10])
        if state == "ended":
            found.find(Damage.DROPPED, stream, f"calls {shown} of {application} have no record")
        else:
            found.notes.append(
                f"{stream} ({state}): calls {shown} of {application} have no record; their answers"
                " were not finished, or were lost in a gap that is signed"
            )


# --- roots ---------------------------------------------------------------------------------------


def _roots(bundle: Bundle, found: Audit) -> None:
    """Check each root: signed, over the seals in the list, and the same for all parties."""
    seals = bundle.seals
    tree = merkle.Tree([merkle.leaf_hash(seal.statement()) for seal in seals or ()])
    faces: dict[int, str] = {}
    for witnessed in bundle.roots:
        root = witnessed.root
        where = f"root over {root.size} seals"
        found.roots += 1
        if fault := signature_fault(root, bundle.keys):
            found.find(Damage.UNSIGNED, where, fault)
        if faces.setdefault(root.size, root.root) != root.root:
            found.find(Damage.ALTERED, where, "there are two: parties were shown different ones")
        if seals is not None:
            _root_over(root.size, root.root, root.at_us, seals, tree, where, found)
        for witness in witnessed.witnesses:
            fault = witness_fault(root, witness) or _issuer_fault(bundle, witness)
            if fault is not None:
                found.find(Damage.UNSIGNED, f"{where}, witness {witness.organisation}", fault)


def _root_over(
    size: int,
    expected: str,
    at_us: int,
    seals: list[Seal],
    tree: merkle.Tree,
    where: str,
    found: Audit,
) -> None:
    """Check a root of `size` seals against the list of seals: none missing, changed or younger."""
    if size > tree.size:
        detail = f"only {tree.size} seals are there: the tail is withheld"
        found.find(Damage.TRUNCATED, where, detail)
    elif merkle.root(size, tree.node).hex() != expected:
        detail = "the first seals of the list are not those it was made of: history was rewritten"
        found.find(Damage.ALTERED, where, detail)
    for leaf, seal in enumerate(seals[:size]):
        if seal.sealed_at_us > at_us + CLOCKS_APART_US:
            found.find(Damage.BACKDATED, where, f"it covers seal {leaf}, which is younger")


def _issuer_fault(bundle: Bundle, witness: Witness) -> str | None:
    """Return a fault if the alliance's authority did not issue the witness's certificate.

    None where the bundle has no authority.
    """
    if bundle.authority is None:
        return None
    try:
        authority = x509.load_pem_x509_certificate(bundle.authority)
        certificate = x509.load_pem_x509_certificate(witness.certificate.encode())
        certificate.verify_directly_issued_by(authority)
    except (ValueError, TypeError, InvalidSignature):
        return "its certificate was not issued by the alliance's authority"
    return None


# --- receipts and logs ---------------------------------------------------------------------------


def _receipt_beside_records(name: str, receipt: str, line: str, held: _Held, found: Audit) -> None:
    """Compare a receipt's line with the record of its call."""
    parsed = ReceiptName.parse(receipt)
    if parsed.stream not in held.ends:
        found.notes.append(f"receipt {name}: the records of {parsed.stream} are not in the bundle")
        return
    read = next(_lines_of(parsed, held), None)
    if read is None and any(_covers(each, parsed) for each in held.expiries):
        found.notes.append(f"receipt {name}: the call it proves has expired")
    elif read is None:
        found.find(Damage.DROPPED, f"receipt {name}", "the records lack the call it proves")
    elif read != line:
        found.find(Damage.ALTERED, f"receipt {name}", "the record of the call says otherwise")


def _lines_of(name: ReceiptName, held: _Held) -> Iterator[str]:
    for (stream, _, call), record in held.by_call.items():
        if (stream, call, record.at_us) == (name.stream, name.call, name.at_us):
            yield encode(record).decode()


def _log(bundle: Bundle, log: Log, held: _Held, found: Audit) -> None:
    """Compare one party's log with the records, both ways."""
    if log.fault is not None:
        found.find(Damage.ALTERED, f"log {log.name}", log.fault)
        return
    for entry in log.entries:
        found.log_lines += 1
        if entry.side == "caller":
            _caller_entry(bundle, log, entry, held, found)
        else:
            _member_entry(log, entry, held, found)
    _what_the_log_lacks(log, held, found)


def _caller_entry(bundle: Bundle, log: Log, entry: LogEntry, held: _Held, found: Audit) -> None:
    where = f"log {log.name} line {entry.number}"
    if entry.receipt is None:
        if entry.status not in _WITHOUT_RECEIPT:
            found.notes.append(f"{where}: the answer named no receipt")
        return
    try:
        name = ReceiptName.parse(entry.receipt)
    except ValueError as error:
        found.find(Damage.ALTERED, where, f"its receipt is {error}")
        return
    if fault := _invented(bundle, entry, name, held):
        found.find(Damage.UNSIGNED, where, fault)
        return
    record = held.by_call.get((name.stream, entry.party, name.call))
    if record is None:
        _unrecorded(where, name, held, found)
    else:
        _compare(where, entry, name, record, found)


def _invented(bundle: Bundle, entry: LogEntry, name: ReceiptName, held: _Held) -> str | None:
    """Return a fault if it can be shown that the platform never gave this receipt."""
    key = bundle.receipt_keys.get(name.stream)
    if key is None:
        return None
    end = held.ends.get(name.stream)
    if end is not None and end.receipts != sha256(key).hexdigest():
        return "the receipt key that was shown is not the one the stream was sealed with"
    said = (name.stream, name.call, name.at_us, entry.party, entry.interaction_id, entry.status)
    if authenticator(key, *said) != name.authenticator:
        return "the platform gave no such receipt for such an answer"
    return None


def _unrecorded(where: str, name: ReceiptName, held: _Held, found: Audit) -> None:
    """Explain a receipt without a record: expired, in a signed gap, withheld or dropped."""
    end = held.ends.get(name.stream)
    if any(_covers(each, name) for each in held.expiries):
        found.notes.append(f"{where}: call {name.call} has expired")
    elif end is None:
        detail = f"the records of {name.stream} are not there, and it has a receipt of them"
        found.find(Damage.DROPPED, where, detail)
    elif end.state == "lost" and end.gap_from_us is not None and end.gap_until_us is not None:
        if end.gap_from_us - CLOCKS_APART_US <= name.at_us <= end.gap_until_us:
            found.notes.append(f"{where}: call {name.call} fell into a gap that is signed")
        else:
            found.find(Damage.DROPPED, where, f"call {name.call} is outside the signed gap")
    elif end.state == "open":
        detail = f"call {name.call} has no record: it was dropped, or the tail is withheld"
        found.find(Damage.TRUNCATED, where, detail)
    else:
        found.find(Damage.DROPPED, where, f"call {name.call} was answered and has no record")


def _covers(expiry: Expiry, name: ReceiptName) -> bool:
    of_stream = any(each.stream == name.stream for each in expiry.segments)
    return of_stream and expiry.from_us <= name.at_us < expiry.until_us


def _compare(
    where: str, entry: LogEntry, name: ReceiptName, record: CallRecord, found: Audit
) -> None:
    differing = [
        f"{what}: the log says {said}, the record {recorded}"
        for what, said, recorded in (
            ("interaction", entry.interaction_id, record.interaction_id),
            ("status", entry.status, record.status),
            ("method", entry.method, record.method),
            ("arrival", name.at_us, record.at_us),
        )
        if said != recorded
    ]
    if differing:
        found.find(Damage.ALTERED, where, "; ".join(differing))
    elif abs(entry.at_us - record.at_us) > CLOCKS_APART_US:
        apart_s = (record.at_us - entry.at_us) / 1_000_000
        found.find(Damage.BACKDATED, where, f"the two clocks are {apart_s:+.1f} s apart")


def _member_entry(log: Log, entry: LogEntry, held: _Held, found: Audit) -> None:
    where = f"log {log.name} line {entry.number}"
    records = held.by_interaction.get(entry.interaction_id, [])
    mine = [record for record in records if record.member == entry.party]
    if not mine:
        found.find(Damage.DROPPED, where, "the member served a call that has no record")
    elif not any(record.status == entry.status or record.refusal for record in mine):
        says = f"the member says {entry.status}, the record {mine[0].status}"
        found.find(Damage.ALTERED, where, f"status: {says}")


def _what_the_log_lacks(log: Log, held: _Held, found: Audit) -> None:
    """Find records of the party, between its first and last line, that its log lacks."""
    if not log.entries:
        return
    first, last = log.entries[0], log.entries[-1]
    logged = {(entry.interaction_id, entry.status) for entry in log.entries}
    served = {entry.interaction_id for entry in log.entries}
    for (stream, number), record in sorted(held.by_number.items()):
        if not first.at_us <= record.at_us <= last.at_us:
            continue
        where = f"{stream} record {number}"
        if first.side == "caller":
            concerned = record.application == first.party
            concerned = concerned and record.refusal != CALLER_GONE.code
            lacking = (record.interaction_id, record.status) not in logged
        else:
            concerned = (record.member, record.refusal) == (first.party, None)
            lacking = record.interaction_id not in served
        if concerned and lacking and not record.reconciled:
            found.find(Damage.DROPPED, where, f"log {log.name} lacks this call")


_WITHOUT_RECEIPT: Final = frozenset({401, 503})
