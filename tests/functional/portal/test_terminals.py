"""`weir sign-in` as the portal and the management API see it: asked, confirmed, claimed, ended."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import httpx
import pytest
from consent_world import World, forms_of
from staff_world import Colleague, join

from weir.client.possession import DpopKey
from weir.client.proofs import Pkce
from weir.identity import people, totp
from weir.identity.declares import TERMINAL_PROOF_S, TERMINAL_SESSION_S, TERMINAL_SIGN_INS
from weir.keys.vault import PLATFORM
from weir.portal.renderer import Portal

HOME = "203.0.113.7:40000"  # where the people's browsers are too
MACHINE = "lin@workshop"


class Terminal:
    """A terminal with a key of its own, which asks as the command does."""

    def __init__(self, portal: Portal, peer: str = HOME) -> None:
        self.app = portal.management._application
        self.manage = portal.authorization.addresses.public_manage
        self.peer, self.key, self.pkce = peer, DpopKey(), Pkce.make()
        self.asked: dict[str, Any] = {}
        self.token: str | None = None

    async def send(
        self,
        method: str,
        path: str,
        given: dict[str, Any] | None = None,
        key: DpopKey | None = None,
    ) -> httpx.Response:
        headers = {
            "weir-host-role": "manage",
            "weir-port-kind": "public",
            "weir-peer": self.peer,
            "dpop": (key or self.key).proof(method, self.manage + path, self.token),
        }
        if self.token is not None:
            headers["authorization"] = f"DPoP {self.token}"
        transport = httpx.ASGITransport(app=self.app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url=self.manage) as http:
            return await http.request(method, path, json=given, headers=headers)

    async def ask(self, port: int | None = None) -> str:
        """Ask to be signed in; the path of the page that confirms it."""
        given = {"machine": MACHINE, "challenge": self.pkce.challenge, "port": port}
        answer = await self.send("POST", "/v1/terminal-sign-ins", given)
        assert answer.status_code == 201, answer.text
        self.asked = answer.json()
        return str(self.asked["address"]).partition("8443")[2]

    async def claim(self, answer: str | None = None, **changed: Any) -> httpx.Response:
        given = {"request": self.asked["request"], "verifier": self.pkce.verifier, "answer": answer}
        key = changed.pop("key", None)
        claimed = await self.send("POST", "/v1/terminal-sessions", given | changed, key)
        if claimed.is_success:
            self.token = claimed.json()["access_token"]
        return claimed


def code_of(answer: httpx.Response) -> str:
    return str(answer.json()["code"])


async def confirm(person: Colleague, page: httpx.Response, act: str = "confirm") -> httpx.Response:
    """Press one of the two buttons under a terminal."""
    forms = forms_of(page)
    place = next(n for n, form in enumerate(forms) if form.has("form_key"))
    return await person.browser.send(page, place, ("act", act))


@pytest.fixture
async def owner(world: World, portal_app: Any) -> Any:
    person = await join(world, portal_app, world.bank.id, "member", "owner")
    yield person
    await person.browser.close()


async def test_a_browser_on_the_same_machine_brings_the_answer_to_its_port(
    portal: Portal, owner: Colleague
) -> None:
    terminal = Terminal(portal)
    page = await owner.get(await terminal.ask(port=49_152))
    assert terminal.asked["code"] in page.text
    assert MACHINE in page.text
    assert "the same network as this browser" in page.text
    assert code_of(await terminal.claim()) == "terminal_sign_in_pending"
    done = await confirm(owner, page)
    (answer,) = set(re.findall(r"http://127\.0\.0\.1:49152/\?answer=([\w-]{43})", done.text))
    for wrong in (
        {"answer": None}, {"answer": "A" * 43}, {"verifier": "A" * 43}, {"key": DpopKey()},
    ):  # fmt: skip
        refused = await terminal.claim(**({"answer": answer} | wrong))
        assert (refused.status_code, code_of(refused)) == (410, "terminal_sign_in_over"), wrong
    claimed = (await terminal.claim(answer)).json()
    assert (claimed["person"]["role"], claimed["expires_in"]) == ("owner", TERMINAL_SESSION_S)
    people = (await terminal.send("GET", "/v1/people")).json()["items"]
    assert [each["id"] for each in people] == [claimed["person"]["id"]]
    again = await terminal.claim(answer)
    assert code_of(again) == "terminal_sign_in_over"


async def test_a_code_is_typed_where_the_terminal_has_no_browser(
    portal: Portal, owner: Colleague
) -> None:
    terminal = Terminal(portal, "198.51.100.9:1")
    assert await terminal.ask() == "/desk/terminal"
    nothing = await owner.do("/desk/terminal", "look", code="BCDF-GHJK")
    assert "unknown, or was refused, used or left too long" in nothing.text
    typed = str(terminal.asked["code"]).lower()
    page = await owner.do("/desk/terminal", "look", code=typed)
    assert "not the network of this browser" in page.text
    assert code_of(await terminal.claim()) == "terminal_sign_in_pending"
    await confirm(owner, page)
    assert (await terminal.claim()).status_code == 201
    other = Terminal(portal)
    await other.ask()
    page = await owner.do("/desk/terminal", "look", code=other.asked["code"])
    assert "The terminal was refused" in (await confirm(owner, page, "refuse")).text
    assert code_of(await other.claim()) == "terminal_sign_in_over"


async def test_a_request_with_a_port_has_no_code_to_type(portal: Portal, owner: Colleague) -> None:
    terminal = Terminal(portal)
    await terminal.ask(port=49_152)
    page = await owner.do("/desk/terminal", "look", code=terminal.asked["code"])
    assert page.status_code == 410


async def test_a_link_does_not_stand_for_the_code_that_is_to_be_typed(
    portal: Portal, owner: Colleague
) -> None:
    """Or somebody could ask at a terminal and send the person a link to confirm it."""
    terminal = Terminal(portal, "198.51.100.9:1")
    await terminal.ask()
    address = f"/desk/terminal/{terminal.asked['request']}"
    assert (await owner.get(address)).status_code == 410
    assert code_of(await terminal.claim()) == "terminal_sign_in_pending"


async def test_what_was_confirmed_is_over_once_the_person_ends_all_sessions(
    world: World, portal: Portal, owner: Colleague
) -> None:
    """A terminal that waits with its claim must not outlive the end of all sign-ins."""
    terminal = Terminal(portal)
    done = await confirm(owner, await owner.get(await terminal.ask(port=49_152)))
    (answer,) = set(re.findall(r"answer=([\w-]{43})", done.text))
    async with world.services.database.unit(PLATFORM) as unit:
        (person,) = await people.of_organisation(unit.connection, world.bank.id)
        await people.end_sessions(unit, person.id)
    refused = await terminal.claim(answer)
    assert (refused.status_code, code_of(refused)) == (410, "terminal_sign_in_over")


async def test_a_session_left_open_asks_for_a_proof_before_it_confirms(
    world: World, portal: Portal, owner: Colleague
) -> None:
    terminal = Terminal(portal)
    address = await terminal.ask(port=49_152)
    world.clock.ahead = timedelta(seconds=TERMINAL_PROOF_S + 1)
    asked = await confirm(owner, await owner.get(address))
    assert "Prove again that it is you" in asked.text
    assert "127.0.0.1" not in asked.text
    place = next(n for n, form in enumerate(forms_of(asked)) if form.has("proof_code"))
    owner.step = int(world.clock.now().timestamp()) // totp.STEP_S - 1
    done = await owner.browser.send(asked, place, proof_code=owner.code())
    assert "The terminal is signed in" in done.text


async def test_a_session_is_listed_and_ended_by_its_person(
    portal: Portal, owner: Colleague
) -> None:
    terminal = Terminal(portal)
    page = await owner.get(await terminal.ask(port=49_152))
    done = await confirm(owner, page)
    (answer,) = set(re.findall(r"answer=([\w-]{43})", done.text))
    await terminal.claim(answer)
    assert MACHINE in (await owner.get("/desk/account")).text
    await owner.do("/desk/account", "end-terminal")
    assert MACHINE not in (await owner.get("/desk/account")).text
    ended = await terminal.send("GET", "/v1/people")
    assert (ended.status_code, code_of(ended)) == (401, "terminal_session_ended")


async def test_terminals_of_one_network_are_counted(portal: Portal) -> None:
    terminal = Terminal(portal)
    for _ in range(TERMINAL_SIGN_INS):
        await terminal.ask(port=49_152)
    given = {"machine": MACHINE, "challenge": terminal.pkce.challenge}
    refused = await terminal.send("POST", "/v1/terminal-sign-ins", given)
    assert (refused.status_code, code_of(refused)) == (429, "sign_in_locked")
    elsewhere = Terminal(portal, "198.51.100.9:1")
    await elsewhere.ask()


async def test_a_proof_is_used_once(portal: Portal) -> None:
    terminal = Terminal(portal)
    proof = terminal.key.proof("POST", terminal.manage + "/v1/terminal-sign-ins")
    given = {"machine": MACHINE, "challenge": terminal.pkce.challenge}
    headers = {"weir-host-role": "manage", "weir-peer": HOME, "dpop": proof}
    transport = httpx.ASGITransport(app=terminal.app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url=terminal.manage) as http:
        answers = [
            await http.post("/v1/terminal-sign-ins", json=given, headers=headers) for _ in "12"
        ]
    assert [each.status_code for each in answers] == [201, 401]
    assert code_of(answers[1]) == "dpop_proof_invalid"
