"""The refusals of a call and the order in which they are tried, phase by phase, without engines.

The order comes from the phases themselves, by `weir.gateway.pipeline.REFUSALS`; see
`refusal_chains.py`. Each chain is a call that is broken in every way of its rows.
"""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import pytest
from gateway_support import (
    DER,
    PREFIX,
    SCOPE,
    THUMBPRINT,
    House,
    access,
    application,
    b64,
    claims,
    consented,
    jwk,
    mandate,
    operation,
    operations,
    organisation,
    product,
    revocation,
    row,
    sign,
    subscription,
)

from refusal_chains import (
    DECLARED,
    OF_MANDATES,
    OF_PAYMENTS,
    OF_POSSESSION,
    Broken,
    Mends,
    Row,
    in_order,
)
from waits import until
from weir.audit.chain import AuditJournal
from weir.gateway.budgets.allowances import Allowances, DatabaseClock
from weir.gateway.budgets.counters import DatabaseCounters
from weir.gateway.config.snapshot_builder import ChangeRow
from weir.gateway.declares import (
    APPLICATION_CALLS_IN_FLIGHT,
    BOUND_BODY_BYTES,
    BOUND_VALUE_MISSING,
    CALLS_IN_FLIGHT,
    CONCURRENCY_EXCEEDED,
    CONSENT_ACCOUNT,
    CONSENT_EXPIRED,
    CONSENT_NOT_BEGUN,
    CONSENT_PAYMENT_MISMATCH,
    CONSENT_PERMISSION,
    CONSENT_REQUIRED,
    CONSENT_UNCHECKABLE,
    CONSENT_WITHDRAWN,
    IDEMPOTENCY_KEY_REQUIRED,
    LIMIT_UNCHECKABLE,
    QUOTA_EXCEEDED,
    STANDING_UNCHECKABLE,
    UNKNOWN_PATH,
)
from weir.gateway.pipeline import REFUSALS
from weir.kernel.clock import SystemClock
from weir.kernel.declares import (
    BODY_BYTES,
    CERTIFICATE_MISMATCH,
    CERTIFICATE_REQUIRED,
    CERTIFICATE_REVOKED,
    DPOP_PROOF_INVALID,
    INVALID_INPUT,
    MEMBER_BROKEN_ANSWER,
    MEMBER_TIMEOUT,
    OVERLOADED,
    PLATFORM_UNAVAILABLE,
    RATE_EXCEEDED,
    SCOPE_INSUFFICIENT,
    SUBSCRIPTION_REQUIRED,
    TOKEN_EXPIRED,
    TOKEN_INVALID,
    TOKEN_MISSING,
    TOKEN_REVOKED,
    TOKEN_SCHEME_WRONG,
    UNSUPPORTED_MEDIA_TYPE,
)
from weir.kernel.outcomes import Outcome
from weir.keys.dpop import thumbprint_of
from weir.metering.declares import CALLER_GONE, RECORD_UNWRITABLE
from weir.partners.declares import APPLICATION_SUSPENDED, ORGANISATION_SUSPENDED
from weir.shelf.published import Bindings
from weir.store.cache import Cache
from weir.store.database import Database
from weir.store.declares import ENGINE_UNAVAILABLE
from weir.wire.declares import (
    BODY_TOO_LARGE,
    ENDPOINT_FAILURES,
    MALFORMED_HTTP,
    MEMBER_UNREACHABLE,
    METHOD_NOT_ALLOWED,
    REQUEST_TIMEOUT,
)

NOWHERE: Final = "127.0.0.1:1"  # nothing listens there
LATE_S: Final = 61.0  # longer than own-right calls are served without a lease
TO_KEY: Final = {"jkt": thumbprint_of(jwk())}
ANSWER: Final = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}"


