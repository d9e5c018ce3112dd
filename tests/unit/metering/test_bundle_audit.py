"""A bundle in which everything agrees, and every way of forging it: what is found, and where."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import msgspec
import pytest
from call_records import new_stream

from seals import KEY, KEYS, OTHER_KEY, SECRET, seal_all
from weir.kernel import merkle
from weir.kernel.call_log import BEGINNING, LogEntry, digest_of, line_of
from weir.kernel.seals import Inclusion, Receipt, ReceiptName, Root, Seal, authenticator
from weir.kernel.witnesses import WitnessedRoot
from weir.metering.records import bundle_audit, bundles
from weir.metering.records.bundle_audit import Audit
from weir.metering.records.records import CallRecord
from weir.metering.records.sealer import stream_key
from weir.metering.records.segments import Damage, read_seal, read_segment
from weir.metering.records.writer import RecordWriter

APPLICATION = "app_01k9v7p8r3e5xa2m4n6q8s0t1v"
OTHER = "app_01k9v7p8r3e5xa2m4n6q8s0t2v"
MEMBER = "org_01k9v7p8r3e5xa2m4n6q8s0t1v"
CALLS = 6


class Alliance:
    """One stream of two segments; the logs of its caller and its member; a root; a receipt."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.stream = new_stream()
        self.entries: list[LogEntry] = []
        self.served: list[LogEntry] = []
        (folder / "logs").mkdir(parents=True)
        (folder / "receipts").mkdir()
        self._write_records()
        self.seals = [read_seal(folder / "records", self.stream, n) for n in (1, 2)]
        self.roots = [WitnessedRoot(root=self.root(1)), WitnessedRoot(root=self.root(2))]
        self._write_receipt()
        self.save()

    def _write_records(self) -> None:
        (self.folder / "records").mkdir()
        writer = RecordWriter.open(self.folder / "records", self.stream)
        for call in range(1, CALLS + 1):
            self._call(writer, call)
            if call == CALLS // 2:
                writer.seal()
        writer.close()
        assert seal_all(self.folder / "records").findings == []

    def _call(self, writer: RecordWriter, call: int) -> None:
        at_us, interaction = time.time_ns() // 1000, str(uuid4())
        said = {"at_us": at_us, "interaction_id": interaction, "method": "GET", "status": 200}
        writer.write(
            CallRecord(call=call, application=APPLICATION, member=MEMBER, duration_us=9, **said)
        )
        if call == 2:
            writer.write(CallRecord(call=1, application=OTHER, duration_us=9, **said))
        proof = authenticator(
            stream_key(SECRET, self.stream), self.stream, call, at_us, APPLICATION, interaction, 200
        )
        name = ReceiptName(self.stream, call, at_us, proof)
        common = {"number": call, "previous": "", "path": "/a", **said}
        self.entries.append(LogEntry(side="caller", party=APPLICATION, receipt=str(name), **common))
        self.served.append(LogEntry(side="member", party=MEMBER, **common))

    def root(self, size: int) -> Root:
        hashes = [merkle.leaf_hash(seal.statement()) for seal in self.seals[:size]]
        at_us = self.seals[size - 1].sealed_at_us + 1
        root = merkle.Tree(hashes).root.hex()
        return KEY.sign_root(Root(size=size, root=root, at_us=at_us, key=""))

    def _write_receipt(self) -> None:
        segment = read_segment(self.folder / "records", self.stream, 1)
        tree = merkle.Tree([merkle.leaf_hash(line) for line in segment.lines])
        self.receipt = Receipt(
            receipt=str(self.entries[0].receipt),
            line=segment.lines[0].decode(),
            index=0,
            path=[each.hex() for each in tree.inclusion(0)],
            seal=segment.seal,
            inclusion=Inclusion(0, [], self.root(1)),
        )

    def save(self) -> None:
        """Everything but the records, as it stands now."""
        self.put("keys.json", list(KEYS.values()))
        self.put("roots.json", self.roots)
        self.put("receipt-keys.json", {self.stream: stream_key(SECRET, self.stream).hex()})
        self.put("receipts/first.json", self.receipt)
        raw = b"".join(msgspec.json.encode(seal) + b"\n" for seal in self.seals)
        (self.folder / "seals.jsonl").write_bytes(raw)
        for name, entries in (("caller", self.entries), ("member", self.served)):
            (self.folder / "logs" / f"{name}.jsonl").write_bytes(chained(entries))

    def put(self, name: str, value: Any) -> None:
        (self.folder / name).write_bytes(msgspec.json.encode(value))

    def path(self, segment: int, suffix: str = ".records") -> Path:
        return self.folder / "records" / self.stream / f"{segment:010d}{suffix}"

    def edit(self, segment: int, change: Callable[[list[bytes]], list[bytes]]) -> None:
        path = self.path(segment)
        path.write_bytes(b"".join(change(path.read_bytes().splitlines(keepends=True))))

    def forge(self, segment: int, change: Callable[[list[bytes]], list[bytes]]) -> None:
        """Change records, and seal and chain everything from there on anew with the real key."""
        self.edit(segment, change)
        previous = self.seals[segment - 2].sha256 if segment > 1 else "0" * 64
        first = self.seals[segment - 1].first
        for number in range(segment, len(self.seals) + 1):
            lines = self.path(number).read_bytes().split(b"\n")[:-1]
            root = merkle.Tree([merkle.leaf_hash(line) for line in lines]).root.hex()
            seal = msgspec.structs.replace(
                self.seals[number - 1],
                root=root,
                records=len(lines),
                first=first,
                previous=previous,
            )
            seal = KEY.sign_seal(seal)
            self.seals[number - 1] = seal
            self.path(number, ".seal").write_bytes(msgspec.json.encode(seal))
            self.path(number, ".leaves").unlink()
            previous, first = seal.sha256, seal.last + 1
        self.save()

    def audit(self) -> Audit:
        return bundle_audit.audit(bundles.read(self.folder))

    def found(self) -> set[tuple[str, str]]:
        """The findings, each as its word and the place it names."""
        return {(each.damage.value, each.where) for each in self.audit().findings}


