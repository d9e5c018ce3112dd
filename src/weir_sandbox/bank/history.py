"""A year of plausible banking, computed from the seed and the day of the first start."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import date, timedelta

from weir_sandbox.bank.books import OUR_NUMBERS, Account, Books, Closed, account_lines, close
from weir_sandbox.bank.calendar import year_before
from weir_sandbox.bank.companies import Company, trade, turnover
from weir_sandbox.bank.households import Household, live
from weir_sandbox.population import Person, population, scattered
from weir_sandbox.preparation import Generation, Loading, load, load_customers


def fill(connection: Loading, made: Generation) -> None:
    """Write customers, accounts and a year of transactions."""
    people = population(made.seed, made.customers)
    closed = history(people, made)
    load_customers(connection, "RB", people)
    load(
        connection,
        "accounts (account_id, customer_ref, kind, name, number, currency, opened_on,"
        " opening_minor, balance_minor)",
        account_lines(closed.accounts),
    )
    load(
        connection,
        "transactions (id, account_id, at, amount_minor, balance_after_minor, category,"
        " counterparty_name, counterparty_account, reference)",
        closed.transactions,
    )


def history(people: Sequence[Person], made: Generation) -> Closed:
    """Return everyone's accounts and a year of movements between them, closed."""
    books, year = Books(), year_before(made.first_day)
    companies = [_company(books, p, made) for p in people if p.kind == "business"]
    employers = [c.accounts[0] for c in companies if c.person.size != "micro"]
    homes = [_home(books, p, made, employers) for p in people if p.kind == "individual"]
    mains = [home.main for home in homes]
    for company in companies:
        trade(books, year, company, company.person.dice(made.seed, "trade"))
    for home in homes:
        live(books, year, home, home.person.dice(made.seed, "life"), mains)
    return close(books, year)


def _company(books: Books, person: Person, made: Generation) -> Company:
    dice = person.dice(made.seed, "company")
    usual = turnover(person, dice)
    count = {"micro": 1, "small": 2, "medium": dice.choice((2, 3)), "group": 3}[person.size]
    names = ("基本存款账户", "一般存款账户", "专用存款账户")
    cushion = int(usual * dice.uniform(0.1, 0.8))
    accounts = tuple(
        books.open(_account(person, made, dice, order, "settlement", names[order - 1], cushion))
        for order in range(1, count + 1)
    )
    return Company(person, accounts, usual)


def _home(books: Books, person: Person, made: Generation, employers: Sequence[int]) -> Household:
    dice = person.dice(made.seed, "home")
    income = min(6_000_000, max(320_000, int(dice.lognormvariate(13.55, 0.45))))
    retired = dice.random() < 0.12
    employer = dice.choice(employers) if employers and dice.random() < 0.35 else None
    cushion = int(income * dice.uniform(0.2, 4.0))
    main = books.open(_account(person, made, dice, 1, "current", "活期账户", cushion))
    savings = None
    if dice.random() < 0.45:
        put_by = int(income * dice.uniform(1, 12))
        savings = books.open(_account(person, made, dice, 2, "savings", "储蓄账户", put_by))
        if dice.random() < 0.2:
            books.open(_account(person, made, dice, 3, "savings", "零钱储蓄", put_by // 10))
    return Household(person, main, savings, income, None if retired else employer, retired)


def _account(
    person: Person, made: Generation, dice: random.Random, order: int, kind: str, name: str,
    cushion: int,
) -> Account:  # fmt: skip
    return Account(
        account_id=f"rb-{person.number:06d}-{order:02d}",
        customer_ref=f"RB-{person.number:06d}",
        holder=person.name,
        kind=kind,
        name=name,
        number=account_number(person.number, order),
        opened_on=_opened(made.first_day, dice),
        cushion_minor=cushion,
    )


def _opened(first_day: date, dice: random.Random) -> date:
    return first_day - timedelta(days=dice.randrange(400, 5_000))


def account_number(customer: int, order: int) -> str:
    """Return a 19-digit number under the bank's prefix with a check digit (ISO/IEC 7812-1)."""
    body = OUR_NUMBERS + scattered(customer, order)
    total = 0
    for place, digit in enumerate(reversed(body)):
        value = int(digit) * (2 if place % 2 == 0 else 1)
        total += value - 9 if value > 9 else value
    return f"{body}{-total % 10}"
