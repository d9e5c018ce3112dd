"""The bank's books while a history is written; every movement has two sides."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Final

from weir_sandbox.amounts import CURRENCY
from weir_sandbox.bank.calendar import DAY_S, Year
from weir_sandbox.bank.payments import CLEARING_ACCOUNTS

Movement = tuple[int, int, int, str, str, str, str]
"""Moment, account, signed amount in fen, category, counterparty's name, its account, reference."""

INTEREST: Final = "interest"
"""A movement whose amount is worked out from the balance when the books are closed."""

_SAVINGS_BASIS_POINTS: Final = 15
_CURRENT_BASIS_POINTS: Final = 5
_NULL: Final = "\\N"

OUR_NUMBERS: Final = "999901"
"""Account numbers of this bank begin so; a movement with such a counterparty stays inside."""


@dataclass(slots=True)
class Account:
    """An account, with its opening and final balance once the books are closed.

    `cushion_minor` is the least that its balance may fall to, in fen.
    """

    account_id: str
    customer_ref: str
    holder: str
    kind: str
    name: str
    number: str
    opened_on: date
    cushion_minor: int
    opening_minor: int = 0
    balance_minor: int = 0


class Books:
    """Accounts by index, and the movements between them and with the outside."""

    def __init__(self) -> None:
        self.accounts: list[Account] = []
        self.movements: list[Movement] = []

    def open(self, account: Account) -> int:
        """Add an account; return its index."""
        self.accounts.append(account)
        return len(self.accounts) - 1

    def outside(
        self, at: int, account: int, minor: int, category: str, name: str, reference: str,
        number: str = _NULL,
    ) -> None:  # fmt: skip
        """Move money from outside the bank (positive) or to it (negative)."""
        self.movements.append((at, account, minor, category, name, number, reference))

    def inside(
        self, at: int, debtor: int, creditor: int, minor: int, category: str, reference: str
    ) -> None:
        """Move money from one account here to another."""
        source, target = self.accounts[debtor], self.accounts[creditor]
        self.movements.append(
            (at, debtor, -minor, category, target.holder, target.number, reference)
        )
        self.movements.append(
            (at, creditor, minor, category, source.holder, source.number, reference)
        )


@dataclass(frozen=True, slots=True)
class Closed:
    """The books of a finished history; `transactions` are lines in COPY's text format."""

    accounts: list[Account]
    transactions: list[str]


def close(books: Books, year: Year) -> Closed:
    """Order the movements, set openings so that no balance falls below zero, add clearing."""
    movements = sorted(books.movements, key=lambda movement: movement[0])
    _set_openings(books.accounts, movements)
    balances = [account.opening_minor for account in books.accounts]
    times = _times(year)
    lines: list[str] = []
    outside: dict[int, int] = defaultdict(int)
    clearing = _clearing_accounts(books.accounts)
    clearing_balance = clearing[0].opening_minor
    today = 0
    for at, index, given, category, name, number, reference in movements:
        if at // DAY_S != today:
            clearing_balance -= outside[today]
            lines.extend(_clearing_line(len(lines), times, today, outside[today], clearing_balance))
            today = at // DAY_S
        minor = given or _interest(books.accounts[index].kind, balances[index])
        if minor == 0:
            continue
        balances[index] += minor
        if not number.startswith(OUR_NUMBERS):
            outside[today] += minor
        lines.append(
            f"{len(lines) + 1}\t{books.accounts[index].account_id}\t{times[0][today]}"
            f"{times[1][at % DAY_S // 60]}\t{minor}\t{balances[index]}\t{category}\t{name}"
            f"\t{number}\t{reference}"
        )
    clearing_balance -= outside[today]
    lines.extend(_clearing_line(len(lines), times, today, outside[today], clearing_balance))
    for account, balance in zip(books.accounts, balances, strict=True):
        account.balance_minor = balance
    clearing[0].balance_minor = clearing_balance
    return Closed(books.accounts + clearing, lines)


def _set_openings(accounts: list[Account], movements: list[Movement]) -> None:
    balance = [0] * len(accounts)
    lowest = [0] * len(accounts)
    for _, index, minor, *_ in movements:
        balance[index] += minor
        lowest[index] = min(lowest[index], balance[index])
    for account, low in zip(accounts, lowest, strict=True):
        account.opening_minor = account.cushion_minor - low


def _interest(kind: str, balance: int) -> int:
    """Return a quarter's interest on the balance of the day, in whole fen."""
    rate = _SAVINGS_BASIS_POINTS if kind == "savings" else _CURRENT_BASIS_POINTS
    return balance * rate // 40_000


def _clearing_accounts(accounts: list[Account]) -> list[Account]:
    """The accounts for the other side of movements with the outside.

    They open with the negative sum of all opening balances, so that the books sum to zero.
    """
    made = [
        Account(f"clearing-{n:02d}", _NULL, "", "clearing", "待清算款项", f"9999{n:02d}",
                accounts[0].opened_on, 0)
        for n in range(CLEARING_ACCOUNTS)
    ]  # fmt: skip
    made[0].opening_minor = -sum(account.opening_minor for account in accounts)
    return made


def _clearing_line(
    count: int, times: tuple[list[str], list[str]], day: int, outside: int, balance: int
) -> Iterator[str]:
    """Yield one net settlement a day with the outside, as a line for COPY."""
    if outside:
        yield (
            f"{count + 1}\tclearing-00\t{times[0][day]} 23:59:00+08\t{-outside}\t{balance}"
            f"\tsettlement\t跨行清算\t{_NULL}\t日终轧差"
        )


def _times(year: Year) -> tuple[list[str], list[str]]:
    """Return the texts of the days and of the 1,440 minutes of a day, made once."""
    days = [day.isoformat() for day in year.days]
    minutes = [f" {minute // 60:02d}:{minute % 60:02d}:00+08" for minute in range(1_440)]
    return days, minutes


def account_lines(accounts: list[Account]) -> Iterator[str]:
    """Yield accounts in COPY's text format."""
    for a in accounts:
        yield (
            f"{a.account_id}\t{a.customer_ref}\t{a.kind}\t{a.name}\t{a.number}\t{CURRENCY}"
            f"\t{a.opened_on}\t{a.opening_minor}\t{a.balance_minor}"
        )
