"""What spoils a good request: faults, each by a name."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from consent_world import Client
from joserfc.jwk import ECKey
from possession_support import ath
from refusal_support import Attempt, answer, begin_grant, grant, prove

from weir.authorization.declares import BACKCHANNEL_WAITING_OF_HINT
from weir.authorization.grants import grants
from weir.authorization.pipeline import Endpoint, Step
from weir.authorization.visits import pushed_requests
from weir.kernel.outcomes import Outcome
from weir.keys.vault import PLATFORM

Spoil = Callable[[Attempt], Awaitable[None] | None]


@dataclass(frozen=True)
class Row:
    """One refusal of one step. `only` are the columns it can come up in, if not in all."""

    step: Step
    outcome: Outcome
    spoil: Spoil
    who: bool = False
    alone: bool = False  # it cannot stand beside other faults
    only: frozenset[Endpoint] = frozenset()


def says(**changed: str | None) -> Spoil:
    """Parameters changed, of the form or of the signed request; None removes one."""

    def spoil(attempt: Attempt) -> None:
        where: dict[str, Any] = attempt.form if attempt.claims is None else attempt.claims
        for name, value in changed.items():
            if value is None:
                where.pop(name, None)
            else:
                where[name] = value

    return spoil


def proves(**changed: str | None) -> Spoil:
    """The form's own proof of the client changed."""

    def spoil(attempt: Attempt) -> None:
        for name, value in changed.items():
            attempt.form.pop(name, None)
            if value is not None:
                attempt.form[name] = value

    return spoil


def by(name: str) -> Spoil:
    return lambda attempt: attempt.become(name)


def registers(**constraints: Any) -> Spoil:
    """Constraints that the client registered."""
    return lambda attempt: attempt.registered.update(constraints)


async def proves_though_certified(attempt: Attempt) -> None:
    """A proof of a client that registered certificate-bound tokens."""
    attempt.registered["tls_client_certificate_bound_access_tokens"] = True
    await attempt.prove_possession()


def stored(statement: str) -> Spoil:
    return lambda attempt: attempt.execute(statement)


def shows(token: Callable[[Attempt], Awaitable[str]]) -> Spoil:
    async def spoil(attempt: Attempt) -> None:
        attempt.authorization = await token(attempt)

    return spoil


def no_key(attempt: Attempt) -> None:
    attempt.shows = None
    attempt.proofs.clear()


def anothers_assertion(attempt: Attempt) -> None:
    stranger = Client(attempt.client.application, ECKey.generate_key("P-256"), b"", "")
    attempt.form["client_assertion"] = stranger.assertion(attempt.world.issuer)


async def without_certificate(attempt: Attempt) -> None:
    await attempt.become("keyless")
    attempt.shows = None
    await attempt.prove_possession()  # a token could be bound to it


def anothers_certificate(attempt: Attempt) -> None:
    attempt.shows = attempt.world.other_client


async def bad_proof(attempt: Attempt) -> None:
    await attempt.prove_possession(htu="https://elsewhere.example/")


async def no_nonce(attempt: Attempt) -> None:
    await attempt.prove_possession(nonce=None)


async def used_assertion(attempt: Attempt) -> None:
    earlier = Attempt(attempt.parties, Endpoint.REVOKE, attempt.client)
    earlier.form = {**attempt.form, "token": "unknown"}
    earlier.form.pop("request_uri", None)
    assert await earlier.refused() is None


async def used_proof(attempt: Attempt) -> None:
    attempt.proofs.clear()
    await attempt.prove_possession()
    earlier = Attempt(attempt.parties, Endpoint.TOKEN_CREDENTIALS, attempt.client)
    earlier.form = {"grant_type": "client_credentials", "scope": "river-bank.accounts"}
    earlier.proofs = attempt.proofs
    prove(earlier)
    assert await earlier.refused() is None