@dataclass
class Case(Broken):
    """A call, and the house that it comes into: broken in every way, until it is mended.

    `entry` is the consent that the token carries, None for a call of the application's own right;
    `wrong` are values of that entry. `body` is the whole body by its parts.
    """

    entry: Callable[..., dict[str, Any]] | None
    wrong: dict[str, Any]
    body: dict[str, Any]
    method: str = "DELETE"
    path: str = "/nowhere"
    scheme: str = "Bearer"
    token: str = "none"
    claims: dict[str, Any] = field(
        default_factory=lambda: {"cnf": TO_KEY, "scope": "other.scope", "exp": 1_000_000_000}
    )
    der: bytes | None = None
    in_flight: str = "all"
    lease_s: float = -LATE_S
    proves: bool = False
    lines: dict[str, str] = field(
        default_factory=lambda: {"Weir-Scene": "No Word", "Content-Type": "text/plain"}
    )
    announced: int | None = None
    terms: dict[str, Any] = field(default_factory=lambda: {"status": "suspended"})
    records_fail: bool = True
    member: str = "out"
    rows: dict[str, ChangeRow] = field(
        default_factory=lambda: {
            "token": revocation("token", "tok_1"),
            "certificate": revocation("certificate", THUMBPRINT),
            "application": row("application", "app_shop", application(status="suspended")),
            "caller": row(
                "organisation", "org_shop", organisation("org_shop", "partner", "shop", "suspended")
            ),
            "member": row(
                "organisation",
                "org_bank",
                organisation("org_bank", "member", "river-bank", "suspended"),
            ),
            "consent": revocation("consent", "cns_1"),
        }
    )

    def written_token(self) -> str:
        if self.entry is None:
            whole = sign(claims(**self.claims))
        else:
            whole = sign(consented(self.entry(**self.wrong), **self.claims))
        return whole[:-8] + "AAAAAAAA" if self.token == "altered" else whole

    def written_lines(self) -> list[str]:
        lines = dict(self.lines)
        if self.announced is not None:
            lines["Content-Length"] = str(self.announced)
        if self.token != "none":
            token = self.written_token()
            lines["Authorization"] = f"{self.scheme} {token}"
            if self.proves:
                lines["DPoP"] = self.proof(token)
        return [f"{name}: {value}" for name, value in lines.items()]

    def proof(self, token: str) -> str:
        """RFC 9449 section 4.2, by the key that the token is bound to."""
        shown = {
            "jti": "proof_1",
            "htm": self.method,
            "htu": f"https://api.localhost{PREFIX}{self.path}",
            "iat": int(time.time()),
            "ath": b64(sha256(token.encode()).digest()),
        }
        return sign(shown, {"typ": "dpop+jwt", "alg": "ES256", "jwk": jwk()})

    def house(self, folder: Path, away: Away) -> House:
        """The house in this state, before the call."""
        house = House(folder, der=self.der)
        house.apply(*self.rows.values(), row("subscription", "sub_1", subscription(**self.terms)))
        parts = house.parts
        house.follower.lease.until_s = parts.loop.time() + self.lease_s
        parts.allowances = Allowances(
            parts.loop, DatabaseCounters(away.database), DatabaseClock(parts.loop)
        )
        parts.database, parts.cache = away.database, away.cache
        parts.record_stream.failing = self.records_fail
        fill(house, self.in_flight)
        if self.member == "out":
            for _ in range(ENDPOINT_FAILURES):
                house.pool.failed()
        return house

    async def make(self, house: House) -> str:
        """Make the call. Return the code of its refusal, or `answered`."""
        body = json.dumps(self.body).encode() if self.announced is None else None
        house.call(self.method, self.path, "", body, *self.written_lines())
        await until(lambda: house.caller.written or house.member.written)
        if house.member.written:
            house.answer(ANSWER if self.member == "well" else b"no answer\r\n\r\n")
            await until(lambda: house.caller.written)
        if house.caller.written.startswith(b"HTTP/1.1 200 "):
            return "answered"
        return str(house.problem["code"])


@dataclass
class Away:
    """The engines of a house that cannot reach them."""

    database: Database
    cache: Cache


