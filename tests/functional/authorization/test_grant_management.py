"""Grant Management for OAuth 2.0 over HTTP: changing, reading and ending grants."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from consent_world import Browser, Client, World, consent_form, query_of
from sqlalchemy import select, text

from weir.consent import consents as stored_consents
from weir.consent import integrity
from weir.consent.withdrawals import withdraw_and_confirm
from weir.kernel.rooms import refusals
from weir.keys.vault import PLATFORM
from weir.partners import certificates
from weir.store.schema import changes
from weir.store.unit import Actor


class Grants:
    """A customer, a client, and what they do to one grant."""

    def __init__(self, world: World, browser: Browser) -> None:
        self.world, self.browser, self.client = world, browser, world.client
        self.sign_in = "lihua"

    async def par(self, client: Client | None = None, **changed: Any) -> httpx.Response:
        """A pushed request; `permissions`, `days`, `member` change what it asks for."""
        details = {
            "type": "urn:weir:account-access:v1",
            "member": changed.pop("member", "river-bank"),
            "permissions": changed.pop("permissions", ["ReadAccounts", "ReadBalances"]),
            "purpose": "Book-keeping for your shop",
            "expires_at": ends(changed.pop("days", 90)),
        }
        form = self.world.access_request(
            client or self.client,
            **({"authorization_details": json.dumps([details])} | changed),
        )
        return await self.world.post("/par", form, client)

    async def page(self, **changed: Any) -> httpx.Response:
        """The question."""
        pushed = await self.par(**changed)
        assert pushed.status_code == 201, pushed.text
        uri = pushed.json()["request_uri"]
        page = await self.browser.open(f"/authorize?client_id={self.client.id}&request_uri={uri}")
        if "Sign-in name" in page.text:
            page = await self.browser.sign_in(page, self.sign_in)
        return page

    async def say(self, page: httpx.Response, answer: str, *accounts: str) -> httpx.Response:
        chosen = {f"account-{n}": account for n, account in enumerate(accounts)}
        return await self.browser.send(page, consent_form(page), ("answer", answer), **chosen)

    async def tokens(self, *accounts: str, **changed: Any) -> dict[str, Any]:
        """A whole flow's token response."""
        answered = await self.say(await self.page(**changed), "yes", *accounts)
        assert answered.status_code == 303, answered.text
        issued = await self.world.exchange(
            self.client, query_of(answered.headers["location"])["code"]
        )
        assert issued.status_code == 200, issued.text
        return dict(issued.json())

    async def access(self, scope: str, client: Client | None = None) -> str:
        client = client or self.client
        form = {**self.world.proof(client), "grant_type": "client_credentials", "scope": scope}
        answer = await self.world.post("/token", form, client)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["access_token"])

    async def ask(
        self,
        method: str,
        grant_id: str,
        token: str | None = None,
        client: Client | None = None,
        **fields: str,
    ) -> httpx.Response:
        """A request at the grant management endpoint."""
        scope = "grant_management_query" if method == "GET" else "grant_management_revoke"
        token = token if token is not None else await self.access(scope, client)
        headers = self.world.headers(client or self.client)
        headers |= {"authorization": f"Bearer {token}"} | fields
        return await self.world.auth.request(method, f"/grants/{grant_id}", headers=headers)

    async def revocations(self) -> set[str]:
        async with self.world.services.database.connect() as connection:
            found = await connection.execute(
                select(changes.c.key).where(changes.c.kind == "revocation")
            )
            return set(found.scalars())

    async def consents(self) -> dict[str, str]:
        """Every consent of the application with its state."""
        async with self.world.services.database.connect() as connection:
            found = await stored_consents.of_application(connection, self.client.id)
        return {each.id: each.state.value for each in found}


def ends(days: int) -> str:
    return (datetime.now(UTC) + timedelta(days=days)).isoformat(timespec="seconds")