async def used_object(attempt: Attempt) -> None:
    asker = attempt.parties.asker
    if attempt.claims is None:
        beside = {"login_hint", "binding_message"}
        attempt.claims = {k: v for k, v in asker.claims().items() if k not in beside}
        attempt.claims |= {
            name: attempt.form[name]
            for name in (
                "response_type", "redirect_uri", "code_challenge", "code_challenge_method"
            )
        }  # fmt: skip
    earlier = Attempt(attempt.parties, attempt.endpoint, attempt.client)
    earlier.claims = dict(attempt.claims)
    prove(earlier)
    assert await earlier.refused() is None


async def asked_twice(attempt: Attempt) -> None:
    assert attempt.claims is not None
    for _ in range(BACKCHANNEL_WAITING_OF_HINT):
        earlier = Attempt(attempt.parties, attempt.endpoint, attempt.client)
        earlier.claims = attempt.claims | {"jti": attempt.parties.asker.claims()["jti"]}
        prove(earlier)
        assert await earlier.refused() is None


ENDED: Final = "UPDATE consents SET state = 'withdrawn' WHERE id = :consent"


def wants(**changed: Any) -> Spoil:
    """Another entry of `authorization_details`."""

    def spoil(attempt: Attempt) -> None:
        end = (datetime.now(UTC) + timedelta(days=1)).isoformat(timespec="seconds")
        entry = {
            "type": "urn:weir:account-access:v1",
            "member": "river-bank",
            "permissions": ["ReadAccounts"],
            "purpose": "Book-keeping",
            "expires_at": end,
        } | changed
        if attempt.claims is None:
            attempt.form["authorization_details"] = json.dumps([entry])
        else:
            attempt.claims["authorization_details"] = [entry]

    return spoil


async def taken_back(attempt: Attempt) -> None:
    """The consent is withdrawn, and so are its tokens."""
    await attempt.execute(ENDED)


async def answered_before(attempt: Attempt) -> None:
    """The customer has answered what is asked here."""
    world = attempt.world
    recalled = await pushed_requests.recall(world.services.cache, attempt.form["request_uri"])
    assert recalled is not None
    async with world.services.database.unit(PLATFORM) as unit:
        await grant(attempt, unit, recalled[1].consent, recalled[1].ask)


async def another_kind(attempt: Attempt) -> None:
    """Change a grant into one of another type."""
    await begin_grant(attempt)
    attempt.form |= {"grant_management_action": "merge", "grant_id": attempt.consent}
    end = (datetime.now(UTC) + timedelta(days=1)).isoformat(timespec="seconds")
    wants(type="urn:weir:credit-data:v1", permissions=["ReadRepayments"], expires_at=end)(attempt)


async def of_another(attempt: Attempt) -> None:
    """What the request is about belongs to another client."""
    await attempt.execute(
        "UPDATE grants SET client = (SELECT max(id) FROM applications WHERE id <> client)"
        " WHERE consent = :consent"
    )


async def foreign_token(attempt: Attempt) -> None:
    attempt.form["token"] = await attempt.token("x", client_id=attempt.world.other_client.id)


def token_with(scope: str | None = None, **changed: Any) -> Spoil:
    """Another token in the header."""

    async def spoil(attempt: Attempt) -> None:
        scheme = "DPoP" if "jkt" in changed.get("cnf", ()) else "Bearer"
        usual = {Endpoint.USERINFO: "openid"}.get(attempt.endpoint, "grant_management_query")
        if attempt.endpoint is Endpoint.GRANT_REVOKE:
            usual = "grant_management_revoke"
        about = {"grant_id": attempt.consent} if attempt.endpoint is Endpoint.USERINFO else {}
        token = await attempt.token(usual if scope is None else scope, **(about | changed))
        attempt.authorization = f"{scheme} {token}"

    return spoil


async def bound_to_proof(attempt: Attempt) -> None:
    await token_with(cnf={"jkt": attempt.key.thumbprint()})(attempt)  # type: ignore[misc]
    attempt.shows = None


async def unproven(attempt: Attempt) -> None:
    await bound_to_proof(attempt)
    await attempt.prove_possession(ath="x")


