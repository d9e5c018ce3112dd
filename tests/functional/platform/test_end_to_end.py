"""What only the whole platform can show: that what one process promised, all of them keep."""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager, asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest
from echo_member import ECHO, EchoMember, echo_member
from engine_cuts import paused_postgres, refused_by_postgres
from keep_alive import Connection, Heard
from platform_world import ACCOUNTS, World, account_access

from waits import PATIENCE_S, until
from weir.client import Management, MessageSigner, Session
from weir.client.errors import RefusedError
from weir.client.management.requests import collect
from weir.metering.lake import queries
from weir.settlement.statements.verification import RecordsFolder, verify
from weir.store.declares import PROCESS_LEASE_S
from weir_demo import staff
from weir_demo.cast import CURRENCY
from weir_demo.stage import Caller

pytestmark = pytest.mark.xdist_group("platform")

QUOTA = 100
THINGS = "echo-bank.things"
_READING = "/river-bank/accounts/v1/accounts"


def balances(account: str) -> str:
    return f"{_READING}/{account}/balances"


class Asker:
    """One application's calls about one account, on a connection to each gateway process."""

    def __init__(self, everywhere: list[Connection], path: str, token: str) -> None:
        self.everywhere, self.path, self.token = everywhere, path, token

    async def ask_all(self) -> list[Heard]:
        return [await each.call("GET", self.path, self.token) for each in self.everywhere]

    async def refusals(self) -> set[str | None]:
        """What every process says; {None} when all serve."""
        return {heard.refusal for heard in await self.ask_all()}

    def close(self) -> None:
        for each in self.everywhere:
            each.close()


async def asker(world: World, caller: Caller, path: str, token: str) -> Asker:
    return Asker(list((await world.connect_everywhere(caller)).values()), path, token)


@asynccontextmanager
async def consented(world: World, slug: str) -> AsyncIterator[tuple[Asker, Caller, str]]:
    """A new partner with a customer's consent from the real pages; ends with the consent's id."""
    caller = await world.partner(slug, ACCOUNTS)
    granted = await world.consent(caller, await world.customer())
    assert granted.token.grant_id is not None
    asking_all = await asker(
        world, caller, balances(granted.accounts[0]), granted.token.access_token
    )
    assert await asking_all.refusals() == {None}
    yield asking_all, caller, granted.token.grant_id
    asking_all.close()


@pytest.fixture(scope="module")
async def echo(platform: World) -> AsyncIterator[EchoMember]:
    """A member that goes on answering while PostgreSQL does not."""
    async with echo_member(platform.authority, platform.folder) as member:
        await platform.member(member.running())
        yield member


# --- what is acknowledged holds everywhere -----------------------------------------------------


async def test_no_process_serves_a_consent_after_its_withdrawal_was_acknowledged(
    platform: World,
) -> None:
    loop = asyncio.get_running_loop()
    async with consented(platform, "withdrawn") as (all_processes, _, consent):
        heard: list[tuple[float, Heard]] = []
        over = asyncio.Event()

        async def keep_calling(connection: Connection) -> None:
            while not over.is_set():
                began_s = loop.time()
                answer = await connection.call("GET", all_processes.path, all_processes.token)
                heard.append((began_s, answer))

        async with asyncio.TaskGroup() as group:
            for connection in all_processes.everywhere:
                group.create_task(keep_calling(connection))
            await until(lambda: len(heard) > 20)
            withdrawn = await platform.bank.management.consents.withdraw(consent)
            acknowledged_s = loop.time()
            already = len(heard)
            await until(lambda: len(heard) > already + 100)
            over.set()
    assert withdrawn["effective_at"] is not None
    served = [began_s for began_s, answer in heard if answer.refusal is None]
    after = [answer.refusal for began_s, answer in heard if began_s >= acknowledged_s]
    assert len(served) >= 20
    assert len(after) >= 50
    assert set(after) == {"consent_withdrawn"}


