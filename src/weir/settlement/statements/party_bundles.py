"""Verification of a statement from one party's files: its calls, terms, prices and rates.

```
statement.json    the statement
calls.jsonl       the calls behind its lines, each with the number of its line
agreements.json   the agreements it names, as their parties signed them: a list
plans.json        the plans it names, as the shelf shows them: a list
rates.json        the exchange rates it names: a list
ca.pem            the alliance's authority, for the certificates of the signers
keys.json, seals.jsonl, roots.json   as in a bundle of docs/receipts.md
```

Everything is recomputed from these files, offline. They do not hold the calls of other parties, so
a member that serves a joint product together with others needs all of that product's calls where
the price depends on their number (`weir statement verify --records`).
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import msgspec

from weir.agreements import signatures
from weir.agreements.shares import needed_parties
from weir.kernel.clock import moment, read_moment
from weir.metering.records import bundle_audit, bundles
from weir.metering.records.records import CallRecord
from weir.settlement.documents import AgreementInput, Line, PlanInput, Statement, parse, to_document
from weir.settlement.rating.in_force import agreement_at, plans_of, version_at
from weir.settlement.rating.rewards import RewardCount, reward_terms
from weir.settlement.rating.usage import Count, Slice
from weir.settlement.statements import composition
from weir.settlement.statements.lines import LineKey, line_key_of
from weir.settlement.statements.verification import (
    StatementMismatch,
    Verification,
    check_digests,
    compare,
    recompute,
)

STATEMENT: Final = "statement.json"
CALLS: Final = "calls.jsonl"
AGREEMENTS: Final = "agreements.json"
PLANS: Final = "plans.json"
RATES: Final = "rates.json"
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class HeldCall(msgspec.Struct, frozen=True, kw_only=True):
    """A call of `calls.jsonl`; other members of its JSON object are ignored."""

    line: int
    id: str
    arrived_at: datetime
    interaction_id: str
    method: str
    status: int
    ending: str
    amount_minor: int | None = None
    currency: str | None = None
    scene: str | None = None
    referrer: str | None = None
    consent: str | None = None


@dataclass(frozen=True, slots=True)
class _Held:
    """The files of a bundle, read."""

    statement: Statement
    calls: list[HeldCall]
    agreements: list[Any]
    plans: list[Any]
    rates: list[Any]
    folder: Path


def verify_bundle(folder: Path) -> Verification:
    """Recompute a statement from a bundle.

    ValueError names the file that is missing or malformed, or says that the records are needed.
    """
    held = _read(folder)
    stated = held.statement
    try:
        check_digests(stated)
        _check_runs(folder, stated)
        _check_agreements(held)
        _check_plans(held)
        _check_rates(held)
        _check_calls(held)
        found = _recompute(held)
        compare(to_document(stated), to_document(found), "")
    except StatementMismatch as differs:
        return Verification(stated.statement, len(held.calls), 0, str(differs))
    return Verification(stated.statement, len(held.calls), 0, None)


def _read(folder: Path) -> _Held:
    statement = parse(_bytes(folder / STATEMENT))
    try:
        rows = _bytes(folder / CALLS).splitlines()
        calls = [msgspec.json.decode(row, type=HeldCall) for row in rows]
    except msgspec.MsgspecError as error:
        raise ValueError(f"{folder / CALLS} is not a list of calls: {error}") from error
    agreements, plans, rates = (_list(folder / name) for name in (AGREEMENTS, PLANS, RATES))
    return _Held(statement, calls, agreements, plans, rates, folder)


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ValueError(f"{path} is missing") from error


def _list(path: Path) -> list[Any]:
    try:
        found = json.loads(_bytes(path))
    except ValueError as error:
        raise ValueError(f"{path} is not JSON") from error
    if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
        raise ValueError(f"{path} is not a list")
    return found


def _check_runs(folder: Path, stated: Statement) -> None:
    """Check the seals and roots, and that each run ends with a sealed segment."""
    bundle = bundles.read(folder)
    for finding in bundle_audit.audit(bundle).findings:
        raise StatementMismatch(f"records: {finding}")
    known = {(seal.stream, seal.segment): seal for seal in bundle.seals or []}
    for run in stated.records.segments:
        seal = known.get((run.stream, run.last_segment))
        if seal is None or seal.sha256 != run.sha256:
            raise StatementMismatch(
                f"records: {run.stream} segment {run.last_segment} is not the one sealed"
            )


def _check_agreements(held: _Held) -> None:
    authority = _bytes(held.folder / bundles.AUTHORITY)
    operator = held.statement.inputs.operator
    known = {}
    for each in held.agreements:
        read = signatures.read(each)
        checked = signatures.check(read, authority)
        for organisation, fault in checked.faults.items():
            raise StatementMismatch(f"agreements: {checked.agreement}: {organisation}: {fault}")
        known[checked.agreement] = signatures.terms_of(read)
    for place, each in enumerate(held.statement.inputs.agreements):
        terms = known.get(each.agreement)
        if terms is None:
            if held.statement.party in needed_parties(each.shares, each.owner, operator):
                raise StatementMismatch(
                    f"agreements: {each.agreement} is not there as it was signed"
                )
            continue  # a caller has not signed it and takes it from the statement
        name = f"inputs.agreements[{place}]"
        applied = _terms_applied(each, held.statement.currency)
        compare(applied, {n: terms.get(n) for n in applied}, name)
        agreed = terms.get("effective_from")
        if not isinstance(agreed, str) or read_moment(each.effective_at) < read_moment(agreed):
            raise StatementMismatch(f"{name}.effective_at: sooner than was agreed")


_TERMS: Final = ("product", "owner", "version", "billable", "rounding", "shares")


def _terms_applied(each: AgreementInput, currency: str) -> dict[str, Any]:
    """Return the terms that the statement says were signed, by name.

    An agreement is applied in one currency, its own.
    """
    document: dict[str, Any] = msgspec.to_builtins(each)
    return {**{name: document[name] for name in _TERMS}, "currency": currency}


def _check_plans(held: _Held) -> None:
    known = {each.get("id"): each for each in held.plans}
    for place, plan in enumerate(held.statement.inputs.plans):
        own = known.get(plan.plan)
        if own is None:
            raise StatementMismatch(f"plans: {plan.plan} is not there")
        compare(_plan_applied(plan), _plan_shown(own, plan), f"inputs.plans[{place}]")


def _plan_applied(plan: PlanInput) -> dict[str, Any]:
    """Return the plan as the statement has it: product, currency, pricing and changes."""
    document: dict[str, Any] = msgspec.to_builtins(plan)
    names = ("product", "currency", "pricing")
    return {**{name: document[name] for name in names}, "changes": document.get("changes", [])}


def _plan_shown(own: Mapping[str, Any], plan: PlanInput) -> dict[str, Any]:
    """Return the plan as the shelf shows it, without changes later than the statement."""
    applied = {change.version for change in plan.changes}
    try:
        changes = [
            {
                "version": each["version"],
                "effective_from": moment(read_moment(each["effective_from"])),
                "pricing": each["pricing"],
            }
            for each in own.get("changes", [])
            if each["version"] in applied
        ]
    except (KeyError, TypeError, ValueError) as error:
        raise StatementMismatch(f"plans: {plan.plan} has a change that is none") from error
    names = ("product", "currency", "pricing")
    return {**{name: own.get(name) for name in names}, "changes": changes}


def _check_rates(held: _Held) -> None:
    known = {each.get("id"): each for each in held.rates}
    for place, rate in enumerate(held.statement.inputs.rates):
        own = known.get(rate.id)
        if own is None:
            raise StatementMismatch(f"rates: {rate.id} is not there")
        names = ("base", "quote", "rate", "source")
        stated = {name: getattr(rate, name) for name in names}
        compare(stated, {name: own.get(name) for name in names}, f"inputs.rates[{place}]")


def _check_calls(held: _Held) -> None:
    """Check that each call is there once, in the period, on a line, and each line has its calls."""
    stated = held.statement
    since, until = read_moment(stated.since), read_moment(stated.until)
    seen: set[str] = set()
    for each in held.calls:
        if each.id in seen:
            raise StatementMismatch(f"calls: {each.id} is there twice")
        seen.add(each.id)
        if not 1 <= each.line <= len(stated.lines) or not since <= each.arrived_at < until:
            raise StatementMismatch(f"calls: {each.id} belongs to no line of the period")
    counted = Counter(each.line for each in held.calls)
    for number, line in enumerate(stated.lines, start=1):
        if counted[number] != line.calls:
            raise StatementMismatch(
                f"lines[{number - 1}].calls: the statement says {line.calls},"
                f" the calls are {counted[number]}"
            )


def _recompute(held: _Held) -> Statement:
    stated = held.statement
    since, until = read_moment(stated.since), read_moment(stated.until)
    parts = composition.cut(since, until, stated.inputs)
    records = [_record(each, stated.lines[each.line - 1]) for each in held.calls]
    for each in held.calls:
        _check_line_key(each, stated, parts)
    count = Count(parts, plans_of(stated.inputs))
    count.add(records)
    terms = reward_terms(stated.inputs.agreements, since, until)
    if terms and stated.supplement:
        raise ValueError("a supplement with rewards needs the calls of the whole period: --records")
    rewards = RewardCount(terms)
    rewards.add(records)
    found = recompute(stated, count.result(), parts, rewards.result())
    return msgspec.structs.replace(found, records=stated.records)  # counts others' calls too


def _record(call: HeldCall, line: Line) -> CallRecord:
    """Return the call as a record to count; a failed one without an error status as refused."""
    refusal = "failed" if call.ending == "failed" and 200 <= call.status < 500 else None
    return CallRecord(
        at_us=(call.arrived_at - _EPOCH) // timedelta(microseconds=1),
        duration_us=0,
        interaction_id=call.interaction_id,
        organisation=line.partner,
        product=line.product,
        plan=line.plan,
        member=line.member,
        method=call.method,
        status=call.status,
        refusal=refusal,
        amount_minor=call.amount_minor,
        currency=call.currency,
        scene=call.scene,
        referrer=call.referrer,
        consent=call.consent,
    )


def _check_line_key(call: HeldCall, stated: Statement, parts: Sequence[Slice]) -> None:
    """Check that the call's line is the one of the agreement and version at its time."""
    line = stated.lines[call.line - 1]
    plan = next((each for each in stated.inputs.plans if each.plan == line.plan), None)
    part = next((each for each in parts if each.since <= call.arrived_at < each.until), None)
    if plan is None or part is None:
        raise StatementMismatch(f"calls: {call.id} is under a plan that is not listed")
    name = agreement_at(stated.inputs.agreements, line.product, part)
    own = LineKey(line_key_of(line).key, name, version_at(plan, part))
    if own != line_key_of(line):
        raise StatementMismatch(f"calls: {call.id} belongs to another line than {call.line}")