def chained(entries: list[LogEntry]) -> bytes:
    raw, previous = b"", BEGINNING
    for number, entry in enumerate(entries, start=1):
        line = line_of(msgspec.structs.replace(entry, number=number, previous=previous))
        raw, previous = raw + line + b"\n", digest_of(line)
    return raw


@pytest.fixture
def alliance(tmp_path: Path) -> Alliance:
    return Alliance(tmp_path / "bundle")


def test_where_everything_agrees_nothing_is_found(alliance: Alliance) -> None:
    audit = alliance.audit()
    assert [str(each) for each in audit.findings] == []
    assert audit.notes == []
    assert (audit.records, audit.segments, audit.roots) == (CALLS + 1, 2, 2)
    assert audit.log_lines == 2 * CALLS


def test_an_altered_record_is_named(alliance: Alliance) -> None:
    alliance.edit(2, lambda lines: [lines[0].replace(b":200", b":500"), *lines[1:]])
    (damage, detail) = next((f.damage, f.detail) for f in alliance.audit().findings)
    assert (damage, detail) == (Damage.ALTERED, "record 5 not as sealed")


def test_an_altered_record_sealed_anew_is_found_by_log_receipt_and_root(
    alliance: Alliance,
) -> None:
    """The platform itself forges, with its own key, and everything that is in its hands fits."""
    alliance.forge(1, lambda lines: [lines[0].replace(b":200", b":500"), *lines[1:]])
    assert alliance.found() == {
        ("altered", "root over 1 seals"),
        ("altered", "root over 2 seals"),
        ("altered", "receipt first.json"),
        ("altered", "log caller.jsonl line 1"),
        ("altered", "log member.jsonl line 1"),
        ("dropped", f"{alliance.stream} record 1"),  # the log has no such answer
    }


