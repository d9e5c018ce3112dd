"""A killed process has recorded every call it answered; so has one that stopped, or ran full."""

from __future__ import annotations

import asyncio
import resource
import uuid

from gateway_lab import Desk, GatewayProcess, Lab
from raw_caller import Caller
from sqlalchemy import text

from seals import KEYS, seal_all
from waits import PATIENCE_S, until
from weir.metering.records.segments import streams, verify_stream


async def load(
    lab: Lab, gateway: GatewayProcess, answered: set[str], lanes: int
) -> list[asyncio.Task[None]]:
    token = await lab.token()

    async def lane() -> None:
        caller = await Caller.connect(gateway.mtls_port, lab.tls())
        try:
            while True:
                interaction = str(uuid.uuid4())
                answer = await Desk(caller, token).call(
                    "GET", "/rates", x_fapi_interaction_id=interaction
                )
                assert answer.status == 200
                answered.add(interaction)
                if answer.headers.get("connection") == "close":
                    return
        except (OSError, asyncio.IncompleteReadError):
            return

    return [asyncio.create_task(lane()) for _ in range(lanes)]


async def registered(lab: Lab) -> set[str]:
    """The gateways that the database knows, also those that were killed."""
    async with lab.database.connect() as connection:
        rows = await connection.execute(text("SELECT id FROM processes WHERE role = 'gateway'"))
        return set(rows.scalars())


async def test_killed_under_load_every_answered_call_has_its_record(lab: Lab) -> None:
    for _ in range(3):
        gateway = await lab.start_gateway()
        answered: set[str] = set()
        lanes = await load(lab, gateway, answered, 8)
        await until(lambda: len(answered) >= 300)  # noqa: B023
        gateway.kill()
        await asyncio.gather(*lanes)
        recorded = [each.interaction_id for each in lab.records()]
        assert answered <= set(recorded)
        assert len(recorded) == len(set(recorded))
    assert seal_all(lab.folder / "records").findings == []
    for stream in streams(lab.folder / "records"):
        assert verify_stream(lab.folder / "records", stream, keys=KEYS) == []


async def test_stopped_under_load_it_finishes_what_is_in_flight_and_seals_everything(
    lab: Lab,
) -> None:
    others = await registered(lab)
    gateway = await lab.start_gateway()
    assert len(await registered(lab) - others) == 1
    answered: set[str] = set()
    lanes = await load(lab, gateway, answered, 8)
    slow = Desk(await Caller.connect(gateway.mtls_port, lab.tls()), await lab.token())
    lab.member.released.clear()
    waiting = asyncio.create_task(slow.call("GET", "/behave/wait"))
    await until(lambda: len(answered) >= 100)
    gateway.process.terminate()
    await asyncio.sleep(0.3)
    lab.member.released.set()
    assert (await waiting).status == 200
    await asyncio.gather(*lanes)
    assert await asyncio.to_thread(gateway.process.wait, PATIENCE_S) == 0
    recorded = {each.interaction_id for each in lab.records()}
    assert answered <= recorded
    assert not list((lab.folder / "records").glob("*/*.open"))
    assert await registered(lab) <= others


async def test_a_full_disk_refuses_calls_and_forgets_none_it_answered(lab: Lab) -> None:
    """The kernel takes no byte more of this process for any file; then there is room again."""
    gateway = await lab.start_gateway()
    token = await lab.token()
    answered: set[str] = set()

    async def ask() -> str | None:
        """The refusal's code, None for an answer, `broken` for one without its end."""
        try:
            async with asyncio.timeout(PATIENCE_S):
                caller = await Caller.connect(gateway.mtls_port, lab.tls())
                answer = await Desk(caller, token).call("GET", "/rates")
        except (OSError, asyncio.IncompleteReadError):
            return "broken"
        if answer.status != 200:
            return answer.code
        answered.add(answer.headers["x-fapi-interaction-id"])
        return None

    assert [await ask() for _ in range(3)] == [None] * 3
    limits = resource.prlimit(gateway.process.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(gateway.process.pid, resource.RLIMIT_FSIZE, (0, limits[1]))
    assert await ask() in ("record_unwritable", "broken")  # it was forwarded before anybody knew
    forwarded = len(lab.member.seen)
    assert [await ask() for _ in range(3)] == ["record_unwritable"] * 3
    assert len(lab.member.seen) == forwarded
    resource.prlimit(gateway.process.pid, resource.RLIMIT_FSIZE, limits)
    async with asyncio.timeout(PATIENCE_S):
        while await ask() is not None:
            await asyncio.sleep(0.05)
    assert await ask() is None
    assert gateway.stop() == 0
    recorded = [each.interaction_id for each in lab.records()]
    assert answered <= set(recorded)
    assert len(recorded) == len(set(recorded))
    for stream in streams(lab.folder / "records"):
        assert verify_stream(lab.folder / "records", stream, keys=KEYS) == []
