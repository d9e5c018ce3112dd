"""Changes of keys and algorithms: announced in documents and JWKS, rehearsed, then in force.

Not modules of the conformance suite: what keeps a partner's connection from breaking.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from consent_world import Client, World
from fapi_support import Flow, refused
from joserfc import jwt
from joserfc.jwk import OKPKey
from joserfc.jws import extract_compact
from possession_support import Holder, ath

from weir.keys import algorithms, signing_keys
from weir.keys.master_key import SealingKey
from weir.keys.vault import PLATFORM, Vault
from weir.partners import applications, keys

WEEK = timedelta(days=7)


async def reread(world: World) -> None:
    """What a control process does when it is woken."""
    vault = world.services.signer
    assert isinstance(vault, Vault)
    async with world.services.database.connect() as connection:
        await vault.reload(connection)


async def announce_key(world: World, sealing: SealingKey, algorithm: str) -> str:
    async with world.services.database.unit(PLATFORM) as unit:
        made = await signing_keys.announce(
            unit, sealing, algorithm=algorithm, signs_from=unit.now + WEEK
        )
    await reread(world)
    return made.kid


async def rehearse(world: World, client: Client, *, on: bool = True) -> None:
    async with world.services.database.unit(PLATFORM) as unit:
        await applications.rehearse(unit, client.id, on=on)


async def metadata(world: World) -> dict[str, Any]:
    answer = await world.auth.get("/.well-known/oauth-authorization-server")
    return dict(answer.json())


async def changes_to_come(world: World) -> list[dict[str, Any]]:
    answer = await world.auth.get("/announced-changes")
    return list(answer.json()["changes"])


def header_of(token: str) -> dict[str, Any]:
    return dict(extract_compact(token.encode()).headers())


@pytest.mark.parametrize("algorithm", ["ES256", "PS256", "EdDSA"])
async def test_a_key_change_is_announced_rehearsed_and_then_made(
    flow: Flow, sealing: SealingKey, algorithm: str
) -> None:
    world = flow.world
    assert await changes_to_come(world) == []
    kid = await announce_key(world, sealing, algorithm)
    (told,) = await changes_to_come(world)
    assert (told["change"], told["kid"], told["alg"]) == ("signing_key", kid, algorithm)
    served = (await world.auth.get("/jwks")).json()["keys"]
    (announced,) = [each for each in served if each["kid"] == kid]
    assert announced["nbf"] > world.clock.now().timestamp()

    await rehearse(world, world.other_client)
    tried = (await world.credentials(world.other_client)).json()["access_token"]
    assert header_of(tried)["kid"] == kid
    assert header_of(tried)["alg"] == algorithm
    usual = (await world.credentials(world.client)).json()["access_token"]
    assert header_of(usual)["kid"] != kid

    world.clock.ahead = WEEK + timedelta(seconds=1)
    await signing_keys.advance_due(world.services.database, sealing, days=0)
    await reread(world)
    world.clock.ahead = timedelta()  # assertions are made by the machine's clock
    assert header_of((await world.credentials(world.client)).json()["access_token"])["kid"] == kid
    assert await changes_to_come(world) == []


async def test_a_rehearsing_client_gets_its_signed_answer_by_the_announced_key(
    flow: Flow, sealing: SealingKey
) -> None:
    kid = await announce_key(flow.world, sealing, "ES256")
    await rehearse(flow.world, flow.client)
    back = await flow.returned(response_mode="jwt")
    assert header_of(back["response"])["kid"] == kid


async def test_the_end_of_an_algorithm_is_announced_rehearsed_and_then_made(flow: Flow) -> None:
    """For assertions, request objects and proofs alike."""
    world = flow.world
    key = OKPKey.generate_key("Ed25519")
    added = {**key.as_dict(private=False), "kid": "ed", "use": "sig"}
    async with world.services.database.unit(PLATFORM) as unit:
        jwks = keys.public_jwks({"keys": [*flow.client.application.jwks["keys"], added]}, "/jwks")
        await applications.rotate_keys(unit, flow.client.id, jwks)
        await algorithms.announce(unit, "EdDSA", unit.now + WEEK)
    await reread(world)
    told = await changes_to_come(world)
    assert {(each["change"], each["alg"]) for each in told} == {
        ("algorithm_ends", "EdDSA"),
        ("algorithm_ends", "Ed25519"),
    }
    holder = Holder(flow, key, "EdDSA")

    async def with_the_old(error: str | None) -> None:
        claims = jwt.decode(flow.client.assertion(world.issuer), flow.client.key).claims
        signed = jwt.encode({"alg": "EdDSA", "kid": "ed"}, claims, key, algorithms=["EdDSA"])
        pushed = await flow.par(client_assertion=signed)
        assert pushed.json().get("error") == (error and "invalid_client"), pushed.text
        answer = await holder.send("/token", holder.credentials_form(), holder.proof("/token"))
        usual = (None, "use_dpop_nonce")
        assert answer.json().get("error") in ((error,) if error else usual), answer.text

    await with_the_old(None)
    await rehearse(world, flow.client)
    await with_the_old("invalid_dpop_proof")
    assert (await flow.par()).status_code == 201  # ES256 stays
    await rehearse(world, flow.client, on=False)
    await with_the_old(None)
    world.clock.ahead = WEEK + timedelta(seconds=1)
    said = await metadata(world)
    assert "EdDSA" not in said["dpop_signing_alg_values_supported"]
    assert await changes_to_come(world) == []


async def test_the_end_of_an_algorithm_holds_where_a_token_is_shown(flow: Flow) -> None:
    """Also for whoever holds a good token that is bound to a key of that algorithm."""
    world = flow.world
    holder = Holder(flow, OKPKey.generate_key("Ed25519"), "EdDSA")
    await holder.learn_nonce()
    issued = await holder.exchange(await flow.code(scope="openid river-bank.accounts"))
    told = dict(issued.json())
    form = holder.credentials_form() | {"scope": "grant_management_query"}
    querying = (await holder.send("/token", form, holder.proof("/token"))).json()["access_token"]
    places = {"/userinfo": told["access_token"], f"/grants/{told['grant_id']}": querying}

    async def answers() -> list[tuple[int, str | None]]:
        found = []
        for path, token in places.items():
            proof = holder.proof(path, htm="GET", ath=ath(token))
            headers = world.headers(None) | {"authorization": f"DPoP {token}", "dpop": proof}
            answer = await world.auth.get(path, headers=headers)
            found.append((answer.status_code, answer.json().get("error_description")))
        return found

    assert await answers() == [(200, None)] * 2
    world.clock.ahead = -WEEK
    async with world.services.database.unit(PLATFORM) as unit:
        await algorithms.announce(unit, "EdDSA", unit.now + WEEK)
    await reread(world)
    world.clock.ahead = timedelta()  # its end is there
    found = await answers()
    assert [status for status, _ in found] == [401] * 2
    assert all(str(why).endswith(": alg must be one of ES256, PS256.") for _, why in found)


async def test_a_revoked_key_of_an_application_proves_nothing(flow: Flow) -> None:
    world, holder = flow.world, Holder(flow)
    spare = {**OKPKey.generate_key("Ed25519").as_dict(private=False), "kid": "spare", "use": "sig"}
    both = [*flow.client.application.jwks["keys"], spare]
    async with world.services.database.unit(PLATFORM) as unit:
        await applications.rotate_keys(unit, flow.client.id, {"keys": both})
    assert (await flow.par()).status_code == 201  # both are good while they overlap
    await holder.learn_nonce()
    issued = await holder.send("/token", holder.credentials_form(), holder.proof("/token"))
    assert issued.status_code == 200
    async with world.services.database.unit(PLATFORM) as unit:
        await applications.revoke_key(unit, flow.client.id, holder.thumbprint)
    again = await holder.send("/token", holder.credentials_form(), holder.proof("/token"))
    refused(again, "invalid_dpop_proof")
    async with world.services.database.unit(PLATFORM) as unit:
        await applications.revoke_key(unit, flow.client.id, "one")
    refused(await flow.par(), "invalid_client")
    with pytest.raises(Exception, match="was revoked"):
        async with world.services.database.unit(PLATFORM) as unit:
            await applications.rotate_keys(unit, flow.client.id, {"keys": both})
