"""Every operation, in every role, by every way to ask: what the table refuses is refused.

All is made from the table, so a new operation is in it by itself.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
from management_support import Party, certificate_request
from test_management_walk import WITH_TOKEN, World, world

from weir.access.permissions import PERMISSIONS
from weir.access.roles import AUDITOR, DEVELOPER, FINANCE, OWNER, ROLES
from weir.api.declares import PERSON_REQUIRED, REGISTRANT_GONE
from weir.client.possession import DpopKey
from weir.identity import people, terminal_sessions
from weir.identity.declares import TERMINAL_SESSION_ENDED
from weir.identity.terminal_sign_ins import Confirmed, TerminalSignIn
from weir.kernel.declares import FORBIDDEN, FRESH_PROOF_NEEDED, FRESH_PROOF_S
from weir.partners import applications, certificates
from weir.partners.classes import TLS_CLIENT_AUTH
from weir.store.unit import Actor

__all__ = ["world"]


async def program(world: World, party: Party, role: str, registrant: str) -> Party:
    """An application that acts in a role, registered by a person: with its certificate."""
    services = world.api.services
    async with services.database.unit(Actor(party.organisation, registrant)) as unit:
        made = await applications.register(
            unit,
            party.organisation,
            name=f"{party.slug} as {role}",
            token_endpoint_auth_method=TLS_CLIENT_AUTH,
            roles=["manage"],
            management_role=role,
            registrant=registrant,
        )
        issued = await certificates.issue(unit, services.authority, made.id, certificate_request())
    return replace(party, application=made.id, certificate=issued.id, thumbprint=issued.sha256)


async def set_role(world: World, party: Party, person: str, role: str | None) -> None:
    """Give somebody another role, or end the work; as its organisation's owners do."""
    async with world.api.services.database.unit(Actor(party.organisation, "setup")) as unit:
        if role is None:
            await people.remove(unit, party.organisation, person)
        else:
            await people.change_role(unit, party.organisation, person, role)


def parties(world: World) -> dict[str, Party]:
    return {"operator": world.api.operator, "member": world.bank, "partner": world.partner}


async def refused_everywhere(
    world: World, party: Party, allowed: set[str], expected: dict[str, str]
) -> None:
    """Ask for all operations that are not allowed; each answers with what is expected of it."""
    for operation, method, path in WITH_TOKEN:
        if operation in allowed:
            continue
        answer = await world.api.ask(party, method, world.path(path), **world.body(operation))
        assert answer.status_code in (401, 403), (operation, party, answer.text)
        assert answer.json()["code"] == expected[operation], (operation, party)


def expected_of(kind: str) -> dict[str, str]:
    """How an application of this kind is refused what its role does not permit."""
    return {
        operation: (
            PERSON_REQUIRED.code if kind in rule.kinds and rule.programs == "no" else FORBIDDEN.code
        )
        for operation, rule in PERMISSIONS.items()
    }


def allowed_to_programs(kind: str, role: str) -> set[str]:
    return {name for name, rule in PERMISSIONS.items() if rule.permits_program(kind, role)}


async def test_an_application_gets_as_far_as_its_role(world: World) -> None:
    programs = {
        (kind, role): await program(
            world, party, role, await world.api.person_of(party.person(OWNER))
        )
        for kind, party in parties(world).items()
        for role in ROLES
    }
    before = await world.snapshot()
    for (kind, role), each in programs.items():
        await refused_everywhere(world, each, allowed_to_programs(kind, role), expected_of(kind))
    assert await world.snapshot() == before


async def test_an_application_gets_no_further_than_its_registrant_now(world: World) -> None:
    """It acts as an owner, and its registrant was one when it was made."""
    for kind, party in parties(world).items():
        await world.api.person_of(party.person(OWNER))  # who stays
        for role in (DEVELOPER, FINANCE, AUDITOR):
            person = await newcomer(world, party, f"{kind}.{role}")
            each = await program(world, party, OWNER, person)
            await set_role(world, party, person, role)
            before = await world.snapshot()
            await refused_everywhere(
                world, each, allowed_to_programs(kind, role), expected_of(kind)
            )
            assert await world.snapshot() == before


