"""`make fuzz SECONDS=60`: the property of test_wire_fuzz.py for a given time, with progress.

Prints the bytes on which the wire and a parser disagree, made as small as can be, and ends with 1.
"""

from __future__ import annotations

import sys
import time
from typing import NoReturn

from http_fuzz import disagreement, requests
from hypothesis import HealthCheck, given, settings

ROUND_EXAMPLES = 2_000


@settings(
    max_examples=ROUND_EXAMPLES,
    deadline=None,
    database=None,
    print_blob=False,
    suppress_health_check=list(HealthCheck),
)
@given(requests)
def one_round(raw: bytes) -> None:
    found = disagreement(raw)
    if found is not None:
        raise AssertionError(f"{raw!r}\n{found}")


def main(seconds: float) -> int:
    began, tried = time.monotonic(), 0
    while time.monotonic() - began < seconds:
        found = _found_in_one_round()
        if found:
            print("The parsers disagree on:", *found, sep="\n")
            return 1
        tried += ROUND_EXAMPLES
        elapsed = time.monotonic() - began
        print(f"{tried:,} requests in {elapsed:.0f} s, no disagreement", flush=True)
    return 0


def _found_in_one_round() -> tuple[BaseException, ...]:
    try:
        one_round()
    except AssertionError as error:
        return (error,)
    except ExceptionGroup as errors:
        return errors.exceptions
    return ()


def _usage() -> NoReturn:
    sys.exit("usage: fuzzing.py SECONDS")


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1])) if len(sys.argv) == 2 else _usage())
