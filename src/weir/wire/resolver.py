"""The addresses behind a member's host name, looked up regularly and let through by network.

A connection is made to an address that was looked up and checked by us, never to a name that is
looked up again in between (DNS rebinding).
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterable

from weir.wire.deadlines import NEVER
from weir.wire.declares import DNS_REFRESH_S, MEMBER_CONNECT_TIMEOUT_S, NAME_ADDRESSES
from weir.wire.networks import Network, Standing, address_of, is_among, networks, standing


class Reachable:
    """The networks that members' endpoints may lie in."""

    def __init__(self, networks: Iterable[Network] = ()) -> None:
        self._networks = tuple(networks)

    @classmethod
    def parse(cls, text: str | None) -> Reachable:
        """Read the setting: networks in CIDR form with commas between them. Refusal
        SETTING_INVALID.
        """
        return cls(networks(text, "WEIR_MEMBER_NETWORKS"))

    def allows(self, text: str) -> bool:
        """Whether a connection to this address may be made.

        Never to one that is nobody's endpoint (`wire.networks`); one that carries an IPv4
        address is judged by it.
        """
        address = address_of(text)
        if address is None or standing(address) is Standing.NOBODYS:
            return False
        return not self._networks or is_among(address, self._networks)

    def choice(self, found: Iterable[str]) -> tuple[str, ...]:
        """Return a name's addresses that may be called, at most NAME_ADDRESSES."""
        distinct = sorted(set(found))[:NAME_ADDRESSES]
        return tuple(each for each in distinct if self.allows(each))


class Addresses:
    """The addresses of one host, which may be a name or an address itself."""

    def __init__(self, loop: asyncio.AbstractEventLoop, host: str, reachable: Reachable) -> None:
        self._loop = loop
        self._host = host
        self._reachable = reachable
        self._literal = address_of(host) is not None
        self._next = 0
        self._known: tuple[str, ...] = ()
        self._asked_at_s = -NEVER

    @property
    def are_stale(self) -> bool:
        """Whether it is time to ask for a name's addresses again."""
        age_s = self._loop.time() - self._asked_at_s
        return not self._literal and age_s >= DNS_REFRESH_S

    def __contains__(self, address: str) -> bool:
        """Whether a connection to this address is still one to this host."""
        return self._literal or not self._known or address in self._known

    async def in_turn(self) -> tuple[str, ...]:
        """Return every address, each time beginning with the next. OSError when there is none to
        call.
        """
        if self._literal:
            self._known = self._reachable.choice([self._host])
        elif self.are_stale or not self._known:
            await self.refresh()
        if not self._known:
            raise OSError("no address that may be called")
        self._next = (self._next + 1) % len(self._known)
        return self._known[self._next :] + self._known[: self._next]

    async def refresh(self) -> None:
        """Look the name up again. A failure keeps the known ones:
        names fail more often than hosts.
        """
        self._asked_at_s = self._loop.time()
        try:
            async with asyncio.timeout(MEMBER_CONNECT_TIMEOUT_S):
                found = await self._loop.getaddrinfo(self._host, None, type=socket.SOCK_STREAM)
        except (OSError, TimeoutError, UnicodeError):  # no name at all, by the last
            if not self._known:
                self._asked_at_s = -NEVER
            return
        self._known = self._reachable.choice(str(each[4][0]) for each in found)
