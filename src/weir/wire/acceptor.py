"""The acceptor of a listening socket's connections, each with a TLS transport and a stream."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable
from typing import Final

from weir.wire.deadlines import Deadlines
from weir.wire.declares import BARREN_BYTES, REKEYING_BYTES
from weir.wire.networks import network_of
from weir.wire.places import Places
from weir.wire.reactor import IN, Reactor, Watched
from weir.wire.transport import Stream, TlsTransport

_ACCEPTED_AT_ONCE: Final = 16
_REST_S: Final = 0.2  # without taking connections, when there are no descriptors left


class TlsAcceptor(Watched):
    """Takes connections of a listening socket, each with a stream of its own."""

    __slots__ = (
        "_context",
        "_deadlines",
        "_listening",
        "_make",
        "_places",
        "_proxies",
        "_reactor",
        "barren_bytes",
        "rekeying_bytes",
    )

    def __init__(
        self,
        reactor: Reactor,
        deadlines: Deadlines,
        listening: socket.socket,
        context: ssl.SSLContext,
        make: Callable[[], Stream],
        proxies: Callable[[str], bool],
        places: Places,
    ) -> None:
        """Take connections from now on, as `places` has room; `make` gives each its stream.

        `proxies` says whether connections from an address begin with a PROXY header.
        """
        self._places = places
        self._proxies = proxies
        self._reactor = reactor
        self._deadlines = deadlines
        self._listening = listening
        self._context = context
        self._make = make
        # Bounds of the connections accepted from now on.
        self.rekeying_bytes, self.barren_bytes = REKEYING_BYTES, BARREN_BYTES
        reactor.watch(listening.fileno(), self, IN)

    def ready(self, events: int) -> None:  # noqa: ARG002
        """Take some of the waiting connections; open ones have their turn in between."""
        for _ in range(_ACCEPTED_AT_ONCE):
            try:
                connected, address = self._listening.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError:  # no descriptors or no memory left: waiting connections stay
                self._rest()
                return
            network = network_of(address[0])
            if not self._places.has_room(network):
                connected.close()
                continue
            connected.setblocking(False)
            try:
                connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            except OSError:
                connected.close()
                continue
            TlsTransport(
                self._reactor,
                self._deadlines,
                connected,
                self._make(),
                self._context,
                rekeying_bytes=self.rekeying_bytes,
                barren_bytes=self.barren_bytes,
                proxied=self._proxies(address[0]),
                places=self._places,
                network=network,
            )

    def _rest(self) -> None:
        self._reactor.change(self._listening.fileno(), 0)
        self._reactor.loop.call_later(_REST_S, self._resume)

    def _resume(self) -> None:
        if self._listening.fileno() >= 0:
            self._reactor.change(self._listening.fileno(), IN)

    def close(self) -> None:
        """Take no more connections."""
        if self._listening.fileno() >= 0:
            self._reactor.forget(self._listening.fileno())
            self._listening.close()
