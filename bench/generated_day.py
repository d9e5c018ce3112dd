"""A day of 120 million call records, made by DuckDB alone, in the lake's own form.

It lies in `bench/work/day`, is made once and kept for every benchmark that asks about the lake.
Traffic follows the clock: quiet nights, two peaks. 400 applications share it unevenly (the largest
has about a sixth), over 60 products, 240 capabilities and 30 institutions. Durations are lognormal.
The files are larger than compaction makes them: one an hour, sorted by arrival. They bear no seals,
since nobody signed them.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import duckdb

FOLDER = Path(__file__).parent / "work" / "day"
RECORDS = 120_000_000
DAY = "2026-11-05"
# Parts of the day's traffic by hour; they sum to 1,000.
BY_HOUR = (
    9,
    6,
    4,
    4,
    5,
    10,
    22,
    40,
    58,
    70,
    74,
    70,
    60,
    58,
    62,
    66,
    62,
    56,
    54,
    58,
    62,
    48,
    28,
    14,
)
MEMORY = "5GB"

_HOUR = """
COPY (
    WITH drawn AS (
        SELECT i, random() AS a, random() AS b, random() AS c, random() AS d, random() AS e,
               sqrt(-2 * ln(1 - random())) * cos(2 * pi() * random()) AS normal
          FROM range(0, {count}) AS numbers(i)
    ), calls AS (
        SELECT *, CAST(floor(400 * pow(a, 2.4)) AS INTEGER) AS caller,
               CAST(i % 8 AS INTEGER) AS gateway
          FROM drawn
    ), named AS (
        SELECT *, CAST(floor(60 * pow(fmod(caller * 0.618 + b * 0.12, 1), 1.3)) AS INTEGER) AS sold
          FROM calls
    )
    SELECT printf('str_01k9v7p8r3e5xa2m4n6q8s%04d', gateway) AS stream,
           CAST({hour} * 7200 + i * 7200 // {count} + 1 AS BIGINT) AS segment,
           CAST({before} // 8 + i // 8 + 1 AS BIGINT) AS number,
           CAST({before} // 400 + i // 400 + 1 AS BIGINT) AS call,
           TIMESTAMPTZ '{day} {hour:02d}:00:00+00'
               + to_microseconds(CAST(i * 3600000000 // {count} AS BIGINT)) AS arrived_at,
           CAST(exp(9.4 + 0.55 * normal) AS BIGINT) AS duration_us,
           CAST(uuid() AS VARCHAR) AS interaction_id,
           CAST(CASE WHEN c < 0.965 THEN 200 WHEN c < 0.985 THEN 404 WHEN c < 0.993 THEN 429
                     WHEN c < 0.997 THEN 403 ELSE 504 END AS INTEGER) AS status,
           CAST(0 AS BIGINT) AS bytes_in,
           CAST(exp(6.5 + 0.8 * normal) AS BIGINT) AS bytes_out,
           printf('app_01k9v7p8r3e5xa2m4n6q8s%04d', caller) AS application,
           printf('org_01k9v7p8r3e5xa2m4n6q8s%04d', caller // 3) AS organisation,
           printf('prd_01k9v7p8r3e5xa2m4n6q8s%04d', sold) AS product,
           printf('cap_01k9v7p8r3e5xa2m4n6q8s%04d', sold * 4 + CAST(floor(d * 4) AS INTEGER))
               AS capability,
           printf('org_01k9v7p8r3e5xa2m4n6q8s%04d', 900 + sold // 2) AS member,
           printf('sub_01k9v7p8r3e5xa2m4n6q8s%04d', caller) AS subscription,
           printf('pln_01k9v7p8r3e5xa2m4n6q8s%04d', sold) AS plan,
           CASE WHEN d < 0.4
                THEN printf('cns_01k9v7p8r3e5xa2m%010d', CAST(floor(e * 3000000) AS BIGINT)) END
               AS consent,
           CASE WHEN d < 0.9 THEN 'GET' ELSE 'POST' END AS method,
           printf('/member-%02d/product-%02d/v1/things/{{id}}', sold // 2, sold) AS path,
           CASE WHEN c >= 0.985 THEN
                CASE WHEN c < 0.993 THEN 'rate_exceeded' WHEN c < 0.997 THEN 'consent_withdrawn'
                     ELSE 'member_timeout' END END AS refusal,
           CASE WHEN c >= 0.985 THEN CASE WHEN c < 0.997 THEN 'caller' ELSE 'member' END END
               AS fault,
           CASE WHEN d >= 0.97 THEN CAST(exp(8 + normal) AS BIGINT) END AS amount_minor,
           CASE WHEN d >= 0.97 THEN 'CNY' END AS currency,
           CASE WHEN e < 0.7 THEN printf('scene-%02d', CAST(floor(e * 40) AS INTEGER)) END AS scene,
           CASE WHEN e < 0.7 THEN CASE CAST(floor(e * 100) AS INTEGER) % 3
                WHEN 0 THEN 'app' WHEN 1 THEN 'mini-app' ELSE 'web' END END AS channel,
           CASE WHEN e < 0.1 THEN printf('shop-%d', CAST(floor(e * 1000) AS INTEGER)) END
               AS referrer,
           FALSE AS reconciled
      FROM named
) TO '{file}' (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 500000)
"""


def file_of(hour: int) -> Path:
    """Return the file with the records of an hour."""
    return FOLDER / "calls" / f"day={DAY}" / f"hour={hour:02d}" / f"merged-{hour:02d}.parquet"


def counts() -> list[int]:
    """Return the number of records of each hour."""
    return [RECORDS * part // sum(BY_HOUR) for part in BY_HOUR]


def ensure() -> Path:
    """The folder of the whole day, made if it is not there; about a quarter of an hour's work."""
    made = counts()
    for hour, count in enumerate(made):
        path = file_of(hour)
        if path.exists():
            continue
        print(f"  making hour {hour} of the day: {count} records", flush=True)
        path.parent.mkdir(parents=True, exist_ok=True)
        _make(hour, count, sum(made[:hour]), path)
    return FOLDER


def _make(hour: int, count: int, before: int, path: Path) -> None:
    beside = path.with_suffix(".part")
    connection = duckdb.connect(":memory:")
    try:
        connection.execute(f"SET memory_limit = '{MEMORY}'")
        connection.execute(f"SET temp_directory = '{FOLDER}/spill'")
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute(f"SELECT setseed({hour / 24})")
        query = _HOUR.format(hour=hour, count=count, before=before, day=DAY, file=beside)
        connection.execute(query)
    finally:
        connection.close()
    beside.rename(path)
    shutil.rmtree(FOLDER / "spill", ignore_errors=True)


if __name__ == "__main__":
    sys.exit(0 if ensure() else 1)
