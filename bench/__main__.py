"""Run the benchmarks named, or all of them, and write what came out; or compare with a commit."""

from __future__ import annotations

import argparse
import importlib
import sys

from bench import against
from bench.against.interval import LEAST_ROUNDS
from bench.report import Result, write

BENCHMARKS = (
    "calls",
    "gateway",
    "connections",
    "overload",
    "abuse",
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


def main() -> int:
    chosen = _arguments()
    if chosen.against is not None:
        return _compare(chosen)
    for name in chosen.names or BENCHMARKS:
        print(f"Benchmark {name}", flush=True)
        result: Result = importlib.import_module(f"bench.{name}").run()
        print(f"Written to {write(name, result)}")
    return 0


def _compare(chosen: argparse.Namespace) -> int:
    """Beside a commit. Fails when a limit is broken, or a call."""
    met = True
    for name in chosen.names or against.MEASURES:
        print(f"Benchmark {name} against {chosen.against}", flush=True)
        met &= against.compare(name, chosen.against, chosen.limit, chosen.rounds)
    return 0 if met else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench", description="Measure weir")
    parser.add_argument("names", nargs="*", metavar="name", help="benchmarks; all if none")
    parser.add_argument("--against", metavar="COMMIT", help="compare the working tree with it")
    parser.add_argument("--limit", type=float, help="what the ratio to it should keep, as 1.02")
    parser.add_argument("--rounds", type=_rounds, help="of a comparison")
    chosen = parser.parse_args()
    known = BENCHMARKS if chosen.against is None else tuple(against.MEASURES)
    unknown = [name for name in chosen.names if name not in known]
    if unknown:
        parser.error(f"there is no such benchmark as {unknown[0]}; there is: {', '.join(known)}")
    return chosen


def _rounds(text: str) -> int:
    if int(text) < LEAST_ROUNDS:
        raise argparse.ArgumentTypeError(f"an interval takes {LEAST_ROUNDS} rounds")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
