"""Payments that were made and never answered are found, recorded once, and asked for once."""

from __future__ import annotations

import asyncio
import ssl
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from money_world import World, mint
from sqlalchemy import select

from weir.kernel.clock import SystemClock
from weir.keys.authority import Authority
from weir.metering.counters.payment_intents import ClaimOutcome, Intent, claim
from weir.metering.counters.period_sums import PeriodLimit
from weir.metering.counters.reconciliation import (
    PaymentAnswer,
    PaymentQuestion,
    make_lookup,
    reconcile,
)
from weir.metering.declares import RECONCILE_AFTER_S
from weir.metering.lake import queries
from weir.metering.records.records import CallRecord
from weir.metering.records.segments import pending_records
from weir.metering.records.writer import RecordWriter
from weir.metering.tables import intents, period_sums
from weir.partners.published import ApplicationDocument
from weir.shelf.published import Bindings, OperationDocument, ProductDocument, SubscriptionDocument
from weir.store.unit import Change
from weir.wire.declares import MEMBER_QUESTION_S
from weir.wire.outbound import Outbound
from weir.wire.resolver import Reachable

CAPABILITY = "cap_payments"


class Member:
    """What a member would say of each idempotency key, and how often it was asked."""

    def __init__(self, **statuses: int) -> None:
        self.statuses = statuses
        self.asked: Counter[str] = Counter()

    async def __call__(self, question: PaymentQuestion) -> PaymentAnswer:
        key = question.url.rsplit("/", 1)[1].split("?")[0]
        self.asked[key] += 1
        await asyncio.sleep(0)
        status = self.statuses.get(key, 404)
        executed = {201: True, 404: False}.get(status)
        return PaymentAnswer(executed, status)


@pytest.fixture
async def subscription(world: World) -> str:
    """A published subscription to a product with one payment operation."""
    subscription = mint("sub")
    async with world.database.unit(world.actor(world.operator)) as unit:
        for kind, key, document in _documents(world, subscription):
            unit.publish(Change(kind=kind, key=key, document=document))
    return subscription


def _documents(world: World, subscription: str) -> list[tuple[str, str, Any]]:
    operation = OperationDocument(
        capability=CAPABILITY,
        operation_id="pay",
        method="POST",
        path="/payments",
        member=world.bank,
        backend_url="https://127.0.0.1:9101",
        base_path="/v1",
        moves_money=True,
        bindings=Bindings(outcome_path="/directory/payments/{idempotency_key}?client={client_id}"),
        timeout_ms=5_000,
    )
    product = ProductDocument(
        id=world.accounts,
        owner=world.bank,
        slug="accounts",
        version=1,
        prefix="/river-bank/accounts/v1",
        scope="river-bank.accounts",
        status="published",
        direction="go-out",
        operations=[operation],
    )
    application = ApplicationDocument(
        id=world.application, organisation=world.partner, status="active", certificates=[]
    )
    subscribed = SubscriptionDocument(
        id=subscription,
        application=world.application,
        product=world.accounts,
        plan=world.accounts_plan,
        status="active",
        rate_per_s=None,
        quota=None,
        quota_period=None,
    )
    return [
        ("product", world.accounts, product),
        ("application", world.application, application),
        ("subscription", subscription, subscribed),
    ]


def intent(world: World, subscription: str, key: str, age_s: int | None = None) -> Intent:
    age = timedelta(seconds=RECONCILE_AFTER_S + 5 if age_s is None else age_s)
    return Intent(
        consent_id=f"cns_{key}",
        record_name=f"rec_{key}",
        client_id=world.application,
        idempotency_key=key,
        request_sha256="aa",
        capability=CAPABILITY,
        subscription=subscription,
        member=world.bank,
        interaction_id=f"interaction-{key}",
        amount_minor=1230,
        currency="CNY",
        at=SystemClock().now() - age,
    )


async def claimed(world: World, one: Intent) -> ClaimOutcome:
    async with world.database.unit(world.actor(world.partner)) as unit:
        return (await claim(unit.connection, one)).outcome


async def sums(world: World) -> list[int]:
    async with world.database.connect() as connection:
        return list((await connection.execute(select(period_sums.c.spent_minor))).scalars())


async def states(world: World) -> dict[str, tuple[str, int | None]]:
    async with world.database.connect() as connection:
        rows = await connection.execute(intents.select())
        return {row.idempotency_key: (row.state, row.status) for row in rows}


