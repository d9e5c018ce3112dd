"""Every form, found by following links: refused, or expired, it shows all that was typed again."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from consent_world import World
from sqlalchemy import update
from staff_world import Colleague, join

from weir.identity import links
from weir.identity.sessions import SESSION_COOKIE
from weir.portal.declares import EXPIRED_FORM_BYTES
from weir.shelf import plans, products
from weir.shelf.tables import products as shelved
from weir.store.unit import Actor

# Refused wherever people's words are taken: it would turn what follows around (Unicode UAX 9).
WRONG = "‮turned"
# What a browser says of a form that a page of the same origin sends (Fetch Metadata).
FROM_HERE = {"sec-fetch-site": "same-origin"}
# Never shown again: secrets, and a file that only the browser has.
SECRET = ("password", "file", "hidden", "submit", "button")


@dataclass
class Written:
    """A form as it stands in a page: what it sends unasked, and what a person fills in."""

    action: str
    sent: dict[str, str] = field(default_factory=dict)
    typed: dict[str, str] = field(default_factory=dict)  # texts, by name, with what they hold
    chosen: dict[str, list[str]] = field(default_factory=dict)  # choices, by name
    picked: dict[str, str] = field(default_factory=dict)  # the one of them that is chosen

    @property
    def act(self) -> tuple[str, str, frozenset[str]]:
        """What tells it from the other forms of its page."""
        return self.action, self.sent.get("act", ""), frozenset(self.typed)


class Reader(HTMLParser):
    """The forms that send something, and the links."""

    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Written] = []
        self.links: list[str] = []
        self._open: Written | None = None
        self._text: str | None = None
        self._select: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        name = given.get("name", "")
        if tag == "a":
            self.links.append(given.get("href", ""))
        elif tag == "form":
            sends = given.get("method") == "post" and "hidden" not in given
            self._open = Written(given.get("action", "")) if sends else None
            if self._open is not None:
                self.forms.append(self._open)
        elif self._open is None:
            return
        elif tag == "textarea":
            self._text, self._open.typed[name] = name, ""
        elif tag == "select":
            self._select, self._open.chosen[name] = name, []
        elif tag == "option" and self._select:
            self._pick(self._select, given.get("value", ""), "selected" in given)
        elif tag == "input" and name:
            self._input(name, given)

    def handle_endtag(self, tag: str) -> None:
        self._text = None if tag == "textarea" else self._text
        self._select = None if tag == "select" else self._select
        self._open = None if tag == "form" else self._open

    def handle_data(self, data: str) -> None:
        if self._open is not None and self._text is not None:
            self._open.typed[self._text] += data

    def _input(self, name: str, given: dict[str, str]) -> None:
        assert self._open is not None
        kind = given.get("type", "text")
        if kind == "hidden":
            self._open.sent[name] = given.get("value", "")
        elif kind in ("radio", "checkbox"):
            self._open.chosen.setdefault(name, [])
            self._pick(name, given.get("value", "on"), "checked" in given)
        elif kind not in SECRET and "readonly" not in given:
            self._open.typed[name] = given.get("value", "")

    def _pick(self, name: str, value: str, on: bool) -> None:
        assert self._open is not None
        self._open.chosen[name].append(value)
        if on:
            self._open.picked[name] = value


def read(page: Any) -> Reader:
    reader = Reader()
    reader.feed(page.text)
    return reader


async def rooms(person: Colleague) -> list[tuple[str, Written]]:
    """Every page that links lead to from the desk, with the forms in which something is typed."""
    waiting, seen, found = ["/desk"], {"/desk"}, []
    while waiting:
        address = waiting.pop(0)
        page = await person.browser.http.get(address)
        if page.status_code != 200 or "text/html" not in page.headers["content-type"]:
            continue
        reader = read(page)
        found += [(address, form) for form in reader.forms if form.typed]
        for link in reader.links:
            room = _room(link)
            if room.startswith(("/desk", "/statements")) and room not in seen:
                seen.add(room)
                waiting.append(link)
    return found


def _room(link: str) -> str:
    """One page of each kind: its path, and which things the address says of it."""
    parts = urlsplit(link)
    asked = {pair.partition("=")[0] for pair in parts.query.split("&") if pair}
    return "?".join([parts.path, *sorted(asked - {"lang"})])


async def lost(person: Colleague, address: str, form: Written) -> list[str]:
    """What a refusal of this form does not show again, filled with what no form takes."""
    typed = {name: f"{WRONG}{place}" for place, name in enumerate(form.typed)}
    picked = {name: values[-1] for name, values in form.chosen.items() if values}
    sent = form.sent | typed | picked
    shown = await person.browser.http.post(form.action or address, data=sent)
    if not 400 <= shown.status_code < 500:
        return [f"was answered {shown.status_code}"]
    return not_kept(form, shown, typed, picked)


def not_kept(
    form: Written, shown: httpx.Response, typed: dict[str, str], picked: dict[str, str]
) -> list[str]:
    """What of that is not in the form as it is shown again."""
    reader = read(shown)
    after = next((each for each in reader.forms if each.act == form.act), None)
    if after is None:
        return [f"form is not there any more ({shown.status_code})"]
    kept = {name: after.typed[name].removeprefix("\n") for name in typed}
    gone = [name for name, text in typed.items() if kept[name] != text]
    gone += [name for name, value in picked.items() if after.picked.get(name) != value]
    if 'role="alert"' not in shown.text:
        gone.append("no word of what is wrong")
    return gone


async def furnish(world: World) -> None:
    """Something in every room: a draft beside the published product, an agreement, a plan."""
    async with world.services.database.unit(Actor(world.bank.id, "setup")) as unit:
        await unit.connection.execute(update(shelved).values(sandbox=True))
        (product,) = await products.ids_of(unit.connection, world.bank.id)
        assert await plans.of_product(unit.connection, product)
    await world.publish_product("cards")


@pytest.mark.parametrize("kind", ["partner", "member", "operator"])
async def test_what_was_typed_is_still_there_when_it_was_refused(
    world: World, portal_app: Any, kind: str
) -> None:
    await furnish(world)
    operator = await world.organisation_of("operator")
    organisation = operator if kind == "operator" else await world.organisation_of(kind)
    person = await join(world, portal_app, organisation, kind, "owner")
    found = {}
    for language in ("en", "zh-Hans"):
        await person.get("/desk", language)
        for address, form in await rooms(person):
            found[f"{language} {address} {form.act[1]} {sorted(form.typed)}"] = await lost(
                person, address, form
            )
    await person.browser.close()
    assert len(found) > 8, found
    assert {form: gone for form, gone in found.items() if gone} == {}
    drafts = [form for form in found if "/products/new?document=" in form]
    assert len(drafts) == (2 if kind == "member" else 0)


async def test_what_was_typed_outlives_the_session(world: World, portal_app: Any) -> None:
    """The session ends over a form: it is shown on, and is filled in once one is in again."""
    await world.organisation_of("operator")
    person = await join(world, portal_app, world.bank.id, "member", "developer")
    http = person.browser.http
    (form,) = [each for each in read(await person.get("/desk/documents/new")).forms if each.typed]
    typed = {"slug": "loans", "backend_url": "https://127.0.0.1:9", "source": "a: 1\n<b>: 贷款"}
    session = http.cookies[SESSION_COOKIE]
    http.cookies.delete(SESSION_COOKIE)
    refused = await http.post("/desk/documents/new", data=form.sent | typed)
    assert (refused.status_code, "loans" in refused.text) == (410, False)  # no page of ours sent it
    kept = await http.post("/desk/documents/new", data=form.sent | typed, headers=FROM_HERE)
    assert kept.status_code == 410
    assert "a: 1\n&lt;b&gt;: 贷款" in kept.text
    (again,) = [each for each in read(kept).forms if "slug" in each.sent]
    assert "form_token" not in again.sent
    huge = {"slug": "x" * EXPIRED_FORM_BYTES}
    assert "xxxx" not in (await http.post("/desk/people", data=huge, headers=FROM_HERE)).text
    http.cookies.set(SESSION_COOKIE, session, "portal.localhost", "/")
    shown = await http.post(again.action, data=again.sent, headers=FROM_HERE)
    assert shown.status_code == 410
    assert not_kept(form, shown, typed, {}) == []
    listed = await person.get("/desk/documents")
    assert "loans" not in listed.text  # nothing was done so far
    await person.browser.close()


async def test_a_visitors_forms_lose_nothing_but_passphrases(world: World, portal_app: Any) -> None:
    await world.organisation_of("operator")
    async with world.services.database.unit(Actor(world.shop.id, "setup")) as unit:
        link = await links.create_link(
            unit,
            "partner",
            subject=world.shop.id,
            organisation=world.shop.id,
            role="developer",
            invitee="somebody",
        )
    customer = await world.enrol("RB-000001", "acc-1")
    found = {}
    for language in ("en", "zh-Hans"):
        for address in ("/sign-up", "/sign-in?next=/shelf", f"/welcome/{link}",
                        f"/welcome/{customer}"):  # fmt: skip
            visitor = Colleague.nobody(portal_app)
            page = await visitor.get(address.partition("?")[0], language)
            (form,) = [each for each in read(page).forms if each.typed]
            found[f"{language} {address}"] = await lost(visitor, address, form)
            typed = {name: f"mine {place}" for place, name in enumerate(form.typed)}
            stale = form.sent | typed | {"form_token": "0" * 64}
            target = form.action or address
            expired = await visitor.browser.http.post(target, data=stale, headers=FROM_HERE)
            found[f"{language} {address} expired"] = not_kept(form, expired, typed, {})
            secret = stale | {"passphrase": "never shown again"}
            shown = await visitor.browser.http.post(target, data=secret, headers=FROM_HERE)
            assert "never shown again" not in shown.text
            assert (await visitor.browser.http.post(target, data=stale)).status_code == 410
            await visitor.browser.close()
    assert {form: gone for form, gone in found.items() if gone} == {}
