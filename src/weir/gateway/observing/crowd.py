"""Log lines about callers' connections that got no place in the process, one a second at most."""

from __future__ import annotations

from weir.gateway.observing.fault_log import FaultLog
from weir.wire.places import Places


class Crowd:
    """The connections that were crowded out since the last line."""

    def __init__(self, places: Places, faults: FaultLog) -> None:
        self._places = places
        self._faults = faults
        self._refused = 0
        self._closed = 0

    def tell(self) -> None:
        """Log how many were refused or closed to make room, if any; no line holds an address."""
        places = self._places
        refused, closed = places.refused - self._refused, places.closed - self._closed
        self._refused, self._closed = places.refused, places.closed
        if refused or closed:
            counts = f"{places.taken} of {places.total} taken, {closed} closed, {refused} refused"
            self._faults.warn("connections_crowded_out", "connections", counts, b"")