@pytest.fixture
async def away() -> AsyncIterator[Away]:
    journal = AuditJournal(bytes(32))
    cache = Cache(f"valkey://{NOWHERE}")
    url = f"postgresql+psycopg://weir@{NOWHERE}/weir"
    database = Database(url, clock=SystemClock(), journal=journal, cache=cache)
    yield Away(database, cache)
    await database.close()
    await cache.close()


def fill(house: House, in_flight: str) -> None:
    """Have as many calls in flight as one application may have, or as all together may."""
    others = CALLS_IN_FLIGHT // APPLICATION_CALLS_IN_FLIGHT - 1
    full = {
        "all": ["app_shop", *(f"app_{number}" for number in range(others))],
        "own": ["app_shop"],
        "none": [],
    }[in_flight]
    for application_id in full:
        for _ in range(APPLICATION_CALLS_IN_FLIGHT):
            house.parts.concurrency.enter(application_id)


# --- how each fault is mended -------------------------------------------------------------------


def stays(case: Case) -> None:
    """An engine that is away: nothing here mends it, so the chain ends with it."""


def mend_proof(case: Case) -> None:
    case.proves = True
    del case.rows["key"]


MENDED_IDENTITY: Final[Mends[Case]] = {
    ("identify", TOKEN_MISSING): lambda case: case.set(token="altered"),
    ("identify", TOKEN_INVALID): lambda case: case.set(token="whole"),
    ("identify", TOKEN_EXPIRED): lambda case: case.claims.pop("exp"),
    ("identify", TOKEN_REVOKED): lambda case: case.rows.pop("token"),
    ("identify", TOKEN_SCHEME_WRONG): lambda case: case.claims.pop("cnf"),
    ("identify", CERTIFICATE_REQUIRED): lambda case: case.set(der=b"another"),
    ("identify", CERTIFICATE_MISMATCH): lambda case: case.set(der=DER),
    ("identify", CERTIFICATE_REVOKED): lambda case: case.rows.pop("certificate"),
    ("identify", APPLICATION_SUSPENDED): lambda case: case.rows.pop("application"),
    ("identify", ORGANISATION_SUSPENDED): lambda case: case.rows.pop("caller"),
}


def until_limit(method: str, path: str) -> Mends[Case]:
    """From *admit* on, what every call to this operation may be refused for."""
    return {
        ("admit", OVERLOADED): lambda case: case.set(in_flight="own"),
        ("admit", CONCURRENCY_EXCEEDED): lambda case: case.set(in_flight="none"),
        ("route", UNKNOWN_PATH): lambda case: case.set(path=path),
        ("route", METHOD_NOT_ALLOWED): lambda case: case.set(method=method),
        ("route", ORGANISATION_SUSPENDED): lambda case: case.rows.pop("member"),
        ("route", INVALID_INPUT): lambda case: case.lines.pop("Weir-Scene"),
        ("authorize", SUBSCRIPTION_REQUIRED): lambda case: case.set(
            terms={"rate_per_s": 0, "quota": 0, "quota_period": "day"}
        ),
        ("authorize", SCOPE_INSUFFICIENT): lambda case: case.claims.update(scope=SCOPE),
        ("limit", RATE_EXCEEDED): lambda case: case.terms.pop("rate_per_s"),
        ("limit", QUOTA_EXCEEDED): lambda case: case.terms.update(quota=100),
        ("limit", LIMIT_UNCHECKABLE): lambda case: case.terms.clear(),
        ("prove", RECORD_UNWRITABLE): lambda case: case.set(records_fail=False),
    }


