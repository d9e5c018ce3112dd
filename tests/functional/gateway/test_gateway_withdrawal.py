"""Withdrawn means withdrawn: on every gateway process, at a known moment."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from datetime import UTC, datetime

from gateway_lab import Desk, GatewayProcess, Lab
from raw_caller import Caller

from waits import until
from weir.consent.published import revocation
from weir.keys.published import SIGNING_KEY, SigningKeyDocument
from weir.store import processes
from weir.store.declares import LEASE_RENEWAL_S, PROCESS_LEASE_S
from weir.store.processes import await_acknowledged
from weir.store.unit import Change


async def desks(lab: Lab, gateways: list[GatewayProcess], token: str) -> list[Desk]:
    return [Desk(await Caller.connect(gateway.mtls_port, lab.tls()), token) for gateway in gateways]


async def test_after_the_acknowledgement_no_process_serves_the_consent(lab: Lab) -> None:
    gateways = [await lab.start_gateway(), await lab.start_gateway()]
    for number in range(10):
        consent = f"cns_acknowledged_{number}"
        pair = await desks(lab, gateways, await lab.token(consent=consent))
        stop = asyncio.Event()
        answers: list[tuple[float, int]] = []

        async def keep_calling(
            desk: Desk, stop: asyncio.Event = stop, answers: list[tuple[float, int]] = answers
        ) -> None:
            while not stop.is_set():
                asked = time.monotonic()
                answers.append((asked, (await desk.call("GET", "/accounts")).status))

        def heard(since_s: float, answers: list[tuple[float, int]] = answers) -> list[int]:
            return [status for asked, status in answers if asked >= since_s]

        calling = [asyncio.create_task(keep_calling(desk)) for desk in pair]
        await until(lambda: len(heard(0)) >= 4)
        assert set(heard(0)) == {200}
        sequence = await lab.publish(revocation("consent", consent, datetime.now(UTC)))
        assert await await_acknowledged(lab.database, sequence) is not None
        acknowledged = time.monotonic()
        await until(lambda: len(heard(acknowledged)) >= 10)  # noqa: B023
        stop.set()
        await asyncio.gather(*calling)
        assert set(heard(acknowledged)) == {401}
        for desk in pair:
            assert (await desk.call("GET", "/accounts")).code == "consent_withdrawn"
            await desk.caller.close()
    for gateway in gateways:
        gateway.kill()


async def test_a_wake_up_makes_the_acknowledgement_quick(lab: Lab) -> None:
    gateway = await lab.start_gateway()
    waits = []
    for number in range(20):
        sequence = await lab.publish(
            revocation("consent", f"cns_quick_{number}", datetime.now(UTC))
        )
        began = time.monotonic()
        assert await await_acknowledged(lab.database, sequence) is not None
        waits.append(time.monotonic() - began)
    # Each begins right after the last trip: with renewals alone it would last until the next.
    assert sorted(waits)[len(waits) // 4] < LEASE_RENEWAL_S / 2
    gateway.kill()


async def test_a_process_that_cannot_hear_stops_serving_consented_calls(lab: Lab) -> None:
    """It sleeps through a withdrawal reported without it, and must not serve when it wakes."""
    gateway = await lab.start_gateway()
    consent = "cns_slept_through"
    token = await lab.token(consent=consent)
    (desk,) = await desks(lab, [gateway], token)
    assert (await desk.call("GET", "/accounts")).status == 200
    os.kill(gateway.process.pid, signal.SIGSTOP)
    try:
        await asyncio.sleep(PROCESS_LEASE_S + 0.2)
        sequence = await lab.publish(revocation("consent", consent, datetime.now(UTC)))
        assert await await_acknowledged(lab.database, sequence) is not None
        waiting = [asyncio.create_task(desk.call("GET", "/accounts"))]
        await asyncio.sleep(0.1)
    finally:
        os.kill(gateway.process.pid, signal.SIGCONT)
    (answer,) = await asyncio.gather(*waiting)
    assert answer.code in ("consent_uncheckable", "consent_withdrawn")

    async def is_withdrawn() -> bool:
        code = (await desk.call("GET", "/accounts")).code
        assert code in ("consent_uncheckable", "consent_withdrawn")
        return code == "consent_withdrawn"

    await until(is_withdrawn)
    gateway.kill()


async def test_a_process_taken_for_dead_begins_anew(lab: Lab) -> None:
    gateway = await lab.start_gateway()
    (desk,) = await desks(lab, [gateway], await lab.token(consent="cns_anew"))
    async with lab.database.connect() as connection:
        await connection.execute(processes.processes.delete())
        await connection.commit()
    await asyncio.sleep(LEASE_RENEWAL_S + 0.5)

    async def is_served() -> bool:
        answer = await desk.call("GET", "/accounts")
        assert answer.status == 200 or answer.code == "consent_uncheckable"
        return answer.status == 200

    await until(is_served)
    await lab.republish(revocation("consent", "cns_anew", datetime.now(UTC)))
    assert (await desk.call("GET", "/accounts")).code == "consent_withdrawn"
    gateway.kill()


async def test_tokens_certificates_and_keys_are_withdrawn_the_same_way(lab: Lab) -> None:
    gateway = await lab.start_gateway()
    token = await lab.token(jti="tok_doomed")
    (desk,) = await desks(lab, [gateway], token)
    assert (await desk.call("GET", "/rates")).status == 200
    await lab.republish(revocation("token", "tok_doomed", datetime.now(UTC)))
    assert (await desk.call("GET", "/rates")).code == "token_revoked"

    identity = await lab.add_application("app_doomed")
    await lab.republish(lab.subscription("app_doomed"))
    doomed = Desk(
        await Caller.connect(gateway.mtls_port, lab.tls("app_doomed")),
        await lab.token("app_doomed"),
    )
    assert (await doomed.call("GET", "/rates")).status == 200
    certificate = Change(
        "revocation",
        f"certificate:{identity.thumbprint}",
        revocation("token", identity.thumbprint, datetime.now(UTC)).document,
    )
    await lab.republish(certificate)
    assert (await doomed.call("GET", "/rates")).code == "certificate_revoked"

    fresh = Desk(desk.caller, await lab.token())
    assert (await fresh.call("GET", "/rates")).status == 200
    key = lab.vault.public_jwks()["keys"][0]
    await lab.republish(Change(SIGNING_KEY, key["kid"], None))
    assert (await fresh.call("GET", "/rates")).code == "token_invalid"
    announced = SigningKeyDocument(key["kid"], key["alg"], key)
    await lab.republish(Change(SIGNING_KEY, key["kid"], announced))
    assert (await fresh.call("GET", "/rates")).status == 200
    gateway.kill()
