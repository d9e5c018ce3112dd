"""A hundred times what is normal at each door of control: what is held, what is refused, and that
nobody else is.
"""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from dataclasses import replace
from typing import Any

import httpx
import pytest
from argon2 import PasswordHasher
from consent_world import Browser, World, forms_of
from starlette.applications import Starlette

from waits import until
from weir.authorization.declares import OAUTH_TOO_MANY_REQUESTS
from weir.authorization.visits import pushed_requests
from weir.identity.declares import (
    GUESSES_OF_NETWORK,
    PASSPHRASE_HASHES_AT_ONCE,
    PASSPHRASES_WAITING_EACH,
    SIGN_IN_ATTEMPTS,
)
from weir.identity.passphrases import Passphrases
from weir.kernel.outcomes import Refusal
from weir.kernel.rates import Rates
from weir.portal import pages
from weir.portal.renderer import Portal

RIGHT = "calm water clear ink"
FLOOD = "198.51.100"  # the network from which it comes


class Held(PasswordHasher):
    """A hasher whose checks wait until the gate is open: a machine that is busy."""

    def __init__(self) -> None:
        super().__init__(time_cost=1, memory_cost=8, parallelism=1)
        self.gate = threading.Event()
        self.gate.set()

    def verify(self, hash: str | bytes, password: str | bytes) -> Any:  # noqa: A002
        self.gate.wait()
        return super().verify(hash, password)


def app_of(portal: Portal, **changed: Any) -> Starlette:
    """The portal's host, with some of its services replaced."""
    return Starlette(routes=pages.routes(replace(portal, **changed), "portal"))


async def browser_of(app: Any, origin: str, peer: str) -> Browser:
    browser = Browser(app, origin)
    browser.http.headers["weir-peer"] = peer
    return browser


async def sign_in(browser: Browser, name: str, passphrase: str) -> httpx.Response:
    page = await browser.get("/sign-in")
    forms = forms_of(page)
    place = next(i for i, form in enumerate(forms) if form.action == "/sign-in")
    return await browser.send(page, place, name=name, passphrase=passphrase)


async def test_forty_connections_that_guess_stop_nobody_elses_sign_in(
    world: World, portal: Portal, portal_browser: Browser
) -> None:
    await portal_browser.claim(await world.enrol("RB-000001", "acc-1"), "lihua")
    held = Held()
    passphrases = Passphrases(held)
    portal_app = app_of(portal, passphrases=passphrases)
    origin = "https://portal.localhost"
    guessing = [await browser_of(portal_app, origin, f"{FLOOD}.{number}") for number in range(40)]
    shown = [await browser.get("/sign-in") for browser in guessing]
    held.gate.clear()

    async def guess(number: int) -> int:
        browser, page = guessing[number % 40], shown[number % 40]
        fields = {"name": f"somebody-{number}", "passphrase": "Spring2027 spring"}
        answer = await browser.send(page, 0, **fields)
        if answer.status_code == 429:
            assert int(answer.headers["retry-after"]) > 0
        return answer.status_code

    flood = [asyncio.create_task(guess(number)) for number in range(80)]
    let_through = PASSPHRASES_WAITING_EACH + PASSPHRASE_HASHES_AT_ONCE
    await until(lambda: sum(each.done() for each in flood) == len(flood) - let_through)
    assert passphrases.turns.waiting == PASSPHRASES_WAITING_EACH
    other = await browser_of(portal_app, origin, "203.0.113.99")
    others = asyncio.create_task(sign_in(other, "lihua", RIGHT))
    await until(lambda: passphrases.turns.waiting == PASSPHRASES_WAITING_EACH + 1)
    held.gate.set()
    assert (await others).status_code == 303, "the right sign-in of another network goes on"
    statuses = Counter(await asyncio.gather(*flood))
    assert statuses == {401: let_through, 429: len(flood) - let_through}
    assert passphrases.turns.waiting == 0
    for browser in (*guessing, other):
        await browser.close()