CONSENTED: Final[Mends[Case]] = {
    ("authorize", CONSENT_REQUIRED): lambda case: case.wrong.pop("member"),
    ("authorize", CONSENT_WITHDRAWN): lambda case: case.rows.pop("consent"),
    ("authorize", CONSENT_UNCHECKABLE): lambda case: case.set(lease_s=1_000.0),
    ("authorize", BODY_TOO_LARGE): lambda case: case.set(announced=None),
    ("authorize", CONSENT_EXPIRED): lambda case: case.wrong.pop("expires_at"),
    ("authorize", UNSUPPORTED_MEDIA_TYPE): lambda case: case.lines.pop("Content-Type"),
}
ANSWERED: Final[Mends[Case]] = {
    ("forward", MEMBER_UNREACHABLE): lambda case: case.set(member="broken"),
    ("forward", MEMBER_BROKEN_ANSWER): lambda case: case.set(member="well"),
}
NO_CONSENT: Final = {"member": "hill-bank", "expires_at": "2001-01-01T00:00:00Z"}


def reading() -> tuple[Case, Mends[Case]]:
    """A customer's data, by a consent that is checked against the body."""
    case = Case(
        access, NO_CONSENT | {"permissions": ["ReadClaims"]}, {"a/b": [{"id": 1}]},
        announced=BOUND_BODY_BYTES + 1,
    )  # fmt: skip
    return case, {
        **MENDED_IDENTITY,
        **until_limit("POST", "/search"),
        **CONSENTED,
        ("authorize", CONSENT_PERMISSION): lambda case: case.wrong.pop("permissions"),
        ("authorize", BOUND_VALUE_MISSING): lambda case: case.body.update({"a/b": [{"id": "x"}]}),
        ("authorize", CONSENT_ACCOUNT): lambda case: case.body.update({"a/b": [{"id": "acc-1"}]}),
        **ANSWERED,
    }


def paying() -> tuple[Case, Mends[Case]]:
    """A recurring payment. Its intent is the first thing that needs the database."""
    case = Case(
        mandate,
        NO_CONSENT | {"valid_from": "2998-01-01T00:00:00Z"},
        {"debtor": {"account": "acc-9"}, "amount": {"amount": "12.31", "currency": "CNY"}},
        announced=BOUND_BODY_BYTES + 1,
    )
    amount, payee = {"amount": "12.30", "currency": "CNY"}, {"account": "shop-9"}
    return case, {
        **MENDED_IDENTITY,
        **until_limit("POST", "/mandates"),
        **CONSENTED,
        ("authorize", BOUND_VALUE_MISSING): lambda case: case.body.update(creditor=payee),
        ("authorize", CONSENT_ACCOUNT): lambda case: case.body.update(debtor={"account": "acc-1"}),
        ("authorize", CONSENT_PAYMENT_MISMATCH): lambda case: case.body.update(amount=amount),
        ("authorize", CONSENT_NOT_BEGUN): lambda case: case.wrong.pop("valid_from"),
        ("prove", IDEMPOTENCY_KEY_REQUIRED): lambda case: case.lines.update(KEY),
        ("prove", PLATFORM_UNAVAILABLE): stays,
    }


KEY: Final = {"X-Idempotency-Key": "k-1"}
IN_THE_HEAD: Final = {"X-From": "acc-1", "X-Sum": "12.30", "X-In": "CNY", "X-To": "shop-9"}


def keyed() -> tuple[Case, Mends[Case]]:
    """A payment that only its idempotency key is read of in the body."""
    case, mends = paying()
    for (phase, outcome), mend in in_order(mends):
        if phase != "prove" and outcome is not UNSUPPORTED_MEDIA_TYPE:
            mend(case)
    case.path, case.body = "/keyed", {}
    case.lines.update(IN_THE_HEAD)
    bindings = Bindings(
        account="header:x-from",
        amount="header:x-sum",
        currency="header:x-in",
        payee="header:x-to",
        idempotency_key="body:/key",
    )
    kind = mandate()["type"]
    one = operation("POST", "/keyed", consent_type=kind, moves_money=True, bindings=bindings)
    case.rows["product"] = row("product", "prd_1", product(operations=[*operations(), one]))
    return case, {
        ("prove", RECORD_UNWRITABLE): mends["prove", RECORD_UNWRITABLE],
        ("prove", UNSUPPORTED_MEDIA_TYPE): lambda case: case.lines.pop("Content-Type"),
        ("prove", IDEMPOTENCY_KEY_REQUIRED): lambda case: case.body.update(key="k-1"),
        ("prove", PLATFORM_UNAVAILABLE): stays,
    }


