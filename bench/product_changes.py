"""All of an installation's products change at once, in one transaction, while calls go on."""

from __future__ import annotations

import asyncio
import threading
import time

from sqlalchemy import text

from bench.load_process import Load, Outcome
from bench.stage import Stage
from weir.app.core import open_core

CONNECTIONS = 8
CALLS_PER_S = 200.0
STRETCH_S = 0.5
QUIET_S = 32.0  # after which the gateway's pauses are of its calls alone
PATIENCE_S = 90.0
CAUSES = ("loop", "collection", "changes")

# What each says changes too, so that nothing can be found to be as it was.
_CHANGE_ALL = text("""
    UPDATE changes
    SET document = jsonb_set(document, '{version}', '2'), sequence = nextval('change_sequence')
    WHERE kind = 'product' AND document IS NOT NULL
""")
_NEWEST = text("SELECT max(sequence) FROM changes")


def change_all(stage: Stage, generator: Load) -> Outcome:
    """The longest pauses of the gateway meanwhile, in ms, and how long it took to apply all.

    Connections are opened one after another, and calls come at a pace: a crowd of either makes the
    loop late without any change, and the gateway would tell of that.
    """
    for number in range(CONNECTIONS):
        generator.open(number + 1)
    generator.pace(CALLS_PER_S, QUIET_S)
    before = _pauses_ms(stage)
    newest: list[int] = []
    writing = threading.Thread(target=lambda: newest.append(asyncio.run(_write(stage))))
    writing.start()
    calls: list[Outcome] = []
    began_s, committed_s = time.monotonic(), 0.0
    while not newest or stage.metric("weir_gateway_applied_change") < newest[0]:
        calls.append(generator.pace(CALLS_PER_S, STRETCH_S))
        committed_s = committed_s or (time.monotonic() if newest else 0.0)
        if time.monotonic() > began_s + PATIENCE_S:
            raise TimeoutError("the changes were not applied in time")
    writing.join()
    after = _pauses_ms(stage)
    return {
        **{f"before_{cause}_pause_ms": before[cause] for cause in CAUSES},
        **{f"{cause}_pause_ms": after[cause] for cause in CAUSES},
        "applied_within_s": time.monotonic() - committed_s if committed_s else STRETCH_S,
        "changing_p99_us": max(each["p99_us"] for each in calls),
        "changing_failed": sum(each["failed"] for each in calls),
    }


async def _write(stage: Stage) -> int:
    installation = stage.installation
    async with (
        open_core(installation.settings, installation.home) as core,
        core.database.connect() as connection,
    ):
        await connection.execute(_CHANGE_ALL)
        await connection.commit()
        return int((await connection.execute(_NEWEST)).scalar_one())


def _pauses_ms(stage: Stage) -> dict[str, float]:
    name = "weir_gateway_pause_seconds"
    return {cause: stage.metric(f'{name}{{cause="{cause}"}}') * 1_000 for cause in CAUSES}