async def test_an_application_whose_registrant_left_gets_nowhere(world: World) -> None:
    for kind, party in parties(world).items():
        await world.api.person_of(party.person(OWNER))  # who stays
        for role in (None, AUDITOR):
            person = await newcomer(world, party, f"{kind}.{role}")
            each = await program(world, party, DEVELOPER, person)
            assert (await world.api.ask(each, "GET", "/v1/people")).is_success
            await set_role(world, party, person, role)
            before = await world.snapshot()
            gone = dict.fromkeys(PERMISSIONS, REGISTRANT_GONE.code)
            await refused_everywhere(world, each, set(), gone)
            assert await world.snapshot() == before


async def test_an_application_renews_itself_and_no_other(world: World) -> None:
    """Where the table says `itself`, another application of the same organisation is refused."""
    party = world.bank
    owner = await world.api.person_of(party.person(OWNER))
    each = await program(world, party, OWNER, owner)
    asked = 0
    before = await world.snapshot()
    for operation, method, path in WITH_TOKEN:
        rule = PERMISSIONS[operation]
        if rule.programs == "itself" and rule.permits_program("member", OWNER):
            answer = await world.api.ask(each, method, world.path(path), **world.body(operation))
            assert (answer.status_code, answer.json()["code"]) == (403, FORBIDDEN.code), operation
            asked += 1
    assert asked >= 5
    assert await world.snapshot() == before
    path = f"/v1/applications/{each.application}/certificates"
    request = {"csr_pem": certificate_request()}
    assert (await world.api.ask(each, "POST", path, json=request)).status_code == 201


class Terminal:
    """A person's session at a terminal, as `weir sign-in` makes it."""

    def __init__(self, world: World, party: Party, person: str) -> None:
        self.world, self.party, self.person = world, party, person
        self.key = DpopKey()
        self.token = ""

    async def open(self, proven_ago_s: int = 0) -> Terminal:
        services = self.world.api.services
        proven_at = services.database.clock.now() - timedelta(seconds=proven_ago_s)
        asked = TerminalSignIn(
            "name", "CODE", "a machine", "203.0.113.7", "challenge", self.key.thumbprint, None
        )
        async with services.database.unit(Actor(self.party.organisation, self.person)) as unit:
            person = await people.find(unit.connection, self.person)
            assert person is not None
            confirmed = Confirmed(asked, self.person, proven_at, unit.now)
            _, self.token = await terminal_sessions.open_session(unit, person, confirmed)
        return self

    async def ask(
        self, method: str, path: str, key: DpopKey | None = None, **request: Any
    ) -> httpx.Response:
        services = self.world.api.services
        url = services.addresses.public_manage + path
        headers = {
            "weir-host-role": "manage",
            "weir-port-kind": "public",
            "authorization": f"DPoP {self.token}",
            "dpop": (key or self.key).proof(method, url, self.token),
        }
        return await self.world.api.client.request(method, path, headers=headers, **request)


async def refused_at(world: World, terminal: Terminal, operations: set[str], code: str) -> None:
    for operation, method, path in WITH_TOKEN:
        if operation in operations:
            answer = await terminal.ask(method, world.path(path), **world.body(operation))
            assert answer.json()["code"] == code, (operation, answer.text)


async def test_a_person_at_a_terminal_gets_as_far_as_the_role_now(world: World) -> None:
    for kind, party in parties(world).items():
        await world.api.person_of(party.person(OWNER))  # who stays
        person = await newcomer(world, party, f"{kind}.terminal")
        terminal = await Terminal(world, party, person).open()
        for role in (DEVELOPER, FINANCE, AUDITOR):
            await set_role(world, party, person, role)
            refused = {name for name, rule in PERMISSIONS.items() if not rule.permits(kind, role)}
            before = await world.snapshot()
            await refused_at(world, terminal, refused, FORBIDDEN.code)
            assert await world.snapshot() == before
        await set_role(world, party, person, None)
        before = await world.snapshot()
        await refused_at(world, terminal, set(PERMISSIONS), TERMINAL_SESSION_ENDED.code)
        assert await world.snapshot() == before


