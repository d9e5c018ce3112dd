"""Declarations of settlement; `kernel/rooms.py` composes the lists of all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from mypy_extensions import mypyc_attr

from weir.access.roles import ALL, BOOKKEEPERS, OPERATOR, PARTIES, READERS, Rule
from weir.kernel.declarations import BOOKS_PANEL, Command, Lock, Periodic, setting

# --- Limits ---
# Agreements, ledger and statements
EXCHANGE_RATE_DAYS: Final = 7  # how old a rate may be when debts are converted at it
STATEMENT_BYTES: Final = 64 * 1024 * 1024

# What people write about themselves and their products
REASON_CHARACTERS: Final = 500

# Closing
CLOSING_GRACE_S: Final = 86_400  # after a month's end, until it is closed by itself


# --- Settings ---
@mypyc_attr(native_class=False)  # the whole of the settings inherits it
@dataclass(frozen=True)
class Settings:
    """Periods that are closed without a request."""

    close_months: str | None = setting(
        None,
        "Currencies (CNY,USD) whose month is closed by itself a day after its end; unset leaves"
        " it to you.",
    )


# --- Advisory locks ---
CLOSING_LOCK: Final = Lock(
    14, "Closing or re-opening a period; the currency. It is taken before NETTING_LOCK."
)
NETTING_LOCK: Final = Lock(15, "Netting or converting debts; the currency.")

# --- Periodic work of the worker ---
PERIODIC: Final = {
    "months_closed": Periodic(60.0, "Ask for the closing of months that are over."),
}

# --- Kinds of jobs, and steps ---
JOBS: Final = {
    "closing": "Close a period of a currency, and settle it where asked.",
}
STEPS: Final = {
    "rated": "Count and price the calls of the period.",
    "posted": "Book each line as a posting.",
    "stated": "Write the statements.",
    "owed": "Write the debts.",
    "netted": "Net all open debts of the currency.",
    "instructed": "Write the payment messages of the round.",
    "handed_over": "Hand the payment messages over to the outbox.",
}

# --- Audit events: (English, Chinese) ---
EVENTS: Final = {
    "closing.requested": ("A period was asked to be closed.", "请求关闭账期。"),
    "closing.moved": (
        "Another release goes on with the closing.",
        "关账作业转由另一版本继续执行。",
    ),
    "closing.failed": ("The period could not be closed.", "账期未能关闭。"),
    "period.closed": ("The period was closed into statements.", "账期关账，生成对账单。"),
    "period.reopened": ("The closed period was opened again.", "已关账的账期被重新打开。"),
    "dispute.opened": ("A line of a statement was disputed.", "对账单明细行被提出争议。"),
    "dispute.upheld": ("The dispute was upheld with a credit.", "争议成立，已予退款。"),
    "dispute.rejected": ("The dispute was rejected.", "争议被驳回。"),
    "credit.granted": ("Part of a line was given back.", "已退还明细行的部分金额。"),
    "rate.recorded": ("An exchange rate was recorded.", "记录了汇率。"),
    "settlement_account.set": ("A settlement account was named.", "登记了结算账户。"),
    "round.settled": ("Open debts were netted into payments.", "未结债务经轧差转为付款。"),
    "instructions.issued": ("A message for the bank was issued.", "已生成交给银行的付款报文。"),
    "payment.received": ("A payment of a round has come.", "轧差付款已到账。"),
}

# --- Prefixes of identifiers ---
PREFIXES: Final = {
    "per": "settlement period",
    "stm": "statement",
    "obl": "obligation, what one party owes another for a line",
    "dsp": "dispute",
    "crd": "credit",
    "rop": "re-opening of a closed period",
    "rnd": "netting round",
    "rat": "exchange rate",
    "cnv": "conversion of a line's debts",
    "pay": "payment of a netting round",
}

# --- Permissions of operations ---
PERMISSIONS: Final = {
    "try_agreement": Rule(own=PARTIES, every=OPERATOR, people=READERS),
    "close_period": Rule(every=OPERATOR, people=BOOKKEEPERS, fresh=True, programs="yes"),
    "list_closings": Rule(every=OPERATOR, people=READERS),
    "get_closing": Rule(every=OPERATOR, people=READERS),
    "move_closing": Rule(every=OPERATOR, people=BOOKKEEPERS, fresh=True, programs="yes"),
    "reopen_period": Rule(every=OPERATOR, people=BOOKKEEPERS, fresh=True, programs="no"),
    "list_reopenings": Rule(every=OPERATOR, people=READERS),
    "list_statements": Rule(own=ALL, people=READERS),
    "get_statement": Rule(own=PARTIES, every=OPERATOR, people=READERS),
    "get_statement_csv": Rule(own=PARTIES, every=OPERATOR, people=READERS),
    "list_calls_behind": Rule(own=PARTIES, every=OPERATOR, people=READERS),
    "open_dispute": Rule(own=PARTIES, every=OPERATOR, people=BOOKKEEPERS),
    "list_disputes": Rule(own=PARTIES, every=OPERATOR, people=READERS),
    "resolve_dispute": Rule(every=OPERATOR, people=BOOKKEEPERS, fresh=True, programs="no"),
    "grant_credit": Rule(own=PARTIES, every=OPERATOR, people=BOOKKEEPERS),
    "list_credits": Rule(own=PARTIES, every=OPERATOR, people=READERS),
    "set_settlement_account": Rule(own=ALL, people=BOOKKEEPERS, fresh=True, programs="no"),
    "get_settlement_account": Rule(own=ALL, people=READERS),
    "record_rate": Rule(every=OPERATOR, people=BOOKKEEPERS, fresh=True, programs="yes"),
    "list_rates": Rule(every=ALL, people=READERS),
    "settle_round": Rule(every=OPERATOR, people=BOOKKEEPERS, fresh=True, programs="yes"),
    "list_rounds": Rule(own=PARTIES, every=OPERATOR, people=READERS),
    "get_round": Rule(own=PARTIES, every=OPERATOR, people=READERS),
    "issue_instructions": Rule(own=ALL, people=BOOKKEEPERS),
    "receive_payment": Rule(own=PARTIES, every=OPERATOR, people=BOOKKEEPERS),
}

# --- Routers of the management API ---
ROUTERS: Final = (
    "money.closings",
    "money.reopenings",
    "money.statements",
    "money.disputes",
    "money.credits",
    "money.exchange_rates",
    "money.rounds",
    "money.payments",
    "money.settlement_accounts",
)

# --- Commands ---
COMMANDS: Final = {
    "period": Command("money.closings:period", "Close the books of a period.", True, BOOKS_PANEL),
    "statement": Command(
        "money.statements:statement", "Statements, and their verification.", True, BOOKS_PANEL
    ),
    "dispute": Command(
        "money.disputes:dispute", "Disputes about statement lines.", True, BOOKS_PANEL
    ),
    "credit": Command("money.credits:credit", "Credits: money given back.", True, BOOKS_PANEL),
    "rate": Command("money.exchange_rates:rate", "Exchange rates.", True, BOOKS_PANEL),
    "netting": Command(
        "money.rounds:netting", "Netting rounds, settlement account.", True, BOOKS_PANEL
    ),
    "payment": Command("money.payments:payment", "Payments of a round.", True, BOOKS_PANEL),
}
