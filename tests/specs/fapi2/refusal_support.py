"""Requests that pass, each to one column of the table of steps, for tests to spoil.

Steps are run one by one, as `pipeline.run` does, so that a test learns which of them refused.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from ciba_support import Asker
from consent_world import REDIRECT_URI, VERIFIER, Client, World, challenge
from joserfc.jwk import ECKey
from possession_support import proof_by
from sqlalchemy import text, update

from weir.authorization.backchannel import questions
from weir.authorization.exchange import Exchange
from weir.authorization.grammar import nonces
from weir.authorization.grammar.openid import Authentication
from weir.authorization.grants import grants
from weir.authorization.pipeline import GRANT_TYPES, STEPS, Endpoint, Step
from weir.consent.transitions import open_request, record_grant
from weir.consent.types import ConsentRequest, parse_details
from weir.kernel.outcomes import Outcome, Refusal
from weir.keys.vault import PLATFORM
from weir.partners import organisations
from weir.partners.tables import applications
from weir.store.unit import UnitOfWork

OPENID = "openid river-bank.accounts"
_TYPE_OF = {endpoint: name for name, endpoint in GRANT_TYPES.items()}


@dataclass
class Parties:
    """Who asks: applications of every standing."""

    world: World
    asker: Asker
    customer: str
    bank: Client  # introspects
    of: dict[str, Client]

    @classmethod
    async def of_world(cls, world: World, asker: Asker) -> Parties:
        customer = (await world.enrolment("RB-000001")).customer.id
        bank = await world.register(world.bank, "private_key_jwt", roles=["introspect"])
        names = ("suspended", "roleless", "signer", "keyless", "plain", "pinged")
        of = {
            name: await world.register(
                world.shop,
                "tls_client_auth" if name == "keyless" else "private_key_jwt",
                roles=[] if name == "roleless" else ["data", "manage"],
                signs_requests=name == "signer",
            )
            for name in names
        }
        of["revoked"] = await world.second_certificate(world.client)
        of["stopped"] = await world.register(
            await _suspended_partner(world), "private_key_jwt", roles=["data"]
        )
        return cls(world, asker, customer, bank, of)


async def _suspended_partner(world: World) -> Any:
    async with world.services.database.unit(PLATFORM) as unit:
        return await organisations.admit_partner(
            unit, slug="gone", name_en="Gone", name_zh="已停", partner_class="software_vendor"
        )


@dataclass
class Attempt:
    """One request to one endpoint."""

    parties: Parties
    endpoint: Endpoint
    client: Client
    shows: Client | None = None  # whose certificate comes with it
    form: dict[str, str] = field(default_factory=dict)
    claims: dict[str, Any] | None = None  # of a signed request
    proofs: list[str] = field(default_factory=list)
    key: Any = field(default_factory=lambda: ECKey.generate_key("P-256"))
    method: str = "POST"
    authorization: str | None = None
    grant_id: str = ""
    consent: str = ""
    registered: dict[str, Any] = field(default_factory=dict)  # constraints of the client

    @property
    def world(self) -> World:
        return self.parties.world

    @property
    def url(self) -> str:
        return self.world.issuer + "/here"

    async def execute(self, statement: str) -> None:
        """Change what is stored about this request's consent, named `:consent`."""
        async with self.world.services.database.engine.begin() as connection:
            await connection.execute(text(statement), {"consent": self.consent})

    async def become(self, name: str) -> None:
        """The same request by another client."""
        self.client = self.parties.of[name]
        prove(self)
        if self.claims is not None:
            self.claims |= {"iss": self.client.id, "client_id": self.client.id}
        if "client_id" in self.form or self.endpoint is Endpoint.AUTHORIZE:
            self.form["client_id"] = self.client.id
        if self.shows is not None:
            self.shows = self.client

    async def prove_possession(self, **changed: Any) -> None:
        """Bring a proof, good but for what is changed, in the place of the certificate."""
        services = self.world.services
        secret = await services.cache.shared_secret(nonces.SECRET)
        nonce = nonces.make(secret, services.database.clock.now().timestamp())
        claims = {"nonce": nonce, "htm": self.method} | changed
        self.proofs.append(proof_by(self.key, self.url, **claims))

    async def token(self, scope: str, **changed: Any) -> str:
        """An access token of this server, for this server."""
        now_s = int(datetime.now(UTC).timestamp())
        claims = {
            "iss": self.world.issuer,
            "sub": "somebody",
            "aud": [self.world.issuer],
            "client_id": self.client.id,
            "org": self.client.application.organisation,
            "iat": now_s,
            "exp": now_s + 300,
            "jti": "tok_" + secrets.token_hex(8),
            "scope": scope,
            "cnf": {"x5t#S256": self.client.thumbprint},
            **changed,
        }
        return await self.world.services.signer.sign_jwt(claims, "at+jwt")

    async def refused(self) -> tuple[Step, Outcome] | None:
        """The step that refuses it, and how; None when it passes."""
        await self._register(self.registered)
        try:
            return await self._refused()
        finally:
            await self._register({})

    async def _register(self, constraints: dict[str, Any]) -> None:
        async with self.world.services.database.engine.begin() as connection:
            await connection.execute(
                update(applications)
                .where(applications.c.id == self.client.id)
                .values(constraints=constraints)
            )

    async def _refused(self) -> tuple[Step, Outcome] | None:
        if self.claims is not None:
            self.form["request"] = self.parties.asker.signed(self.claims, self.client.key)
        exchange = Exchange(
            services=self.world.services,
            parameters={name: value for name, value in self.form.items() if value},
            certificate=None if self.shows is None else self.shows.thumbprint,
            now=self.world.clock.now(),
            url=self.url,
            proofs=tuple(self.proofs),
            visit="v" * 43,
            method=self.method,
            authorization=self.authorization,
        )
        exchange.grant_id = self.grant_id
        for step in STEPS[self.endpoint]:
            try:
                waiting = step(exchange)
                if waiting is not None:
                    await waiting
            except Refusal as refusal:
                return step, refusal.outcome
        assert exchange.answer is not None
        return None


