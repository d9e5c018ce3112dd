"""Every operation, asked by people of every kind and role, and by strangers with others' names."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from management_support import Api, Party
from test_management_walk import OWN, ROUTES, SHARED, World, person_of, world

from weir.access.permissions import PERMISSIONS
from weir.access.roles import ROLES
from weir.api.management import application
from weir.identity import people
from weir.identity.acting_person import ActingPerson
from weir.kernel.declares import (
    FORBIDDEN,
    FRESH_PROOF_NEEDED,
    FRESH_PROOF_S,
    INVALID_INPUT,
    NOT_FOUND,
    TOKEN_INVALID,
)
from weir.kernel.outcomes import Refusal
from weir.partners.declares import ORGANISATION_SUSPENDED
from weir.portal.management import Management, ManagementClient
from weir.store.unit import Actor

__all__ = ["world"]
PEOPLE = [route for route in ROUTES if PERMISSIONS[route[0]].people]


async def client_for(world: World, party: Party, role: str) -> ManagementClient:
    """The API for somebody new who works there."""
    person = await person_of(world.api, party, role, f"{party.slug}.{role}.walks")
    now = world.api.services.database.clock.now()
    return Management(application(world.api.services)).client_for(ActingPerson(person, now), "walk")


async def ask(world: World, who: ManagementClient, operation: str, method: str, path: str) -> Any:
    """The answer's bytes, or the Refusal."""
    body = json.dumps(world.body(operation).get("json", {})).encode()
    try:
        return await who._ask(method, world.path(path), {}, b"" if method == "GET" else body)
    except Refusal as refusal:
        return refusal


async def test_a_role_gets_as_far_as_the_table_says(world: World) -> None:
    parties = {"operator": world.api.operator, "member": world.bank, "partner": world.partner}
    who = {
        (kind, role): await client_for(world, party, role)
        for kind, party in parties.items()
        for role in ROLES
    }
    before = await world.snapshot()
    for operation, method, path in PEOPLE:
        for (kind, role), each in who.items():
            if not PERMISSIONS[operation].permits(kind, role):
                answer = await ask(world, each, operation, method, path)
                assert isinstance(answer, Refusal), (operation, kind, role)
                assert answer.outcome is FORBIDDEN, (operation, kind, role)
    assert await world.snapshot() == before


async def test_a_stranger_finds_nothing_and_changes_nothing(
    world: World, other_bank: Party, other_partner: Party
) -> None:
    strangers = [await client_for(world, party, "owner") for party in (other_bank, other_partner)]
    before = await world.snapshot()
    theirs = [*world.ids.values(), world.partner.application, world.partner.organisation]
    allowed = (FORBIDDEN, NOT_FOUND, INVALID_INPUT)
    for stranger in strangers:
        for operation, method, path in PEOPLE:
            if operation in SHARED | OWN:
                continue
            answer = await ask(world, stranger, operation, method, path)
            if isinstance(answer, Refusal):
                assert answer.outcome in allowed, operation
                assert not any(each in str(answer.public) for each in theirs), operation
            else:  # a list of the stranger's own things
                assert method == "GET", operation
                assert not any(each in answer.decode() for each in theirs), operation
    assert await world.snapshot() == before


async def test_not_yours_and_not_there_are_told_apart_by_nobody(
    world: World, other_bank: Party
) -> None:
    stranger = await client_for(world, other_bank, "owner")
    nowhere = replace(world, ids={name: _altered(value) for name, value in world.ids.items()})
    for operation, method, path in PEOPLE:
        if operation in SHARED | OWN or "{" not in path:
            continue
        one = await ask(world, stranger, operation, method, path)
        other = await ask(nowhere, stranger, operation, method, path)
        assert type(one) is type(other), operation
        if isinstance(one, Refusal):
            assert one.problem() == other.problem(), operation


async def test_what_is_hard_to_undo_needs_a_fresh_proof(world: World) -> None:
    owner = await client_for(world, world.bank, "owner")
    long_ago = owner.acting.proven_at - timedelta(seconds=FRESH_PROOF_S + 1)
    stale = replace(owner, acting=replace(owner.acting, proven_at=long_ago))
    before = await world.snapshot()
    asked = 0
    for operation, method, path in PEOPLE:
        rule = PERMISSIONS[operation]
        if rule.fresh and rule.permits("member", "owner"):
            answer = await ask(world, stale, operation, method, path)
            assert isinstance(answer, Refusal), operation
            assert answer.outcome is FRESH_PROOF_NEEDED, operation
            asked += 1
    assert asked > 5
    assert await world.snapshot() == before


async def test_who_was_removed_or_whose_organisation_stopped_may_do_nothing(
    world: World, api: Api
) -> None:
    somebody = await client_for(world, world.partner, "auditor")
    assert await somebody.get("/v1/people")
    async with api.services.database.unit(Actor(world.partner.organisation, "setup")) as unit:
        await people.remove(unit, world.partner.organisation, somebody.acting.person)
    with pytest.raises(Refusal) as removed:
        await somebody.get("/v1/people")
    assert removed.value.outcome is TOKEN_INVALID
    stopped = await client_for(world, world.partner, "owner")
    path = f"/v1/organisations/{world.partner.organisation}/suspend"
    await api.done(api.operator.person(), "POST", path)
    with pytest.raises(Refusal) as refused:
        await stopped.get("/v1/people")
    assert refused.value.outcome is ORGANISATION_SUSPENDED


async def test_nothing_from_the_network_speaks_for_a_person(world: World) -> None:
    person = world.ids["person"]
    headers = {
        "weir.acting": person, "weir-acting": person, "weir-host-role": "manage",
    }  # fmt: skip
    answer = await world.api.client.get("/v1/people", headers=headers)
    assert answer.status_code == 401


def _altered(identifier: str) -> str:
    """Another identifier of the same form."""
    prefix, found, rest = identifier.partition("_")
    if not found:
        return identifier
    return f"{prefix}_{rest[:-1]}{'0' if rest[-1] != '0' else '1'}"