async def test_a_suspended_organisation_is_refused_by_every_process_at_once(
    platform: World,
) -> None:
    async with consented(platform, "suspended") as (all_processes, caller, _):
        founder = await staff.founder(platform.stage)
        suspended = await founder.organisations.suspend("suspended")
        assert await all_processes.refusals() == {"organisation_suspended"}
        assert suspended["effective_at"] is not None
        with pytest.raises(RefusedError):
            await founder.organisations.suspend("no-such-organisation")
        await founder.organisations.resume("suspended")
        assert await all_processes.refusals() == {None}
        assert caller.organisation == suspended["organisation"]["id"]


async def test_a_revoked_certificate_is_refused_by_every_process_at_once(
    platform: World,
) -> None:
    async with consented(platform, "revoked") as (all_processes, caller, _):
        issued = (await staff.founder(platform.stage)).certificates
        client_id = caller.profile.credentials.client_id
        certificates = await collect(issued.list(client_id))
        await issued.revoke(certificates[0]["id"])
        assert await all_processes.refusals() == {"certificate_revoked"}
        anew = await asker(platform, caller, all_processes.path, all_processes.token)
        assert await anew.refusals() == {"certificate_revoked"}
        anew.close()


async def test_a_quota_is_exact_across_processes(platform: World) -> None:
    """300 calls at once on many connections to both; then until the quota is used to the last."""
    caller = await platform.partner("metered", ACCOUNTS, quota=QUOTA, quota_period="day")
    account = await _some_account(platform)
    token = await platform.token(
        caller, ACCOUNTS, account_access("river-bank", [account]), platform.mint("cns")
    )
    ends: Counter[str | None] = Counter()

    async def call_some(all_processes: Asker, times: int) -> None:
        for _ in range(times):
            ends.update(heard.refusal for heard in await all_processes.ask_all())

    many = [await asker(platform, caller, balances(account), token) for _ in range(5)]
    await asyncio.gather(*(call_some(each, 30) for each in many))
    assert ends.total() == 300
    assert ends[None] <= QUOTA
    async with asyncio.timeout(PATIENCE_S):
        while ends[None] < QUOTA:  # a process gives back what it leased and did not use
            await call_some(many[0], 1)
            await asyncio.sleep(0.1)
    await asyncio.gather(*(call_some(each, 10) for each in many))
    assert ends.keys() == {None, "quota_exceeded"}
    assert ends[None] == QUOTA
    for each in many:
        each.close()


# --- an engine or a process is away ------------------------------------------------------------


@pytest.mark.parametrize("cut", [paused_postgres, refused_by_postgres])
async def test_a_gateway_cut_off_from_postgresql_stops_serving_consents_within_its_lease(
    platform: World,
    echo: EchoMember,
    cut: Callable[[World], AbstractContextManager[None]],
) -> None:
    """Calls in the application's own right go on all the while; afterwards all is as before."""
    loop = asyncio.get_running_loop()
    caller = await platform.partner(cut.__name__.replace("_", "-"), THINGS)
    own = await asker(
        platform, caller, "/echo-bank/things/v1/things", await platform.token(caller, THINGS)
    )
    token = await platform.token(
        caller, THINGS, account_access(ECHO.slug, ["acc-1"]), platform.mint("cns")
    )
    held = await asker(platform, caller, "/echo-bank/things/v1/held/acc-1", token)
    assert await own.refusals() == await held.refusals() == {None}
    with cut(platform):
        cut_off_s = loop.time()
        served_until_s = cut_off_s
        refused: set[str | None] = set()
        async with asyncio.timeout(PATIENCE_S):
            while refused != {"consent_uncheckable"}:
                began_s = loop.time()
                refused = await held.refusals()
                if None in refused:
                    served_until_s = began_s
                assert await own.refusals() == {None}
                await asyncio.sleep(0.02)
        assert served_until_s < cut_off_s + PROCESS_LEASE_S
        assert await held.refusals() == {"consent_uncheckable"}
    await platform.await_ready()
    assert await own.refusals() == await held.refusals() == {None}
    own.close()
    held.close()


