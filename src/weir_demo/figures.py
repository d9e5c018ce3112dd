"""The figures of a run, and the conditions they must meet. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class Figures:
    """The figures that `--json` writes, each read back from its own store."""

    engines: dict[str, str] = field(default_factory=dict)
    alliance: dict[str, int] = field(default_factory=dict)
    calls: dict[str, Any] = field(default_factory=dict)
    consent: dict[str, int] = field(default_factory=dict)
    payment: dict[str, Any] = field(default_factory=dict)
    records: dict[str, int] = field(default_factory=dict)
    institutions: dict[str, dict[str, int]] = field(default_factory=dict)
    statement: dict[str, Any] = field(default_factory=dict)
    netting: dict[str, Any] = field(default_factory=dict)
    audit: dict[str, Any] = field(default_factory=dict)
    addresses: dict[str, str] = field(default_factory=dict)
    surprises: list[str] = field(default_factory=list)
    duration_s: float = 0.0

    def document(self) -> dict[str, Any]:
        """Return the figures as plain JSON values, with `wrong`."""
        return {name: getattr(self, name) for name in self.__slots__} | {
            "wrong": list(self.wrong())
        }

    def wrong(self) -> Iterator[str]:
        """Yield a sentence for each figure that breaks its condition; none when all is well."""
        yield from self.surprises
        yield from self._wrong_counts()
        yield from self._wrong_money()
        if self.audit.get("verified") is not True:
            yield "The audit chain does not verify."

    def _wrong_counts(self) -> Iterator[str]:
        calls, records = self.calls, self.records
        if calls.get("sent") != calls.get("answered", 0) + sum(calls.get("refused", {}).values()):
            yield "Calls sent are not calls answered and refused."
        for name in ("missing", "duplicated"):
            if records.get(name) != 0:
                yield f"{records.get(name)} call records are {name}."
        if not records or len({records[n] for n in ("expected", "stored", "in_the_lake")}) != 1:
            yield "The stored records are not as many as the calls."
        if not records or records["expected"] + records["of_nobody"] != calls.get("sent"):
            yield "Some calls are neither recorded nor refused before anybody was known."
        if not records or records["refusals_that_differ"] != 0:
            yield "The stored refusals are not those the callers saw."
        served = self.consent.get("served_after_withdrawal")
        if served != 0:
            yield f"{served} calls were served after the consent was withdrawn."
        for slug, sides in self.institutions.items():
            if len(set(sides.values())) != 1:
                yield f"The three sides disagree about {slug}: {sides}."

    def _wrong_money(self) -> Iterator[str]:
        statement, payment = self.statement, self.payment
        if not statement or statement["gross_minor"] != statement["sum_of_shares_minor"]:
            yield "The shares of the statement do not add up to its gross."
        elif statement["gross_minor"] <= 0:
            yield "The statement is empty."
        if not statement.get("brought_in_minor"):
            yield "Nothing was earned by what a partner brought in."
        if statement.get("verified_offline") is not True:
            yield f"The statement does not follow from the records: {statement.get('difference')}."
        netting = self.netting
        if not netting or netting["left_over_minor"] != 0:
            yield "The positions of the netting round do not add up to nothing."
        elif len(netting["payments"]) >= netting["parties"]:
            yield "The netting round needs as many payments as there are parties."
        if payment.get("moved_minor") != payment.get("amount_minor"):
            yield "The balance did not change by the amount that was paid."
