"""Histories of individuals: wages, housing, bills, spending, savings, red packets."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from weir_sandbox.bank.books import INTEREST, Books
from weir_sandbox.bank.calendar import Year
from weir_sandbox.population import Person


class _Habit(NamedTuple):
    """An everyday purchase: its likelihood on a day, its least and greatest fen, its shops."""

    category: str
    on_weekdays: float
    at_weekends: float
    least: int
    most: int
    where: tuple[str, ...]


_EVERYDAY: Final = (
    _Habit("groceries", 0.10, 0.22, 1_500, 18_000, ("鲜惠超市", "邻里生鲜", "惠民菜场")),
    _Habit("dining", 0.10, 0.14, 1_200, 14_000, ("财付通-美食城", "支付宝-外卖", "聚味餐厅")),
    _Habit("transport", 0.04, 0.02, 500, 6_000, ("城市公交卡充值", "支付宝-打车", "云川地铁")),
    _Habit("shopping", 0.03, 0.06, 4_000, 60_000, ("支付宝-网购", "财付通-网购", "百货商场")),
    _Habit("leisure", 0.01, 0.04, 3_000, 25_000, ("星光影城", "青岚书店", "乐动健身")),
    _Habit("health", 0.008, 0.006, 2_000, 50_000, ("市第一医院", "康宁药房")),
)
_ELECTRICITY_SEASON: Final = (1.4, 1.3, 1.0, 0.8, 0.8, 1.1, 1.6, 1.7, 1.2, 0.8, 0.9, 1.2)
_TYPICAL_INCOME: Final = 850_000


@dataclass(frozen=True, slots=True)
class Household:
    """An individual, with its accounts (`main`, `savings` and `employer` by index).

    `income_minor` is the income in a month, in fen.
    """

    person: Person
    main: int
    savings: int | None
    income_minor: int
    employer: int | None
    retired: bool


def live(books: Books, year: Year, home: Household, dice: random.Random,
         friends: Sequence[int]) -> None:  # fmt: skip
    """Write a year of one individual's life into the books."""
    _earn(books, year, home, dice)
    _dwell(books, year, home, dice)
    _pay_bills(books, year, home, dice)
    _spend(books, year, home, dice)
    _give(books, year, home, dice, friends)
    _save(books, year, home, dice)


def _earn(books: Books, year: Year, home: Household, dice: random.Random) -> None:
    payday = dice.choice((5, 8, 10, 12, 15))
    payer = "社会保险基金" if home.retired else f"{home.person.place}人力资源服务公司"
    category, word = ("pension", "养老金") if home.retired else ("salary", "工资")
    for day in year.paydays(payday):
        minor = int(home.income_minor * dice.uniform(0.96, 1.06))
        _receive(books, home, year.at(day, 9, dice.randrange(60)), minor, category, payer, word)
    if not home.retired and year.festival and dice.random() < 0.7:
        day = max(0, min(year.festival) - dice.randrange(8, 20))
        bonus = int(home.income_minor * dice.uniform(0.8, 3.0))
        _receive(books, home, year.at(day, 10), bonus, "salary", payer, "年终奖")


def _receive(
    books: Books, home: Household, at: int, minor: int, category: str, payer: str, word: str
) -> None:
    if home.employer is not None and category == "salary":
        books.inside(at, home.employer, home.main, minor, category, word)
    else:
        books.outside(at, home.main, minor, category, payer, word)


def _dwell(books: Books, year: Year, home: Household, dice: random.Random) -> None:
    chance = dice.random()
    if chance < 0.45:
        landlord = f"9988{dice.randrange(10**14, 10**15)}"
        rent = _rounded(home.income_minor * dice.uniform(0.18, 0.3), 10_000)
        for day in year.monthly(dice.randrange(1, 9)):
            at = year.at(day, 20, dice.randrange(60))
            books.outside(at, home.main, -rent, "rent", "房东", "房租", landlord)
    elif chance < 0.75:
        loan = int(home.income_minor * dice.uniform(0.22, 0.36))
        for day in year.monthly(20):
            books.outside(year.at(day, 6), home.main, -loan, "mortgage", "住房贷款中心", "按揭还款")


def _pay_bills(books: Books, year: Year, home: Household, dice: random.Random) -> None:
    power, phone = dice.randrange(6_000, 22_000), dice.choice((3_900, 5_900, 9_900, 12_900))
    bill_day, phone_day = dice.randrange(1, 28), dice.randrange(1, 28)
    for day in year.monthly(bill_day):
        season = _ELECTRICITY_SEASON[year.days[day].month - 1]
        minor = int(power * season * dice.uniform(0.85, 1.15))
        books.outside(year.at(day, 8), home.main, -minor, "utilities", "云川供电公司", "电费")
        if year.days[day].month % 2:
            water = dice.randrange(3_000, 9_000)
            books.outside(year.at(day, 8, 5), home.main, -water, "utilities", "云川水务", "水费")
    for day in year.monthly(phone_day):
        books.outside(year.at(day, 7), home.main, -phone, "telecom", "移动通信公司", "话费")


def _spend(books: Books, year: Year, home: Household, dice: random.Random) -> None:
    """Write at most one everyday purchase a day, likelier at weekends and in sales."""
    scale = min(3.0, max(0.5, home.income_minor / _TYPICAL_INCOME))
    for day in range(len(year.days)):
        chance = dice.random()
        for habit in _EVERYDAY:
            likely = habit.at_weekends if year.weekends[day] else habit.on_weekdays
            if habit.category == "shopping":
                likely *= year.shopping[day]
            if chance < likely:
                spread = (habit.most - habit.least) * dice.random() ** 2
                minor = int((habit.least + spread) * scale)
                at = year.at(day, dice.randrange(8, 22), dice.randrange(60))
                where = dice.choice(habit.where)
                books.outside(at, home.main, -minor, habit.category, where, "消费")
                break
            chance -= likely


def _give(
    books: Books, year: Year, home: Household, dice: random.Random, friends: Sequence[int]
) -> None:
    """Write red packets at the new year, to people who bank here too."""
    for day in year.festival:
        if dice.random() < 0.2:
            friend = dice.choice(friends)
            if friend != home.main:
                minor = dice.choice((6_600, 8_800, 16_800, 18_800, 20_000, 66_600))
                at = year.at(day, dice.randrange(8, 23), dice.randrange(60))
                books.inside(at, home.main, friend, minor, "gift", "新春红包")


def _save(books: Books, year: Year, home: Household, dice: random.Random) -> None:
    held = [home.main]
    if home.savings is not None:
        held.append(home.savings)
        monthly = _rounded(home.income_minor * dice.uniform(0.05, 0.2), 10_000)
        for day in year.monthly(16):
            books.inside(year.at(day, 12), home.main, home.savings, monthly, "transfer", "转入储蓄")
    for account in held:
        for day in year.quarterly(21):
            books.outside(year.at(day, 1), account, 0, INTEREST, "江河银行", "结息")


def _rounded(minor: float, unit: int) -> int:
    return max(unit, int(minor) // unit * unit)