async def test_a_withdrawal_is_acknowledged_without_valkey(platform: World) -> None:
    """Valkey only wakes the gateways up. Without it they look once a second."""
    async with consented(platform, "deaf") as (all_processes, _, consent):
        await collect(platform.bank.management.customers.list())  # its token is fresh now
        platform.kill_valkey()
        try:
            assert await all_processes.refusals() == {None}
            withdrawn = await platform.bank.management.consents.withdraw(consent)
            assert withdrawn["effective_at"] is not None
            assert await all_processes.refusals() == {"consent_withdrawn"}
        finally:
            async with platform.tending():
                pass
    async with consented(platform, "hearing") as (all_processes, _, consent):
        await platform.bank.management.consents.withdraw(consent)
        assert await all_processes.refusals() == {"consent_withdrawn"}


async def test_calls_flow_without_control_and_it_comes_back(platform: World) -> None:
    async with consented(platform, "alone") as (all_processes, _, consent):
        platform.kill(platform.role("control"))
        try:
            assert await all_processes.refusals() == {None}
        finally:
            async with platform.tending():
                pass
        await platform.bank.management.consents.withdraw(consent)
        assert await all_processes.refusals() == {"consent_withdrawn"}


def test_a_worker_gives_way_to_calls(platform: World) -> None:
    def niceness(name: str) -> int:
        child = platform.role(name).child
        assert child is not None
        return os.getpriority(os.PRIO_PROCESS, child.pid)

    assert niceness("worker") == niceness("gateway") + 5 == niceness("control") + 5


# --- what was answered is written --------------------------------------------------------------


async def test_a_call_is_in_the_record_file_when_its_answer_ends(platform: World) -> None:
    async with consented(platform, "written") as (all_processes, _, _):
        for _ in range(25):
            for connection in all_processes.everywhere:
                heard = await connection.call("GET", all_processes.path, all_processes.token)
                assert len(platform.recorded(heard.interaction_id)) == 1


async def test_a_process_killed_right_after_an_answer_leaves_its_record(platform: World) -> None:
    async with consented(platform, "killed") as (_, caller, _):
        account = await _some_account(platform)
        token = await platform.token(
            caller, ACCOUNTS, account_access("river-bank", [account]), platform.mint("cns")
        )
        async with platform.tending():
            for role in platform.gateways:
                everywhere = await platform.connect_everywhere(caller)
                assert role.child is not None
                heard = await everywhere[role.child.pid].call("GET", balances(account), token)
                platform.kill(role)
                assert heard.status == 200
                assert len(platform.recorded(heard.interaction_id)) == 1
                for connection in everywhere.values():
                    connection.close()
                await platform.await_ready()


# --- the books and the chain -------------------------------------------------------------------


async def test_a_period_is_closed_and_its_statement_follows_from_the_records(
    platform: World,
) -> None:
    async with consented(platform, "billed") as (all_processes, _, _):
        for _ in range(5):
            await all_processes.ask_all()
        last = [heard.interaction_id for heard in await all_processes.ask_all()]
    assert platform.stage.opened_at is not None
    ends_at = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=1)
    await until(lambda: datetime.now(UTC) > ends_at)
    await until(lambda: _in_lake(platform, last))
    period = "/".join(f"{end:%Y-%m-%dT%H:%M:%SZ}" for end in (platform.stage.opened_at, ends_at))
    closings = platform.operator.closings
    closed = await closings.close(period, CURRENCY)
    assert (await closings.close(period, CURRENCY))["statements"] == closed["statements"]
    own = closed["statements"][platform.stage.operator_organisation]
    document = await platform.operator.statements.get(own)
    folder = RecordsFolder(platform.core.records_folder)
    found = await asyncio.to_thread(verify, document, folder)
    assert (found.holds, found.difference) == (True, None)
    assert sum(share["amount_minor"] for share in document["shares"]) == document["gross_minor"]
    calls = sum(line["calls"] for line in document["lines"])
    assert calls == await _calls_under_a_plan(platform)
    forged = document | {"gross_minor": document["gross_minor"] - 1}
    assert not (await asyncio.to_thread(verify, forged, folder)).holds


