"""Keys and certificates over two running gateways: rotation without a gap, revocation that holds.

Nothing here waits for a gateway but by the acknowledgement that a command waits for.
"""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from gateway_lab import OPERATOR, Desk, Lab
from joserfc.jwk import ECKey
from raw_caller import Answer, Caller
from test_gateway_possession import Holder

from weir.keys import algorithms, signing_keys
from weir.keys.master_key import SealingKey
from weir.keys.published import REVOCATION, RevocationDocument
from weir.store.processes import await_acknowledged
from weir.store.unit import Change

SEALING = SealingKey(bytes(range(32)))
WEEK = timedelta(days=7)


async def acknowledged(lab: Lab, sequence: int | None) -> None:
    assert sequence is not None
    assert await await_acknowledged(lab.database, sequence) is not None


async def everywhere(lab: Lab, token: str) -> set[str | None]:
    """What each gateway answers: None for a call that was served."""
    found = set()
    for gateway in lab.gateways[-2:]:
        caller = await Caller.connect(gateway.mtls_port, lab.tls())
        answer: Answer = await Desk(caller, token).call("GET", "/rates")
        found.add(None if answer.status == 200 else answer.code)
        await caller.close()
    return found


@pytest.fixture(scope="module", autouse=True)
async def two_gateways(lab: Lab) -> None:
    await lab.start_gateway()
    await lab.start_gateway()


@pytest.mark.parametrize("algorithm", ["ES256", "PS256", "EdDSA"])
async def test_an_announced_key_is_accepted_everywhere_before_it_signs(
    lab: Lab, algorithm: str
) -> None:
    async with lab.database.unit(OPERATOR) as unit:
        made = await signing_keys.announce(
            unit, SEALING, algorithm=algorithm, signs_from=unit.now + WEEK
        )
    await acknowledged(lab, unit.sequence)
    async with lab.database.connect() as connection:
        await lab.vault.reload(connection)
    claims = lab.claims()
    rehearsed = await lab.vault.sign_jwt(claims, "at+jwt", rehearsing=True)
    usual = await lab.token()
    assert await everywhere(lab, rehearsed) == {None}
    assert await everywhere(lab, usual) == {None}
    sequence = await signing_keys.revoke(lab.database, OPERATOR, SEALING, made.kid)
    await acknowledged(lab, sequence)
    assert await everywhere(lab, rehearsed) == {"token_invalid"}
    assert await everywhere(lab, usual) == {None}


async def test_a_revoked_signing_key_is_honoured_by_no_gateway_and_calls_go_on(lab: Lab) -> None:
    stolen = await lab.token()
    assert await everywhere(lab, stolen) == {None}
    async with lab.database.connect() as connection:
        current = signing_keys.current_of(await signing_keys.read(connection))
    assert current is not None
    sequence = await signing_keys.revoke(lab.database, OPERATOR, SEALING, current.kid)
    await acknowledged(lab, sequence)
    assert await everywhere(lab, stolen) == {"token_invalid"}
    async with lab.database.connect() as connection:
        await lab.vault.reload(connection)
    assert await everywhere(lab, await lab.token()) == {None}


async def test_tokens_of_the_old_certificate_work_while_old_and_new_overlap(lab: Lab) -> None:
    old = lab.identities["app_shop"]
    kept = [shutil.copy(each, f"{each}.old") for each in (old.certificate, old.key)]
    old = lab.identities["app_shop"] = replace(old, certificate=Path(kept[0]), key=Path(kept[1]))
    before = await lab.token()
    new = lab._issue("app_shop")
    both = [old.thumbprint, new.thumbprint]
    await acknowledged(lab, await lab.publish(lab.application("app_shop", certificates=both)))
    assert await everywhere(lab, before) == {None}
    lab.identities["app_shop"] = new  # what connections are made with from now on
    after = await lab.token()
    assert await everywhere(lab, after) == {None}
    assert await everywhere(lab, before) == {"certificate_mismatch"}
    revocation = RevocationDocument("certificate", old.thumbprint, lab.database.clock.now())
    sequence = await lab.publish(
        lab.application("app_shop", certificates=[new.thumbprint]),
        Change(REVOCATION, revocation.key, revocation),
    )
    await acknowledged(lab, sequence)
    assert await everywhere(lab, after) == {None}


async def dpop_everywhere(lab: Lab, key: ECKey, token: str) -> set[str | None]:
    found = set()
    for gateway in lab.gateways[-2:]:
        caller = await Caller.connect(gateway.public_port, lab.tls(None))
        holder = Holder(lab, caller, key)
        answer = await holder.call(token, holder.proof(token))
        found.add(None if answer.status == 200 else answer.code)
        await caller.close()
    return found


async def test_a_revoked_dpop_key_is_honoured_by_no_gateway(lab: Lab) -> None:
    key = ECKey.generate_key("P-256")
    jkt = str(key.thumbprint())
    token = await lab.token(cnf={"jkt": jkt})
    assert await dpop_everywhere(lab, key, token) == {None}
    other = RevocationDocument("key", f"app_other.{jkt}", lab.database.clock.now())
    await acknowledged(lab, await lab.publish(Change(REVOCATION, other.key, other)))
    assert await dpop_everywhere(lab, key, token) == {None}  # another application's word
    mine = RevocationDocument("key", f"app_shop.{jkt}", lab.database.clock.now())
    await acknowledged(lab, await lab.publish(Change(REVOCATION, mine.key, mine)))
    assert await dpop_everywhere(lab, key, token) == {"dpop_proof_invalid"}


async def test_the_end_of_an_algorithm_holds_for_who_rehearses_it(lab: Lab) -> None:
    key = ECKey.generate_key("P-256")
    token = await lab.token(cnf={"jkt": str(key.thumbprint())})
    async with lab.database.unit(OPERATOR) as unit:
        await algorithms.announce(unit, "ES256", unit.now + WEEK)
    await acknowledged(lab, unit.sequence)
    assert await dpop_everywhere(lab, key, token) == {None}
    rehearsing = lab.application("app_shop", rehearses=True)
    await acknowledged(lab, await lab.publish(rehearsing))
    assert await dpop_everywhere(lab, key, token) == {"dpop_proof_invalid"}
    async with lab.database.unit(OPERATOR) as unit:
        await algorithms.take_back(unit, "ES256")
    await acknowledged(lab, unit.sequence)
    assert await dpop_everywhere(lab, key, token) == {None}