def error_of(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error_uri"].rpartition("/")[2].partition("#")[0]


@pytest.fixture
async def grants(world: World, browser: Browser, portal_browser: Browser) -> Grants:
    await portal_browser.claim(await world.enrol("RB-000001", "acc-1", "acc-2"), "lihua")
    return Grants(world, browser)


async def test_a_merge_adds_to_the_grant_and_shows_exactly_what(grants: Grants) -> None:
    first = await grants.tokens("acc-1", days=60)
    grant = {"grant_management_action": "merge", "grant_id": first["grant_id"]}
    page = await grants.page(permissions=["ReadTransactions"], days=30, **grant)
    assert "Change what Ledger for shops may do at River Bank?" in page.text
    new, kept = page.text.index("<h2>New"), page.text.index("<h2>Stays as it is")
    assert new < page.text.index("payments in and out") < kept
    assert kept < page.text.index("See the balances")
    assert "<h2>Ends" not in page.text
    assert page.text.count("checked disabled") == 1
    answered = await grants.say(page, "yes")  # the account of before is enough
    code = query_of(answered.headers["location"])["code"]
    merged = (await grants.world.exchange(grants.client, code)).json()
    (entry,) = merged["authorization_details"]
    assert merged["grant_id"] == first["grant_id"]
    assert entry["permissions"] == ["ReadAccounts", "ReadBalances", "ReadTransactions"]
    assert entry["accounts"] == ["acc-1"]
    assert entry["expires_at"] == first["authorization_details"][0]["expires_at"]
    old = await grants.world.refresh(grants.client, first["refresh_token"])
    assert old.json()["authorization_details"] == [entry]
    for _ in range(2):  # the newest, once used, is the only one (section 5.2)
        newest = await grants.world.refresh(grants.client, merged["refresh_token"])
        assert newest.json()["authorization_details"] == [entry]
        void = await grants.world.refresh(grants.client, first["refresh_token"])
        assert (void.status_code, void.json()["error"]) == (400, "invalid_grant")
    assert await grants.revocations() == set()  # nobody's connection breaks by a merge
    told = (await grants.ask("GET", first["grant_id"])).json()
    assert told == {
        "scopes": [{"scope": "river-bank.accounts"}],
        "authorization_details": [entry],
    }


async def test_a_replacement_leaves_nothing_of_before(grants: Grants) -> None:
    first = await grants.tokens("acc-1", "acc-2")
    grant = {"grant_management_action": "replace", "grant_id": first["grant_id"]}
    page = await grants.page(permissions=["ReadAccounts"], days=10, **grant)
    ended = page.text.index("<h2>Ends")
    assert ended < page.text.index("See the balances") < page.text.index("<h2>Stays as it is")
    assert "disabled" not in page.text
    nothing = await grants.say(page, "yes")
    assert (nothing.status_code, "Choose at least one" in nothing.text) == (422, True)
    answered = await grants.browser.send(
        page, consent_form(page), ("answer", "yes"), **{"account-1": "acc-2"}
    )
    code = query_of(answered.headers["location"])["code"]
    replaced = (await grants.world.exchange(grants.client, code)).json()
    (entry,) = replaced["authorization_details"]
    assert (entry["permissions"], entry["accounts"]) == (["ReadAccounts"], ["acc-2"])
    assert replaced["grant_id"] == first["grant_id"]
    assert await grants.revocations() == {f"consent:{first['grant_id']}"}
    old = await grants.world.refresh(grants.client, first["refresh_token"])
    assert old.json()["authorization_details"] == [entry]
    states = await grants.consents()
    assert sorted(states.values()) == ["granted", "replaced"]
    async with grants.world.services.database.connect() as connection:
        consent = await stored_consents.find(connection, first["grant_id"])
        assert await integrity.check_rows(connection) == []
    assert consent is not None
    assert consent.acknowledged_at is not None


async def test_a_no_changes_nothing(grants: Grants) -> None:
    first = await grants.tokens("acc-1")
    grant = {"grant_management_action": "replace", "grant_id": first["grant_id"]}
    answered = await grants.say(await grants.page(permissions=["ReadAccounts"], **grant), "no")
    assert query_of(answered.headers["location"])["error"] == "access_denied"
    told = await grants.ask("GET", first["grant_id"])
    assert told.json()["authorization_details"] == first["authorization_details"]
    assert await grants.revocations() == set()


CHANGES: list[tuple[dict[str, str], str]] = [
    ({"grant_id": "GRANT"}, "oauth_invalid_request"),
    ({"grant_management_action": "update"}, "oauth_invalid_request"),
    ({"grant_management_action": "MERGE", "grant_id": "GRANT"}, "oauth_invalid_request"),
    ({"grant_management_action": "create", "grant_id": "GRANT"}, "oauth_invalid_request"),
    ({"grant_management_action": "merge"}, "oauth_invalid_request"),
    ({"grant_management_action": "replace"}, "oauth_invalid_request"),
    ({"grant_management_action": "merge", "grant_id": "x"}, "oauth_invalid_grant_id"),
    ({"grant_management_action": "merge", "grant_id": "cns_" + "0" * 26}, "oauth_invalid_grant_id"),
    (
        {"grant_management_action": "merge", "grant_id": "GRANT", "member": "lake-bank"},
        "oauth_invalid_authorization_details",
    ),
    # The upper row of the table is named: the form of the action before what is asked for.
    (
        {"grant_management_action": "update", "scope": "x.y", "code_challenge": "short"},
        "oauth_invalid_request",
    ),
    (
        {"grant_management_action": "merge", "grant_id": "x", "scope": "x.y"},
        "oauth_invalid_scope",
    ),
]


async def test_changes_that_are_refused_when_they_are_pushed(grants: Grants) -> None:
    first = await grants.tokens("acc-1", grant_management_action="create")
    for changed, code in CHANGES:
        given = {k: first["grant_id"] if v == "GRANT" else v for k, v in changed.items()}
        answer = await grants.par(**given)
        assert error_of(answer) == (400, code), changed
        assert answer.json()["error"] == refusals()[code].oauth


async def test_a_grant_is_changed_and_seen_by_nobody_else(
    grants: Grants, world: World, auth_app: Any, portal_app: Any
) -> None:
    first = await grants.tokens("acc-1")
    grant = {"grant_management_action": "merge", "grant_id": first["grant_id"]}
    stranger = await grants.par(client=world.other_client, **grant)
    assert error_of(stranger) == (400, "oauth_invalid_grant_id")
    for method in ("GET", "DELETE"):
        answer = await grants.ask(method, first["grant_id"], client=world.other_client)
        unknown = await grants.ask(method, "cns_" + "0" * 26)
        assert error_of(answer) == error_of(unknown) == (404, "not_found")
    other = Browser(portal_app, "https://portal.localhost")
    await other.claim(await world.enrol("RB-000002", "acc-9"), "wangwei")
    await other.close()
    grants.browser, grants.sign_in = Browser(auth_app, "https://auth.localhost"), "wangwei"
    page = await grants.page(permissions=["ReadTransactions"], **grant)
    assert "another customer’s consent" in page.text
    assert "acc-1" not in page.text
    forced = await grants.say(page, "yes", "acc-9")
    assert forced.status_code != 303
    assert (await grants.consents())[first["grant_id"]] == "granted"
    await grants.browser.close()


async def test_a_payment_is_never_widened(grants: Grants, world: World) -> None:
    uri = await world.push(world.payment_request(world.client))
    page = await grants.browser.open(f"/authorize?client_id={world.client.id}&request_uri={uri}")
    page = await grants.browser.sign_in(page, "lihua")
    answered = await grants.browser.send(
        page, consent_form(page), ("answer", "yes"), account="acc-1"
    )
    code = query_of(answered.headers["location"])["code"]
    paid = (await world.exchange(world.client, code)).json()
    for action in ("merge", "replace"):
        change = {"grant_management_action": action, "grant_id": paid["grant_id"]}
        answer = await world.post("/par", world.payment_request(world.client) | change)
        assert error_of(answer) == (400, "oauth_invalid_grant_id")


async def test_a_withdrawn_consent_ends_the_grant(grants: Grants) -> None:
    first = await grants.tokens("acc-1")
    grant = {"grant_management_action": "merge", "grant_id": first["grant_id"]}
    open_page = await grants.page(permissions=["ReadTransactions"], **grant)
    actor = Actor(grants.world.bank.id, "teller")
    await withdraw_and_confirm(grants.world.services.database, actor, first["grant_id"], "member")
    late = await grants.say(open_page, "yes", "acc-1")
    assert late.status_code == 400
    assert "error=invalid_grant_id" in late.text  # the way back tells the application too
    assert error_of(await grants.par(**grant)) == (400, "oauth_invalid_grant_id")
    assert error_of(await grants.ask("GET", first["grant_id"])) == (404, "not_found")
    assert (await grants.world.refresh(grants.client, first["refresh_token"])).status_code == 400


async def test_deleting_a_grant_is_a_withdrawal_with_every_gateways_word(grants: Grants) -> None:
    first = await grants.tokens("acc-1")
    merged = await grants.tokens(
        permissions=["ReadTransactions"],
        grant_management_action="merge",
        grant_id=first["grant_id"],
    )
    deleted = await grants.ask("DELETE", first["grant_id"])
    assert (deleted.status_code, deleted.content) == (204, b"")
    again = await grants.ask("DELETE", first["grant_id"])  # after a lost answer
    assert again.status_code == 204
    states = await grants.consents()
    (current,) = [each for each, state in states.items() if state == "withdrawn"]
    # The last tokens of the narrower consent die with the wider one.
    voided = [f"consent:{first['grant_id']}", f"consent:{current}"]
    assert await grants.revocations() == set(voided)
    # The word that is waited for is the last one: who has applied it has applied both.
    async with grants.world.services.database.connect() as connection:
        numbered = select(changes.c.key).where(changes.c.key.in_(voided))
        rows = await connection.execute(numbered.order_by(changes.c.sequence))
        assert [row.key for row in rows] == voided
    for token in (first["refresh_token"], merged["refresh_token"]):
        assert (await grants.world.refresh(grants.client, token)).status_code == 400
    async with grants.world.services.database.connect() as connection:
        consent = await stored_consents.find(connection, current)
        assert await integrity.check_rows(connection) == []
    assert consent is not None
    assert (consent.ended_by, consent.acknowledged_at is not None) == ("partner", True)


async def test_a_delete_that_no_gateway_confirmed_says_so(grants: Grants) -> None:
    first = await grants.tokens("acc-1")
    async with grants.world.services.database.engine.begin() as connection:
        await connection.execute(
            text(
                "INSERT INTO processes (id, role, started_at, applied_sequence, lease_until)"
                " VALUES ('deaf', 'gateway', now(), 0, now() + interval '1 hour')"
            )
        )
    answer = await grants.ask("DELETE", first["grant_id"])
    assert error_of(answer) == (503, "oauth_temporarily_unavailable")
    async with grants.world.services.database.engine.begin() as connection:
        await connection.execute(text("DELETE FROM processes"))
    assert (await grants.ask("DELETE", first["grant_id"])).status_code == 204


async def test_two_changes_at_once_are_each_granted_against_what_was_shown(
    grants: Grants,
) -> None:
    first = await grants.tokens("acc-1")
    grant = {"grant_management_action": "merge", "grant_id": first["grant_id"]}
    pages = [
        await grants.page(permissions=[permission], **grant)
        for permission in ("ReadTransactions", "ReadOrders")
    ]
    answers = await asyncio.gather(*(grants.say(page, "yes") for page in pages))
    by_status = {answer.status_code: answer for answer in answers}
    assert set(by_status) == {303, 200} or set(by_status) == {303, 409}
    shown_anew = next(answer for answer in answers if answer.status_code != 303)
    assert "changed while the page was open" in shown_anew.text
    again = await grants.say(shown_anew, "yes")
    assert again.status_code == 303
    told = (await grants.ask("GET", first["grant_id"])).json()["authorization_details"][0]
    assert set(told["permissions"]) == {
        "ReadAccounts",
        "ReadBalances",
        "ReadTransactions",
        "ReadOrders",
    }
    assert sorted((await grants.consents()).values()) == ["granted", "replaced", "replaced"]


async def test_a_code_presented_twice_ends_the_changed_grant_whole(grants: Grants) -> None:
    answered = await grants.say(await grants.page(), "yes", "acc-1")
    code = query_of(answered.headers["location"])["code"]
    first = (await grants.world.exchange(grants.client, code)).json()
    await grants.tokens(
        permissions=["ReadTransactions"],
        grant_management_action="merge",
        grant_id=first["grant_id"],
    )
    assert (await grants.world.exchange(grants.client, code)).status_code == 400
    assert error_of(await grants.ask("GET", first["grant_id"])) == (404, "not_found")


async def test_the_endpoint_takes_only_its_own_tokens_with_their_key(grants: Grants) -> None:
    first = await grants.tokens("acc-1")
    grant_id = first["grant_id"]
    query = await grants.access("grant_management_query")
    second = await grants.world.second_certificate(grants.client)
    refusals: list[tuple[httpx.Response, tuple[int, str]]] = [
        (await grants.ask("GET", grant_id, ""), (401, "token_missing")),
        (await grants.ask("GET", grant_id, "x.y.z"), (401, "token_invalid")),
        (await grants.ask("GET", grant_id, query[:-4] + "AAAA"), (401, "token_invalid")),
        (await grants.ask("GET", grant_id, first["access_token"]), (403, "scope_insufficient")),
        (await grants.ask("DELETE", grant_id, query), (403, "scope_insufficient")),
        (await grants.ask("GET", grant_id, query, second), (401, "certificate_mismatch")),
        (
            await grants.ask("GET", grant_id, query, grants.world.other_client),
            (401, "certificate_mismatch"),
        ),
        (
            await grants.ask("GET", grant_id, authorization=f"DPoP {query}"),
            (401, "token_scheme_wrong"),
        ),
        (await grants.ask("PUT", grant_id, query), (405, "method_not_allowed")),
    ]
    for answer, expected in refusals:
        assert error_of(answer) == expected
        assert ("www-authenticate" in answer.headers) is (expected[0] in (401, 403))
    public = grants.world.headers(None) | {"authorization": f"Bearer {query}"}
    without = await grants.world.auth.get(f"/grants/{grant_id}", headers=public)
    assert error_of(without) == (401, "certificate_required")
    assert (await grants.ask("GET", grant_id, query)).status_code == 200
    form = {**grants.world.proof(grants.client), "token": query}
    assert (await grants.world.post("/revoke", form, grants.client)).status_code == 200
    assert error_of(await grants.ask("GET", grant_id, query)) == (401, "token_revoked")
    grants.world.clock.ahead = timedelta(seconds=301)
    late = await grants.ask("GET", grant_id, query)
    assert error_of(late) == (401, "token_revoked")


async def test_a_revoked_certificate_or_a_suspension_ends_access_at_once(grants: Grants) -> None:
    first = await grants.tokens("acc-1")
    query = await grants.access("grant_management_query")
    async with grants.world.services.database.unit(PLATFORM) as unit:
        await certificates.revoke(unit, grants.client.certificate_id)
    answer = await grants.ask("GET", first["grant_id"], query)
    assert error_of(answer) == (401, "token_revoked")


async def test_scopes_over_grants_stand_alone(grants: Grants) -> None:
    for scope in (
        "grant_management_query manage",
        "grant_management_query river-bank.accounts",
    ):
        form = {
            **grants.world.proof(grants.client),
            "grant_type": "client_credentials",
            "scope": scope,
        }
        answer = await grants.world.post("/token", form, grants.client)
        assert answer.json()["error"] == "invalid_scope", scope
    both = await grants.access("grant_management_query grant_management_revoke")
    assert both


async def test_metadata_names_the_endpoint_and_the_actions(grants: Grants) -> None:
    said = (await grants.world.auth.get("/.well-known/oauth-authorization-server")).json()
    assert said["grant_management_endpoint"] == f"{grants.world.issuer}/grants"
    assert set(said["grant_management_actions_supported"]) == {
        "create",
        "merge",
        "replace",
        "query",
        "revoke",
    }
    assert said["grant_management_action_required"] is False


async def test_many_changes_and_an_end_at_once_leave_one_truth(grants: Grants) -> None:
    """However yes, yes and DELETE interleave: what was answered as ended has ended, whole."""
    first = await grants.tokens("acc-1")
    grant = {"grant_management_action": "replace", "grant_id": first["grant_id"]}
    pages = [
        await grants.page(permissions=[permission], **grant)
        for permission in ("ReadTransactions", "ReadOrders", "ReadPolicies")
    ]
    ending = grants.ask("DELETE", first["grant_id"])
    *answers, ended = await asyncio.gather(
        *(grants.say(page, "yes", "acc-2") for page in pages), ending
    )
    assert all(answer.status_code in (303, 400, 409) for answer in answers)
    assert ended.status_code == 204
    states = list((await grants.consents()).values())
    assert (states.count("granted"), states.count("withdrawn")) == (0, 1)
    told = await grants.ask("GET", first["grant_id"])
    refreshed = await grants.world.refresh(grants.client, first["refresh_token"])
    assert (told.status_code, refreshed.status_code) == (404, 400)
    async with grants.world.services.database.connect() as connection:
        assert await integrity.check_rows(connection) == []
