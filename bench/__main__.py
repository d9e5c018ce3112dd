"""Run the benchmarks named, or all of them, and write what came out."""

from __future__ import annotations

import importlib
import sys

from bench.report import Result, write

BENCHMARKS = (
    "calls",
    "gateway",
    "connections",
    "overload",
    "first_use",
    "tokens",
    "token_growth",
    "possession",
    "handshakes",
    "bodies",
    "growth",
    "settlement",
    "records",
    "lake_day",
    "shelf",
)


def main(names: list[str]) -> int:
    unknown = [name for name in names if name not in BENCHMARKS]
    if unknown:
        print(f"There is no benchmark {unknown[0]}; there is: {', '.join(BENCHMARKS)}.")
        return 2
    for name in names or BENCHMARKS:
        print(f"Benchmark {name}", flush=True)
        result: Result = importlib.import_module(f"bench.{name}").run()
        print(f"Written to {write(name, result)}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