async def test_a_network_with_too_many_wrong_guesses_waits_and_is_not_locked(
    world: World, portal: Portal, portal_browser: Browser
) -> None:
    await portal_browser.claim(await world.enrol("RB-000001", "acc-1"), "lihua")
    origin, cache = "https://portal.localhost", portal.authorization.cache
    portal_app = app_of(portal, forms=Rates(1_000, 10_000))
    browser = await browser_of(portal_app, origin, f"{FLOOD}.1")
    page = await browser.get("/sign-in")
    statuses = []
    for number in range(GUESSES_OF_NETWORK + 20):
        browser.http.headers["weir-peer"] = f"{FLOOD}.{number}"
        answer = await browser.send(page, 0, name=f"name-{number}", passphrase="Spring2027 spring")
        statuses.append(answer.status_code)
    assert statuses[:GUESSES_OF_NETWORK] == [401] * GUESSES_OF_NETWORK
    assert 429 in statuses[GUESSES_OF_NETWORK:]
    assert int(answer.headers["retry-after"]) > 0
    elsewhere = await browser_of(portal_app, origin, "203.0.113.99")
    assert (await sign_in(elsewhere, "lihua", RIGHT)).status_code == 303
    # Whoever waits is let in, in the same network too.
    async for turn in cache.client.scan_iter("weir:once:guess-turn:*"):
        await cache.client.delete(turn)
    assert (await sign_in(browser, "lihua", RIGHT)).status_code == 303
    await browser.close()
    await elsewhere.close()


async def test_right_sign_ins_never_lock_a_person_out(
    world: World, portal_app: Any, portal_browser: Browser
) -> None:
    await portal_browser.claim(await world.enrol("RB-000001", "acc-1"), "lihua")
    for _ in range(3 * SIGN_IN_ATTEMPTS):
        browser = await browser_of(portal_app, "https://portal.localhost", "203.0.113.9")
        assert (await sign_in(browser, "lihua", RIGHT)).status_code == 303
        await browser.close()
    browser = await browser_of(portal_app, "https://portal.localhost", "203.0.113.9")
    page = await browser.get("/sign-in")
    for _ in range(SIGN_IN_ATTEMPTS):
        assert (await browser.send(page, 0, name="lihua", passphrase="no")).status_code == 401
    locked = await browser.send(page, 0, name="lihua", passphrase=RIGHT)
    assert locked.status_code == 429, "wrong ones do"
    await browser.close()


async def test_forms_of_one_network_are_refused_beyond_their_rate_and_others_are_not(
    world: World, portal: Portal
) -> None:
    portal_app = app_of(portal, forms=Rates(0.01, 5))
    flooding = await browser_of(portal_app, "https://portal.localhost", f"{FLOOD}.1")
    page = await flooding.get("/sign-in")
    answers = [await flooding.send(page, 0, name="x", passphrase="y") for _ in range(50)]
    assert Counter(each.status_code for each in answers) == {401: 5, 429: 45}
    assert int(answers[-1].headers["retry-after"]) > 1
    other = await browser_of(portal_app, "https://portal.localhost", "203.0.113.99")
    page = await other.get("/sign-in")
    assert (await other.send(page, 0, name="x", passphrase="y")).status_code == 401
    for browser in (flooding, other):
        await browser.close()


async def test_a_network_reads_so_many_pages_and_others_go_on(world: World, portal: Portal) -> None:
    portal_app = app_of(portal, reads=Rates(0.01, 5))
    origin = "https://portal.localhost"
    flooding = await browser_of(portal_app, origin, f"{FLOOD}.1")
    paths = ("/sign-in", "/shelf", "/sign-in/passkey/options")
    answers = [await flooding.get(paths[number % 3]) for number in range(500)]
    assert Counter(each.status_code for each in answers) == {200: 5, 429: 495}
    assert int(answers[-1].headers["retry-after"]) > 1
    other = await browser_of(portal_app, origin, "203.0.113.99")
    assert (await other.get("/sign-in")).status_code == 200
    for browser in (flooding, other):
        await browser.close()


async def test_an_address_reads_so_many_public_documents_and_others_go_on(world: World) -> None:
    world.services.rates.reads = Rates(0.01, 5)
    there = {"weir-peer": f"{FLOOD}.1"}
    paths = ("/jwks", "/.well-known/openid-configuration")

    async def read(path: str, **headers: str) -> httpx.Response:
        return await world.auth.get(path, headers=world.headers(None) | headers)

    answers = [await read(paths[number % 2], **there) for number in range(500)]
    assert Counter(each.status_code for each in answers) == {200: 5, 429: 495}
    assert answers[-1].json()["error"] == "temporarily_unavailable"
    assert int(answers[-1].headers["retry-after"]) > 1
    begun = await read("/authorize?client_id=x&request_uri=y", **there)
    assert begun.status_code == 429
    assert (await read("/jwks")).status_code == 200


async def test_a_burst_of_eight_hundred_from_one_address_is_answered(world: World) -> None:
    burst = [world.auth.get("/jwks", headers=world.headers(None)) for _ in range(800)]
    answers = await asyncio.gather(*burst)
    assert {each.status_code for each in answers} == {200}


