"""One party's bundle: recomputed to the last fen; whatever was changed in it is named."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import msgspec
import pytest
from acceptance_signatures import authority, hand_of
from money_world import World
from test_closing import agree, bring, close, now_us, statement
from test_exchange_rates import record

from seals import KEYS
from weir.agreements import agreements
from weir.kernel.declares import PAGE_ROWS
from weir.kernel.strict_json import canonical
from weir.metering.records.segments import SEAL_SUFFIX, read_seal
from weir.settlement.documents import Statement, digest_of, to_document
from weir.settlement.statements.line_calls import list_calls
from weir.settlement.statements.party_bundles import verify_bundle

SHARES = [
    {"party": "member", "weight": 7_000},
    {"party": "operator", "weight": 2_500},
    {"party": "partner", "weight": 500},
    {"party": "partner", "fixed": "0.001", "per": "call", "scene": "checkout"},
]


@dataclass
class Bundle:
    """A bundle in a folder, as a party fetched it."""

    folder: Path

    def difference(self) -> str | None:
        return verify_bundle(self.folder).difference

    def change(self, name: str, how: Callable[[Any], None], *, reseal: bool = False) -> None:
        """Change a JSON file in place."""
        path = self.folder / name
        value = json.loads(path.read_bytes())
        how(value)
        if reseal:
            value["sha256"] = digest_of(value)
        path.write_bytes(msgspec.json.encode(value))

    def change_calls(self, how: Callable[[list[dict[str, Any]]], None]) -> None:
        path = self.folder / "calls.jsonl"
        rows = [json.loads(line) for line in path.read_bytes().splitlines()]
        how(rows)
        path.write_bytes(b"".join(msgspec.json.encode(row) + b"\n" for row in rows))


async def fetch(world: World, held: Statement, folder: Path) -> Bundle:
    """What `weir statement bundle` writes, from the rooms that the API asks."""
    async with world.database.connect() as connection:
        known = [
            await agreements.fetch(connection, each.agreement) for each in held.inputs.agreements
        ]
    rows = []
    for number in range(1, len(held.lines) + 1):
        after = ""
        while True:
            page = await list_calls(
                world.database, world.lake, held.statement, number, held.party, after
            )
            rows += [{"line": number, **msgspec.to_builtins(each)} for each in page]
            if len(page) < PAGE_ROWS:
                break
            after = page[-1].id
    document = to_document(held)
    plans = [{**each, "id": each["plan"]} for each in document["inputs"]["plans"]]
    files: dict[str, Any] = {
        "statement.json": document,
        "agreements.json": [
            {"terms": each.terms(), "signatures": each.signatures} for each in known
        ],
        "plans.json": plans,
        "rates.json": document["inputs"].get("rates", []),
        "keys.json": list(KEYS.values()),
        "roots.json": [],
    }
    return written(world, folder, files, rows)


def written(world: World, folder: Path, files: dict[str, Any], rows: list[Any]) -> Bundle:
    folder.mkdir()
    for name, value in files.items():
        (folder / name).write_bytes(msgspec.json.encode(value))
    seals = sorted(world.records.glob(f"*/*{SEAL_SUFFIX}"))
    read = [read_seal(world.records, path.parent.name, int(path.stem)) for path in seals]
    for name, values in (("calls.jsonl", rows), ("seals.jsonl", read)):
        (folder / name).write_bytes(b"".join(msgspec.json.encode(v) + b"\n" for v in values))
    (folder / "ca.pem").write_text(authority("alliance").certificate)
    return Bundle(folder)


@pytest.fixture
async def closed_month(world: World) -> dict[str, Statement]:
    """A month with a rewarding agreement, a rate on record, and calls of another partner's line."""
    await record(world, "0.14", base="CNY", quote="USD")
    await agree(world, shares=SHARES)
    at_us = now_us(world)
    calls = [
        world.record(at_us=at_us + n, scene="checkout" if n % 2 else None, consent=f"cns_{n % 7}")
        for n in range(301)
    ]
    calls += [world.record(at_us=at_us, status=404), world.record(at_us=at_us, status=502)]
    policies = {"product": world.policies, "plan": world.policies_plan, "member": world.insurer}
    calls += [world.record(at_us=at_us, **policies) for _ in range(5)]
    await bring(world, *calls)
    closed = await close(world, world.period)
    return {party: await statement(world, closed, party) for party in closed.statements}


async def test_each_party_recomputes_its_statement_from_its_own_bundle(
    world: World, closed_month: dict[str, Statement], tmp_path: Path
) -> None:
    assert set(closed_month) == {world.operator, world.bank, world.insurer, world.partner}
    for party, held in closed_month.items():
        bundle = await fetch(world, held, tmp_path / party)
        assert bundle.difference() is None, party
        found = verify_bundle(bundle.folder)
        assert found.records == sum(line.calls for line in held.lines)


