"""The log of a process, of its own lines and of libraries': JSON, bounded in number and length."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from typing import Any

from weir.kernel.declares import LOG_LINES_A_SECOND, LOG_VALUE_CHARACTERS

_FLOOD = 100 * LOG_LINES_A_SECOND
_PROGRAM = f"""
import asyncio, logging, structlog, sys
from weir.app import log

async def main():
    log.log_to_stdout("info")
    telling = asyncio.create_task(log.tell_lines_left_out())
    own, library = structlog.get_logger("weir.test"), logging.getLogger("library")
    for number in range({_FLOOD}):
        own.info("refused", detail="x" * 65_000 + "\\0")
        library.warning("of %s", "y\\n" * 65_000)
        try:
            raise ValueError("\\0" * 65_000)
        except ValueError:
            own.exception("failed")
    own.info("other", detail="a\\0b\\u202e\\ud800")
    await asyncio.sleep(1.2)
    telling.cancel()

asyncio.run(main())
"""


def test_a_flood_of_long_lines_leaves_few_and_short_ones_and_the_count_of_the_others() -> None:
    done = subprocess.run([sys.executable, "-c", _PROGRAM], check=True, capture_output=True)
    assert done.stderr == b""
    lines: list[dict[str, Any]] = [json.loads(line) for line in done.stdout.splitlines()]
    found = Counter(line["event"][:4] for line in lines)
    # The flood may go on over the turn of seconds: each has lines of its own.
    seconds = found["refu"] // LOG_LINES_A_SECOND + 1
    assert seconds * LOG_LINES_A_SECOND < _FLOOD
    for kind in ("refu", "fail", "of y"):
        assert LOG_LINES_A_SECOND <= found[kind] <= seconds * LOG_LINES_A_SECOND, kind
    left_out: Counter[str] = Counter()
    for line in lines:
        if line["event"] == "lines_left_out":
            left_out.update(line["kinds"])
    assert left_out["refused"] == _FLOOD - found["refu"]
    assert left_out["library"] == _FLOOD - found["of y"]
    assert max(map(len, done.stdout.splitlines())) < 60_000
    assert sum(map(len, done.stdout.splitlines())) < 1_000 * LOG_VALUE_CHARACTERS * seconds
    assert b"\0" not in done.stdout
    (other,) = [line for line in lines if line["event"] == "other"]
    assert other["detail"] == "a\\u0000b\\u202e\\ud800"
    assert {"timestamp", "level", "event"} <= other.keys()
