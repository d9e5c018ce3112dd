"""Histories of businesses: takings, invoices, suppliers, wages, taxes, pooling."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Final

from weir_sandbox.bank.books import INTEREST, Books
from weir_sandbox.bank.calendar import Year
from weir_sandbox.population import Person

_MONTHLY_TURNOVER: Final = {
    # by size: least and most fen a month
    "micro": (3_000_000, 20_000_000),
    "small": (40_000_000, 200_000_000),
    "medium": (400_000_000, 1_500_000_000),
    "group": (4_000_000_000, 12_000_000_000),
}
_INVOICES: Final = {"small": 6, "medium": 14, "group": 30}
_WEEKEND: Final = {"restaurant": 1.5, "cafe": 1.4, "grocery": 1.15, "retail": 1.3, "service": 1.1}
_BY_MONTH: Final = {
    "restaurant": (1.2, 1.1, 0.95, 0.95, 1.0, 1.0, 1.0, 1.0, 1.0, 1.1, 1.1, 1.25),
    "cafe": (0.8, 0.8, 0.9, 1.0, 1.1, 1.25, 1.35, 1.35, 1.1, 1.0, 0.85, 0.8),
}
_ACQUIRERS: Final = ("财付通商户结算", "支付宝商户结算")


@dataclass(frozen=True, slots=True)
class Company:
    """A business, its accounts (it trades with the first) and its usual monthly turnover in fen."""

    person: Person
    accounts: tuple[int, ...]
    turnover_minor: int


def turnover(person: Person, dice: random.Random) -> int:
    """Return a business's usual monthly turnover, in fen."""
    least, most = _MONTHLY_TURNOVER[person.size]
    return int(least + (most - least) * dice.random() ** 2)


def trade(books: Books, year: Year, company: Company, dice: random.Random) -> None:
    """Write a year of one business into the books."""
    if company.person.size == "micro":
        _take(books, year, company, dice)
        _stock(books, year, company, dice)
    else:
        _invoice(books, year, company, dice)
    _pay_people(books, year, company, dice)
    _pay_overheads(books, year, company, dice)
    _pool(books, year, company, dice)
    for account in company.accounts:
        for day in year.quarterly(21):
            books.outside(year.at(day, 1), account, 0, INTEREST, "江河银行", "结息")


def _take(books: Books, year: Year, company: Company, dice: random.Random) -> None:
    """Write a shop's takings, settled each day it is open by a payment wallet."""
    industry = company.person.industry
    daily = company.turnover_minor / 28
    months = _BY_MONTH.get(industry, (1.0,) * 12)
    rest = dice.randrange(7) if dice.random() < 0.4 else None
    for day, when in enumerate(year.days):
        if when.weekday() == rest or (day in year.festival and dice.random() < 0.8):
            continue
        factor = months[when.month - 1] * (_WEEKEND[industry] if year.weekends[day] else 0.9)
        minor = int(daily * factor * dice.uniform(0.7, 1.3))
        at = year.at(day, 23, dice.randrange(58))
        books.outside(
            at, company.accounts[0], minor, "takings", dice.choice(_ACQUIRERS), "商户收款结算"
        )


def _stock(books: Books, year: Year, company: Company, dice: random.Random) -> None:
    """Write supplies once a week, for three fifths of the sales."""
    supplier = f"{company.person.place}批发市场"
    weekday = dice.randrange(7)
    for day, when in enumerate(year.days):
        if when.weekday() == weekday and day not in year.festival:
            minor = int(company.turnover_minor * 0.6 / 4.3 * dice.uniform(0.8, 1.2))
            books.outside(
                year.at(day, 5, dice.randrange(60)), company.accounts[0], -minor, "supplies",
                supplier, "进货款", f"9988{dice.randrange(10**14, 10**15)}",
            )  # fmt: skip


def _invoice(books: Books, year: Year, company: Company, dice: random.Random) -> None:
    """Write invoices paid by customers and to suppliers, on working days."""
    count = _INVOICES[company.person.size]
    for day, _when in enumerate(year.days):
        if year.weekends[day] or day in year.festival:
            continue
        for sign, share, category, name, word in (
            (1, 1.0, "invoice", "客户回款", "货款"),
            (-1, 0.68, "supplies", "供应商付款", "采购款"),
        ):
            if dice.random() < count / 21:
                minor = int(company.turnover_minor * share / count * dice.lognormvariate(0, 0.5))
                books.outside(
                    year.at(day, dice.randrange(9, 17), dice.randrange(60)), company.accounts[0],
                    sign * minor, category, name, word, f"9988{dice.randrange(10**14, 10**15)}",
                )  # fmt: skip


def _pay_people(books: Books, year: Year, company: Company, dice: random.Random) -> None:
    """Write wages to people who bank elsewhere, in one batch, and social insurance."""
    wages = int(company.turnover_minor * dice.uniform(0.07, 0.13))
    for day in year.paydays(10):
        account = company.accounts[0]
        minor = int(wages * dice.uniform(0.97, 1.03))
        books.outside(year.at(day, 9), account, -minor, "payroll", "代发工资", "工资批量代发")
        books.outside(
            year.at(day, 9, 30), account, -minor * 3 // 10, "social_insurance",
            "社会保险基金", "社保缴费",
        )  # fmt: skip


def _pay_overheads(books: Books, year: Year, company: Company, dice: random.Random) -> None:
    account = company.accounts[0]
    rent = max(200_000, int(company.turnover_minor * 0.05) // 10_000 * 10_000)
    for day in year.monthly(dice.randrange(1, 6)):
        books.outside(year.at(day, 10), account, -rent, "rent", "物业管理公司", "场地租金")
    power = max(20_000, int(company.turnover_minor * 0.008))
    for day in year.monthly(18):
        minor = int(power * dice.uniform(0.8, 1.25))
        books.outside(year.at(day, 8), account, -minor, "utilities", "云川供电公司", "电费")
    taxes = year.quarterly(15) if company.person.size == "micro" else year.monthly(15)
    for day in taxes:
        minor = int(company.turnover_minor * dice.uniform(0.015, 0.03))
        books.outside(year.at(day, 11), account, -minor, "tax", "国家金库", "税款")


def _pool(books: Books, year: Year, company: Company, dice: random.Random) -> None:
    """Move surplus among a business's own accounts; a micro-merchant's owner draws it."""
    trading, *others = company.accounts
    if company.person.size == "micro":
        draw = max(100_000, int(company.turnover_minor * 0.1) // 10_000 * 10_000)
        for day in year.monthly(28):
            books.outside(year.at(day, 21), trading, -draw, "drawings", "经营者", "经营所得")
    for order, other in enumerate(others):
        amount = max(100_000, int(company.turnover_minor * 0.03) // 100_000 * 100_000)
        for day in year.monthly(22 + order):
            minor = int(amount * dice.uniform(0.8, 1.2))
            books.inside(year.at(day, 15), trading, other, minor, "transfer", "内部资金归集")
