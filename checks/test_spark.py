"""Spark answers what DuckDB answers inside a closing: the same SQL text, row for row.

The lake is made up, with everything a record may lack or hold; docs/money.md says how a whole
period is rated on a cluster, and what it says is run as it stands.
"""

from __future__ import annotations

import re
import runpy
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any
from uuid import UUID

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from msgspec.structs import replace
from spark_session import spark_session
from statement_world import ACCOUNTS, BANK, CHANGE, FIRST, INPUTS, MARKET, PERIOD, SHOP, statement

from weir.agreements.shares import Share
from weir.metering.lake import queries
from weir.metering.lake.columns import SCHEMA, partition
from weir.metering.lake.lake import Lake
from weir.settlement.documents import PlanChange, PlanInput, to_json
from weir.settlement.rating.in_force import plans_of
from weir.settlement.rating.rewards import REWARDED, reward_terms, terms_table
from weir.settlement.rating.usage import RATE, Slice, define_calls, priced_table
from weir.settlement.statements.composition import cut
from weir.shelf.pricing import read_pricing

PAGE = Path(__file__).parents[1] / "docs" / "money.md"
RECORDS = 12_000
HOURLY, VALUED, BOTH, PLAIN = ("pln_" + digit * 26 for digit in "5678")
HOURS = {
    "kind": "hours",
    "utc_offset_hours": 8,
    "bands": [{"since": 0, "price": "0.01"}, {"since": 9, "price": "0.02"}],
}
VALUE = {"kind": "value", "rate": "0.00123457", "floor": "0.01", "cap": "12.5"}
UNCAPPED = {"kind": "value", "rate": "0.33333333"}


def plan(name: str, *components: Any, later: Sequence[Any] = ()) -> PlanInput:
    changes = [PlanChange(2, CHANGE.isoformat(), read_pricing({"components": list(later)}))]
    pricing = read_pricing({"components": list(components)})
    return PlanInput(name, ACCOUNTS, BANK, "CNY", pricing, changes if later else [])


INPUTS_OF_ALL = replace(
    INPUTS,
    plans=[
        plan(PLAIN, {"kind": "per_call", "price": "0.015"}),
        plan(HOURLY, HOURS, later=[UNCAPPED]),
        plan(VALUED, VALUE),
        plan(BOTH, HOURS, UNCAPPED),
    ],
    agreements=[
        replace(
            each,
            billable="answered" if each.agreement == FIRST else "succeeded",
            shares=[
                *each.shares,
                Share("partner", fixed="0.1", per="call", referrer="maps.home"),
                Share("partner", fixed="0.5", per="customer", days=2, scene="checkout"),
            ],
        )
        for each in INPUTS.agreements
    ],
)
PARTS = cut(PERIOD.since, PERIOD.until, INPUTS_OF_ALL)
PLANS = plans_of(INPUTS_OF_ALL)


@dataclass(frozen=True)
class Stored:
    """A lake, and the files in it."""

    lake: Lake
    files: list[str]


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Stored:
    """Hours of five days around the middle of the month, in two files each."""
    root = tmp_path_factory.mktemp("lake")
    random = Random(20261115)
    hours = [CHANGE + timedelta(hours=random.randint(-60, 60)) for _ in range(5)]
    hours += [CHANGE - timedelta(hours=1), CHANGE, PERIOD.until]
    rows: dict[str, list[dict[str, Any]]] = {}
    for number in range(RECORDS):
        made = row(random, number, random.choice(hours))
        folder = partition(int(made["arrived_at"].timestamp()) * 1_000_000)
        rows.setdefault(f"{folder}/made-{number % 2}.parquet", []).append(made)
    for file, held in rows.items():
        (root / file).parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.Table.from_pylist(held, SCHEMA), root / file)
    return Stored(Lake(str(root)), sorted(rows))


def row(random: Random, number: int, hour: datetime) -> dict[str, Any]:
    """A record of an hour; its first and its last microsecond are among them."""
    pick = random.choice
    last = 3_599_999_999
    return {
        "stream": f"str_{number % 3}",
        "segment": number // 500,
        "number": number,
        "arrived_at": hour + timedelta(microseconds=pick([0, last, random.randint(0, last)])),
        "duration_us": 1,
        "interaction_id": str(UUID(int=random.randint(0, RECORDS))),
        "status": pick([101, 199, 200, 200, 201, 302, 399, 400, 404, 499, 500, 503, 599]),
        "bytes_in": 0,
        "bytes_out": number,
        "application": pick(["app_1", "应用", None]),
        "organisation": pick([MARKET, SHOP, MARKET, None]),
        "product": pick([ACCOUNTS, ACCOUNTS, "prd_other", None]),
        "member": pick([BANK, "org_other", None]),
        "plan": pick([PLAIN, HOURLY, VALUED, BOTH, "pln_unknown", None]),
        "consent": pick(["cns_1", "cns_2", "cns_3", None]),
        "method": pick(["GET", "POST"]),
        "refusal": pick([None, None, None, "rate_exceeded"]),
        "amount_minor": pick([None, 0, 1, -5, 123_456, random.randint(0, 10**12), 10**15]),
        "currency": pick(["CNY", "CNY", "USD", None]),
        "scene": pick(["checkout", "search", None]),
        "referrer": pick(["maps.home", "", None]),
        "reconciled": random.random() < 0.05,
    }


