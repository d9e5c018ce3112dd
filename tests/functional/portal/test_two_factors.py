"""Two factors: setting them up, giving them, losing them; sessions that end; proofs asked again."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

from consent_world import PASSPHRASE, Browser, World, forms_of
from staff_world import Colleague, join, link_on

from weir.identity.declares import RECOVERY_CODES, SECOND_FACTOR_ATTEMPTS, STAFF_SESSION_LIFETIME_S
from weir.kernel.declares import FRESH_PROOF_S


async def sign_in(browser: Browser, name: str) -> Any:
    page = await browser.get("/sign-in")
    return await browser.send(page, name=name, passphrase=PASSPHRASE)


async def test_a_passphrase_alone_opens_nothing(world: World, portal_app: Any) -> None:
    person = await join(world, portal_app, world.shop.id, "partner", "owner")
    again = Browser(portal_app, "https://portal.localhost")
    answer = await sign_in(again, person.name)
    assert answer.headers["location"].startswith("/sign-in/second")
    for path in ("/desk", "/statements", "/desk/people"):
        assert (await again.get(path)).headers["location"].startswith("/sign-in")
    assert (await again.get("/sign-in/set-up")).headers["location"] == "/sign-in/second"
    await again.close()
    await person.browser.close()


async def test_a_code_lets_in_once_and_renews_the_session(world: World, portal_app: Any) -> None:
    person = await join(world, portal_app, world.shop.id, "partner", "owner")
    again = Browser(portal_app, "https://portal.localhost")
    half_open = (await sign_in(again, person.name)).headers["location"]
    before = again.http.cookies["__Host-weir-session"]
    page = await again.get(half_open)
    assert (await again.send(page, code="000000")).status_code == 401
    code = person.code()
    entered = await again.send(page, code=code)
    assert (entered.status_code, entered.headers["location"]) == (303, "/")
    assert again.http.cookies["__Host-weir-session"] != before
    assert (await again.get("/desk")).status_code == 200
    other = Browser(portal_app, "https://portal.localhost")
    page = await other.get((await sign_in(other, person.name)).headers["location"])
    assert (await other.send(page, code=code)).status_code == 401
    for browser in (again, other, person.browser):
        await browser.close()


async def test_guessing_codes_is_slowed_down_for_the_guesser_alone(
    world: World, portal_app: Any
) -> None:
    person = await join(world, portal_app, world.shop.id, "partner", "owner")
    guesser, owner = (Browser(portal_app, "https://portal.localhost") for _ in range(2))
    guesser.http.headers["weir-peer"] = "198.51.100.9:40000"
    page = await guesser.get((await sign_in(guesser, person.name)).headers["location"])
    for _ in range(SECOND_FACTOR_ATTEMPTS):
        assert (await guesser.send(page, code="000000")).status_code == 401
    code = person.code()
    assert (await guesser.send(page, code=code)).status_code == 429
    page = await owner.get((await sign_in(owner, person.name)).headers["location"])
    assert (await owner.send(page, code=code)).status_code == 303
    for browser in (guesser, owner, person.browser):
        await browser.close()


async def test_a_recovery_code_lets_in_once(world: World, portal_app: Any) -> None:
    person = await join(world, portal_app, world.shop.id, "partner", "owner")
    made = await person.do("/desk/account", "codes")
    (shown,) = re.findall(r'<code id="recovery-codes">([^<]+)<', made.text)
    codes = shown.split()
    assert len(set(codes)) == RECOVERY_CODES
    outcomes = []
    for code in (codes[0].upper().replace("-", " "), codes[0]):
        browser = Browser(portal_app, "https://portal.localhost")
        page = await browser.get((await sign_in(browser, person.name)).headers["location"])
        outcomes.append((await browser.send(page, code=code)).status_code)
        await browser.close()
    assert outcomes == [303, 401]
    await person.browser.close()


async def test_an_idle_session_ends_and_a_busy_one_too(world: World, portal_app: Any) -> None:
    person = await join(world, portal_app, world.shop.id, "partner", "auditor")
    steps = STAFF_SESSION_LIFETIME_S // 1_200
    for _ in range(steps - 1):
        world.clock.ahead += timedelta(seconds=1_200)
        assert (await person.get("/desk")).status_code == 200
    world.clock.ahead += timedelta(seconds=1_201)
    assert (await person.get("/desk")).headers["location"].startswith("/sign-in")
    await person.browser.close()


async def test_what_is_hard_to_undo_asks_for_a_proof_and_keeps_what_was_typed(
    world: World, portal_app: Any
) -> None:
    owner = await join(world, portal_app, world.shop.id, "partner", "owner")
    world.clock.ahead = timedelta(seconds=FRESH_PROOF_S + 60)
    asked = await owner.do("/desk/people", "invite", invitee="Wang Fang", role="developer")
    assert asked.status_code == 401
    assert "Prove again that it is you" in asked.text
    proof = next(form for form in forms_of(asked) if form.has("proof_code"))
    assert ("hidden", "invitee", "Wang Fang", False) in proof.fields
    wrong = proof.filled(None, proof_code="000000")
    assert (await owner.browser.http.post("/desk/people", data=wrong)).status_code == 401
    owner.step += (FRESH_PROOF_S + 60) // 30
    right = proof.filled(None, proof_code=owner.code())
    done = await owner.browser.http.post("/desk/people", data=right)
    assert done.status_code == 200
    assert link_on(done)
    assert "Wang Fang" in done.text
    # Now it is fresh, and the next one is done at once.
    assert link_on(await owner.do("/desk/people", "invite", invitee="Li", role="finance"))
    await owner.browser.close()


async def test_an_invited_colleague_joins_has_its_role_and_can_be_removed(
    world: World, portal_app: Any
) -> None:
    owner = await join(world, portal_app, world.shop.id, "partner", "owner")
    made = await owner.do("/desk/people", "invite", invitee="Wang Fang", role="auditor")
    path = link_on(made)
    colleague = Colleague.nobody(portal_app)
    claimed = await colleague.browser.claim(path.removeprefix("/welcome/"), "wang.fang")
    await colleague.browser.set_up(claimed)
    assert (await colleague.browser.get(path)).status_code == 410
    people = await colleague.get("/desk/people")
    assert people.status_code == 200
    assert 'name="invitee"' not in people.text
    assert (await colleague.get("/desk/applications/new")).status_code == 200
    new = await colleague.do("/desk/applications/new", None, application_name="Mine")
    assert new.status_code == 403
    assert "Mine" in new.text
    listed = await owner.get("/desk/people")
    person = re.findall(r'value="(usr_[0-9a-z]{26})"', listed.text)[-1]
    page = await owner.get("/desk/people")
    sent = {"person": person, "act": "remove", **_proof_of(page)}
    assert (await owner.browser.http.post("/desk/people", data=sent)).status_code == 303
    assert (await colleague.get("/desk")).headers["location"].startswith("/sign-in")
    for each in (owner, colleague):
        await each.browser.close()


async def test_the_last_owner_stays(world: World, portal_app: Any) -> None:
    owner = await join(world, portal_app, world.shop.id, "partner", "owner")
    page = await owner.get("/desk/people")
    person = re.findall(r'value="(usr_[0-9a-z]{26})"', page.text)[0]
    for act, more in (("remove", {}), ("role", {"role": "auditor"})):
        sent = {"person": person, "act": act, **_proof_of(page), **more}
        answer = await owner.browser.http.post("/desk/people", data=sent)
        assert answer.status_code == 409
        assert "last owner" in answer.text
    assert (await owner.get("/desk")).status_code == 200
    await owner.browser.close()


async def test_a_renewal_sets_everything_anew_and_ends_every_session(
    world: World, portal_app: Any
) -> None:
    owner = await join(world, portal_app, world.shop.id, "partner", "owner")
    lost = await join(world, portal_app, world.shop.id, "partner", "developer")
    page = await owner.get("/desk/people")
    person = re.findall(r'value="(usr_[0-9a-z]{26})"', page.text)[-1]
    sent = {"person": person, "act": "renew", **_proof_of(page)}
    path = link_on(await owner.browser.http.post("/desk/people", data=sent))
    fresh = Colleague.nobody(portal_app)
    renewing = await fresh.get(path)
    assert lost.name in renewing.text
    weak = await fresh.browser.send(renewing, passphrase="short")
    assert weak.status_code == 422
    renewed = await fresh.browser.send(renewing, passphrase="another calm and clear one")
    secret = await fresh.browser.set_up(renewed)
    assert secret != lost.secret
    assert (await lost.get("/desk")).headers["location"].startswith("/sign-in")
    assert (await fresh.get("/desk")).status_code == 200
    for each in (owner, lost, fresh):
        await each.browser.close()


def _proof_of(page: Any) -> dict[str, str]:
    form = next(form for form in forms_of(page) if form.has("form_key"))
    return {"form_token": next(value for _, name, value, _ in form.fields if name == "form_token")}
