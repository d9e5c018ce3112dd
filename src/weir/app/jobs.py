"""The kinds of jobs and the steps that rooms declare, wired with what they work on."""

from __future__ import annotations

from pathlib import Path

from weir.jobs.runner import Works
from weir.kernel import rooms
from weir.metering.lake.lake import Lake
from weir.settlement.closing import requests
from weir.settlement.closing.steps import ClosingSteps
from weir.store.database import Database


def works_of(database: Database, lake: Lake, outbox: Path, release: str) -> Works:
    """Return what the runner does jobs of every kind with.

    Payment messages are handed over in the folder `outbox`; `release` is the platform's release.
    """
    steps = {**ClosingSteps(lake, outbox).by_name()}
    failures = {requests.KIND: requests.failed}
    assert steps.keys() == rooms.steps().keys(), "the steps that rooms declare and bring differ"
    assert failures.keys() == rooms.jobs().keys(), "the jobs that rooms declare and bring differ"
    return Works(database, steps, failures, release)
