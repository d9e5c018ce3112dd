"""The log of an institution's process: a flood leaves few and short lines, and their count."""

from __future__ import annotations

import io
import logging

from weir_sandbox.limits import LOG_LINE_CHARACTERS, LOG_LINES_A_SECOND
from weir_sandbox.log_lines import LinesASecond, ShortLines


def test_an_institution_logs_few_and_short_lines_and_the_count_of_the_others() -> None:
    at_s = [0.0]
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    handler.addFilter(LinesASecond(lambda: at_s[0]))
    handler.setFormatter(ShortLines("%(message)s"))
    log = logging.Logger("flooded")
    log.addHandler(handler)
    for _ in range(100 * LOG_LINES_A_SECOND):
        log.error("x" * 10 * LOG_LINE_CHARACTERS)
    lines = written.getvalue().splitlines()
    assert len(lines) == LOG_LINES_A_SECOND
    assert max(map(len, lines)) == LOG_LINE_CHARACTERS + 3
    at_s[0] = 1.0
    log.error("another")
    last = written.getvalue().splitlines()[-1]
    assert last == f"({99 * LOG_LINES_A_SECOND} lines left out before) another"