def prove(attempt: Attempt) -> None:
    """Put the client's proof into the form, fresh."""
    proof = attempt.world.proof(attempt.client)
    for name in ("client_assertion", "client_assertion_type", "client_id"):
        attempt.form.pop(name, None)
    attempt.form |= proof


async def attempt_at(parties: Parties, endpoint: Endpoint) -> Attempt:
    """A request that passes this column; a poll finds its question unanswered."""
    attempt = Attempt(parties, endpoint, parties.world.client)
    await _BEGIN[endpoint](attempt)
    return attempt


async def _pushes(attempt: Attempt) -> None:
    attempt.form = attempt.world.access_request(attempt.client)


async def _visits(attempt: Attempt) -> None:
    uri = await attempt.world.push(attempt.world.access_request(attempt.client))
    attempt.form = {"client_id": attempt.client.id, "request_uri": uri}


async def begin_grant(attempt: Attempt) -> str:
    """Have a customer say yes to the client. The code."""

    async def said(unit: UnitOfWork) -> str:
        await grant(attempt, unit, attempt.consent, question(attempt.world))
        return await grants.record(
            unit,
            consent=attempt.consent,
            grant_id=attempt.consent,
            client=attempt.client.id,
            subject="somebody",
            scope=OPENID,
            redirect_uri=REDIRECT_URI,
            code_challenge=challenge(VERIFIER),
            certificate=None,
            dpop_jkt=None,
            authentication=Authentication(at_s=1, amr=("pwd",)),
        )

    async with attempt.world.services.database.unit(PLATFORM) as unit:
        attempt.consent = attempt.grant_id = unit.mint("cns")
        return await said(unit)


async def grant(attempt: Attempt, unit: UnitOfWork, consent: str, ask: ConsentRequest) -> None:
    """A consent of the customer to the client."""
    world = attempt.world
    parties = {"application": attempt.client.id, "partner": world.shop.id, "member": world.bank.id}
    await open_request(unit, consent, ask, **parties)
    await record_grant(unit, consent, ask, customer=attempt.parties.customer, accounts=["acc-1"])


def question(world: World) -> ConsentRequest:
    """What every customer is asked."""
    form = world.access_request(world.client)
    return parse_details(form["authorization_details"], datetime.now(UTC))


