"""One-time links, signing in, sessions, and what forged or clumsy forms come to."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from consent_world import PASSPHRASE, Browser, World, forms_of

from weir.identity import customers, links
from weir.identity.declares import SIGN_IN_ATTEMPTS
from weir.kernel.declares import ONE_TIME_LINK_LIFETIME_S
from weir.store.unit import Actor


async def test_a_customer_claims_a_link_once(world: World, portal_browser: Browser) -> None:
    secret = await world.enrol("RB-000001", "acc-1")
    page = await portal_browser.get(f"/welcome/{secret}")
    assert "River Bank invites you" in page.text
    done = await portal_browser.claim(secret, "lihua")
    assert (done.status_code, done.headers["location"]) == (303, "/my/consents")
    assert (await portal_browser.get(f"/welcome/{secret}")).status_code == 410
    mine = await portal_browser.get("/my/consents")
    assert "What you allow will be listed here" in mine.text


async def test_a_link_ends_after_a_day_and_when_a_newer_one_is_made(
    world: World, portal_browser: Browser
) -> None:
    older = await world.enrol("RB-000001", "acc-1")
    newer = (await world.enrolment("RB-000001")).link_secret
    assert (await portal_browser.get(f"/welcome/{older}")).status_code == 410
    assert (await portal_browser.get(f"/welcome/{newer}")).status_code == 200
    world.clock.ahead = timedelta(seconds=ONE_TIME_LINK_LIFETIME_S + 1)
    assert (await portal_browser.get(f"/welcome/{newer}")).status_code == 410


async def test_nothing_is_lost_when_a_field_is_wrong(world: World, portal_browser: Browser) -> None:
    secret = await world.enrol("RB-000001", "acc-1")
    page = await portal_browser.get(f"/welcome/{secret}")
    for fields, complaint in (
        ({"name": "li hua!", "passphrase": PASSPHRASE}, "must be 3 to 64 letters"),
        ({"name": "lihua", "passphrase": "short"}, "must be 12 to 256 characters"),
        ({"name": "lihua", "passphrase": "aaaaaaaaaaaaaa"}, "too easy to guess"),
    ):
        again = await portal_browser.send(page, display_name="Li Hua", **fields)
        assert again.status_code == 422
        assert complaint in again.text
        assert "Li Hua" in again.text
        assert fields["passphrase"] not in again.text
    assert (await portal_browser.claim(secret, "lihua")).status_code == 303


async def test_all_wrong_fields_are_named_at_once(world: World, portal_browser: Browser) -> None:
    secret = await world.enrol("RB-000001", "acc-1")
    page = await portal_browser.get(f"/welcome/{secret}")
    again = await portal_browser.send(page, display_name=" ", name="!", passphrase="short")
    assert "3 fields need another look" in again.text
    assert again.text.count('aria-invalid="true"') == 3


async def test_a_name_is_taken_only_once_and_the_link_stays_good(
    world: World, portal_browser: Browser, portal_app: Any
) -> None:
    await portal_browser.claim(await world.enrol("RB-000001", "acc-1"), "lihua")
    other = Browser(portal_app, "https://portal.localhost")
    secret = await world.enrol("RB-000002", "acc-2")
    assert (await other.claim(secret, "LiHua ")).status_code == 409
    assert (await other.claim(secret, "lihua2")).status_code == 303
    await other.close()


async def test_a_second_institution_is_added_to_the_same_sign_in(
    world: World, portal_browser: Browser
) -> None:
    await portal_browser.claim(await world.enrol("RB-000001", "acc-1"), "lihua")
    secret = (await world.enrolment("LB-000001", world.other_bank)).link_secret
    page = await portal_browser.get(f"/welcome/{secret}")
    added = await portal_browser.send(page, -1, ("use", "present"))
    assert added.status_code == 303
    async with world.services.database.connect() as connection:
        (at_lake,) = await customers.of_member(connection, world.other_bank.id)
        both = await customers.of_person(connection, str(at_lake.person))
    assert {each.member for each in both} == {world.bank.id, world.other_bank.id}


async def test_staff_join_their_organisation_by_a_link(
    world: World, portal_browser: Browser
) -> None:
    async with world.services.database.unit(Actor(world.shop.id, "setup")) as unit:
        secret = await links.create_link(
            unit, "partner", subject=world.shop.id, organisation=world.shop.id, role="developer"
        )
    claimed = await portal_browser.claim(secret, "chen")
    assert claimed.headers["location"].startswith("/sign-in/set-up")
    assert (await portal_browser.get("/statements")).status_code == 303
    await portal_browser.set_up(claimed)
    home = await portal_browser.get("/")
    assert "Go to your rooms" in home.text
    assert (await portal_browser.get("/statements")).status_code == 200


async def test_a_wrong_passphrase_and_an_unknown_name_look_the_same(
    world: World, portal_browser: Browser, portal_app: Any
) -> None:
    await portal_browser.claim(await world.enrol("RB-000001", "acc-1"), "lihua")
    stranger = Browser(portal_app, "https://portal.localhost")
    texts = set()
    for name in ("lihua", "nobody"):
        page = await stranger.get("/sign-in")
        answer = await stranger.send(page, name=name, passphrase="wrong wrong wrong")
        assert answer.status_code == 401
        texts.add(answer.text.replace(f'value="{name}"', ""))
    assert len(texts) == 1
    await stranger.close()


async def test_guessing_is_slowed_down_for_the_guesser_alone(
    world: World, portal_browser: Browser, portal_app: Any
) -> None:
    await portal_browser.claim(await world.enrol("RB-000001", "acc-1"), "lihua")
    guesser, owner = (Browser(portal_app, "https://portal.localhost") for _ in range(2))
    guesser.http.headers["weir-peer"] = "198.51.100.9:40000"
    page = await guesser.get("/sign-in")
    for _ in range(SIGN_IN_ATTEMPTS):
        assert (await guesser.send(page, name="lihua", passphrase="w")).status_code == 401
    assert (await guesser.send(page, name="LIHUA", passphrase=PASSPHRASE)).status_code == 429
    guesser.http.headers["weir-peer"] = "198.51.100.9:40001"
    assert (await guesser.send(page, name="lihua", passphrase=PASSPHRASE)).status_code == 429
    signed = await owner.send(await owner.get("/sign-in"), name="lihua", passphrase=PASSPHRASE)
    assert signed.status_code == 303
    await guesser.close()
    await owner.close()


async def test_signing_in_makes_a_new_session_and_signing_out_ends_it(
    world: World, portal_browser: Browser
) -> None:
    await portal_browser.claim(await world.enrol("RB-000001", "acc-1"), "lihua")
    first = portal_browser.http.cookies["__Host-weir-session"]
    page = await portal_browser.get("/my/consents")
    await portal_browser.send(page, 0)
    assert (await portal_browser.get("/my/consents")).status_code == 303
    portal_browser.http.cookies.set("__Host-weir-session", first, domain="portal.localhost")
    assert (await portal_browser.get("/my/consents")).status_code == 303
    answer = await portal_browser.send(
        await portal_browser.get("/sign-in"), name="lihua", passphrase=PASSPHRASE
    )
    (cookie,) = [c for c in answer.headers.get_list("set-cookie") if "weir-session" in c]
    assert first not in cookie
    lowered = cookie.lower()
    for attribute in ("secure", "httponly", "samesite=lax", "path=/"):
        assert attribute in lowered
    assert "domain" not in lowered


async def test_a_form_of_another_site_changes_nothing(
    world: World, portal_browser: Browser, portal_app: Any
) -> None:
    secret = await world.enrol("RB-000001", "acc-1")
    stranger = Browser(portal_app, "https://portal.localhost")
    theirs = await stranger.get(f"/welcome/{secret}")
    await portal_browser.get("/")
    planted = forms_of(theirs)[-1].filled(None, display_name="x", name="xxx", passphrase=PASSPHRASE)
    for fields in (planted, {**planted, "form_token": ""}):
        answer = await portal_browser.http.post(f"/welcome/{secret}", data=fields)
        assert answer.status_code == 410
    assert (await portal_browser.claim(secret, "lihua")).status_code == 303
    await stranger.close()


async def test_signing_in_leads_nowhere_outside(world: World, portal_browser: Browser) -> None:
    await portal_browser.claim(await world.enrol("RB-000001", "acc-1"), "lihua")
    for following in ("https://evil.example/", "//evil.example", "/\\evil.example", "javascript:1"):
        answer = await portal_browser.http.get("/sign-in", params={"next": following})
        assert (answer.status_code, answer.headers["location"]) == (303, "/")
