"""Traffic: counts of calls by dimension, with percentiles from fixed logarithmic buckets.

One portable SQL text a query. A bucket is an eighth of a doubling, so a percentile is at most nine
percent above the true one; buckets of different hours and machines add up, percentiles do not.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from weir.metering.declares import TRAFFIC_ROWS
from weir.metering.lake.lake import Lake
from weir.metering.lake.queries import calls_of

# The dimensions that calls are counted by and narrowed to; `hour` and `day` are of arrival, UTC.
DIMENSIONS: Final = {
    "application": "application",
    "organisation": "organisation",
    "product": "product",
    "capability": "capability",
    "member": "member",
    "scene": "scene",
    "channel": "channel",
    "status": "CAST(status AS VARCHAR)",
    "refusal": "refusal",
    "hour": "CAST(date_trunc('hour', arrived_at) AS VARCHAR)",
    "day": "CAST(CAST(arrived_at AS DATE) AS VARCHAR)",
}
BUCKETS_A_DOUBLING: Final = 8
# Returns the kinds with the most calls, each with all its buckets.
_TEXT: Final = """
    WITH counted AS (
        SELECT {columns}
               CAST(floor(ln(duration_us + 1) / ln(2) * {per}) AS INTEGER) AS bucket,
               count(*) AS calls,
               sum(CASE WHEN refusal IS NULL THEN 0 ELSE 1 END) AS refused,
               sum(bytes_in) AS bytes_in,
               sum(bytes_out) AS bytes_out
          FROM calls
         WHERE {where}
         GROUP BY {places}
    ), weighed AS (
        SELECT counted.*, sum(calls) OVER ({kinds}) AS of_kind FROM counted
    ), ranked AS (
        SELECT weighed.*, dense_rank() OVER (ORDER BY {order}) AS place FROM weighed
    )
    SELECT {names} bucket, calls, refused, bytes_in, bytes_out
      FROM ranked
     WHERE place <= {most}
     ORDER BY place, bucket
"""


@dataclass(slots=True)
class Traffic:
    """Calls of one kind. `by` holds the kind's value of each dimension.

    `buckets` holds the number of calls by bucket of duration.
    """

    by: dict[str, str | None]
    calls: int = 0
    refused: int = 0
    bytes_in: int = 0
    bytes_out: int = 0
    buckets: dict[int, int] = field(default_factory=dict)

    def percentile_us(self, part: float) -> int:
        """Return the duration that this part (0 to 1) of the calls did not exceed.

        It is the upper end of a bucket, in microseconds.
        """
        left = math.ceil(self.calls * part)
        for bucket in sorted(self.buckets):
            left -= self.buckets[bucket]
            if left <= 0:
                return math.ceil(2 ** ((bucket + 1) / BUCKETS_A_DOUBLING))
        return 0


def question(
    by: Sequence[str],
    only: Mapping[str, str],
    since: datetime,
    until: datetime,
    party: str | None = None,
) -> tuple[str, list[Any]]:
    """Return the SQL and its values. `party` leaves only calls that it made or served.

    At most `TRAFFIC_ROWS` kinds are returned, the ones with the most calls.
    """
    names = [f"d{n}" for n in range(len(by))]
    where = ["arrived_at >= ?", "arrived_at < ?"]
    values: list[Any] = [since, until]
    for name, value in only.items():
        where.append(f"{DIMENSIONS[name]} = ?")
        values.append(value)
    if party is not None:
        where.append("(organisation = ? OR member = ?)")
        values += [party, party]
    text = _TEXT.format(
        columns="".join(f"{DIMENSIONS[name]} AS d{n}, " for n, name in enumerate(by)),
        per=BUCKETS_A_DOUBLING,
        where=" AND ".join(where),
        places=", ".join(str(place) for place in range(1, len(by) + 2)),
        kinds=f"PARTITION BY {', '.join(names)}" if names else "",
        order=", ".join(["of_kind DESC", *names]),
        names="".join(f"{name}, " for name in names),
        most=TRAFFIC_ROWS,
    )
    return text, values


def ask(
    lake: Lake, files: Sequence[str], by: Sequence[str], text: str, values: list[Any]
) -> list[Traffic]:
    """Return the counts of each kind, most calls first. Synchronous."""
    with calls_of(lake, files) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        rows = connection.execute(text, values).fetchall()
    found: dict[tuple[Any, ...], Traffic] = {}
    for *kind, bucket, calls, refused, bytes_in, bytes_out in rows:
        named = dict(zip(by, kind, strict=True))
        each = found.setdefault(tuple(kind), Traffic(named))
        each.calls += calls
        each.refused += refused
        each.bytes_in += int(bytes_in)
        each.bytes_out += int(bytes_out)
        each.buckets[bucket] = each.buckets.get(bucket, 0) + calls
    return sorted(found.values(), key=lambda each: (-each.calls, str(each.by)))
