"""A partner with its own log, receipts from the running platform, and an audit of it all."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from platform_world import ACCOUNTS, World

from waits import PATIENCE_S
from weir.cli.records.bundles import fetch
from weir.client import CallLog, Management, Profile, RefusedError, Session, WeirError
from weir.client.management.records.roots import seen_root
from weir.kernel.call_log import LogEntry, read
from weir.kernel.seals import Receipt
from weir.kernel.witnesses import WitnessedRoot
from weir.metering.records import bundle_audit, bundles
from weir.metering.records.segments import Damage

pytestmark = pytest.mark.xdist_group("platform")

CALLS = 5
PATH = "/river-bank/accounts/v1/accounts?page=1"


async def logged_calls(platform: World, path: Path) -> list[LogEntry]:
    """Calls without a consent: each is refused, and each refusal has its receipt."""
    caller = await platform.partner(path.stem, ACCOUNTS)
    session = Session.of_application(
        platform.stage.platform, caller.exchange, caller.server, ACCOUNTS
    )
    with CallLog(path, caller.profile.credentials.client_id) as log:
        session.log = log
        for _ in range(CALLS):
            with pytest.raises(RefusedError) as refused:
                await session.call("GET", PATH, headers={"weir-scene": "checkout"})
            assert refused.value.code == "consent_required"
    entries = await asyncio.to_thread(lambda: read(path.read_bytes()))
    async with Management.open(caller.profile) as management:
        receipts = [await fetched(management, str(entry.receipt)) for entry in entries]
        assert all('"scene":"checkout"' in receipt.line for receipt in receipts)
    return entries


async def fetched(management: Management, name: str) -> Receipt:
    """The receipt, once it is sealed and in the lake."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            try:
                return await management.receipts.get(name)
            except RefusedError as refused:
                if refused.code != "not_found":
                    raise
                await asyncio.sleep(0.2)


async def test_what_a_partner_logged_is_proven_and_an_audit_of_everything_agrees(
    platform: World, tmp_path: Path
) -> None:
    entries = await logged_calls(platform, tmp_path / "log-keeper.jsonl")
    assert [entry.status for entry in entries] == [403] * CALLS
    await platform.operator.roots.sign()
    folder = tmp_path / "bundle"
    authority = platform.stage.platform.ca_file
    seals, segments = await fetch(platform.operator, folder, authority)
    assert seals == segments > 0
    (folder / "logs" / "keeper.jsonl").write_bytes((tmp_path / "log-keeper.jsonl").read_bytes())
    found = await asyncio.to_thread(lambda: bundle_audit.audit(bundles.read(folder)))
    assert [str(each) for each in found.findings] == []
    assert found.log_lines == CALLS
    await _forged(folder, entries[0])


async def _forged(folder: Path, entry: LogEntry) -> None:
    """Somebody changes the status of one call in the bundle's records."""
    (path,) = [
        each
        for each in (folder / "records").glob("*/*.records")
        if entry.interaction_id.encode() in each.read_bytes()
    ]
    before = b'"interaction_id":"%b","status":403' % entry.interaction_id.encode()
    path.write_bytes(path.read_bytes().replace(before, before.replace(b"403", b"200")))
    found = await asyncio.to_thread(lambda: bundle_audit.audit(bundles.read(folder)))
    where = f"{path.parent.name} segment {int(path.stem)}"
    assert (Damage.ALTERED, where) in {(each.damage, each.where) for each in found.findings}


async def test_a_witness_signs_what_begins_with_what_it_saw_and_nothing_else(
    platform: World, tmp_path: Path
) -> None:
    await logged_calls(platform, tmp_path / "witness-shop.jsonl")
    credentials = Profile.load(platform.stage.profile_folder("river-bank")).credentials
    roots = platform.bank.management.roots
    for _ in range(2):
        await platform.operator.roots.sign()
        told = await roots.witness(credentials)
        assert credentials.client_id in {each["application"] for each in told["witnesses"]}
    seen = seen_root(credentials)
    assert seen is not None
    kept = credentials.folder / "root.json"
    right = kept.read_bytes()
    kept.write_bytes(right.replace(seen.root.encode(), b"0" * 64))
    with pytest.raises(WeirError, match="history was rewritten"):
        await roots.witness(credentials)
    kept.write_bytes(right.replace(b'"size":%d' % seen.size, b'"size":%d' % (seen.size + 10**6)))
    with pytest.raises(WeirError, match="is gone"):
        await roots.witness(credentials)
    kept.write_bytes(right)
    assert WitnessedRoot(root=seen).root.size == seen.size


async def test_a_log_is_one_processs_and_begins_after_its_last_whole_line(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    with CallLog(path, "app_1"), pytest.raises(WeirError, match="another process"):
        CallLog(path, "app_1")
    path.write_bytes(b'{"side":"cal')
    CallLog(path, "app_1").close()
    assert path.read_bytes() == b""
    path.write_bytes(b"{}\n")
    with pytest.raises(WeirError, match="was changed"):
        CallLog(path, "app_1")
