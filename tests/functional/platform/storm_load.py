"""A load generator that keeps its own log: every answer that came in full, as it came.

It knows nothing of the platform's records. What it wrote down is what a partner would swear to.
"""

from __future__ import annotations

import asyncio
import json
import random
import uuid
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from keep_alive import BROKEN, Connection, Heard
from platform_world import ACCOUNTS, BANK, PAYMENTS, World, account_access

from weir_demo.cast import CURRENCY, PAYMENT
from weir_demo.stage import Caller

_RECONNECT_S = 0.02
_PAUSE_S = 0.02  # between two calls of one reader or payer: killed gateways need the processor too
_ABANDONED_PART = 0.25  # of payments whose answer was lost: never asked again
_READING = "/river-bank/accounts/v1/accounts"
PAYING = "/river-bank/payments/v1/payments"


@dataclass(slots=True)
class Payment:
    """One payment as its payer knows it. `lost` counts the tries that brought no answer."""

    consent: str
    key: str
    debtor: str
    creditor: str
    amount_minor: int
    token: str
    lost: int = 0
    answers: list[int] = field(default_factory=list)
    payment_ids: set[str] = field(default_factory=set)
    abandoned: bool = False

    @property
    def order(self) -> bytes:
        order = {
            "debtor_account": self.debtor,
            "creditor_account": self.creditor,
            "creditor_name": "Payee",
            "amount": {"amount": in_major(self.amount_minor), "currency": CURRENCY},
            "reference": self.key,
        }
        return json.dumps(order).encode()


def in_major(amount_minor: int) -> str:
    return f"{amount_minor // 100}.{amount_minor % 100:02d}"


class Load:
    """Readers and payers on kept-alive connections, which they make anew when one breaks."""

    def __init__(
        self, world: World, caller: Caller, accounts: Sequence[str], dice: random.Random, log: Path
    ) -> None:
        self._world, self._caller, self._accounts, self._dice = world, caller, accounts, dice
        self._log = log
        log.touch()
        self._over = asyncio.Event()
        self.payments: list[Payment] = []
        self.lost: Counter[str] = Counter()  # tries that brought no answer, by kind
        self.surprises: list[str] = []

    def logged(self) -> list[dict[str, Any]]:
        """The log, read back from its file."""
        return [json.loads(line) for line in self._log.read_text().splitlines()]

    def stop(self) -> None:
        """Begin nothing new. Payments that wait for their answer are asked to the end."""
        self._over.set()

    async def run(self, readers: int, payers: int) -> None:
        async with asyncio.TaskGroup() as group:
            for _ in range(readers):
                group.create_task(self._read())
            for _ in range(payers):
                group.create_task(self._pay())

    async def _read(self) -> None:
        line = _Line(self._world, self._caller)
        details = account_access(BANK.slug, list(self._accounts))
        consent = self._world.mint("cns")
        while not self._over.is_set():
            token = await self._world.token(self._caller, ACCOUNTS, details, consent)
            account = self._dice.choice(self._accounts)
            heard = await self._try(line, "read", "GET", f"{_READING}/{account}/balances", token)
            if heard is not None and heard.status != 200:
                self.surprises.append(f"read: {heard.status} {heard.refusal}")
            await asyncio.sleep(_PAUSE_S)
        line.close()

    async def _pay(self) -> None:
        line = _Line(self._world, self._caller)
        while not self._over.is_set():
            payment = await self.new_payment()
            self.payments.append(payment)
            while not payment.answers and not payment.abandoned:
                await self._ask(line, payment)
            await asyncio.sleep(_PAUSE_S)
        line.close()

    async def _ask(self, line: _Line, payment: Payment) -> None:
        heard = await self._try(
            line,
            "pay",
            "POST",
            PAYING,
            payment.token,
            body=payment.order,
            headers={"x-idempotency-key": payment.key},
        )
        if heard is None:
            payment.lost += 1
            payment.abandoned = self._dice.random() < _ABANDONED_PART
        elif heard.status == 201:
            payment.answers.append(heard.status)
            payment.payment_ids.add(heard.json()["payment_id"])
        else:
            self.surprises.append(f"pay: {heard.status} {heard.body!r}")
            payment.abandoned = True

    async def new_payment(self, amount_minor: int | None = None) -> Payment:
        """A payment that its customer has consented to and nobody has asked for yet."""
        debtor, creditor = self._dice.sample(list(self._accounts), 2)
        amount_minor = amount_minor or self._dice.randint(1, 500)
        consent = self._world.mint("cns")
        details = {
            "type": PAYMENT,
            "member": BANK.slug,
            "amount": {"amount": in_major(amount_minor), "currency": CURRENCY},
            "payee": {"account": creditor, "name": "Payee"},
            "purpose": "Pay for an order",
            "debtor_account": debtor,
        }
        token = await self._world.token(self._caller, PAYMENTS, details, consent)
        return Payment(consent, str(uuid.uuid4()), debtor, creditor, amount_minor, token)

    async def _try(
        self, line: _Line, kind: str, method: str, path: str, token: str, **more: Any
    ) -> Heard | None:
        """One try under a name of its own. A whole answer is written down before anything else."""
        interaction_id = str(uuid.uuid4())
        connection = await line.connection()
        try:
            heard = await connection.call(
                method, path, token, interaction_id=interaction_id, **more
            )
        except BROKEN:
            self.lost[kind] += 1
            line.close()
            return None
        entry = {"kind": kind, "interaction_id": heard.interaction_id, "status": heard.status}
        with self._log.open("a") as log:
            log.write(json.dumps(entry) + "\n")
        return heard


class _Line:
    """A connection that is made anew after it broke."""

    def __init__(self, world: World, caller: Caller) -> None:
        self._world, self._caller = world, caller
        self._connection: Connection | None = None

    async def connection(self) -> Connection:
        """The connection, as soon as some process takes one."""
        while self._connection is None:
            try:
                self._connection = await self._world.connect(self._caller)
            except BROKEN:
                await asyncio.sleep(_RECONNECT_S)
        return self._connection

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
