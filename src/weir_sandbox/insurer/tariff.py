"""The tariff: premiums computed in decimals, each component rounded half up to the fen.

Rounding happens once a component, never in between; value added tax is computed on the rounded net
premium and rounded itself; the total is the sum of the figures shown, so it can be checked by hand.
Life cover of a year or more bears no value added tax.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache
from itertools import accumulate
from typing import Final

from weir_sandbox.insurer.risks import Accident, Life, Motor, Property, Risk

VAT: Final = Decimal("0.06")

_ACCIDENT_RATE: Final = {
    1: Decimal("0.0008"), 2: Decimal("0.0011"), 3: Decimal("0.0019"), 4: Decimal("0.0034"),
}  # fmt: skip
_SHORT_TERM: Final = tuple(
    Decimal(percent) / 100 for percent in (10, 20, 30, 40, 50, 60, 70, 80, 85, 90, 95, 100)
)

_INTEREST: Final = Decimal("0.025")
_LIFE_EXPENSES: Final = Decimal("0.28")
_LIFE_POLICY_FEE: Final = 3_000
_MAKEHAM: Final = {
    # (A, B, c) of the force of mortality A + B * c^age; plausible, but from no real table
    "male": (Decimal("0.00025"), Decimal("0.000028"), Decimal("1.0985")),
    "female": (Decimal("0.00015"), Decimal("0.000013"), Decimal("1.1020")),
}
_SMOKER: Final = Decimal("1.75")

_NO_CLAIMS: Final = tuple(
    Decimal(text) for text in ("1.00", "0.90", "0.80", "0.70", "0.65", "0.60")
)
_COMPULSORY_NO_CLAIMS: Final = tuple(Decimal(text) for text in ("1.00", "0.90", "0.80", "0.70"))
_THIRD_PARTY: Final = {
    "1000000.00": 71_000, "2000000.00": 92_500, "3000000.00": 108_000,
}  # fmt: skip

_PROPERTY_RATE: Final = {
    "office": Decimal("0.0004"), "retail": Decimal("0.0007"), "catering": Decimal("0.0012"),
    "manufacturing": Decimal("0.0014"), "warehouse": Decimal("0.0018"),
}  # fmt: skip
_CONSTRUCTION: Final = {
    "concrete": Decimal("1.00"), "steel": Decimal("1.15"), "timber": Decimal("1.90"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Premium:
    """A premium in fen; of life cover, a year's.

    `components` are (code, fen), which add up to the net.
    """

    components: tuple[tuple[str, int], ...]
    net_minor: int
    tax_minor: int

    @property
    def total_minor(self) -> int:
        return self.net_minor + self.tax_minor


def premium(risk: Risk, on: date) -> Premium:
    """Return the premium of a risk that begins on a day."""
    if isinstance(risk, Accident):
        return _taxed([("accident", _accident(risk))], VAT)
    if isinstance(risk, Life):
        return _taxed([("death", _life(risk)), ("policy_fee", Decimal(_LIFE_POLICY_FEE))], None)
    if isinstance(risk, Motor):
        return _taxed(_motor(risk, on), VAT)
    return _taxed([("fire_and_perils", _property(risk))], VAT)


def half_up(fen: Decimal) -> int:
    """Round a number of fen half up to a whole fen."""
    return int(fen.quantize(Decimal(1), ROUND_HALF_UP))


def _taxed(parts: Iterable[tuple[str, Decimal]], rate: Decimal | None) -> Premium:
    components = tuple((name, half_up(fen)) for name, fen in parts)
    net = sum(fen for _, fen in components)
    return Premium(components, net, half_up(net * rate) if rate is not None else 0)


def _accident(risk: Accident) -> Decimal:
    age = risk.insured_age
    by_age = Decimal("0.8") if age < 18 else Decimal("1.8") if age > 60 else Decimal(1)
    year = risk.sum_insured.minor() * _ACCIDENT_RATE[risk.occupation_class] * by_age
    return max(Decimal(1_000), year * _SHORT_TERM[risk.term_months - 1])


def _life(risk: Life) -> Decimal:
    """Return the premium by the equivalence principle.

    The expected present values of premiums and benefits are equal.
    """
    rate = _net_rate(risk.sex, risk.smoker, risk.insured_age, risk.term_years)
    return risk.sum_insured.minor() * rate / (1 - _LIFE_EXPENSES)


@lru_cache(maxsize=4_096)
def _net_rate(sex: str, smoker: bool, age: int, years: int) -> Decimal:
    deaths = [_dies_within_year(sex, smoker, age + year) for year in range(years)]
    alive = list(accumulate(deaths, lambda lives, q: lives * (1 - q), initial=Decimal(1)))
    discount = [(1 + _INTEREST) ** -year for year in range(years + 1)]
    benefits = sum(alive[t] * deaths[t] * discount[t + 1] for t in range(years))
    premiums = sum(alive[t] * discount[t] for t in range(years))
    return Decimal(benefits) / Decimal(premiums)


def _dies_within_year(sex: str, smoker: bool, age: int) -> Decimal:
    """Return 1 - exp(-(A + B c^(age + 1/2))), by Gompertz and Makeham at the middle of the year."""
    base, slope, growth = _MAKEHAM[sex]
    force = base + slope * growth ** (age + Decimal("0.5"))
    return 1 - (-(force * (_SMOKER if smoker else 1))).exp()


def _motor(risk: Motor, on: date) -> Iterable[tuple[str, Decimal]]:
    free = risk.claim_free_years
    commercial = Decimal("1.6") if risk.use == "commercial" else Decimal(1)
    bonus = _NO_CLAIMS[min(free, len(_NO_CLAIMS) - 1)]
    compulsory = Decimal(95_000 if risk.seats < 6 else 110_000)
    yield "compulsory", compulsory * _COMPULSORY_NO_CLAIMS[min(free, 3)] * commercial
    months = max(0, (on.year - risk.first_registered_on.year) * 12
                 + on.month - risk.first_registered_on.month)  # fmt: skip
    kept = max(Decimal("0.2"), 1 - Decimal("0.006") * months)
    worth = risk.vehicle_value.minor() * kept
    yield "damage", (Decimal(53_900) + worth * Decimal("0.0128")) * bonus * commercial
    yield "third_party", _THIRD_PARTY[risk.third_party_limit] * bonus * commercial
    yield "seats", Decimal(1_000_000) * Decimal("0.0027") * risk.seats * bonus * commercial


def _property(risk: Property) -> Decimal:
    rate = _PROPERTY_RATE[risk.industry] * _CONSTRUCTION[risk.construction]
    if risk.sprinklers:
        rate *= Decimal("0.85")
    kept = Decimal(risk.deductible.minor()) / risk.sum_insured.minor()
    discount = 1 - min(Decimal("0.25"), kept * 10)
    return max(Decimal(20_000), risk.sum_insured.minor() * rate * discount)
