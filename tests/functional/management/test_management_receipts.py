"""Receipts, roots and witnesses over the management API, from sealed records in a real lake."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from uuid import uuid4

import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from management_support import Api, Party

from seals import SECRET
from weir.kernel import identifiers, merkle
from weir.kernel.seals import (
    PublicKey,
    Receipt,
    ReceiptName,
    Root,
    Seal,
    authenticator,
    b64url,
    receipt_fault,
    signature_fault,
)
from weir.keys.record_keys import RecordKeys
from weir.metering.lake.ingest import ingest
from weir.metering.records import seal_log
from weir.metering.records.records import CallRecord
from weir.metering.records.sealer import Sealer, stream_key
from weir.metering.records.writer import RecordWriter
from weir.store.unit import Actor


@dataclass
class Recorded:
    """Writes calls of the partner to the bank, and brings them into the lake."""

    api: Api
    folder: Path
    partner: Party
    bank: Party
    keys: RecordKeys
    names: list[str] = field(default_factory=list)

    async def calls(self, count: int) -> None:
        stream = identifiers.mint("str", time.time_ns() // 1_000_000, uuid4().bytes)
        writer = RecordWriter.open(self.folder / "records", stream)
        for call in range(1, count + 1):
            at_us, interaction = time.time_ns() // 1000, str(uuid4())
            said = (stream, call, at_us, self.partner.application, interaction, 200)
            proof = authenticator(stream_key(SECRET, stream), *said)
            self.names.append(str(ReceiptName(stream, call, at_us, proof)))
            writer.write(
                CallRecord(
                    call=call,
                    at_us=at_us,
                    duration_us=1,
                    interaction_id=interaction,
                    application=self.partner.application,
                    organisation=self.partner.organisation,
                    member=self.bank.organisation,
                    method="GET",
                    status=200,
                )
            )
        writer.close()
        services = self.api.services
        assert Sealer(self.folder / "records", self.keys.current, SECRET).run().findings == []
        report = await ingest(
            services.database, self.folder / "records", services.lake, self.keys.public
        )
        assert report.findings == []

    async def public_keys(self, party: Party) -> dict[str, PublicKey]:
        listed = await self.api.done(party, "GET", "/v1/records/keys")
        return {each["kid"]: msgspec.convert(each, PublicKey) for each in listed["items"]}


@pytest.fixture
async def recorded(api: Api, folder: Path, partner: Party, bank: Party) -> Recorded:
    (folder / "records").mkdir()
    keys = await RecordKeys.open(api.services.database, api.services.sealing)
    recorded = Recorded(api, folder, partner, bank, keys)
    await recorded.calls(5)
    return recorded


async def test_a_partner_fetches_the_receipt_of_its_call_and_checks_it(recorded: Recorded) -> None:
    keys = await recorded.public_keys(recorded.partner)
    for party in (recorded.partner, recorded.bank, recorded.api.operator):
        told = await recorded.api.done(party, "GET", f"/v1/receipts/{recorded.names[2]}")
        receipt = msgspec.convert(told, Receipt)
        assert receipt_fault(receipt, keys) is None
        assert receipt.inclusion is None
    await recorded.api.done(recorded.api.operator, "POST", "/v1/records/roots")
    told = await recorded.api.done(recorded.partner, "GET", f"/v1/receipts/{recorded.names[2]}")
    receipt = msgspec.convert(told, Receipt)
    assert receipt.inclusion is not None
    assert receipt_fault(receipt, keys) is None


async def test_others_find_no_receipt_and_neither_does_who_made_a_name_up(
    recorded: Recorded, other_partner: Party
) -> None:
    name = recorded.names[0]
    answer = await recorded.api.ask(other_partner, "GET", f"/v1/receipts/{name}")
    assert answer.status_code == 404
    made_up = name[:-1] + ("0" if name[-1] != "0" else "1")
    answer = await recorded.api.ask(recorded.partner, "GET", f"/v1/receipts/{made_up}")
    assert answer.status_code == 404
    answer = await recorded.api.ask(recorded.partner, "GET", "/v1/receipts/nothing")
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_input")


async def test_the_lines_of_a_segment_are_the_operators_alone(recorded: Recorded) -> None:
    stream = recorded.names[0].partition(".")[0]
    path = f"/v1/records/segments/{stream}/1"
    answer = await recorded.api.ask(recorded.api.operator, "GET", path)
    assert answer.content.count(b"\n") == 5
    assert (await recorded.api.ask(recorded.bank, "GET", path)).status_code == 403
    pruned = await recorded.api.ask(recorded.api.operator, "GET", f"{path}/pruned")
    assert pruned.json()["items"] == []
    assert (await recorded.api.ask(recorded.bank, "GET", f"{path}/pruned")).status_code == 403


async def test_the_files_to_be_read_are_the_operators_to_list_and_expiries_everybodys(
    recorded: Recorded,
) -> None:
    listed = await recorded.api.ask(recorded.api.operator, "GET", "/v1/records/files")
    items = listed.json()["items"]
    assert items
    assert all(each.startswith("calls/day=") for each in items)
    after = await recorded.api.ask(
        recorded.api.operator, "GET", f"/v1/records/files?after={items[-1]}"
    )
    assert after.json()["items"] == []
    assert (await recorded.api.ask(recorded.bank, "GET", "/v1/records/files")).status_code == 403
    expired = await recorded.api.ask(recorded.bank, "GET", "/v1/records/expiries")
    assert (expired.status_code, expired.json()["items"]) == (200, [])


async def test_every_root_is_over_all_seals_and_begins_with_the_one_before(
    recorded: Recorded,
) -> None:
    api, keys = recorded.api, await recorded.public_keys(recorded.bank)
    made: list[Root] = []
    for _ in range(6):
        told = await api.done(api.operator, "POST", "/v1/records/roots")
        again = await api.done(api.operator, "POST", "/v1/records/roots")
        assert again == told
        made.append(msgspec.convert(told["root"], Root))
        await recorded.calls(1)
    seals = (await api.done(recorded.bank, "GET", "/v1/records/seals"))["items"]
    leaves = [merkle.leaf_hash(msgspec.convert(each, Seal).statement()) for each in seals]
    for root in made:
        assert signature_fault(root, keys) is None
        assert merkle.Tree(leaves[: root.size]).root.hex() == root.root
    for old, new in pairwise(made):
        path = f"/v1/records/roots/{new.size}/consistency?since={old.size}"
        proof = [
            bytes.fromhex(each) for each in (await api.done(recorded.bank, "GET", path))["path"]
        ]
        roots = bytes.fromhex(old.root), bytes.fromhex(new.root)
        assert merkle.verify_consistency(old.size, roots[0], new.size, roots[1], proof)


async def test_a_day_is_closed_by_one_root(recorded: Recorded) -> None:
    services = recorded.api.services
    made = []
    for _ in range(2):
        async with services.database.unit(_actor(recorded.bank)) as unit:
            day = seal_log.today(unit.now)
            made.append(
                await seal_log.sign_root(unit.connection, recorded.keys.current, unit.now, day)
            )
        await recorded.calls(1)
    assert made[0] == made[1]
    assert made[0].day is not None


def _actor(party: Party) -> Actor:
    return Actor(party.organisation, party.application)


async def witness_of(api: Api, party: Party) -> tuple[Party, ec.EllipticCurvePrivateKey]:
    """The party with a new certificate whose key the test holds."""
    key = ec.generate_private_key(ec.SECP256R1())
    request = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
    pem = request.sign(key, SHA256()).public_bytes(Encoding.PEM).decode()
    path = f"/v1/applications/{party.application}/certificates"
    made = await api.done(party, "POST", path, json={"csr_pem": pem})
    return Party(**(vars(party) | {"thumbprint": made["sha256"]})), key


def signed(key: ec.EllipticCurvePrivateKey, root: Root) -> str:
    r, s = decode_dss_signature(key.sign(root.statement(), ec.ECDSA(SHA256())))
    return b64url(r.to_bytes(32, "big") + s.to_bytes(32, "big"))


async def test_members_and_partners_witness_a_root_once_each(recorded: Recorded) -> None:
    api = recorded.api
    told = await api.done(api.operator, "POST", "/v1/records/roots")
    root = msgspec.convert(told["root"], Root)
    path = f"/v1/records/roots/{root.size}/witness"
    for party in (recorded.bank, recorded.partner):
        witness, key = await witness_of(api, party)
        body = {"signature": signed(key, root)}
        await api.done(witness, "POST", path, json=body)
        await api.done(witness, "POST", path, json=body)
    shown = await api.done(recorded.partner, "GET", f"/v1/records/roots/{root.size}")
    parties = {each["organisation"] for each in shown["witnesses"]}
    assert parties == {recorded.bank.organisation, recorded.partner.organisation}
    listed = await api.done(recorded.bank, "GET", "/v1/records/roots")
    assert listed["items"] == [shown]


async def test_a_signature_under_something_else_witnesses_nothing(recorded: Recorded) -> None:
    api = recorded.api
    told = await api.done(api.operator, "POST", "/v1/records/roots")
    root = msgspec.convert(told["root"], Root)
    witness, key = await witness_of(api, recorded.bank)
    other = msgspec.structs.replace(root, root="00" * 32)
    for signature in (signed(key, other), "", "x" * 200, b64url(bytes(64))):
        path = f"/v1/records/roots/{root.size}/witness"
        answer = await api.ask(witness, "POST", path, json={"signature": signature})
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid_input")


async def test_traffic_is_each_partys_own_and_the_operators_all(
    recorded: Recorded, other_partner: Party
) -> None:
    path = "/v1/records/traffic?by=member&by=status&only=status=200"
    for party in (recorded.partner, recorded.bank, recorded.api.operator):
        (row,) = (await recorded.api.done(party, "GET", path))["items"]
        assert row["by"] == {"member": recorded.bank.organisation, "status": "200"}
        assert (row["calls"], row["refused"], row["p99_us"]) == (5, 0, 3)
    assert (await recorded.api.done(other_partner, "GET", path))["items"] == []
    answer = await recorded.api.ask(recorded.bank, "GET", "/v1/records/traffic?by=secrets")
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_input")
    for days in ("since=2020-01-01", "since=0001-01-01&until=9999-12-31"):
        answer = await recorded.api.ask(
            recorded.bank, "GET", f"/v1/records/traffic?by=member&{days}"
        )
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid_input")
    far = f"{path}&until=9999-12-31"  # nobody has called tomorrow
    assert (await recorded.api.done(recorded.bank, "GET", far))["items"]