def own_right() -> tuple[Case, Mends[Case]]:
    """A call that needs no consent, whose body goes to the member as it comes."""
    return Case(None, {}, {}, announced=BODY_BYTES + 1), {
        **MENDED_IDENTITY,
        **until_limit("POST", "/rates"),
        ("authorize", STANDING_UNCHECKABLE): lambda case: case.set(lease_s=1_000.0),
        **ANSWERED,
        ("forward", BODY_TOO_LARGE): lambda case: case.set(announced=None),
    }


def possession() -> tuple[Case, Mends[Case]]:
    """A token that is bound to a DPoP key. That a proof counts once only the cache can say."""
    case = Case(None, {}, {}, scheme="DPoP")
    case.claims["cnf"] = {"x5t#S256": THUMBPRINT}
    case.rows["key"] = revocation("key", f"app_shop.{TO_KEY['jkt']}")
    return case, {
        **{each: MENDED_IDENTITY[each] for each in list(MENDED_IDENTITY)[:4]},
        ("identify", TOKEN_SCHEME_WRONG): lambda case: case.claims.update(cnf=TO_KEY),
        ("identify", DPOP_PROOF_INVALID): mend_proof,
        ("identify", ENGINE_UNAVAILABLE): stays,
    }


CHAINS: Final = {each.__name__: each for each in (reading, paying, keyed, own_right, possession)}


def steps() -> Iterator[tuple[str, int]]:
    """Each chain with each number of faults mended; all of them, where all can be."""
    for name, chain in CHAINS.items():
        mends = [mend for _, mend in in_order(chain()[1])]
        for mended in range(len(mends) + (mends[-1] is not stays)):
            yield name, mended


@pytest.mark.parametrize(("name", "mended"), list(steps()))
async def test_refusals_come_in_their_declared_order(
    tmp_path: Path, away: Away, name: str, mended: int
) -> None:
    case, mends = CHAINS[name]()
    chain = in_order(mends)
    for _, mend in chain[:mended]:
        mend(case)
    house = case.house(tmp_path, away)
    code = await case.make(house)
    if mended == len(chain):
        assert code == "answered"
        return
    (phase, outcome), _ = chain[mended]
    assert code == outcome.code
    _is_told_by_the_book(house, outcome, known=phase != "identify")


BREAKS: Final[dict[Outcome, Callable[[House], None]]] = {
    MALFORMED_HTTP: lambda house: house.ask(b"no size\r\n"),
    REQUEST_TIMEOUT: lambda house: house.connection.expire(),
    BODY_TOO_LARGE: lambda house: house.ask(b"%x\r\n" % (BODY_BYTES + 1) + bytes(BODY_BYTES + 1)),
}


@pytest.mark.parametrize(("phase", "path"), [("authorize", "/search"), ("forward", "/rates")])
@pytest.mark.parametrize("outcome", BREAKS, ids=lambda outcome: outcome.code)
async def test_a_phase_that_waits_for_a_body_refuses_as_it_breaks_off(
    tmp_path: Path, phase: str, path: str, outcome: Outcome
) -> None:
    house = House(tmp_path)
    lines = ("Transfer-Encoding: chunked", "Content-Type: application/json")
    house.call("POST", path, consented(), None, *lines)
    assert house.caller.written == b""
    assert bool(house.member.written) == (phase == "forward")
    BREAKS[outcome](house)
    await until(lambda: house.caller.written)
    assert outcome in REFUSALS[phase]
    _is_told_by_the_book(house, outcome, known=True)


