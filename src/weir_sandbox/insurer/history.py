"""A history of policies and claims, computed from the seed and the first day."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Final

import msgspec

from weir_sandbox.amounts import CURRENCY, Amount, text
from weir_sandbox.insurer.policies import last_day, policy_number
from weir_sandbox.insurer.risks import (
    Accident,
    Life,
    Motor,
    Property,
    Risk,
    Sex,
    product_of,
    sum_insured_minor,
    term_months,
)
from weir_sandbox.insurer.tariff import premium
from weir_sandbox.population import Person, population
from weir_sandbox.preparation import Generation, Loading, load, load_customers

_INDUSTRIES: Final = {
    "restaurant": "catering", "cafe": "catering", "grocery": "retail", "retail": "retail",
    "service": "office", "trade": "warehouse", "manufacturing": "manufacturing",
    "technology": "office", "construction": "office", "logistics": "warehouse",
}  # fmt: skip
_ACCIDENTS: Final = {
    "motor": ("停车时刮擦左侧车门", "追尾前车，保险杠受损", "高速飞石击裂挡风玻璃"),
    "personal_accident": ("骑行摔倒，手腕骨折", "楼梯滑倒，脚踝扭伤"),
    "business_property": ("暴雨渗水，货品受潮", "线路故障引发局部火损"),
    "term_life": (),
}


def fill(connection: Loading, made: Generation) -> None:
    """Write the customers (six in ten of the population), their policies and claims."""
    people = [p for p in population(made.seed, made.customers) if p.number % 5 in (0, 2, 4)]
    policies: list[str] = []
    claims: list[str] = []
    for person in people:
        dice = person.dice(made.seed, "insurance")
        for order, risk in enumerate(_risks(person, dice, made.first_day), 1):
            starts_on = _start(risk, dice, made.first_day)
            policies.append(_policy(person, order, risk, starts_on))
            claims.extend(_claims(person, order, risk, starts_on, dice, made.first_day))
    load_customers(connection, "HI", people)
    load(
        connection,
        "policies (policy_id, customer_ref, number, product, holder_name, risk,"
        " sum_insured_minor, premium_minor, starts_on, ends_on, issued_at)",
        policies,
    )
    load(
        connection,
        "claims (claim_id, policy_id, occurred_on, description, claimed_minor, status,"
        " settled_minor, reported_at)",
        claims,
    )


def _risks(person: Person, dice: random.Random, first_day: date) -> Iterator[Risk]:
    """Yield the risks a person insures: one to three, always at least one."""
    if person.kind == "business":
        yield _property(person, dice)
        if dice.random() < 0.4:
            yield _motor(dice, first_day, "commercial")
        return
    age = dice.randrange(22, 60)
    drives, covered = dice.random() < 0.6, dice.random() < 0.45
    if drives:
        yield _motor(dice, first_day, "private")
    if covered or not drives:
        yield Accident(age, dice.choice((1, 1, 2, 3)), _yuan(dice.choice((10, 20, 50)), 10_000), 12)
    if dice.random() < 0.3:
        sex: Sex = "female" if dice.random() < 0.5 else "male"
        sum_insured = _yuan(dice.choice((50, 100, 200)), 10_000)
        yield Life(age, sex, dice.random() < 0.25, sum_insured, dice.choice((10, 20, 30)))


def _motor(dice: random.Random, first_day: date, use: str) -> Motor:
    registered = first_day - timedelta(days=dice.randrange(500, 3_500))
    limit = dice.choice(("1000000.00", "2000000.00", "3000000.00"))
    raw = {
        "product": "motor",
        "vehicle_value": {"amount": text(dice.randrange(60, 400) * 100_000), "currency": CURRENCY},
        "seats": dice.choice((5, 5, 5, 7)),
        "use": use,
        "first_registered_on": registered.isoformat(),
        "claim_free_years": dice.randrange(6),
        "third_party_limit": limit,
    }
    return msgspec.convert(raw, Motor)


def _property(person: Person, dice: random.Random) -> Property:
    scale = {"micro": 20, "small": 150, "medium": 1_200, "group": 9_000}[person.size]
    insured = dice.randrange(scale, scale * 4) * 1_000_000
    raw = {
        "product": "business_property",
        "industry": _INDUSTRIES[person.industry],
        "construction": dice.choice(("concrete", "concrete", "steel", "timber")),
        "sprinklers": dice.random() < 0.4,
        "sum_insured": {"amount": text(insured), "currency": CURRENCY},
        "deductible": {"amount": text(insured // 200), "currency": CURRENCY},
    }
    return msgspec.convert(raw, Property)


def _yuan(count: int, unit: int) -> Amount:
    return Amount(text(count * unit * 100), "CNY")


def _start(risk: Risk, dice: random.Random, first_day: date) -> date:
    """Return the first day of cover: most policies are in force, some ended not long ago."""
    back = dice.randrange(1, 2_000) if isinstance(risk, Life) else dice.randrange(1, 420)
    start = first_day - timedelta(days=back)
    return max(start, risk.first_registered_on) if isinstance(risk, Motor) else start


def _policy(person: Person, order: int, risk: Risk, starts_on: date) -> str:
    policy_id = f"hi-{person.number:06d}-{order:02d}"
    details = msgspec.json.encode(risk).decode()
    total = premium(risk, starts_on).total_minor
    return (
        f"{policy_id}\tHI-{person.number:06d}\t{policy_number(person.number, order)}"
        f"\t{product_of(risk)}\t{person.name}\t{details}\t{sum_insured_minor(risk)}\t{total}"
        f"\t{starts_on}\t{last_day(starts_on, term_months(risk))}\t{starts_on} 09:00:00+08"
    )


def _claims(
    person: Person, order: int, risk: Risk, starts_on: date, dice: random.Random, first_day: date
) -> Iterator[str]:
    """Yield a claim for about one policy in five; most are settled, the newest still open."""
    stories = _ACCIDENTS[product_of(risk)]
    until = min(first_day - timedelta(days=1), last_day(starts_on, term_months(risk)))
    days = (until - starts_on).days
    if not stories or days < 1 or dice.random() > 0.2:
        return
    occurred = starts_on + timedelta(days=dice.randrange(days))
    claimed = min(sum_insured_minor(risk), dice.randrange(50_000, 2_000_000))
    status, settled = _outcome(dice, claimed, (first_day - occurred).days)
    yield (
        f"hic-{dice.getrandbits(128):032x}\thi-{person.number:06d}-{order:02d}\t{occurred}"
        f"\t{dice.choice(stories)}\t{claimed}\t{status}\t{settled}"
        f"\t{min(occurred + timedelta(days=1), until)} 10:30:00+08"
    )


def _outcome(dice: random.Random, claimed: int, age_days: int) -> tuple[str, str]:
    """Return a claim's status and settled fen for COPY, by its age in days."""
    if age_days < 30:
        return "received", "\\N"
    if dice.random() < 0.1:
        return "declined", "0"
    return "settled", str(int(claimed * dice.uniform(0.6, 1.0)))