def _asks_for_tokens(attempt: Attempt) -> None:
    attempt.shows = attempt.client
    attempt.form = {"grant_type": _TYPE_OF[attempt.endpoint]}
    prove(attempt)


async def _exchanges(attempt: Attempt) -> None:
    code = await begin_grant(attempt)
    _asks_for_tokens(attempt)
    attempt.form |= {"code": code, "redirect_uri": REDIRECT_URI, "code_verifier": VERIFIER}


async def _refreshes(attempt: Attempt) -> None:
    code = await begin_grant(attempt)
    refreshing = await grants.use_code(attempt.world.services.database, attempt.consent, code)
    assert refreshing is not None
    _asks_for_tokens(attempt)
    attempt.form |= {"refresh_token": refreshing}


async def _asks_for_itself(attempt: Attempt) -> None:
    _asks_for_tokens(attempt)
    attempt.form |= {"scope": "river-bank.accounts"}


async def _names_a_token(attempt: Attempt) -> None:
    if attempt.endpoint is Endpoint.INTROSPECT:
        attempt.client = attempt.parties.bank
    attempt.form = {"token": "unknown"}
    prove(attempt)


async def _shows_a_token(attempt: Attempt) -> None:
    await begin_grant(attempt)
    attempt.shows = attempt.client
    about: dict[str, Any] = {}
    scope = {
        Endpoint.GRANT_QUERY: "grant_management_query",
        Endpoint.GRANT_REVOKE: "grant_management_revoke",
    }.get(attempt.endpoint)
    if scope is None:
        scope, about = OPENID, {"grant_id": attempt.consent}
    attempt.authorization = f"Bearer {await attempt.token(scope, **about)}"


async def _asks_elsewhere(attempt: Attempt) -> None:
    hint = f"RB-{secrets.token_hex(4)}"  # each may be asked about twice only
    attempt.claims = attempt.parties.asker.claims(login_hint=hint)
    prove(attempt)


async def _polls(attempt: Attempt) -> None:
    asking = await attempt_at(attempt.parties, Endpoint.BACKCHANNEL)
    assert await asking.refused() is None
    async with attempt.world.services.database.connect() as connection:
        newest = "SELECT max(consent) FROM backchannel_requests"
        attempt.consent = str(await connection.scalar(text(newest)))
    secret = secrets.token_urlsafe(32)
    digest = f"encode(sha256('{secret}'), 'hex')"
    await attempt.execute(
        f"UPDATE backchannel_requests SET secret_sha256 = {digest} WHERE consent = :consent"
    )
    _asks_for_tokens(attempt)
    attempt.form |= {"auth_req_id": secret}


async def answer(attempt: Attempt) -> None:
    """The customer's yes to what the attempt polls for."""
    refreshing = grants.new_refresh_token()
    services = attempt.world.services
    sealed = services.sealing.seal(f"refresh:{attempt.consent}", refreshing.encode())
    async with services.database.unit(PLATFORM) as unit:
        await grant(attempt, unit, attempt.consent, question(attempt.world))
        await grants.record_without_code(
            unit,
            consent=attempt.consent,
            client=attempt.client.id,
            subject="somebody",
            scope="river-bank.accounts",
            refresh_token=refreshing,
            authentication=None,
        )
        await questions.decide(unit, attempt.consent, questions.GRANTED, sealed)


_BEGIN = {
    Endpoint.PAR: _pushes,
    Endpoint.AUTHORIZE: _visits,
    Endpoint.TOKEN_CODE: _exchanges,
    Endpoint.TOKEN_REFRESH: _refreshes,
    Endpoint.TOKEN_CREDENTIALS: _asks_for_itself,
    Endpoint.REVOKE: _names_a_token,
    Endpoint.INTROSPECT: _names_a_token,
    Endpoint.USERINFO: _shows_a_token,
    Endpoint.GRANT_QUERY: _shows_a_token,
    Endpoint.GRANT_REVOKE: _shows_a_token,
    Endpoint.BACKCHANNEL: _asks_elsewhere,
    Endpoint.TOKEN_CIBA: _polls,
}