async def proven_twice(attempt: Attempt) -> None:
    await bound_to_proof(attempt)
    token = (attempt.authorization or "").removeprefix("DPoP ")
    await attempt.prove_possession(ath=ath(token))
    earlier = Attempt(attempt.parties, Endpoint.GRANT_QUERY, attempt.client)
    earlier.method, earlier.proofs = attempt.method, attempt.proofs
    earlier.authorization = attempt.authorization
    await earlier.refused()


def wrong_scheme(attempt: Attempt) -> None:
    attempt.authorization = (attempt.authorization or "").replace("Bearer", "DPoP")


def unsigned(attempt: Attempt) -> None:
    attempt.claims = None
    attempt.form.pop("request", None)


def garbled(attempt: Attempt) -> None:
    attempt.claims = None
    attempt.form["request"] = "e30.e30.x"


async def controls(attempt: Attempt) -> None:
    """A signed request with a control character in a parameter."""
    if attempt.claims is None:
        attempt.claims = attempt.parties.asker.claims()
    attempt.claims["state"] = "a\tb"


async def waited_for(attempt: Attempt) -> None:
    await attempt.execute(
        "UPDATE backchannel_requests SET polled_at = now() + interval '1 minute'"
        " WHERE consent = :consent"
    )


async def over(attempt: Attempt) -> None:
    await attempt.execute(
        "UPDATE backchannel_requests SET expires_at = now() - interval '1 hour',"
        " decided_at = now() - interval '1 hour' WHERE consent = :consent"
    )


async def denied(attempt: Attempt) -> None:
    await attempt.execute(
        "UPDATE backchannel_requests SET state = 'denied', decided_at = now()"
        " WHERE consent = :consent"
    )


async def answered_and_ended(attempt: Attempt) -> None:
    if attempt.endpoint is Endpoint.TOKEN_CIBA:
        await answer(attempt)
    await attempt.execute(ENDED)


def asks_of_its_token(**changed: str) -> Spoil:
    """A token request with parameters besides; a question is answered first."""

    async def spoil(attempt: Attempt) -> None:
        if attempt.endpoint is Endpoint.TOKEN_CIBA:
            await answer(attempt)
        attempt.form |= changed

    return spoil


async def lost_race(attempt: Attempt) -> None:
    """Another process uses the code between the two looks at it."""
    database = attempt.world.services.database
    asking = database.ask

    async def ask(statement: Any, *key: Any) -> Any:
        if statement is grants._SPEND:
            await attempt.execute("UPDATE grants SET code_used_at = now() WHERE consent = :consent")
        return await asking(statement, *key)

    database.ask = ask  # type: ignore[method-assign]


def unknown_client(attempt: Attempt) -> None:
    nobody = "app_" + "0" * 26
    if attempt.endpoint is not Endpoint.AUTHORIZE:
        for name in ("client_assertion", "client_assertion_type"):
            attempt.form.pop(name, None)
    attempt.form["client_id"] = nobody


def announces_another(attempt: Attempt) -> Awaitable[None]:
    attempt.form["dpop_jkt"] = "j" * 43
    return attempt.prove_possession()


def unknown_grant(attempt: Attempt) -> None:
    attempt.form |= {"grant_management_action": "merge", "grant_id": "cns_" + "0" * 26}


def as_it_is(_: Attempt) -> None:
    """The customer has not answered yet."""


async def nothing(_: Attempt) -> str:
    return ""


async def nonsense(_: Attempt) -> str:
    return "Bearer e30.e30.x"


UNKNOWN_INTENT: Final = json.dumps(
    {"id_token": {"openbanking_intent_id": {"value": "cns_" + "0" * 26, "essential": True}}}
)
THIS: Final = "WHERE consent = :consent"
PROVEN: Final = frozenset(
    {Endpoint.PAR, Endpoint.TOKEN_CODE, Endpoint.TOKEN_REFRESH, Endpoint.TOKEN_CREDENTIALS,
     Endpoint.TOKEN_CIBA}
)  # fmt: skip
