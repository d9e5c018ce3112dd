"""Growth: what a call costs when there is more of everything. CPU a call with few and with many
products, applications, and withdrawn consents. And does the loop pause when all products change?

Four installations stand side by side and are called in turn: a small one, and one that is large
in one thing each. The traffic is the same for all: one application calls ten products in turn.
Each product has ten operations.
"""

from __future__ import annotations

import asyncio
import base64
import os
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import msgspec
from sqlalchemy import text

from bench.documents import (
    BANK,
    Alliance,
    mint,
    operation,
    organisation,
    product,
    subscription,
)
from bench.documents import application as application_change
from bench.load_process import Load, Outcome, load
from bench.measurements import Runs, failures, figures, interleaved, measured, ratio
from bench.peers import WEIR, Target, weir
from bench.processes import cpu_s
from bench.product_changes import CAUSES, change_all
from bench.report import Goal, Result
from bench.stage import Stage, staged
from weir.app.core import open_core
from weir.partners.published import APPLICATION, ApplicationDocument
from weir.shelf.published import PRODUCT
from weir.store.unit import Change

FEW, MANY, REVOKED = 10, 10_000, 1_000_000
OPERATIONS = 10
ROUNDS = 5
SECONDS = 2.0
CONNECTIONS = 64
WITHIN = 1.15
MOST_PAUSE_MS = 5.0
MOST_LOAD_S = 10.0
MOST_REVOKED_MIB = 64.0
SCOPE = f"{BANK}.accounts"
CPU = "cpu_us_a_call"
CHANGED = "10,000 products"
REVOKED_NAME = "1,000,000 revoked consents"
SMALL = "10 products, 10 applications, 0 revoked"


@dataclass(frozen=True, slots=True)
class Size:
    """Size of an installation."""

    products: int = FEW
    applications: int = FEW
    revoked: int = 0


SIZES = {
    SMALL: Size(),
    CHANGED: Size(products=MANY),
    "10,000 applications": Size(applications=MANY),
    REVOKED_NAME: Size(revoked=REVOKED),
}


def run() -> Result:
    """Interleaved rounds of the four installations."""
    with ExitStack() as last:
        takes: dict[str, Callable[[], Outcome]] = {}
        generators = []
        changing: Outcome = {}
        for name, size in SIZES.items():
            stage = last.enter_context(staged(_parties))
            load_s = stage.restart_gateway(partial(_fill, stage, size))
            load_cpu_s = cpu_s(stage.pids("gateway"))
            took = f"{load_s:.1f} s, {load_cpu_s:.1f} s of them its own"
            print(f"  {name}: the gateway was ready after {took}", flush=True)
            target = weir(stage)
            paths = _paths(stage.folder)
            generator = last.enter_context(
                load(stage, target.port, "/", stage.token(), "--paths", str(paths))
            )
            generators.append(generator)
            if name == CHANGED:
                changing = change_all(stage, generator)
                print(f"  all products changed: {changing}", flush=True)
            takes[name] = partial(
                _take, generator, target, {"load_s": load_s, "load_cpu_s": load_cpu_s}
            )
        for generator in generators:
            generator.open(CONNECTIONS)
            generator.call(1.0)
        return _result(interleaved(ROUNDS, takes), changing)


def _take(generator: Load, target: Target, start: Outcome) -> Outcome:
    return {**measured(partial(generator.call, SECONDS), target.pids), **start}


def _parties(alliance: Alliance) -> list[Change]:
    """What is published while the gateway runs: the parties only."""
    return [
        organisation(alliance.bank, "member", BANK),
        organisation(alliance.partner, "partner", "bench-app"),
        application_change(alliance, alliance.application),
    ]


def _paths(folder: Path) -> Path:
    path = folder / "paths"
    path.write_text("".join(f"/{BANK}/shelf-{number}/v1/things/7\n" for number in range(FEW)))
    return path


def _fill(stage: Stage, size: Size) -> None:
    """Write everything to the change log at once; the gateway loads it when it starts."""
    alliance = stage.alliance
    changes: list[Change] = []
    for number in range(size.products):
        operations = [
            operation(alliance, f"getThing{at}", "GET", "/things/{id}" + f"/{at}" * (at > 0))
            for at in range(OPERATIONS)
        ]
        each = product(alliance, f"shelf-{number}", operations, scope=SCOPE)
        changes.append(Change(PRODUCT, each.id, each))
        changes.append(subscription(alliance.application, each.id, quota=None))
    first = changes[0].key
    for _ in range(size.applications - 1):
        other = mint("app")
        changes.append(Change(APPLICATION, other, _application(alliance, other)))
        changes.append(subscription(other, first, quota=None))
    asyncio.run(_write(stage, changes, size.revoked))