@pytest.fixture(scope="module")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with spark_session(tmp_path_factory.mktemp("spark")) as session:
        yield session


def in_spark(spark: Any, stored: Stored, question: str, **tables: pa.Table) -> list[str]:
    """Spark's answer over all of the lake; in no order."""
    calls(spark, stored).createOrReplaceTempView("calls")
    for name, table in tables.items():
        spark.createDataFrame(table).createOrReplaceTempView(name)
    return sorted(map(shown, spark.sql(question).collect()))


def calls(spark: Any, stored: Stored) -> Any:
    paths = [stored.lake.address(file) for file in stored.files]
    return spark.read.option("basePath", stored.lake.address("calls")).parquet(*paths)


def in_duckdb(stored: Stored, question: str, **tables: pa.Table) -> list[str]:
    """DuckDB's answer over all of the lake; in no order."""
    with queries.calls_of(stored.lake, stored.files) as connection:
        for name, table in tables.items():
            connection.register(name, table)
        return sorted(map(shown, connection.execute(question).fetchall()))


def shown(row: Sequence[Any]) -> str:
    """A row as text: numbers as they are, whichever type an engine gives a whole number."""
    return repr([int(each) if isinstance(each, Decimal) else each for each in row])


def rated(stored: Stored, part: Slice) -> list[str]:
    """Counts of closing in a slice, with DuckDB."""
    with queries.calls_of(stored.lake, stored.files) as connection:
        span = queries.span_of(connection, stored.lake, stored.files, part.since, part.until)
        define_calls(connection, span, False)
        connection.register("priced", priced_table(PLANS, part.since))
        return sorted(map(shown, connection.execute(RATE).fetchall()))


@pytest.mark.usefixtures("spark")
def test_both_rate_every_slice_of_a_period_alike(
    stored: Stored,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The program of docs/money.md rates alike, over the statement's own plans and agreements."""
    found = re.search(r"## Rating on a cluster.*?```python\n(.*?)```", PAGE.read_text(), re.S)
    assert found is not None
    (tmp_path / "rate.py").write_text(found[1])
    (tmp_path / "files").write_text("\n".join(stored.files))
    stated = statement([], [], inputs=INPUTS_OF_ALL)
    (tmp_path / "statement.json").write_text(to_json(stated))
    given = [stored.lake.root, str(tmp_path / "files"), str(tmp_path / "statement.json")]
    monkeypatch.setattr(sys, "argv", ["rate.py", *given])
    runpy.run_path(str(tmp_path / "rate.py"))
    printed = capsys.readouterr().out.splitlines()
    assert len(PARTS) == 2
    for part in PARTS:
        wanted = rated(stored, part)
        assert len(wanted) > 200
        since = f"{part.since} "
        told = [line.removeprefix(since) for line in printed if line.startswith(since)]
        assert sorted(told) == wanted


def test_both_count_rewards_alike(spark: Any, stored: Stored) -> None:
    terms = terms_table(reward_terms(INPUTS_OF_ALL.agreements, PERIOD.since, PERIOD.until))
    wanted = in_duckdb(stored, REWARDED, rewards=terms)
    assert len(wanted) > 20
    assert in_spark(spark, stored, REWARDED, rewards=terms) == wanted


@pytest.mark.parametrize(
    "name", ["COUNT", "USAGE", "DOUBLED_NUMBERS", "DOUBLED_INTERACTIONS", "COMPARISON", "PAYMENTS"]
)
def test_both_answer_questions_to_the_lake_alike(spark: Any, stored: Stored, name: str) -> None:
    question: str = getattr(queries, name)
    expected = pa.table({"interaction_id": [str(UUID(int=n)) for n in range(0, 2 * RECORDS, 7)]})
    asked = pa.table({"consent": ["cns_1", "cns_3", "cns_9"]})
    wanted = in_duckdb(stored, question, expected=expected, asked=asked)
    assert bool(wanted) != (name == "DOUBLED_NUMBERS")
    assert in_spark(spark, stored, question, expected=expected, asked=asked) == wanted
