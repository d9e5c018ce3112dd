"""Thousands of calls by all partners at once, some of them wrong on purpose."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from weir.cli.failures import CommandError
from weir.client.exchange import Answer
from weir.client.session import NO_RETRIES, Session
from weir_demo.cast import BROUGHT_IN, BROUGHT_IN_FOR, SEED, TRIAL, TRIAL_QUOTA
from weir_demo.stage import Caller, Consented, Member, Stage
from weir_demo.wrong_calls import WrongCall, wrong_calls

_AT_ONCE: Final = 12
_WRONG_EVERY: Final = 50  # one call in 50 is wrong on purpose
_OVER_QUOTA: Final = 20  # calls beyond the trial plan's quota
_TOLD_EVERY: Final = 50

_RISK: Final = {
    "product": "business_property",
    "industry": "warehouse",
    "construction": "steel",
    "sprinklers": True,
    "sum_insured": {"amount": "800000.00", "currency": "CNY"},
    "deductible": {"amount": "2000.00", "currency": "CNY"},
}


@dataclass(frozen=True, slots=True)
class Planned:
    """A planned call with the refusals it may meet (None is an answer), and the member called."""

    words: str
    call: Callable[[], Awaitable[Answer]]
    expects: tuple[str | None, ...] = (None,)
    member: str | None = None


@dataclass(frozen=True, slots=True)
class Lane:
    """A session and the calls it repeats, as (method, path, JSON body)."""

    words: str
    session: Session
    member: str
    calls: Sequence[tuple[str, str, Any]]

    def planned(self, dice: random.Random) -> Planned:
        """Choose one of the lane's calls."""
        method, path, body = dice.choice(self.calls)
        return Planned(
            self.words,
            lambda: self.session.call(method, path, json=body),
            member=self.member,
        )


async def call(stage: Stage) -> None:
    """Make all calls, `_AT_ONCE` at a time, and count each."""
    lanes = await _lanes(stage)
    wrong = await wrong_calls(stage)
    planned = _plan(stage, lanes, wrong)
    began_s = time.perf_counter()
    with stage.progress(stage.calls_wanted) as told:
        async with asyncio.TaskGroup() as group:
            for _ in range(_AT_ONCE):
                group.create_task(_work(stage, planned, told))
    stage.calls_per_s = round(stage.calls_wanted / (time.perf_counter() - began_s))
    await _exhaust_trial(stage)


async def _work(stage: Stage, planned: Iterator[Planned], told: Callable[[int], None]) -> None:
    """Make planned calls until none is left; the workers share them, so each is made once."""
    for each in planned:
        await stage.tally.count(each.words, each.call, expects=each.expects, member=each.member)
        if stage.tally.sent % _TOLD_EVERY == 0:
            told(stage.tally.sent)


def own_session(stage: Stage, caller: Caller | Member, scope: str) -> Session:
    """Open an application's session for itself; it repeats no call, since each is counted."""
    return Session.of_application(stage.platform, caller.exchange, caller.server, scope, NO_RETRIES)


def consented_session(stage: Stage, consented: Consented) -> Session:
    """Open a session on a customer's consent."""
    caller = consented.caller
    return Session.of_consent(
        stage.platform, caller.exchange, caller.server, consented.token, NO_RETRIES
    )