def _application(alliance: Alliance, name: str) -> ApplicationDocument:
    """Another application, with a certificate of its own."""
    thumbprint = base64.urlsafe_b64encode(os.urandom(32)).rstrip(b"=").decode()
    return ApplicationDocument(
        id=name, organisation=alliance.partner, status="active", certificates=[thumbprint]
    )


_INSERT = text("""
    INSERT INTO changes (kind, key, sequence, document)
    SELECT kind, key, nextval('change_sequence'), document
    FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS given(kind text, key text, document jsonb)
""")
_REVOKE = text("""
    INSERT INTO changes (kind, key, sequence, document, expires_at)
    SELECT 'revocation', 'consent:' || value, nextval('change_sequence'),
           jsonb_build_object('subject', 'consent', 'value', value, 'at', now()),
           now() + interval '1 day'
    FROM (SELECT 'cns_' || lpad(n::text, 26, '0') AS value FROM generate_series(1, :count) AS n)
""")


async def _write(stage: Stage, changes: list[Change], revoked: int) -> None:
    """In bulk, past the unit of work, which would take minutes for a million."""
    rows = [
        {"kind": each.kind, "key": each.key, "document": msgspec.to_builtins(each.document)}
        for each in changes
    ]
    installation = stage.installation
    async with (
        open_core(installation.settings, installation.home) as core,
        core.database.connect() as connection,
    ):
        await connection.execute(_INSERT, {"rows": msgspec.json.encode(rows).decode()})
        await connection.execute(_REVOKE, {"count": revoked})
        await connection.commit()


def _result(runs: Runs, changing: Outcome) -> Result:
    names = (CPU, "calls_per_s", "p50_us", "p99_us", "memory_mib", "load_s", "load_cpu_s")
    for outcome in runs[CHANGED]:
        outcome |= changing
    ratios = {f"{CPU}, {name} / small": ratio(runs, name, SMALL, CPU) for name in list(SIZES)[1:]}
    goals = [
        Goal(name, f"<= {WITHIN}", each.median, "ratio", each.median <= WITHIN)
        for name, each in ratios.items()
    ]
    failed = failures(runs) + changing["changing_failed"]
    pause_ms, slice_ms = changing["loop_pause_ms"], changing["changes_pause_ms"]
    load_s = runs[REVOKED_NAME][0]["load_s"]
    more_mib = runs[REVOKED_NAME][0]["memory_mib"] - runs[SMALL][0]["memory_mib"]
    goals += [
        _most("pause of the loop while 10,000 products change", MOST_PAUSE_MS, pause_ms, "ms"),
        _most("slice of changes", 1.0, slice_ms, "ms"),
        _most("start with 1,000,000 revocations", MOST_LOAD_S, load_s, "s"),
        _most("memory of 1,000,000 revocations", MOST_REVOKED_MIB, more_mib, "MiB"),
        Goal("calls not answered 200", "0", failed, "calls", failed == 0),
    ]
    notes = [
        f"All are {WEIR}, one gateway process each, called in turn; the small one holds {SMALL}, "
        f"the others are as small in all but one thing. A product has {OPERATIONS} operations.",
        "load_s is the time from the start of the gateway's process until it serves; load_cpu_s is "
        "the processor time it used itself until then.",
        "All 10,000 products then change in one transaction, at 200 calls a second; the pauses are "
        "those the gateway tells of itself, as processor time (docs/gateway.md): *_pause_ms at the "
        "end, before_* just before the change. A pause of the loop is whatever held it, calls too.",
    ]
    more = [f"{when}{cause}_pause_ms" for when in ("before_", "") for cause in CAUSES]
    named = (*names, *more, "applied_within_s", "changing_p99_us")
    return Result(figures(runs, named), notes, goals, ratios)


def _most(name: str, most: float, measured_value: float, unit: str) -> Goal:
    return Goal(name, f"<= {most:g}", measured_value, unit, measured_value <= most)
