"""Does a call cost more when there is more of everything? CPU a call with few and with many
products, applications, and withdrawn consents.

Four installations stand side by side and are called in turn: a small one, and one that is large
in one thing each. The traffic is the same for all: one application calls ten products in turn.
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
from bench.loading import Load, Outcome, load
from bench.measuring import Runs, failures, figures, interleaved, measured, ratio
from bench.peers import WEIR, Target, weir
from bench.report import Goal, Result
from bench.stage import Stage, staged
from weir.app.core import open_core
from weir.partners.published import APPLICATION, ApplicationDocument
from weir.shelf.published import PRODUCT
from weir.store.unit import Change

FEW, MANY, REVOKED = 10, 10_000, 1_000_000
ROUNDS = 7
SECONDS = 2.0
CONNECTIONS = 64
WITHIN = 1.15
SCOPE = f"{BANK}.accounts"
CPU = "cpu_us_a_call"
SMALL = "10 products, 10 applications, 0 revoked"


@dataclass(frozen=True, slots=True)
class Size:
    """What an installation holds."""

    products: int = FEW
    applications: int = FEW
    revoked: int = 0


SIZES = {
    SMALL: Size(),
    "10,000 products": Size(products=MANY),
    "10,000 applications": Size(applications=MANY),
    "1,000,000 revoked consents": Size(revoked=REVOKED),
}


def run() -> Result:
    """Interleaved rounds of the four installations."""
    with ExitStack() as last:
        takes: dict[str, Callable[[], Outcome]] = {}
        generators = []
        for name, size in SIZES.items():
            stage = last.enter_context(staged(_parties))
            load_s = stage.restart_gateway(partial(_fill, stage, size))
            print(f"  {name}: the gateway was ready after {load_s:.1f} s", flush=True)
            target = weir(stage)
            paths = _paths(stage.folder)
            generator = last.enter_context(
                load(stage, target.port, "/", stage.token(), "--paths", str(paths))
            )
            generators.append(generator)
            takes[name] = partial(_take, generator, target, load_s)
        for generator in generators:
            generator.open(CONNECTIONS)
            generator.call(1.0)
        return _result(interleaved(ROUNDS, takes))


def _take(generator: Load, target: Target, load_s: float) -> Outcome:
    return {**measured(partial(generator.call, SECONDS), target.pids), "load_s": load_s}


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
        things = operation(alliance, "getThing", "GET", "/things/{id}")
        each = product(alliance, f"shelf-{number}", [things], scope=SCOPE)
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


def _result(runs: Runs) -> Result:
    names = (CPU, "calls_per_s", "p50_us", "p99_us", "memory_mib", "load_s")
    ratios = {f"{CPU}, {name} / small": ratio(runs, name, SMALL, CPU) for name in list(SIZES)[1:]}
    goals = [
        Goal(name, f"<= {WITHIN}", each.median, "ratio", each.median <= WITHIN)
        for name, each in ratios.items()
    ]
    failed = failures(runs)
    goals.append(Goal("calls not answered 200", "0", failed, "calls", failed == 0))
    notes = [
        f"All are {WEIR}, one gateway process each, called in turn; the small one holds {SMALL}, "
        "the others are as small in all but one thing.",
        "load_s is the time from the start of the gateway's process until it serves.",
    ]
    return Result(figures(runs, names), notes, goals, ratios)
