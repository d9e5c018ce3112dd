"""The report at the end of a run: a table that a bank manager understands."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Console
from rich.table import Table

from weir.kernel.money import Money
from weir_demo.cast import BROUGHT_IN, INSTITUTIONS, PARTNERS
from weir_demo.figures import Figures

_WHY = {
    "certificate_required": "called without a certificate",
    "certificate_mismatch": "used someone else's token",
    "consent_account": "asked for another customer's account",
    "consent_payment_mismatch": "paid another amount or payee than agreed",
    "consent_permission": "asked for more than the customer allowed",
    "consent_used": "paid a second time on one consent",
    "consent_withdrawn": "called after the consent was withdrawn",
    "malformed_http": "sent what is not HTTP",
    "quota_exceeded": "called beyond the quota",
    "subscription_required": "called what is not subscribed to",
    "token_expired": "used an expired token",
    "token_invalid": "used an altered token",
    "token_missing": "called without a token",
    "unknown_path": "called an address nobody offers",
}


def show(console: Console, figures: Figures, names: dict[str, str]) -> None:
    """Print the final table and the addresses. `names` are organisations' names by identifier."""
    table = Table(show_header=False, box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(justify="right", no_wrap=True)
    table.add_column()
    for title, rows in _sections(figures, names):
        table.add_row("")
        table.add_row(f"[bold]{title}[/bold]")
        for row in rows:
            table.add_row(*row)
    console.print(table)
    console.print()
    for name, address in figures.addresses.items():
        console.print(f"  {name.replace('_', ' ').capitalize():22} {address}", soft_wrap=True)


def _sections(
    figures: Figures, names: dict[str, str]
) -> Iterator[tuple[str, list[tuple[str, str, str]]]]:
    yield "The alliance", list(_alliance(figures))
    yield "The calls", list(_calls(figures))
    yield "The customer decides", list(_consent(figures))
    yield "Nothing is lost", list(_records(figures))
    yield "The money", list(_money(figures, names))


def _alliance(figures: Figures) -> Iterator[tuple[str, str, str]]:
    alliance = figures.alliance
    yield "Institutions", f"{alliance['members']}", ", ".join(i.name_en for i in INSTITUTIONS)
    yield "Partners", f"{alliance['partners']}", ", ".join(p.name_en for p in PARTNERS)
    yield "Products on the shelf", f"{alliance['products']}", f"{alliance['operations']} operations"


def _calls(figures: Figures) -> Iterator[tuple[str, str, str]]:
    calls, latency = figures.calls, figures.calls["latency_ms"]
    yield "Calls made", f"{calls['sent']:,}", f"{calls['calls_per_s']:,} a second"
    yield (
        "Answered",
        f"{calls['answered']:,}",
        (f"half of them within {latency['p50']:g} ms, 99 of 100 within {latency['p99']:g} ms"),
    )
    yield "Refused, as they must be", f"{sum(calls['refused'].values()):,}", ""
    for code, count in sorted(calls["refused"].items(), key=lambda each: (-each[1], each[0])):
        yield "", f"{count:,}", f"{_WHY.get(code, code)} [dim]({code})[/dim]"


def _consent(figures: Figures) -> Iterator[tuple[str, str, str]]:
    consent, payment = figures.consent, figures.payment
    yield "Withdrawal in effect after", f"{consent['withdrawal_ms']} ms", "at every gateway"
    yield (
        "Served after withdrawal",
        f"{consent['served_after_withdrawal']}",
        (f"of {consent['called_after_withdrawal']:,} calls that tried"),
    )
    moved = Money(payment["moved_minor"], "CNY")
    yield "Paid", f"{moved}", "once; the account's balance fell by exactly this"


def _records(figures: Figures) -> Iterator[tuple[str, str, str]]:
    records = figures.records
    yield "Calls found in the records", f"{records['stored']:,}", f"of {records['expected']:,}"
    yield "Missing, counted twice", f"{records['missing']}, {records['duplicated']}", ""
    word = "refused before anybody was known: counted, not recorded"
    yield "Calls without an application", f"{records['of_nobody']:,}", word
    for slug, counts in figures.institutions.items():
        name = next(i.name_en for i in (*INSTITUTIONS, BROUGHT_IN) if i.slug == slug)
        word = "callers, records and its own log agree" if len(set(counts.values())) == 1 else "!"
        yield f"Answered by {name}", f"{counts['own_log']:,}", word
    verified = figures.audit["verified"]
    yield "Audit chains", "hold" if verified else "BROKEN", "every change is in them, unaltered"


def _money(figures: Figures, names: dict[str, str]) -> Iterator[tuple[str, str, str]]:
    statement = figures.statement
    currency = statement["currency"]
    yield (
        "Earned",
        f"{Money(statement['gross_minor'], currency)}",
        (f"by {statement['billable_calls']:,} calls that are paid for"),
    )
    yield (
        "Of this, brought in",
        f"{Money(statement['brought_in_minor'], currency)}",
        f"{BROUGHT_IN.name_en} served a member: {statement['brought_in_calls']:,} calls",
    )
    for share in sorted(statement["shares"], key=lambda each: -each["amount_minor"]):
        name = names.get(share["party"], share["party"])
        yield f"  to {name}", f"{Money(share['amount_minor'], currency)}", ""
    yield (
        "Sum of the shares",
        f"{Money(statement['sum_of_shares_minor'], currency)}",
        (
            "equals what was earned, to the last fen"
            if statement["sum_of_shares_minor"] == statement["gross_minor"]
            else "DOES NOT equal what was earned"
        ),
    )
    yield from _netting(figures, names)
    yield (
        "Recomputed offline",
        "agrees" if statement["verified_offline"] else "DIFFERS",
        ("from the call records alone"),
    )


def _netting(figures: Figures, names: dict[str, str]) -> Iterator[tuple[str, str, str]]:
    netting, currency = figures.netting, figures.statement["currency"]
    yield "Refunded", f"{Money(netting['refund_minor'], currency)}", "by an institution"
    yield "Disputed, upheld", f"{Money(netting['dispute_minor'], currency)}", "by the operator"
    payments = netting["payments"]
    yield (
        "Settled in",
        f"{len(payments)} payments",
        f"instead of {netting['debts']}; each payer has its message for its bank (pain.001)",
    )
    for each in sorted(payments, key=lambda each: -each["amount_minor"]):
        debtor, creditor = (names.get(each[side], each[side]) for side in ("debtor", "creditor"))
        yield f"  {debtor} pays", f"{Money(each['amount_minor'], currency)}", f"to {creditor}"