def test_a_dropped_record_is_named_by_both_logs(alliance: Alliance) -> None:
    def without_fourth(lines: list[bytes]) -> list[bytes]:
        kept = [lines[0], *lines[2:]]
        return [
            line.replace(b'"number":%d' % (n + 6), b'"number":%d' % (n + 5)) if n else line
            for n, line in enumerate(kept)
        ]

    alliance.forge(2, without_fourth)
    found = alliance.found()
    assert ("dropped", "log caller.jsonl line 5") in found
    assert ("dropped", "log member.jsonl line 5") in found
    assert ("dropped", alliance.stream) in found  # call 5 is missing between 4 and 6
    assert ("altered", "root over 2 seals") in found


def test_a_doubled_record_is_named(alliance: Alliance) -> None:
    def doubled(lines: list[bytes]) -> list[bytes]:
        return [*lines, lines[-1].replace(b'"number":7', b'"number":8')]

    alliance.forge(2, doubled)
    assert ("doubled", f"{alliance.stream} record 8") in alliance.found()


def test_reordered_records_are_named(alliance: Alliance) -> None:
    alliance.edit(2, lambda lines: [lines[1], lines[0], *lines[2:]])
    assert ("reordered", f"{alliance.stream} segment 2") in alliance.found()


def test_a_truncated_stream_is_named(alliance: Alliance) -> None:
    for suffix in (".records", ".seal", ".leaves"):
        alliance.path(2, suffix).unlink()
    found = alliance.found()
    assert ("truncated", f"{alliance.stream} segment 2") in found
    assert ("truncated", "log caller.jsonl line 6") in found


def test_a_withheld_tail_is_named_by_the_root_that_covers_it(alliance: Alliance) -> None:
    """Records, seals and the newest root are kept back; somebody has kept the root."""
    for suffix in (".records", ".seal", ".leaves"):
        alliance.path(2, suffix).unlink()
    alliance.seals = alliance.seals[:1]
    alliance.save()
    found = alliance.found()
    assert ("truncated", "root over 2 seals") in found
    assert ("truncated", "log caller.jsonl line 6") in found


def test_a_whole_stream_that_is_withheld_is_named_by_whoever_has_its_receipts(
    alliance: Alliance,
) -> None:
    shutil.rmtree(alliance.folder / "records" / alliance.stream)
    found = alliance.found()
    assert {("dropped", f"log caller.jsonl line {n}") for n in range(1, CALLS + 1)} <= found


def test_swapped_keys_are_named(alliance: Alliance) -> None:
    seal = OTHER_KEY.sign_seal(alliance.seals[1])
    alliance.path(2, ".seal").write_bytes(msgspec.json.encode(seal))
    alliance.seals[1] = seal
    alliance.save()
    assert {
        ("unsigned", f"seal 1 ({alliance.stream} segment 2)"),
        ("unsigned", f"{alliance.stream} segment 2"),
    } <= alliance.found()


def test_a_root_of_another_key_is_named(alliance: Alliance) -> None:
    alliance.roots[1] = WitnessedRoot(root=OTHER_KEY.sign_root(alliance.roots[1].root))
    alliance.save()
    assert ("unsigned", "root over 2 seals") in alliance.found()


def test_a_backdated_seal_is_named(alliance: Alliance) -> None:
    early = KEY.sign_seal(msgspec.structs.replace(alliance.seals[1], sealed_at_us=1))
    alliance.path(2, ".seal").write_bytes(msgspec.json.encode(early))
    alliance.seals[1] = early
    alliance.save()
    assert ("backdated", f"{alliance.stream} segment 2") in alliance.found()


def test_a_backdated_root_is_named(alliance: Alliance) -> None:
    early = KEY.sign_root(msgspec.structs.replace(alliance.roots[1].root, at_us=1))
    alliance.roots[1] = WitnessedRoot(root=early)
    alliance.save()
    assert ("backdated", "root over 2 seals") in alliance.found()


def test_a_backdated_record_is_named_by_its_receipt(alliance: Alliance) -> None:
    at_us = alliance.entries[3].at_us

    def earlier(lines: list[bytes]) -> list[bytes]:
        return [lines[0].replace(b"%d" % at_us, b"%d" % (at_us - 9_000_000)), *lines[1:]]

    alliance.forge(2, earlier)
    assert ("altered", "log caller.jsonl line 4") in alliance.found()


