"""`make fuzz SECONDS=60`: the properties of test_wire_fuzz.py for a given time, with progress.

Of all requests, and of chunked ones with long extensions and trailers, cut anywhere. Prints the
bytes on which the wire and a parser disagree, made as small as can be, and ends with 1.
"""

from __future__ import annotations

import sys
import time
from typing import NoReturn

from http_fuzz import chunked_requests, cut_fault, disagreement, requests
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

ROUND_EXAMPLES = 2_000
CUT_EXAMPLES = 200  # of longer requests
_searching = settings(
    deadline=None, database=None, print_blob=False, suppress_health_check=list(HealthCheck)
)


@settings(_searching, max_examples=ROUND_EXAMPLES)
@given(requests)
def whole_round(raw: bytes) -> None:
    found = disagreement(raw)
    if found is not None:
        raise AssertionError(f"{raw!r}\n{found}")


@settings(_searching, max_examples=CUT_EXAMPLES)
@given(chunked_requests, st.integers(1, 20_000))
def cut_round(raw: bytes, piece: int) -> None:
    found = cut_fault(raw, piece)
    if found is not None:
        raise AssertionError(f"{raw!r}\n{found}")


def main(seconds: float) -> int:
    began, tried = time.monotonic(), 0
    while time.monotonic() - began < seconds:
        found = _found_in_one_round()
        if found:
            print("The parsers disagree on:", *found, sep="\n")
            return 1
        tried += ROUND_EXAMPLES + CUT_EXAMPLES
        elapsed = time.monotonic() - began
        print(f"{tried:,} requests in {elapsed:.0f} s, no disagreement", flush=True)
    return 0


def _found_in_one_round() -> tuple[BaseException, ...]:
    try:
        whole_round()
        cut_round()
    except AssertionError as error:
        return (error,)
    except ExceptionGroup as errors:
        return errors.exceptions
    return ()


def _usage() -> NoReturn:
    sys.exit("usage: fuzzing.py SECONDS")


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1])) if len(sys.argv) == 2 else _usage())