def written(world: World, writer: RecordWriter) -> list[CallRecord]:
    return list(pending_records(world.records, writer.stream, 0))


@pytest.fixture
def writer(world: World) -> RecordWriter:
    return RecordWriter.open(world.records, mint("str"))


async def test_each_lost_payment_is_decided_by_what_the_member_says(
    world: World, subscription: str, writer: RecordWriter
) -> None:
    for key in ("paid", "unpaid", "unknown"):
        await claimed(world, intent(world, subscription, key))
    await claimed(world, intent(world, subscription, "young", age_s=1))
    member = Member(paid=201, unknown=503)
    report = await reconcile(world.database, world.records, world.lake, writer, member)
    assert (report.executed, report.not_executed, report.unknown) == (1, 1, 1)
    assert await states(world) == {
        "paid": ("reconciled", 201),
        "unpaid": ("reconciled", 0),
        "unknown": ("forwarded", None),
        "young": ("forwarded", None),
    }
    (record,) = written(world, writer)
    assert record.reconciled
    assert (record.consent, record.interaction_id) == ("rec_paid", "interaction-paid")
    assert (record.organisation, record.plan) == (world.partner, world.accounts_plan)
    assert (record.method, record.path, record.status) == ("POST", "/payments", 201)
    assert (record.amount_minor, record.currency) == (1230, "CNY")
    again = await claimed(world, intent(world, subscription, "unpaid"))
    assert again is ClaimOutcome.CONSENT_USED


async def test_a_payment_with_its_record_is_not_asked_for(
    world: World, subscription: str, writer: RecordWriter
) -> None:
    """One record is in the lake, one in a sealed segment, one in the open segment of a gateway."""
    for key in ("lake", "sealed", "open"):
        await claimed(world, intent(world, subscription, key))
    at_us = int(SystemClock().now().timestamp() * 1_000_000)
    world.write([world.record(consent="rec_lake", status=201, at_us=at_us)])
    await world.ingest()
    gateway = RecordWriter.open(world.records, mint("str"))
    gateway.write(world.record(consent="rec_sealed", status=201))
    gateway.seal()
    gateway.write(world.record(consent="rec_open", status=201))
    member = Member()
    report = await reconcile(world.database, world.records, world.lake, writer, member)
    assert (report.recorded, member.asked) == (3, Counter())
    assert set((await states(world)).values()) == {("answered", 201)}
    gateway.close()


async def test_a_record_of_a_failure_does_not_say_that_nothing_was_paid(
    world: World, subscription: str, writer: RecordWriter
) -> None:
    await claimed(world, intent(world, subscription, "paid"))
    world.write([world.record(consent="rec_paid", status=504, refusal="member_timeout")])
    report = await reconcile(world.database, world.records, world.lake, writer, Member(paid=201))
    assert report.executed == 1


async def test_workers_at_the_same_time_record_a_payment_once(
    world: World, subscription: str
) -> None:
    for n in range(5):
        await claimed(world, intent(world, subscription, f"paid{n}"))
    member = Member(**{f"paid{n}": 201 for n in range(5)})
    writers = [RecordWriter.open(world.records, mint("str")) for _ in range(3)]
    await asyncio.gather(
        *(reconcile(world.database, world.records, world.lake, w, member) for w in writers)
    )
    consents = Counter(record.consent for w in writers for record in written(world, w))
    assert consents == Counter({f"rec_paid{n}": 1 for n in range(5)})
    assert set(member.asked.values()) == {1}


async def test_a_worker_that_dies_after_recording_leaves_it_found_and_not_doubled(
    world: World, subscription: str, writer: RecordWriter
) -> None:
    """The record was written and the intent's state was not: what a crash there leaves behind."""
    await claimed(world, intent(world, subscription, "paid"))
    writer.write(world.record(consent="rec_paid", status=201, reconciled=True))
    writer.close_without_sealing()
    survivor = RecordWriter.open(world.records, mint("str"))
    member = Member(paid=201)
    report = await reconcile(world.database, world.records, world.lake, survivor, member)
    assert (report.recorded, report.executed) == (1, 0)
    assert written(world, survivor) == []
    assert await states(world) == {"paid": ("answered", 201)}


async def test_reconciled_records_reach_the_lake(
    world: World, subscription: str, writer: RecordWriter
) -> None:
    await claimed(world, intent(world, subscription, "paid"))
    await reconcile(world.database, world.records, world.lake, writer, Member(paid=201))
    await world.ingest()
    assert queries.payments(world.lake, await world.files(), ["rec_paid"]) == {"rec_paid": [201]}