def _plan(stage: Stage, lanes: list[Lane], wrong: list[WrongCall]) -> Iterator[Planned]:
    dice = random.Random(SEED)  # noqa: S311 - the same calls in every run
    for number in range(stage.calls_wanted):
        if number % _WRONG_EVERY == _WRONG_EVERY - 1:
            each = wrong[number // _WRONG_EVERY % len(wrong)]
            yield Planned(each.words, each.call, (each.expects,))
        else:
            yield dice.choice(lanes).planned(dice)


async def _lanes(stage: Stage) -> list[Lane]:
    """Return the sessions and calls of every partner's day."""
    consents, callers = stage.consents, stage.callers
    quotes = "summit-securities.quotes"
    instruments = await _instruments(stage, callers["clear-mirror"], quotes)
    asked = _asked(quotes, instruments)
    quoting = ("POST", "/harbour-insurance/quotations/v1/quotations", _RISK)
    own: list[tuple[str, str, str, Sequence[tuple[str, str, Any]]]] = [
        ("quotes", "clear-mirror", quotes, asked),
        ("quotes", "tall-pine-capital", quotes, asked),
        ("quotations", "eastgate-textiles", "harbour-insurance.quotations", [quoting]),
    ]
    taker = stage.members[BROUGHT_IN_FOR]
    brought = [f"{BROUGHT_IN.slug}.{offer.slug}" for offer in BROUGHT_IN.offers]
    lanes = [
        Lane("brought in", own_session(stage, taker, scope), BROUGHT_IN.slug, _asked(scope, found))
        for scope in brought
        if (found := await _instruments(stage, taker, scope))
    ]
    lanes += [
        Lane(words, own_session(stage, callers[slug], scope), scope.split(".")[0], calls)
        for words, slug, scope, calls in own
    ]
    reading = {
        "shopping": _bank_calls, "saving": _bank_calls, "bookkeeping": _bank_calls,
        "credit": _balance_calls, "cover": _policy_calls, "wealth": _portfolio_calls,
    }  # fmt: skip
    for name, calls_of in reading.items():
        session = consented_session(stage, consents[name])
        member = consents[name].customer.member
        lanes.append(Lane(name, session, member, calls_of(consents[name].accounts[0])))
    return lanes


def _asked(scope: str, instruments: list[str]) -> list[tuple[str, str, Any]]:
    """Return a quote request for each instrument, for the product of a scope."""
    owner, _, product = scope.partition(".")
    return [("GET", f"/{owner}/{product}/v1/quotes/{each}", None) for each in instruments]


async def _instruments(stage: Stage, caller: Caller | Member, scope: str) -> list[str]:
    """Return the identifiers of instruments with quotes, by a first counted call. CommandError."""
    session = own_session(stage, caller, scope)
    owner, _, product = scope.partition(".")
    path = f"/{owner}/{product}/v1/instruments"
    seen = await stage.tally.count("instruments", lambda: session.call("GET", path), member=owner)
    if seen.answer is None:
        raise CommandError(f"The first call was refused: {seen.refusal}.")
    return [each["instrument_id"] for each in seen.answer.object()["instruments"]]


def _bank_calls(account: str) -> list[tuple[str, str, Any]]:
    """Return (method, path, body) of calls on a consent to one bank account."""
    prefix = "/river-bank/accounts/v1/accounts"
    return [
        ("GET", prefix, None),
        ("GET", f"{prefix}/{account}", None),
        *_balance_calls(account),
        ("GET", f"{prefix}/{account}/transactions?limit=10", None),
    ]


def _balance_calls(account: str) -> list[tuple[str, str, Any]]:
    """Return (method, path, body) of a balance of one bank account."""
    return [("GET", f"/river-bank/accounts/v1/accounts/{account}/balances", None)]


def _policy_calls(policy: str) -> list[tuple[str, str, Any]]:
    """Return (method, path, body) of calls on a consent to one policy."""
    prefix = "/harbour-insurance/policies/v1/policies"
    return [("GET", prefix, None), ("GET", f"{prefix}/{policy}", None)]


def _portfolio_calls(portfolio: str) -> list[tuple[str, str, Any]]:
    """Return (method, path, body) of calls on a consent to one portfolio."""
    prefix = "/summit-securities/portfolios/v1/portfolios"
    return [("GET", prefix, None), ("GET", f"{prefix}/{portfolio}/holdings", None)]


async def _exhaust_trial(stage: Stage) -> None:
    """Call under the trial plan beyond its quota; only as many calls as the quota are answered."""
    slug, product = TRIAL
    session = own_session(stage, stage.callers[slug], product)
    member = product.split(".")[0]

    turn = asyncio.Semaphore(_AT_ONCE)

    async def one() -> str | None:
        async with turn:
            seen = await stage.tally.count(
                "trial plan",
                lambda: session.call("GET", "/summit-securities/quotes/v1/instruments"),
                expects=(None, "quota_exceeded"),
                member=member,
            )
        return seen.refusal

    ends = await asyncio.gather(*(one() for _ in range(TRIAL_QUOTA + _OVER_QUOTA)))
    answered = sum(each is None for each in ends)
    if answered != TRIAL_QUOTA:
        stage.tally.surprises.append(
            f"The trial plan allows {TRIAL_QUOTA} calls a day and {answered} were answered."
        )