def test_two_roots_of_one_size_are_named(alliance: Alliance) -> None:
    other: Seal = KEY.sign_seal(msgspec.structs.replace(alliance.seals[1], torn_bytes=1))
    hashes = [merkle.leaf_hash(each.statement()) for each in (alliance.seals[0], other)]
    root = msgspec.structs.replace(alliance.roots[1].root, root=merkle.Tree(hashes).root.hex())
    alliance.roots.append(WitnessedRoot(root=KEY.sign_root(root)))
    alliance.save()
    details = [each.detail for each in alliance.audit().findings]
    assert any("parties were shown different ones" in detail for detail in details)


def test_an_invented_receipt_is_told_from_a_real_one(alliance: Alliance) -> None:
    real = ReceiptName.parse(str(alliance.entries[-1].receipt))
    invented = msgspec.structs.replace(real, call=CALLS + 1, authenticator="0" * 32)
    claim = msgspec.structs.replace(alliance.entries[-1], receipt=str(invented))
    alliance.entries.append(claim)
    alliance.save()
    assert alliance.found() == {("unsigned", f"log caller.jsonl line {CALLS + 1}")}


def test_a_receipt_key_that_is_not_the_sealed_one_is_named(alliance: Alliance) -> None:
    alliance.put("receipt-keys.json", {alliance.stream: "00" * 32})
    details = {each.detail for each in alliance.audit().findings}
    assert any("not the one the stream was sealed with" in detail for detail in details)


def test_a_log_that_was_mended_is_not_believed(alliance: Alliance) -> None:
    path = alliance.folder / "logs" / "caller.jsonl"
    path.write_bytes(path.read_bytes().replace(b":200", b":500", 1))
    assert ("altered", "log caller.jsonl") in alliance.found()


def test_a_call_that_a_log_lacks_is_named(alliance: Alliance) -> None:
    lacking = alliance.entries.pop(2)
    alliance.served.pop(2)
    assert lacking.number == 3
    alliance.save()
    details = [(each.where, each.detail) for each in alliance.audit().findings]
    record = f"{alliance.stream} record 4"
    assert details == [
        (record, "log caller.jsonl lacks this call"),
        (record, "log member.jsonl lacks this call"),
    ]


def test_a_receipt_that_does_not_hold_is_named(alliance: Alliance) -> None:
    alliance.receipt = msgspec.structs.replace(alliance.receipt, line=alliance.receipt.line + " ")
    alliance.save()
    assert alliance.found() == {("altered", "receipt first.json")}


def test_a_call_lost_in_a_signed_gap_is_a_note(tmp_path: Path) -> None:
    """The machine stopped after the answer and before the disk had its record."""
    alliance = Alliance(tmp_path / "bundle")
    stream = alliance.folder / "records" / alliance.stream
    for suffix in (".seal", ".leaves"):
        alliance.path(2, suffix).unlink()
    (stream / "ended").unlink()
    (stream / "closed").unlink()
    lines = alliance.path(2).read_bytes().splitlines(keepends=True)
    alliance.path(2).unlink()
    alliance.path(2, ".open").write_bytes(b"".join(lines[:-1]))
    assert seal_all(alliance.folder / "records", boot="the next start").findings == []
    seal = read_seal(alliance.folder / "records", alliance.stream, 2)
    now_us = time.time_ns() // 1000
    seal = KEY.sign_seal(msgspec.structs.replace(seal, gap_until_us=now_us))
    alliance.path(2, ".seal").write_bytes(msgspec.json.encode(seal))
    alliance.seals[1], alliance.roots[1:] = seal, []
    alliance.save()
    audit = alliance.audit()
    assert any("fell into a gap that is signed" in note for note in audit.notes)
    assert {each.where for each in audit.findings} == {f"log member.jsonl line {CALLS}"}


def test_what_is_no_bundle_is_said_to_be_none(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"keys\.json is missing"):
        bundles.read(tmp_path)
    (tmp_path / "keys.json").write_bytes(b"[{}]")
    with pytest.raises(ValueError, match="not what it should be"):
        bundles.read(tmp_path)