async def test_a_terminal_needs_a_fresh_proof_and_its_own_key(world: World) -> None:
    party = world.bank
    person = await world.api.person_of(party.person(OWNER))
    stale = await Terminal(world, party, person).open(FRESH_PROOF_S + 1)
    fresh = {
        name for name, rule in PERMISSIONS.items() if rule.fresh and rule.permits("member", OWNER)
    }
    assert len(fresh) > 5
    before = await world.snapshot()
    await refused_at(world, stale, fresh, FRESH_PROOF_NEEDED.code)
    other = await stale.ask("GET", "/v1/people", key=DpopKey())
    assert (other.status_code, other.json()["code"]) == (401, "dpop_proof_invalid")
    assert await world.snapshot() == before
    assert (await stale.ask("GET", "/v1/people")).is_success
    ended = await stale.ask("POST", "/v1/terminal-sessions/end")
    assert ended.status_code == 200
    again = await stale.ask("GET", "/v1/people")
    assert (again.status_code, again.json()["code"]) == (401, TERMINAL_SESSION_ENDED.code)


async def test_an_application_that_manages_is_for_owners_with_a_fresh_proof(world: World) -> None:
    party = world.bank
    owner = await world.api.person_of(party.person(OWNER))
    stale = await Terminal(world, party, owner).open(FRESH_PROOF_S + 1)
    given = {"name": "N", "token_endpoint_auth_method": "tls_client_auth", "roles": ["manage"]}
    one = f"/v1/applications/{party.application}"
    asks: list[tuple[str, str, dict[str, Any]]] = [
        ("POST", "/v1/applications", given),
        ("POST", f"{one}/certificates", {"csr_pem": certificate_request()}),
        ("PUT", f"{one}/keys", {"jwks": {"keys": []}}),
    ]
    before = await world.snapshot()
    for method, path, body in asks:
        late = await stale.ask(method, path, json=body)
        assert late.json()["code"] == FRESH_PROOF_NEEDED.code, path
        builder = await world.api.ask(party.person(DEVELOPER), method, path, json=body)
        assert builder.json()["code"] == FORBIDDEN.code, path
    by_itself = await world.api.ask(party, "POST", "/v1/applications", json=given)
    assert by_itself.json()["code"] == FORBIDDEN.code
    after = await world.snapshot()
    assert {name for name in before if before[name] != after[name]} <= {
        "people", "audit_entries", "audit_heads",
    }  # fmt: skip
    made = await world.api.done(
        party.person(), "POST", "/v1/applications", json={**given, "management_role": AUDITOR}
    )
    assert (made["management_role"], made["registrant"]) == (AUDITOR, owner)


async def test_an_owner_takes_over_what_a_leaver_answered_for(world: World) -> None:
    party = world.bank
    owner = await world.api.person_of(party.person(OWNER))
    leaver = await newcomer(world, party, "bank.leaver")
    each = await program(world, party, FINANCE, leaver)
    await set_role(world, party, leaver, None)
    gone = await world.api.ask(each, "GET", "/v1/people")
    assert gone.json()["code"] == REGISTRANT_GONE.code
    path = f"/v1/applications/{each.application}/take-over"
    taken = await world.api.done(party.person(), "POST", path, json={"management_role": DEVELOPER})
    assert (taken["registrant"], taken["management_role"]) == (owner, DEVELOPER)
    assert (await world.api.ask(each, "GET", "/v1/people")).is_success


async def newcomer(world: World, party: Party, name: str) -> str:
    """One more owner."""
    async with world.api.services.database.unit(Actor(party.organisation, "setup")) as unit:
        person = await people.create(
            unit,
            name=f"{name}.new".lower(),
            display_name="N",
            passphrase_hash="",
            kind=party.kind,  # type: ignore[arg-type]
            organisation=party.organisation,
            language="en",
            role=OWNER,
        )
    return person.id
