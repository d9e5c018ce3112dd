"""A killed process has recorded every call it answered; a stopped one loses nothing."""

from __future__ import annotations

import asyncio
import uuid

from gateway_lab import Desk, GatewayProcess, Lab
from raw_caller import Caller
from sqlalchemy import text

from seals import KEYS, seal_all
from weir.metering.segments import streams, verify_stream


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


async def test_killed_under_load_every_answered_call_has_its_record(lab: Lab) -> None:
    for _ in range(3):
        gateway = await lab.start_gateway()
        answered: set[str] = set()
        lanes = await load(lab, gateway, answered, 8)
        while len(answered) < 300:
            await asyncio.sleep(0.01)
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
    gateway = await lab.start_gateway()
    answered: set[str] = set()
    lanes = await load(lab, gateway, answered, 8)
    slow = Desk(await Caller.connect(gateway.mtls_port, lab.tls()), await lab.token())
    lab.member.released.clear()
    waiting = asyncio.create_task(slow.call("GET", "/behave/wait"))
    while len(answered) < 100:
        await asyncio.sleep(0.01)
    gateway.process.terminate()
    await asyncio.sleep(0.3)
    lab.member.released.set()
    assert (await waiting).status == 200
    await asyncio.gather(*lanes)
    assert await asyncio.to_thread(gateway.process.wait, 15) == 0
    recorded = {each.interaction_id for each in lab.records()}
    assert answered <= recorded
    assert not list((lab.folder / "records").glob("*/*.open"))
    async with lab.database.connect() as connection:
        left = await connection.execute(text("SELECT count(*) FROM processes WHERE role='gateway'"))
        assert left.scalar_one() == sum(1 for each in lab.gateways[:-1] if not each.running)
