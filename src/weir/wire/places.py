"""Places for callers' connections in one process: so many in all, and so many for one network.

A connection has its place from the moment it is accepted until its socket is closed. While there is
room a network may have more than others. When all places are taken, the network that has the most
gives one up to a network that has fewer: of its connections that wait for their callers, the one
that has waited longest. So a caller that fills the process takes its places from itself.
"""

from __future__ import annotations

import resource
from itertools import islice
from typing import Final, Protocol, final

from weir.wire.deadlines import NEVER
from weir.wire.declares import DESCRIPTORS_KEPT_MIN, DESCRIPTORS_KEPT_PERCENT

# Connections looked at to find the one to close, so that a full process is not searched through.
_LOOKED_AT: Final = 32
_DESCRIPTORS_MAX: Final = 1 << 20  # where the system names no highest number


class Placed(Protocol):
    """A connection that has a place."""

    def spare_since_s(self) -> float:
        """Return the time (of the loop's clock) since when the connection waits for its caller.

        In the future for one whose caller sends or reads slowly, NEVER for one that is in use.
        """

    def abort(self) -> None:
        """Close the connection at once, and with it leave its place."""


@final
class Places:
    """The connections of each network: at most `total` in all, and `each` of one network."""

    __slots__ = ("_by_count", "_held", "_most", "closed", "each", "refused", "taken", "total")

    def __init__(self, total: int, each: int) -> None:
        self.total = total
        self.each = each
        self.taken = 0
        self.refused = 0  # connections that got no place, ever
        self.closed = 0  # connections closed to make room, ever
        self._held: dict[str, dict[Placed, None]] = {}
        self._by_count: dict[int, dict[str, None]] = {}  # networks by their number of connections
        self._most = 0  # the highest such number

    @classmethod
    def within(cls, descriptors: int, wanted: int, each_percent: int) -> Places:
        """Return the places of a process with so many descriptors, at most `wanted` of them.

        Some descriptors are kept for what must go on: connections to members, control and engines,
        records, and the socket of health checks.
        """
        kept = max(DESCRIPTORS_KEPT_MIN, descriptors * DESCRIPTORS_KEPT_PERCENT // 100)
        total = max(1, min(wanted, descriptors - min(kept, descriptors // 2)))
        return cls(total, max(1, total * each_percent // 100))

    def has_room(self, network: str) -> bool:
        """Whether one more connection of a network may be taken; room is made where it can be."""
        own = self.held_by(network)
        if own < self.each:
            if self.taken < self.total:
                return True
            if own < self._most and self._made_room(self._largest()):
                return True
        if own and self._made_room(network):
            return True
        self.refused += 1
        return False

    def enter(self, network: str, connection: Placed) -> None:
        """Give a connection its place."""
        held = self._held.setdefault(network, {})
        held[connection] = None
        self.taken += 1
        self._moved(network, len(held) - 1, len(held))

    def leave(self, network: str, connection: Placed) -> None:
        """Take a connection's place back."""
        held = self._held[network]
        del held[connection]
        self.taken -= 1
        self._moved(network, len(held) + 1, len(held))
        if not held:
            del self._held[network]

    def held_by(self, network: str) -> int:
        """Return the number of a network's connections."""
        held = self._held.get(network)
        return 0 if held is None else len(held)

    def _largest(self) -> str:
        """Return a network with the most connections."""
        return next(iter(self._by_count[self._most]))

    def _moved(self, network: str, before: int, now: int) -> None:
        """Note a network's new number of connections, which is one more or one less."""
        if before:
            same = self._by_count[before]
            del same[network]
            if not same:
                del self._by_count[before]
        if now:
            self._by_count.setdefault(now, {})[network] = None
        if now > self._most or (before == self._most and before not in self._by_count):
            self._most = now

    def _made_room(self, network: str) -> bool:
        """Close one of a network's connections. Return whether there was one to spare.

        Those that were looked at have their next turn after all others.
        """
        held = self._held[network]
        spare: Placed | None = None
        longest_s = NEVER
        for each in list(islice(held, _LOOKED_AT)):
            del held[each]
            held[each] = None
            since_s = each.spare_since_s()
            if since_s < longest_s:
                spare, longest_s = each, since_s
        if spare is None:
            return False
        self.closed += 1
        spare.abort()
        return True


def raise_descriptors() -> int:
    """Raise this process's limit on descriptors to the highest it may have, and return it."""
    allowed, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _DESCRIPTORS_MAX if most == resource.RLIM_INFINITY else most
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, most))
    except (OSError, ValueError):  # above what this kernel gives to any process
        return allowed
    return wanted