# Declared refusals that stand in no chain, and why.
_BODY: Final = "a body breaks off in one way: see the test above"
UNWALKED: Final[dict[Row, str]] = {
    **{
        (phase, outcome): _BODY
        for phase in ("authorize", "forward")
        for outcome in (MALFORMED_HTTP, REQUEST_TIMEOUT)
    },
    ("prove", MALFORMED_HTTP): "a signed body breaks off in one way: see gateway_signatures",
    ("prove", REQUEST_TIMEOUT): "as in the two other phases that wait for a body",
    ("prove", BODY_TOO_LARGE): "one that authorize did not hold already: see gateway_signatures",
    ("prove", ENGINE_UNAVAILABLE): "the nonce's memory is away: identify walks it for a proof",
    ("forward", OVERLOADED): "thousands wait for this member's connections: see wire_answers",
    ("forward", MEMBER_TIMEOUT): "a silent member does nothing else: see gateway_members",
    ("forward", CALLER_GONE): "a caller who is gone is answered nothing: see gateway_passing_on",
}


def test_every_declared_refusal_is_walked_or_excused() -> None:
    walked = {each for chain in CHAINS.values() for each in chain()[1]}
    walked |= {*OF_PAYMENTS, *OF_MANDATES, *OF_POSSESSION}
    assert walked | UNWALKED.keys() == set(DECLARED)
    assert not walked & UNWALKED.keys()
    assert len(DECLARED) == len(set(DECLARED)), "a phase declares a refusal twice"


def _is_told_by_the_book(house: House, outcome: Outcome, *, known: bool) -> None:
    problem, code = house.problem, outcome.code
    assert problem["title"] == outcome.en
    assert problem["title_zh"] == outcome.zh
    assert (problem["status"], problem["fault"]) == (outcome.status, outcome.fault.value)
    assert problem["type"] == f"urn:weir:refusal:{code}"
    head = house.caller.written.partition(b"\r\n\r\n")[0].lower()
    assert head.startswith(b"http/1.1 %d " % outcome.status)
    assert b"content-type: application/problem+json" in head
    assert b"x-fapi-interaction-id: " + problem["interaction_id"].encode() in head
    scheme = b"dpop" if outcome in (TOKEN_SCHEME_WRONG, DPOP_PROOF_INVALID) else b"bearer"
    assert (b"www-authenticate: " + scheme in head) == (
        outcome.status == 401 or outcome is SCOPE_INSUFFICIENT
    )
    if not known:
        assert house.records() == []
        assert house.parts.counts.take_unidentified() == {code: 1}
        return
    (record,) = house.records()
    assert (record.refusal, record.status, record.fault) == (
        code,
        outcome.status,
        outcome.fault.value,
    )
    assert record.interaction_id == problem["interaction_id"]
    assert record.bytes_out == len(house.caller.written.partition(b"\r\n\r\n")[2])


async def test_405_says_what_is_allowed(tmp_path: Path) -> None:
    house = House(tmp_path)
    house.call("DELETE", "/rates")
    assert house.code == "method_not_allowed"
    assert b"allow: GET, HEAD, POST\r\n" in house.caller.written


async def test_malformed_http_is_counted_and_not_recorded(tmp_path: Path) -> None:
    house = House(tmp_path)
    house.ask(b"SPAM\r\n\r\n")
    assert house.records() == []
    assert house.parts.counts.calls == {(400, "malformed_http"): 1}
    assert house.parts.counts.take_unidentified() == {"malformed_http": 1}
    assert house.parts.counts.take_unidentified() == {}
    assert json.loads(house.caller.written.partition(b"\r\n\r\n")[2])["code"] == "malformed_http"


@pytest.mark.parametrize(
    ("host", "kind", "served"),
    [
        ("api.localhost", "public", True),
        ("API.Localhost:8444", "mtls", True),
        ("www.localhost", "public", False),
        ("portal.localhost", "mtls", False),
        ("127.0.0.1", "mtls", False),
        ("api.localhost.evil.example", "mtls", False),
    ],
)
async def test_a_host_is_served_on_its_own_ports_only(
    tmp_path: Path, host: str, kind: str, served: bool
) -> None:
    house = House(tmp_path, kind=kind)
    house.ask(f"GET /x HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
    assert house.problem["code"] == ("token_missing" if served else "unknown_host")
