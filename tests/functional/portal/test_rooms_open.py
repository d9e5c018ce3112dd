"""Every room opens for whoever may read what is in it, in both languages."""

from __future__ import annotations

import re
from typing import Any

import pytest
from consent_world import World
from staff_world import Colleague, join

from weir.access.roles import ROLES
from weir.portal.desk.navigation import entries
from weir.portal.pages import desk_pages

PLAIN = [address for address, _, _ in desk_pages() if "{" not in address]


@pytest.mark.parametrize("kind", ["operator", "member", "partner"])
async def test_every_door_that_is_shown_leads_somewhere(
    world: World, portal_app: Any, kind: str
) -> None:
    operator = await world.organisation_of("operator")
    organisation = operator if kind == "operator" else await world.organisation_of(kind)
    dead_ends = set()  # empty rooms that lead nowhere
    for role in ROLES:
        person = await join(world, portal_app, organisation, kind, role)
        for entry in entries(kind, role):
            for language in ("en", "zh-Hans"):
                page = await person.get(entry.address, language)
                assert page.status_code == 200, (role, entry.address, page.text[-2000:])
                assert f'lang="{language}"' in page.text
                room = page.text.partition("</nav>\n<div")[2].partition("</main>")[0]
                empty = role == "owner" and 'class="empty"' in room
                if empty and not re.search(r'class="button|<form ', room):
                    dead_ends.add(entry.address)
        await person.browser.close()
    assert dead_ends == set()


async def test_no_room_opens_for_a_stranger_or_a_customer(world: World, portal_app: Any) -> None:
    stranger = Colleague.nobody(portal_app)
    for address in PLAIN:
        answer = await stranger.get(address)
        assert (answer.status_code, "/sign-in" in answer.headers["location"]) == (303, True)
    await stranger.browser.claim(await world.enrol("RB-000001", "acc-1"), "lihua")
    for address in PLAIN:
        assert (await stranger.get(address)).status_code == 404, address
    await stranger.browser.close()


async def test_a_receipt_that_is_none_is_said_so_and_kept(world: World, portal_app: Any) -> None:
    await world.organisation_of("operator")
    auditor = await join(world, portal_app, world.shop.id, "partner", "auditor")
    http = auditor.browser.http
    never_given = f"str_{'0' * 26}.1.1795367299316584.{'0' * 32}"
    for name, status in (("no-receipt", 422), (never_given, 404)):
        page = await http.get(f"/desk/receipts?receipt={name}&lang=en")
        assert page.status_code == status, page.text
        assert f'value="{name}"' in page.text
        assert 'id="receipt-found"' not in page.text
        assert (await http.get(f"/desk/receipts/download?receipt={name}")).status_code == status
    await auditor.browser.close()