async def test_a_found_payment_is_not_a_second_record_of_its_answer(
    world: World, subscription: str, writer: RecordWriter
) -> None:
    """The caller was answered 504, and the member had paid all the same."""
    await claimed(world, intent(world, subscription, "paid"))
    failed = {"interaction_id": "interaction-paid", "consent": "rec_paid", "status": 504}
    world.write([world.record(**failed, refusal="member_timeout")])
    await reconcile(world.database, world.records, world.lake, writer, Member(paid=201))
    await world.ingest()
    files = await world.files()
    assert queries.count_records(world.lake, files) == 2
    assert queries.compare(world.lake, files, ["interaction-paid"]) == queries.Tally(1, 1, 0, 0)
    assert queries.doubled_interactions(world.lake, files) == []


@pytest.mark.parametrize(
    ("status", "executed"), [(200, True), (404, False), (403, None), (302, None), (500, None)]
)
async def test_a_member_answers_by_its_status(
    authority: Authority, folder: Path, status: int, executed: bool | None
) -> None:
    """Over a real socket: a server that gives one status to everything."""

    async def serve(reader: asyncio.StreamReader, out: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        out.write(b"HTTP/1.1 %d X\r\ncontent-length: 0\r\nconnection: close\r\n\r\n" % status)
        await out.drain()
        out.close()

    server = await asyncio.start_server(
        serve, "127.0.0.1", 0, ssl=_server_context(authority, folder)
    )
    port = server.sockets[0].getsockname()[1]
    async with server:
        question = PaymentQuestion("org_1", f"https://localhost:{port}/payments/one")
        assert await make_lookup(_outbound(authority))(question) == PaymentAnswer(executed, status)


def _server_context(authority: Authority, folder: Path) -> ssl.SSLContext:
    own = authority.issue_own("member", ["localhost"])
    chain = folder / "member.pem"
    chain.write_text(own.key_pem + own.certificate.pem)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(chain)
    return context


def _outbound(authority: Authority, networks: str | None = None) -> Outbound:
    context = ssl.create_default_context(cadata=authority.root_pem)
    return Outbound(context, Reachable.parse(networks).choice, timeout_s=MEMBER_QUESTION_S)


async def test_a_member_that_cannot_be_reached_says_nothing(authority: Authority) -> None:
    question = PaymentQuestion("org_1", "https://localhost:1/payments/one")
    assert (await make_lookup(_outbound(authority))(question)).executed is None


async def test_a_member_is_asked_at_addresses_that_gateways_call_alone(
    authority: Authority, folder: Path
) -> None:
    asked: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, out: asyncio.StreamWriter) -> None:
        asked.append(await reader.readuntil(b"\r\n\r\n"))
        out.write(b"HTTP/1.1 404 X\r\ncontent-length: 0\r\n\r\n")
        await out.drain()
        out.close()

    server = await asyncio.start_server(
        serve, "127.0.0.1", 0, ssl=_server_context(authority, folder)
    )
    port = server.sockets[0].getsockname()[1]
    async with server:
        question = PaymentQuestion("org_1", f"https://localhost:{port}/payments/one")
        elsewhere = _outbound(authority, "10.2.0.0/16")
        assert (await make_lookup(elsewhere)(question)).executed is None
        assert asked == []
        assert (await make_lookup(_outbound(authority))(question)).executed is False
    (head,) = asked
    assert b"accept-encoding: identity" in head.lower()


async def test_a_recurring_payment_that_was_not_made_counts_in_no_limit(
    world: World, subscription: str, writer: RecordWriter
) -> None:
    month = PeriodLimit("month:2027-03-01", 2_500, SystemClock().now())
    for key in ("made", "lost"):
        one = replace(intent(world, subscription, key), consent_id="cns_mandate", limits=(month,))
        assert await claimed(world, one) is ClaimOutcome.NEW
    assert await sums(world) == [2_460]
    report = await reconcile(
        world.database, world.records, world.lake, writer, Member(made=201, lost=404)
    )
    assert (report.executed, report.not_executed) == (1, 1)
    assert await states(world) == {"made": ("reconciled", 201)}
    assert [record.consent for record in written(world, writer)] == ["rec_made"]
    assert await sums(world) == [1_230]
    again = replace(
        intent(world, subscription, "lost", age_s=0), consent_id="cns_mandate", limits=(month,)
    )
    assert await claimed(world, again) is ClaimOutcome.NEW
    assert await sums(world) == [2_460]
