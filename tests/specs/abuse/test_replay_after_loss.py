"""Proofs count once: in every process, and also when the cache was killed and forgot everything.

And what must not be lost with it: a refresh is asked for again, and grants are neither ended nor
multiplied by that.
"""

from __future__ import annotations

import os
import secrets
import signal
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from urllib.parse import urlencode

import httpx
import pytest
from consent_world import Client, World
from fapi_support import Flow, refused
from possession_support import FORM, Holder, proof_by
from sqlalchemy import func, select

from places import short_folder
from waits import until
from weir.authorization.front import http
from weir.authorization.tables import grants
from weir.portal import pages
from weir.portal.renderer import Portal
from weir.store.cache import Cache
from weir.store.engines import EmbeddedValkey, Home
from weir.store.engines.process import ProcessIdentity


@dataclass
class LossyCache:
    """A Valkey of its own, which can be killed and started again without its memory."""

    home: Home
    server: EmbeddedValkey

    def forget(self) -> None:
        """`kill -9`, and its files are gone."""
        identity = ProcessIdentity.load(self.home.path / "valkey" / "server.json")
        assert identity is not None
        os.kill(identity.pid, signal.SIGKILL)
        while self.server.alive():
            time.sleep(0.01)
        for path in (self.home.path / "valkey").rglob("*.aof*"):
            path.unlink()
        self.server.start()


@pytest.fixture
def lossy() -> Iterator[LossyCache]:
    with short_folder() as folder:
        home = Home.open(folder / "home", create=True)
        home.acquire()
        server = EmbeddedValkey(home)
        server.start()
        yield LossyCache(home, server)
        server.stop()
        home.release()


@pytest.fixture
async def processes(
    world: World, portal: Portal, lossy: LossyCache
) -> AsyncIterator[list[httpx.AsyncClient]]:
    """Two control processes' worth of authorization server: what they share is in the engines."""
    caches, clients = [], []
    for _ in range(2):
        cache = Cache(lossy.server.url())
        services = replace(world.services, cache=cache)
        app = http.application(services, pages.refusal_page(portal), [])
        transport = httpx.ASGITransport(app=app)
        clients.append(httpx.AsyncClient(transport=transport, base_url="https://auth.localhost"))
        caches.append(cache)
    yield clients
    for cache, client in zip(caches, clients, strict=True):
        await client.aclose()
        await cache.close()


async def credentials(
    process: httpx.AsyncClient, world: World, client: Client, assertion: str, *proofs: str
) -> httpx.Response:
    form = {
        **world.proof(client),
        "client_assertion": assertion,
        "grant_type": "client_credentials",
        "scope": "river-bank.accounts",
    }
    fields = [*world.headers(None if proofs else client).items(), *FORM.items()]
    fields += [("dpop", proof) for proof in proofs]
    return await process.post("/token", content=urlencode(form), headers=fields)


async def fresh(process: httpx.AsyncClient, world: World, client: Client) -> httpx.Response:
    """An answer to a new assertion, made again as long as the cache is younger than it."""

    async def taken() -> httpx.Response | None:
        assertion = client.assertion(world.issuer)
        answer = await credentials(process, world, client, assertion)
        return answer if answer.status_code == 200 else None

    taken_at_last: httpx.Response = await until(taken)
    return taken_at_last


async def test_an_assertion_is_refused_in_another_process_and_after_the_cache_forgot(
    world: World, lossy: LossyCache, processes: list[httpx.AsyncClient]
) -> None:
    one, two = processes
    assert (await fresh(one, world, world.client)).status_code == 200
    assertion = world.client.assertion(world.issuer)
    assert (await credentials(one, world, world.client, assertion)).status_code == 200
    refused(await credentials(two, world, world.client, assertion), "invalid_client")
    lossy.forget()
    for process in processes:
        for _ in range(3):  # the first may meet a connection that died with the cache
            again = await credentials(process, world, world.client, assertion)
            assert again.json()["error"] in ("invalid_client", "temporarily_unavailable")
        refused(again, "invalid_client")
        assert (await fresh(process, world, world.client)).status_code == 200
        refused(await credentials(process, world, world.client, assertion), "invalid_client")


async def test_a_proof_is_refused_in_another_process_and_after_the_cache_forgot(
    flow: Flow, lossy: LossyCache, processes: list[httpx.AsyncClient]
) -> None:
    world, client, holder = flow.world, flow.client, Holder(flow)

    async def ask(process: httpx.AsyncClient, proof: str) -> httpx.Response:
        assertion = client.assertion(world.issuer)
        return await credentials(process, world, client, assertion, proof)

    def made(nonce: str) -> str:
        jti = secrets.token_urlsafe(16)
        return proof_by(holder.key, f"{world.issuer}/token", nonce=nonce, jti=jti)

    one, two = processes
    assert (await fresh(one, world, client)).status_code == 200
    nonce = (await ask(one, made("x"))).headers["dpop-nonce"]
    proof = made(nonce)
    assert (await ask(one, proof)).status_code == 200
    refused(await ask(two, proof), "invalid_dpop_proof")
    lossy.forget()
    for process in processes:
        assert (await fresh(process, world, client)).status_code == 200
        again = await ask(process, proof)
        assert again.json()["error"] in ("use_dpop_nonce", "invalid_dpop_proof")
        renewed = again.headers["dpop-nonce"]
        assert (await ask(process, made(renewed))).status_code == 200


async def test_a_refresh_asked_for_again_works_and_leaves_one_grant(flow: Flow) -> None:
    """After a lost answer: with a fresh proof it succeeds, byte for byte the same it is refused."""
    world = flow.world
    issued = await flow.tokens()
    form = {
        **world.proof(flow.client),
        "grant_type": "refresh_token",
        "refresh_token": issued["refresh_token"],
    }
    assert (await world.post("/token", form, flow.client)).status_code == 200  # its answer is lost
    refused(await world.post("/token", form, flow.client), "invalid_client")
    again = await world.refresh(flow.client, issued["refresh_token"])
    assert again.status_code == 200
    assert again.json()["grant_id"] == issued["grant_id"]
    async with world.services.database.connect() as connection:
        held = await connection.scalar(
            select(func.count()).select_from(grants).where(grants.c.client == flow.client.id)
        )
    assert held == 1
    for _ in range(5):
        assert (await world.refresh(flow.client, issued["refresh_token"])).status_code == 200


async def test_a_refresh_token_lives_exactly_as_long_as_its_consent(flow: Flow) -> None:
    world = flow.world
    issued = await flow.tokens()  # a consent of 90 days

    async def refresh_in(days: float) -> httpx.Response:
        world.clock.ahead = timedelta(days=days)
        at_s = int(world.clock.now().timestamp())
        assertion = flow.client.assertion(world.issuer, iat=at_s, exp=at_s + 60)
        form = {
            **world.proof(flow.client),
            "client_assertion": assertion,
            "grant_type": "refresh_token",
            "refresh_token": issued["refresh_token"],
        }
        return await world.post("/token", form, flow.client)

    assert (await refresh_in(30)).status_code == 200
    late = await refresh_in(90 - 200 / 86_400)
    assert late.status_code == 200
    assert late.json()["expires_in"] <= 200
    refused(await refresh_in(90.1), "invalid_grant")
