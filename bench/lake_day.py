"""A day of 120 million records in the lake: bytes a record, and the time of the usual questions."""

from __future__ import annotations

import time
from pathlib import Path

import duckdb

from bench import generated_day
from bench.report import Result, Spread

ROUNDS = 3
QUESTIONS = {
    "count": "SELECT count(*) FROM calls",
    "by_product_and_status": """
        SELECT product, status, count(*) AS calls FROM calls GROUP BY product, status
    """,
    "by_application_an_hour": """
        SELECT application, count(*) AS calls FROM calls
         WHERE arrived_at >= TIMESTAMPTZ '2026-11-05 10:00:00+00'
           AND arrived_at < TIMESTAMPTZ '2026-11-05 11:00:00+00'
         GROUP BY application
    """,
    "one_application": """
        SELECT product, capability, status, count(*) AS calls FROM calls
         WHERE application = 'app_01k9v7p8r3e5xa2m4n6q8s0042'
         GROUP BY product, capability, status
    """,
    "scenes_of_a_product": """
        SELECT scene, channel, count(*) AS calls, avg(duration_us) AS mean_us FROM calls
         WHERE product = 'prd_01k9v7p8r3e5xa2m4n6q8s0007' GROUP BY scene, channel
    """,
    "duration_buckets": """
        SELECT product, CAST(floor(ln(duration_us + 1) / ln(2) * 8) AS INTEGER) AS bucket,
               count(*) AS calls
          FROM calls GROUP BY product, bucket
    """,
}


def run() -> Result:
    """Each question, some times, over the whole day."""
    folder = generated_day.ensure()
    files = sorted(str(path) for path in folder.glob("calls/*/*/*.parquet"))
    connection = duckdb.connect(":memory:")
    connection.execute("SET memory_limit = '6GB'; SET TimeZone = 'UTC'")
    connection.read_parquet(files).create_view("calls")
    took: dict[str, Spread] = {}
    for name, question in QUESTIONS.items():
        took[f"{name}_s"] = Spread.of([_seconds(connection, question) for _ in range(ROUNDS)])
    stored = sum(Path(file).stat().st_size for file in files)
    records = connection.execute(QUESTIONS["count"]).fetchall()[0][0]
    took["bytes_a_record"] = Spread.of([stored / records])
    took["records"] = Spread.of([float(records)])
    notes = [
        "Wall time with two threads, of what the page cache held of the day at the time.",
        "Made by bench/generated_day.py: see there how its traffic is made up.",
    ]
    return Result({"weir": took}, notes)


def _seconds(connection: duckdb.DuckDBPyConnection, question: str) -> float:
    before_s = time.perf_counter()
    connection.execute(question).fetchall()
    return time.perf_counter() - before_s