async def test_a_client_and_the_platform_sign_what_they_say_to_each_other(
    platform: World, echo: EchoMember
) -> None:
    """A product that asks for signed messages, called with the partner's own client (RFC 9421)."""
    products = platform.stage.members[ECHO.slug].management.products
    things = platform.stage.members[ECHO.slug].products["things"]
    drafted = await products.draft(
        slug="signed",
        title_en="Signed things",
        title_zh="签名事物",
        signed_messages=True,
        sandbox=True,
        capabilities=(await products.get(things["id"]))["capabilities"],
    )
    published = await products.publish(drafted["id"])
    platform.stage.members[ECHO.slug].products["signed"] = published
    caller = await platform.partner("signs-messages", "echo-bank.signed")
    mine = caller.profile.credentials
    async with Management.open(caller.profile) as management:
        await management.applications.rotate_keys(mine.client_id, mine.public_jwks())
    await platform._known_everywhere()

    async def session(signer: MessageSigner | None) -> Session:
        return Session.of_application(
            caller.profile.platform,
            caller.exchange,
            caller.server,
            "echo-bank.signed",
            None,
            signer,
        )

    path = "/echo-bank/signed/v1/things"
    signing = await session(MessageSigner(mine, caller.server.keys))
    answer = await signing.call("GET", path, params={"of": "one thing"})
    assert answer.object() == {"method": "GET", "path": "/things?of=one+thing"}
    assert answer.headers["signature-input"].startswith('weir=("@status"')
    with pytest.raises(RefusedError, match="signature_missing"):
        await (await session(None)).call("GET", path)


async def test_a_client_gets_what_it_asked_for_and_not_all_there_is(platform: World) -> None:
    """Repeated and single values of a question, over a real gateway: each changes the answer."""
    traffic, shelf = platform.operator.traffic, platform.operator.shelf
    everything = await traffic.count([])
    by_product = await traffic.count(["product"])
    assert len(everything) == 1 < len(by_product)
    assert sum(each["calls"] for each in by_product) >= everything[0]["calls"]
    named = next(each["by"]["product"] for each in by_product if each["by"]["product"])
    (one,) = await traffic.count(["product", "member"], [f"product={named}"])
    assert one["by"]["product"] == named
    assert one["calls"] < sum(each["calls"] for each in by_product)
    assert await traffic.count(["product"], since="2020-01-01", until="2020-01-02") == []
    assert (await shelf.search("zeppelin"))["total"] == 0
    there = (await shelf.search(""))["total"]
    found = await shelf.search("payments", direction="go-out", owner=["river-bank"])
    assert 0 < found["total"] < there


async def test_the_audit_holds_and_a_consent_edited_by_sql_is_named(platform: World) -> None:
    async with consented(platform, "edited") as (_, _, consent):
        audit = platform.operator.audit
        assert (await audit.verify())["intact"] is True
        edit = "UPDATE consents SET purpose = %s WHERE id = %s"
        await platform.sql(edit, "Something else", consent)
        found = await audit.verify()
        await platform.sql(edit, "See your balance", consent)
        assert found["intact"] is False
        assert [each["consent"] for each in found["consents"]] == [consent]
        assert found["chains"] == []
        assert (await audit.verify())["intact"] is True


# --- small things ------------------------------------------------------------------------------


async def _some_account(platform: World) -> str:
    rows = await platform.bank_sql("SELECT min(account_id) FROM accounts WHERE kind <> 'clearing'")
    return str(rows[0][0])


async def _in_lake(platform: World, interactions: list[str]) -> bool:
    """Whether the lake has them: and so all that their processes recorded before."""
    tally = await platform.ask(queries.compare, interactions)
    return tally.stored == len(interactions)


async def _calls_under_a_plan(platform: World) -> int:
    """Every record so far that a statement must count: the period is all there ever was."""
    question = "SELECT count(*) FROM calls WHERE plan IS NOT NULL AND product IS NOT NULL"
    return int((await platform.ask(queries.ask, question))[0][0])