async def test_one_client_beyond_its_rate_is_refused_and_others_are_not(world: World) -> None:
    world.services.rates.asking = Rates(0.01, 5)
    world.services.rates.of_client = Rates(0.01, 20)
    answers = [
        await world.post("/par", world.access_request(world.client), None) for _ in range(30)
    ]
    assert Counter(each.status_code for each in answers) == {201: 5, 429: 25}
    assert answers[-1].json()["error"] == "temporarily_unavailable"
    assert int(answers[-1].headers["retry-after"]) > 1
    assert (await world.credentials(world.client)).status_code == 429, "the client's rate is used"
    other = await world.post("/par", world.access_request(world.other_client), world.other_client)
    assert other.status_code == 201
    assert (await world.credentials(world.other_client)).status_code == 200
    # Naming a client does not use up its rate.
    forged = world.client.assertion(world.issuer, jti=None)
    world.services.rates.of_client = Rates(0.01, 1)
    for _ in range(20):
        form = world.proof(world.client) | {"client_assertion": forged}
        asked = form | {"grant_type": "client_credentials"}
        answer = await world.post("/token", asked, world.client)
        assert answer.status_code == 401
    assert (await world.credentials(world.client)).status_code == 200


async def test_what_one_client_pushes_holds_so_many_bytes_of_the_cache(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    most = 20_000
    monkeypatch.setattr(pushed_requests, "PUSHED_BYTES_OF_CLIENT", most)
    long = {"state": "s" * 1_000}
    statuses = Counter(
        [
            (await world.post("/par", world.access_request(world.client, **long))).status_code
            for _ in range(100)
        ]
    )
    assert statuses[201] > 0
    assert set(statuses) == {201, 429}
    assert await held_bytes(world, "weir:pushed:*") <= most
    other = world.access_request(world.other_client)
    assert (await world.post("/par", other, world.other_client)).status_code == 201
    held = await held_bytes(world, "weir:pushed:*")
    assert held <= 2 * most


async def test_one_pushed_request_begins_so_many_visits_and_a_client_so_many_bytes_of_them(
    world: World, auth_app: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pushed_requests, "VISITS_OF_REQUEST", 5)
    monkeypatch.setattr(pushed_requests, "VISIT_BYTES_OF_CLIENT", 15_000)
    browser = Browser(auth_app, "https://auth.localhost")
    statuses: Counter[int] = Counter()
    for _ in range(10):
        uri = await world.push(world.access_request(world.client))
        address = f"/authorize?client_id={world.client.id}&request_uri={uri}"
        came = Counter([(await browser.get(address)).status_code for _ in range(20)])
        assert came[303] <= 5
        statuses += came
    assert set(statuses) == {303, 429}
    assert 0 < await held_bytes(world, "weir:interaction:*") <= 15_000
    uri = await world.push(world.access_request(world.other_client), world.other_client)
    address = f"/authorize?client_id={world.other_client.id}&request_uri={uri}"
    assert (await browser.get(address)).status_code == 303
    await browser.close()


async def test_an_address_that_is_refused_too_often_is_not_looked_at(world: World) -> None:
    world.services.rates.refused = Rates(0.01, 10)
    nonsense = {"grant_type": "a" * 60_000}
    answers = [await world.post("/token", nonsense) for _ in range(200)]
    assert Counter(each.status_code for each in answers) == {400: 10, 429: 190}
    told = answers[-1].json()
    assert told["error_uri"].endswith(OAUTH_TOO_MANY_REQUESTS.code)
    assert int(answers[-1].headers["retry-after"]) > 1
    elsewhere = world.headers(world.client) | {"weir-peer": "198.51.100.9"}
    form = {**world.proof(world.client), "grant_type": "client_credentials"}
    answer = await world.auth.post(
        "/token", data=form | {"scope": "river-bank.accounts"}, headers=elsewhere
    )
    assert answer.status_code == 200, answer.text


async def held_bytes(world: World, pattern: str) -> int:
    client = world.services.cache.client
    return sum([await client.strlen(key) async for key in client.scan_iter(pattern)])


async def test_an_organisation_subscribes_so_often_and_no_more(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("weir.shelf.subscriptions.SUBSCRIPTIONS", 3)
    available = [await world.publish_product(f"product-{number}") for number in range(3)]
    came = []
    for plan in available:
        try:
            await world.subscribe(world.client, plan)
        except Refusal as refusal:
            came.append(f"{refusal.outcome.code} {refusal.public['limit']}")
        else:
            came.append("kept")
    assert came == ["kept", "kept", "limit_reached SUBSCRIPTIONS"], "it has one already"
    await world.subscribe(world.other_client, available[2])
