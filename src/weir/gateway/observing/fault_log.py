"""Log lines about calls that failed by no fault of their callers, bounded in number a second.

When a member or this process is in trouble every call has something to say, at the time when there
is least to spare: a line costs more than the refused call, and thousands a second fill a disk. The
first of a second are logged in full, the others counted and told in one line.
"""

from __future__ import annotations

from collections import defaultdict
from typing import final

import structlog

from weir.gateway.declares import FAULT_LINES_A_SECOND

_log = structlog.get_logger("weir.gateway")


@final
class FaultLog:
    """The lines left of this second (FAULT_LINES_A_SECOND), and the faults beyond them, by code."""

    __slots__ = ("_left", "_left_out")

    def __init__(self) -> None:
        self._left = FAULT_LINES_A_SECOND
        self._left_out: defaultdict[str, int] = defaultdict(int)

    def warn(
        self,
        event: str,
        code: str,
        detail: str,
        interaction_id: bytes,
        error: Exception | None = None,
    ) -> None:
        """Log one call's fault, or count it under its `code` when this
        second's lines are used up.
        """
        if self._left <= 0:
            self._left_out[code] += 1
            return
        self._left -= 1
        _log.warning(
            event,
            code=code,
            detail=detail,
            interaction_id=interaction_id.decode(),
            exc_info=error,
        )

    def next_second(self) -> None:
        """Log one line for the counted faults of the second that is over, and begin a new one."""
        self._left = FAULT_LINES_A_SECOND
        if self._left_out:
            left_out = dict(self._left_out)
            self._left_out.clear()
            _log.warning("faults_left_out", calls=sum(left_out.values()), faults=left_out)