async def test_whatever_is_changed_in_a_bundle_is_named(
    world: World, closed_month: dict[str, Statement], tmp_path: Path
) -> None:
    held = closed_month[world.bank]

    async def changed(name: str, how: Callable[[Bundle], None]) -> str:
        bundle = await fetch(world, held, tmp_path / name)
        how(bundle)
        difference = bundle.difference()
        assert difference is not None, name
        return difference

    def gross(value: Any) -> None:
        value["lines"][0]["gross_minor"] += 1

    told = await changed("figure", lambda b: b.change("statement.json", gross))
    assert told == "sha256: the document was changed after it was closed"
    told = await changed("resealed", lambda b: b.change("statement.json", gross, reseal=True))
    stated = held.lines[0].gross_minor
    assert told == (
        f"lines[0].gross_minor: the statement says {stated + 1}, the records say {stated}"
    )
    told = await changed("dropped", lambda b: b.change_calls(lambda rows: rows.pop()))
    assert told.startswith("lines[0].calls: the statement says 303, the calls are 302")
    told = await changed("twice", lambda b: b.change_calls(lambda rows: rows.append(dict(rows[0]))))
    assert told.endswith("is there twice")
    told = await changed(
        "ending", lambda b: b.change_calls(lambda rows: rows[0].update(ending="failed"))
    )
    assert told.startswith("lines[0].billable_calls")
    told = await changed(
        "scene", lambda b: b.change_calls(lambda rows: rows[0].update(scene="checkout"))
    )
    assert told.startswith("lines[0].shares[0].amount_minor") or "rewarded" in told
    told = await changed(
        "moment",
        lambda b: b.change_calls(
            lambda rows: rows[0].update(arrived_at=held.since.replace(".000000", ".000001"))
        ),
    )
    assert told.endswith("belongs to another line than 1")


def signed_anew(name: str, value: str | None) -> Callable[[Any], None]:
    """One term is another, or is left out, and everybody has signed that."""

    def change(agreements: Any) -> None:
        terms = json.loads(agreements[0]["terms"]) | {name: value}
        if value is None:
            del terms[name]
        agreements[0]["terms"] = canonical(terms).decode()
        for each in agreements[0]["signatures"]:
            each["jws"] = hand_of(each["organisation"]).sign(agreements[0]["terms"])

    return change


async def test_terms_prices_rates_and_seals_that_were_changed_are_named_too(
    world: World, closed_month: dict[str, Statement], tmp_path: Path
) -> None:
    held, numbers = closed_month[world.bank], count()

    async def changed(file: str, how: Callable[[Any], None]) -> str | None:
        bundle = await fetch(world, held, tmp_path / f"{file}-{next(numbers)}")
        bundle.change(file, how)
        return bundle.difference()

    def other_split(value: Any) -> None:
        terms = json.loads(value[0]["terms"])
        terms["shares"][0]["weight"] = 7_001
        value[0]["terms"] = json.dumps(terms, sort_keys=True, separators=(",", ":"))

    told = await changed("agreements.json", other_split)
    assert told is not None
    assert "its signature is not that of its certificate's key under these terms" in told
    for name, said in (("currency", "USD"), ("billable", None)):
        told = await changed("agreements.json", signed_anew(name, said))
        assert told is not None
        assert told.startswith(f"inputs.agreements[0].{name}: the statement says")
    told = await changed("agreements.json", lambda value: value.clear())
    assert told is not None
    assert told.endswith("is not there as it was signed")
    told = await changed("agreements.json", lambda value: value[0]["signatures"].pop())
    assert told is not None
    assert told.endswith("has not signed")

    def dearer(value: Any) -> None:
        value[0]["pricing"]["components"][0]["price"] = "0.02"

    told = await changed("plans.json", dearer)
    assert told == (
        "inputs.plans[0].pricing.components[0].price: the statement says 0.015,"
        " the records say 0.02"
    )
    told = await changed("rates.json", lambda value: value[0].update(rate="0.15"))
    assert told == "inputs.rates[0].rate: the statement says 0.14, the records say 0.15"
    told = await changed("rates.json", lambda value: value.clear())
    assert told is not None
    assert told.startswith("rates: rat_")
    bundle = await fetch(world, held, tmp_path / "seals")
    seals = (bundle.folder / "seals.jsonl").read_bytes().splitlines()
    forged = json.loads(seals[0]) | {"records": 999_999}
    (bundle.folder / "seals.jsonl").write_bytes(msgspec.json.encode(forged))
    difference = bundle.difference()
    assert difference is not None
    assert difference.startswith("records: ")


async def test_what_is_no_bundle_is_refused(
    world: World, closed_month: dict[str, Statement], tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match=r"statement\.json is missing"):
        verify_bundle(tmp_path)
    bundle = await fetch(world, closed_month[world.bank], tmp_path / "x")
    (bundle.folder / "calls.jsonl").write_bytes(b"{}")
    with pytest.raises(ValueError, match="not a list of calls"):
        verify_bundle(bundle.folder)
