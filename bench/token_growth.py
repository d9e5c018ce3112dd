"""Does a token cost more when ten million grants are stored?

Two installations stand side by side and are asked in turn, one of them with ten million consents
and grants in its PostgreSQL: each with a code and a refresh token of its own, as customers' answers
leave them. They are copies of one real grant, written in bulk.
"""

from __future__ import annotations

import shutil
import time
from contextlib import ExitStack
from functools import partial
from typing import Any, Final

import psycopg

from bench.issuing import Issuing
from bench.measuring import failures, figures, interleaved, ratio
from bench.report import Goal, Result
from bench.stage import Stage, staged
from bench.tokens import KINDS, TOKENS, take

STORED = 10_000_000
ROUNDS = 5
WITHIN = 1.15
FREE_GIB = 40  # what PostgreSQL needs of the disk meanwhile, with room to spare
FEW, MANY = "no further grants", f"{STORED:,} stored grants"

# Copies of the one row there is. Their identifiers and digests grow with `n`, so that indexes are
# filled from one side; a digest of a real secret falls anywhere among them.
_ID: Final = "'cns_' || lpad(to_hex(n), 26, '0')"
_DIGEST: Final = "lpad(to_hex(n * {step}), 16, '0') || md5(n::text) || '{salt}'"
_COPIED: Final = {
    "consents": {"id": _ID, "record_name": "'rec_' || left(md5(n::text), 26)"},
    "grants": {
        "consent": _ID,
        "grant_id": _ID,
        "current": _ID,
        "code_sha256": _DIGEST.format(step=2**63 // STORED, salt="c0de" * 4),
        "refresh_sha256": _DIGEST.format(step=2**63 // STORED, salt="4ef5" * 4),
        "code_used_at": "now()",
    },
}


def run() -> Result:
    """Interleaved rounds of both installations."""
    if shutil.disk_usage("/tmp").free < FREE_GIB * 2**30:
        raise SystemExit(f"This benchmark needs {FREE_GIB} GiB of free disk in /tmp.")
    with ExitStack() as last:
        stages = {name: last.enter_context(staged()) for name in (MANY, FEW)}
        issuers = {name: Issuing.at(stage) for name, stage in stages.items()}
        _fill(stages[MANY], issuers[MANY])  # before anybody is connected, since it takes minutes
        takes = {name: partial(take, stages[name], issuers[name]) for name in stages}
        for warming in takes.values():
            warming()
        runs = interleaved(ROUNDS, takes)
    parts = ("", "control_", "postgres_")
    names = [f"{kind}_{part}cpu_us" for kind in KINDS for part in parts]
    names += [f"{kind}_{name}" for kind in KINDS for name in ("p50_us", "p99_us")]
    ratios, goals = {}, []
    for kind in KINDS:
        grown = ratio(runs, MANY, FEW, f"{kind}_cpu_us")
        ratios[f"{kind}_cpu_us, {MANY} / {FEW}"] = grown
        ratios[f"{kind}_p99_us, {MANY} / {FEW}"] = ratio(runs, MANY, FEW, f"{kind}_p99_us")
        met = grown.median <= WITHIN
        goals.append(Goal(f"CPU a {kind} token", f"<= {WITHIN}", grown.median, "ratio", met))
    failed = failures(runs, [f"{kind}_failed" for kind in KINDS])
    goals.append(Goal("tokens not issued", "0", failed, "tokens", failed == 0))
    return Result(figures(runs, names), _notes(), goals, ratios)


def _fill(stage: Stage, issuing: Issuing) -> None:
    """Write the copies, past the unit of work, which would take hours for ten million."""
    issuing.codes(1)
    assert stage.installation.postgres is not None
    url = stage.installation.postgres.url().replace("+psycopg", "")
    began_s = time.monotonic()
    with psycopg.connect(url, autocommit=True) as connection:
        for table, changed in _COPIED.items():
            _without_references(connection, table, _copying(connection, table, changed))
            connection.execute(f"VACUUM ANALYZE {table}")
        size = connection.execute("SELECT pg_database_size(current_database())").fetchone()
    assert size is not None
    took_s = time.monotonic() - began_s
    print(f"  {MANY}: written in {took_s:.0f} s, {size[0] / 2**30:.1f} GiB", flush=True)


def _copying(connection: psycopg.Connection[Any], table: str, changed: dict[str, str]) -> str:
    found = connection.execute(
        "SELECT column_name FROM information_schema.columns WHERE table_name = %s", [table]
    )
    columns = [name for (name,) in found]
    values = ", ".join(changed.get(name, f'one."{name}"') for name in columns)
    named = ", ".join(f'"{name}"' for name in columns)
    return (
        f"INSERT INTO {table} ({named}) SELECT {values}"
        f" FROM (SELECT * FROM {table} LIMIT 1) AS one, generate_series(1::bigint, {STORED}) AS n"
    )


def _without_references(connection: psycopg.Connection[Any], table: str, work: str) -> None:
    """What refers to other rows is not looked up ten million times; it holds for rows to come."""
    references = connection.execute(
        "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint"
        " WHERE conrelid = %s::regclass AND contype = 'f'",
        [table],
    ).fetchall()
    for name, _ in references:
        connection.execute(f"ALTER TABLE {table} DROP CONSTRAINT {name}")
    connection.execute(work)
    for name, definition in references:
        connection.execute(f"ALTER TABLE {table} ADD CONSTRAINT {name} {definition} NOT VALID")


def _notes() -> list[str]:
    return [
        f"{TOKENS} tokens of each kind a round, as in the benchmark tokens; cpu_us is of all "
        "processes that take part, with PostgreSQL's background work and the worker's questions.",
        "Both have PostgreSQL's default of 128 MB for its shared buffers.",
    ]
