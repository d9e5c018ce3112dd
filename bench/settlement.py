"""Closing a day: 120 million call records rated, split, posted and written into statements.

Beside it, what DuckDB alone needs to count and sum the same files by application, product and
status. Both run in a process of their own with the same two threads; weir's share of PostgreSQL is
counted with it. Every round closes in a database of its own, copied from one that was filled once.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy.engine import make_url

from bench import generated_day
from bench.processes import cpu_s, tree
from bench.report import Goal, Result, Spread
from bench.settlement_books import fill
from weir.store.engines import EmbeddedPostgres, EmbeddedValkey, Home
from weir.store.schema_upgrade import migrate

ROUNDS = 3
# Which hours of the day a size is made of; the whole day is 120 million records.
SIZES = {"1m": (2, 3), "10m": (9, 23), "120m": tuple(range(24))}
BARE = """
    SELECT application, product, status, count(*), sum(bytes_out)
      FROM calls GROUP BY application, product, status
"""
Run = dict[str, float]


@dataclass(frozen=True, slots=True)
class Engines:
    """Engines of the books: an administrator's URL, the cache, and PostgreSQL's process."""

    admin_url: str
    valkey_url: str
    postgres_pid: int

    def database(self, name: str, template: str | None = None) -> str:
        plain = self.admin_url.replace("postgresql+psycopg", "postgresql")
        with psycopg.connect(plain, autocommit=True) as connection:
            connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
            connection.execute(
                f"CREATE DATABASE {name}" + (f" TEMPLATE {template}" if template else "")
            )
        return make_url(self.admin_url).set(database=name).render_as_string(hide_password=False)


def run() -> Result:
    """The day is generated first, if it is not there: a quarter of an hour, once."""
    generated_day.ensure()
    figures: dict[str, dict[str, Spread]] = {}
    ratios: dict[str, Spread] = {}
    notes: list[str] = []
    with _engines() as engines:
        for size, hours in SIZES.items():
            files = [str(generated_day.file_of(hour)) for hour in hours]
            records = sum(generated_day.counts()[hour] for hour in hours)
            ours, bare = _rounds(engines, size, files, hours)
            for target, runs in ((f"weir_{size}", ours), (f"duckdb_{size}", bare)):
                figures[target] = _spreads(runs)
            ratios[f"wall_{size}"] = _ratio(ours, bare, "wall_s")
            ratios[f"cpu_{size}"] = _ratio(ours, bare, "cpu_s")
            lines = int(ours[0]["lines"])
            notes.append(f"{size}: {records:,} records, {lines:,} lines of the statement")
    return Result(figures, notes, _goals(figures, ratios), ratios)


def _goals(figures: dict[str, dict[str, Spread]], ratios: dict[str, Spread]) -> list[Goal]:
    day, peak = ratios["wall_120m"].median, figures["weir_120m"]["peak_mib"].median
    name = "the day closed, beside DuckDB's bare aggregation of it"
    return [
        Goal(name, "<= 4", day, "x", day <= 4),
        Goal(f"stretch: {name}", "<= 3", day, "x", day <= 3),
        Goal("peak memory while the day is closed", "< 4096", peak, "MiB", peak < 4096),
    ]


def _rounds(
    engines: Engines, size: str, files: Sequence[str], hours: Sequence[int]
) -> tuple[list[Run], list[Run]]:
    template = f"books_{size}"
    url = engines.database(template)
    migrate(url)
    fill(url, engines.valkey_url, files, hours)
    ours, bare = [], []
    for number in range(ROUNDS):
        database = engines.database(f"round_{number}", template)
        before_s = cpu_s(tree(engines.postgres_pid))
        closed = _child("close", database, engines.valkey_url)
        closed["cpu_s"] += cpu_s(tree(engines.postgres_pid)) - before_s
        ours.append(closed)
        bare.append(_child("bare", *files))
        print(f"  {size}: {closed['wall_s']:.1f} s, DuckDB alone {bare[-1]['wall_s']:.1f} s")
    return ours, bare


def _child(*arguments: str) -> Run:
    ended = subprocess.run(
        [sys.executable, "-m", "bench.settlement", *arguments],
        check=True,
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[1],
    )
    told: Run = json.loads(ended.stdout)
    return told


def _spreads(runs: Sequence[Run]) -> dict[str, Spread]:
    return {name: Spread.of([each[name] for each in runs]) for name in runs[0] if name != "lines"}


def _ratio(ours: Sequence[Run], bare: Sequence[Run], name: str) -> Spread:
    return Spread.of([one[name] / other[name] for one, other in zip(ours, bare, strict=True)])


@contextmanager
def _engines() -> Iterator[Engines]:
    with tempfile.TemporaryDirectory(prefix="weir-bench-", dir="/tmp") as folder:
        Path(folder).chmod(0o711)
        home = Home.open(Path(folder) / "home", create=True)
        home.acquire()
        postgres, valkey = EmbeddedPostgres(home), EmbeddedValkey(home)
        url = postgres.start()
        with postgres._connect() as connection:
            connection.execute("ALTER ROLE weir CREATEDB")
        pid = postgres.status().pid
        assert pid is not None
        try:
            yield Engines(url, valkey.start(), pid)
        finally:
            valkey.stop()
            postgres.stop()
            home.release()


def _main(what: str, arguments: Sequence[str]) -> dict[str, Any]:
    """What one child did, and what it cost. Importing is not counted, as a worker has done it."""
    from bench.settlement_books import aggregate, close_day

    begun_s = time.perf_counter()
    before_s = time.process_time()
    lines = close_day(*arguments) if what == "close" else aggregate(BARE, arguments)
    return {
        "wall_s": time.perf_counter() - begun_s,
        "cpu_s": time.process_time() - before_s,
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "lines": lines,
    }


if __name__ == "__main__":
    print(json.dumps(_main(sys.argv[1], sys.argv[2:])))
