"""Cost of a token when ten million grants are stored.

Two installations stand side by side and are asked in turn, one of them with ten million consents
and grants in its PostgreSQL, the other with a thousand: each a copy of one that a customer's answer
left, with a used code and a refresh token of its own. Tokens are refreshed of any of them.
"""

from __future__ import annotations

import random
import shutil
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any, Final

import psycopg
from psycopg.sql import SQL, Identifier

from bench.load_process import Outcome
from bench.measurements import Runs, failures, figures, interleaved, prefixed, ratio
from bench.report import Goal, Result
from bench.stage import Stage, staged
from bench.token_issuer import TokenIssuer
from bench.tokens import KINDS as OF_NEW_GRANTS
from bench.tokens import TOKENS, sent, take

STORED = {"1,000 stored grants": 1_000, "10,000,000 stored grants": 10_000_000}
ROUNDS = 5
WITHIN = 1.15
FREE_GIB = 40  # what PostgreSQL needs of the disk meanwhile, with room to spare
FEW, MANY = STORED
KINDS = (*OF_NEW_GRANTS, "refresh")

# Copies of the one row there is. Where an identifier stands in its index grows with `n`, as one's
# does with the time; the digest of a secret falls anywhere.
_ID: Final = "'cns_' || lpad(to_hex(n), 26, '0')"
_DIGEST: Final = "encode(sha256(convert_to(lpad(n::text, 43, '{filled}'), 'UTF8')), 'hex')"
_FILLED: Final = "r"
_COPIED: Final = {
    "consents": {"id": _ID, "record_name": "'rec_' || left(md5(n::text), 26)"},
    "grants": {
        "consent": _ID,
        "grant_id": _ID,
        "current": _ID,
        "code_sha256": _DIGEST.format(filled="c"),
        "refresh_sha256": _DIGEST.format(filled=_FILLED),
        "code_used_at": "now()",
    },
}


def run() -> Result:
    """Interleaved rounds of both installations."""
    if shutil.disk_usage("/tmp").free < FREE_GIB * 2**30:
        raise SystemExit(f"This benchmark needs {FREE_GIB} GiB of free disk in /tmp.")
    with ExitStack() as last:
        stages = {name: last.enter_context(staged()) for name in STORED}
        issuers = {name: TokenIssuer.at(stage) for name, stage in stages.items()}
        for name, stored in STORED.items():  # which takes minutes
            _fill(stages[name], issuers[name], stored)
        takes = {name: partial(_take, stages[name], issuers[name], STORED[name]) for name in STORED}
        for warming in takes.values():
            warming()
        return _result(interleaved(ROUNDS, takes))


def _take(stage: Stage, issuer: TokenIssuer, stored: int) -> Outcome:
    """One round: the tokens of `bench.tokens`, and one of each of so many stored grants."""
    outcome = take(stage, issuer)
    issuer.asker.renew_nonce(stage.root)
    chosen = random.sample(range(1, stored + 1), TOKENS)
    tokens = (f"rft_{str(n).rjust(43, _FILLED)}" for n in chosen)
    requests = map(issuer.asker.refresh, tokens)
    return outcome | prefixed("refresh_", sent(stage, issuer, requests))


def _result(runs: Runs) -> Result:
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


def _fill(stage: Stage, issuer: TokenIssuer, stored: int) -> None:
    """Write the copies, past the unit of work, which would take hours for ten million."""
    issuer.codes(1)
    assert stage.installation.postgres is not None
    url = stage.installation.postgres.url().replace("+psycopg", "")
    began_s = time.monotonic()
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SET maintenance_work_mem = '512MB'")  # of this connection
        with connection.transaction(), _bare(connection, list(_COPIED)):
            for table, changed in _COPIED.items():
                connection.execute(_copying(connection, table, changed, stored))
        for table in _COPIED:
            connection.execute(SQL("VACUUM (FREEZE, ANALYZE) {}").format(Identifier(table)))
        size = connection.execute("SELECT pg_database_size(current_database())").fetchone()
    assert size is not None
    took_s = time.monotonic() - began_s
    print(f"  {stored:,} grants: {took_s:.0f} s, {size[0] / 2**30:.1f} GiB", flush=True)


def _copying(
    connection: psycopg.Connection[Any], table: str, changed: dict[str, str], stored: int
) -> str:
    found = connection.execute(
        "SELECT column_name FROM information_schema.columns WHERE table_name = %s", [table]
    )
    columns = [name for (name,) in found]
    values = ", ".join(changed.get(name, f'one."{name}"') for name in columns)
    named = ", ".join(f'"{name}"' for name in columns)
    return (
        f"INSERT INTO {table} ({named}) SELECT {values}"
        f" FROM (SELECT * FROM {table} LIMIT 1) AS one, generate_series(1::bigint, {stored}) AS n"
    )


@contextmanager
def _bare(connection: psycopg.Connection[Any], tables: list[str]) -> Iterator[None]:
    """Tables without keys, references and indexes, which are made again when all is written.

    Within one transaction, so that the questions of the worker wait, which would read all there is.
    References hold for rows to come: of those there are, none is looked up ten million times.
    """
    constraints = connection.execute(
        "SELECT conrelid::regclass::text, conname, contype = 'f', pg_get_constraintdef(oid)"
        " FROM pg_constraint WHERE contype IN ('f', 'p', 'u')"
        " AND (conrelid = ANY(%s::regclass[]) OR confrelid = ANY(%s::regclass[]))"
        " ORDER BY contype",  # references first
        [tables, tables],
    ).fetchall()
    indexes = connection.execute(
        "SELECT indexname, indexdef FROM pg_indexes WHERE tablename = ANY(%s)"
        " AND indexname NOT IN (SELECT conname FROM pg_constraint)",
        [tables],
    ).fetchall()
    for table, name, _, _ in constraints:
        connection.execute(f"ALTER TABLE {table} DROP CONSTRAINT {name}")
    for name, _ in indexes:
        connection.execute(f"DROP INDEX {name}")
    yield
    for _, definition in indexes:
        connection.execute(definition)
    for table, name, refers, definition in reversed(constraints):
        unproven = " NOT VALID" if refers else ""
        connection.execute(f"ALTER TABLE {table} ADD CONSTRAINT {name} {definition}{unproven}")


def _notes() -> list[str]:
    return [
        f"{TOKENS} tokens of each kind a round, as in the benchmark tokens, and as many refreshed "
        "of stored grants that are chosen at random; cpu_us is of all processes that take part, "
        "with PostgreSQL's background work and the worker's questions.",
        "Both have PostgreSQL's default of 128 MB for its shared buffers.",
    ]
