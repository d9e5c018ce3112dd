"""TLS over one socket, with OpenSSL in memory and the socket watched by the reactor.

A message read is one `recv` and one decryption, a message written one encryption and one `send`. A
protocol gets the same events at the same times as from asyncio's transports, so that protocols do
not know the difference.

| state | reads | ends with |
| --- | --- | --- |
| PROXIED | a balancer's PROXY header, within the same time | the handshake, or nothing at all |
| SHAKING | the handshake, within `HANDSHAKE_TIMEOUT_S` | `connection_made`, or CLOSING |
| OPEN | what the protocol wants | `close`, `abort`, the peer's close_notify or loss |
| CLOSING | and throws away, within `SHUTDOWN_TIMEOUT_S` of the last byte sent | the peer's end |
| CLOSED | nothing | `connection_lost` |
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from contextlib import suppress
from typing import Any, Final

from mypy_extensions import mypyc_attr

from weir.wire.balancers import read_proxy_header
from weir.wire.deadlines import NEVER, Deadlines
from weir.wire.declares import (
    BARREN_BYTES,
    BODY_TIMEOUT_S,
    HANDSHAKE_TIMEOUT_S,
    REKEYING_BYTES,
    SHUTDOWN_TIMEOUT_S,
)
from weir.wire.networks import network_of
from weir.wire.places import Places
from weir.wire.reactor import GONE, IN, OUT, Reactor, Watched

# Bytes read in one turn: few from a peer whose last turn brought nothing that was delivered,
# because a message that only changes keys costs more to take than to send.
_WARY_BYTES: Final = 8_192
_READ_BYTES: Final = 20_480
RECORD_BYTES: Final = 16_384  # of plain text in one record (RFC 8446 section 5.1)
# A byte delivered pays for so many read: its record may hold nothing else. A peer that owes more
# than BARREN_BYTES is cut.
_READ_FOR_ONE: Final = 32
# A transport that holds more than its bound asks to pause, and to resume below a part of it.
_LOW_PART: Final = 4

PROXIED: Final = 0
SHAKING: Final = 1
OPEN: Final = 2
CLOSING: Final = 3
CLOSED: Final = 4


@mypyc_attr(allow_interpreted_subclasses=True)
class Stream:
    """The protocol above a transport: the methods of `asyncio.Protocol`."""

    __slots__ = ()

    def connection_made(self, transport: Any) -> None:
        raise NotImplementedError

    def connection_lost(self, exc: Exception | None) -> None:
        raise NotImplementedError

    def data_received(self, data: bytes) -> None:
        raise NotImplementedError

    def eof_received(self) -> None:
        raise NotImplementedError

    def pause_writing(self) -> None:
        raise NotImplementedError

    def resume_writing(self) -> None:
        raise NotImplementedError

    def spare_since_s(self) -> float:
        """Return since when a connection with a place (`wire.places`) waits for its caller."""
        return NEVER


class TlsTransport(Watched):
    """One TLS connection. `shaken`, if given, is settled when the handshake has ended."""

    __slots__ = (
        "_asks",
        "_at_once",
        "_barren_bytes",
        "_barren_most",
        "_deadlines",
        "_decrypt",
        "_descriptor",
        "_encrypt",
        "_encrypted",
        "_events",
        "_from_peer",
        "_header",
        "_high_bytes",
        "_loop",
        "_network",
        "_peer",
        "_places",
        "_reactor",
        "_reading",
        "_received",
        "_recv_into",
        "_rekeying_bytes",
        "_rekeying_most",
        "_shaken",
        "_socket",
        "_state",
        "_stream",
        "_tls",
        "_to_peer",
        "_transmit",
        "_unsent",
        "_writing_paused",
        "deadline_s",
    )

    def __init__(
        self,
        reactor: Reactor,
        deadlines: Deadlines,
        connected: socket.socket,
        stream: Stream,
        context: ssl.SSLContext,
        *,
        server_hostname: str | None = None,
        shaken: asyncio.Future[None] | None = None,
        rekeying_bytes: int = REKEYING_BYTES,
        barren_bytes: int = BARREN_BYTES,
        proxied: bool = False,
        places: Places | None = None,
        network: str = "",
    ) -> None:
        """Begin the handshake: as the client of `server_hostname`, else as the server.

        `proxied` connections begin with a balancer's PROXY header. A caller's connection has one of
        the `places`, as one of its `network`.
        """
        self._reactor = reactor
        self._rekeying_most = rekeying_bytes
        self._barren_most = barren_bytes
        self._loop = reactor.loop
        self._deadlines = deadlines
        self._socket = connected
        self._descriptor = connected.fileno()
        self._stream: Stream | None = stream
        self._shaken = shaken
        self._from_peer = ssl.MemoryBIO()
        self._to_peer = ssl.MemoryBIO()
        self._tls = context.wrap_bio(
            self._from_peer,
            self._to_peer,
            server_side=server_hostname is None,
            server_hostname=server_hostname,
        )
        # The parts every message needs, looked up once. The SSLObject does nothing but hand reads
        # and writes on to its one part, each by a Python function of its own.
        inner: Any = self._tls._sslobj  # type: ignore[attr-defined]
        self._decrypt: Any = inner.read
        self._encrypt: Any = inner.write
        self._received: Any = self._from_peer.write
        self._encrypted: Any = self._to_peer.read
        self._recv_into: Any = connected.recv_into
        self._transmit: Any = connected.send
        self._at_once = _WARY_BYTES
        self._barren_bytes = 0
        self._state = PROXIED if proxied else SHAKING
        self._header = b""  # the bytes of a PROXY header so far
        self._peer: tuple[str, int] | None = None  # the caller it names
        self._events = IN
        self._reading = True
        self._unsent = b""
        self._rekeying_bytes = 0
        self._high_bytes = 65_536
        self._writing_paused = False
        self.deadline_s = self._loop.time() + HANDSHAKE_TIMEOUT_S
        deadlines.watch(self)
        reactor.watch(self._descriptor, self, IN, ahead=server_hostname is not None)
        self._asks = server_hostname is not None
        self._places = places
        self._network = network
        if places is not None:
            places.enter(network, self)
        if server_hostname is not None:
            self._shake()

    # --- what a protocol may ask ---------------------------------------------------------------

    def get_extra_info(self, name: str) -> Any:
        """Return `peername`, `socket` or `ssl_object`, as asyncio's transports have them.

        `neighbour` is the address at the other end, which may be a balancer between the peer and
        us.
        """
        if name == "ssl_object":
            return self._tls
        if name == "socket":
            return self._socket
        if name == "peername" and self._peer is not None:
            return self._peer
        try:
            if name == "neighbour":
                return self._socket.getpeername()[0]
            return self._socket.getpeername() if name == "peername" else None
        except OSError:
            return None

    def set_write_buffer_limits(self, high: int) -> None:
        """Ask the protocol to pause when more than `high` bytes are unsent."""
        self._high_bytes = high

    def is_closing(self) -> bool:
        """Whether nothing more can be sent."""
        return self._state != OPEN

    def pause_reading(self) -> None:
        """Deliver nothing more; the kernel then slows the peer down."""
        self._reading = False
        self._steer()

    def resume_reading(self) -> None:
        """Deliver again, bytes received already first, in the loop's next round."""
        self._reading = True
        self._steer()
        if self._from_peer.pending:
            self._loop.call_soon(self._deliver_later)

    def write(self, data: bytes) -> None:
        """Encrypt and send, or keep the bytes that the socket does not take now."""
        if self._state != OPEN or not data:
            return
        try:
            written: int = self._encrypt(data)
            if written < len(data):  # OpenSSL takes one record's worth at a time
                rest = memoryview(data)[written:]
                while rest:
                    rest = rest[self._encrypt(rest) :]
        except ssl.SSLError as error:
            self._lose(error)
            return
        if self._unsent:
            self._unsent += self._encrypted()
            self._mind_the_bound()
        else:
            self._send()

    def close(self) -> None:
        """Send the written bytes and close_notify, then wait a while for the peer's end."""
        if self._state == OPEN:
            self._end()

    def abort(self) -> None:
        """Close at once; unsent bytes are lost."""
        self._lose(None)

    def spare_since_s(self) -> float:
        """Return since when the connection waits for its caller (`wire.places`)."""
        if self._state == OPEN and self._stream is not None:
            return self._stream.spare_since_s()
        patience_s = SHUTDOWN_TIMEOUT_S if self._state == CLOSING else HANDSHAKE_TIMEOUT_S
        return self.deadline_s - patience_s

    # --- the socket's events -------------------------------------------------------------------

    def ready(self, events: int) -> None:
        """Serve the socket, called by the reactor."""
        try:
            if events & OUT:
                self._send()
            if events & IN:
                self._receive()
            elif events & GONE:
                self._lose(ConnectionResetError("the peer is gone"))
        except Exception as error:
            self._stumble(error)

    def expire(self) -> None:
        """Close: the handshake or the peer's end did not come in time."""
        self._lose(TimeoutError("the peer took too long"))

    def _receive(self) -> None:
        try:
            count: int = self._recv_into(self._reactor.buffer, self._at_once)
        except (BlockingIOError, InterruptedError):
            return
        except OSError as error:
            self._lose(error)
            return
        if count == 0:
            # A stream cut off without close_notify: the expected bytes may be incomplete.
            self._lose(None)
        elif self._state == PROXIED:
            self._read_header(bytes(self._reactor.buffer[:count]))
        elif self._state != CLOSING:
            self._received(self._reactor.buffer[:count])
            if self._state == OPEN:
                self._barren_bytes += count
                self._at_once = _WARY_BYTES
                self._deliver()
                if self._barren_bytes > self._barren_most:
                    self._lose(ConnectionAbortedError("records that carry nothing"))
            else:
                self._shake()

    def _deliver(self) -> None:
        """Decrypt received bytes and hand them over, as long as they are wanted."""
        stream = self._stream
        try:
            while self._state == OPEN and self._reading and stream is not None:
                data: bytes = self._decrypt(RECORD_BYTES)
                if not data:
                    self._ended_by_peer(stream)
                    return
                self._at_once = _READ_BYTES
                self._barren_bytes = max(0, self._barren_bytes - _READ_FOR_ONE * len(data))
                stream.data_received(data)
                if not self._from_peer.pending:  # a record is taken whole, so OpenSSL holds none
                    return
        except ssl.SSLWantReadError:
            if self._to_peer.pending:
                self._answer_key_updates()
        except ssl.SSLZeroReturnError:
            if stream is not None:
                self._ended_by_peer(stream)
        except ssl.SSLError as error:
            self._send()  # the alert
            self._lose(error)

    def _answer_key_updates(self) -> None:
        """Send the answers to key updates (RFC 8446 section 4.6.3).

        A peer that asks for ever more is cut: it may not read either.
        """
        self._rekeying_bytes += self._to_peer.pending
        self._send()
        if self._rekeying_bytes > self._rekeying_most:
            self._lose(ConnectionAbortedError("too many key updates"))

    def _deliver_later(self) -> None:
        try:
            self._deliver()
        except Exception as error:
            self._stumble(error)

    def _ended_by_peer(self, stream: Stream) -> None:
        """End after the peer's close_notify: every byte it sent has arrived."""
        stream.eof_received()
        if self._state == OPEN:
            self._end()

    def _read_header(self, data: bytes) -> None:
        self._header += data
        try:
            header = read_proxy_header(self._header)
        except ValueError as error:
            self._lose(ConnectionAbortedError(str(error)))
            return
        if header is None:
            return
        self._peer = header.source
        if header.source is not None and not self._moved_to(network_of(header.source[0])):
            self._lose(ConnectionAbortedError("no place for the caller"))
            return
        rest, self._header = self._header[header.length :], b""
        self._state = SHAKING
        if rest:
            self._received(rest)
            self._shake()

    def _moved_to(self, network: str) -> bool:
        """Whether the caller's network, which was not known before, has a place for it too."""
        places = self._places
        if places is None:
            return True
        places.leave(self._network, self)
        has_room = places.has_room(network)
        if has_room:
            self._network = network
        places.enter(self._network, self)
        return has_room

    # --- the handshake -------------------------------------------------------------------------

    def _shake(self) -> None:
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            self._send()
            return
        except (ssl.SSLError, ValueError) as error:
            self._send()  # the alert
            if self._asks:
                self._lose(error)
            else:
                self._turn_away()
            return
        self._send()
        if self._state != SHAKING or self._stream is None:  # lost in the meantime
            return
        self._state = OPEN
        self.deadline_s = NEVER
        self._deadlines.forget(self)
        self._stream.connection_made(self)
        self._settle(None)
        if self._from_peer.pending:
            self._deliver()

    def _settle(self, error: Exception | None) -> None:
        shaken, self._shaken = self._shaken, None
        if shaken is None or shaken.done():
            return
        if error is None:
            shaken.set_result(None)
        else:
            shaken.set_exception(error)

    # --- sending -------------------------------------------------------------------------------

    def _send(self) -> None:
        """Send OpenSSL's new bytes, after the unsent ones."""
        data: bytes = self._encrypted()
        if self._unsent:
            data = self._unsent + data
        if not data or self._state == CLOSED:
            return
        try:
            sent: int = self._transmit(data)
        except (BlockingIOError, InterruptedError):
            sent = 0
        except OSError as error:
            self._sent_in_vain(error)
            return
        if sent == len(data) and not self._unsent:
            return
        self._unsent = data[sent:]
        self._steer()
        self._mind_the_bound()

    def _sent_in_vain(self, error: OSError) -> None:
        """End a connection that takes no more, after what the peer sent before it closed.

        A server that refuses an upload answers and closes while the upload is still on its way. The
        kernel reports a closed socket at once, and gives its bytes before the error.
        """
        closed = isinstance(error, BrokenPipeError | ConnectionResetError)
        if self._asks and closed and self._state == OPEN and self._reading:
            self._unsent = b""
            self._steer()
        else:
            self._lose(error)

    def _mind_the_bound(self) -> None:
        held, stream = len(self._unsent), self._stream
        if self._state == CLOSING and not held:
            self._shut_sending()
        if stream is None or self._state != OPEN:
            return
        if held > self._high_bytes and not self._writing_paused:
            self._writing_paused = True
            stream.pause_writing()
        elif self._writing_paused and held * _LOW_PART <= self._high_bytes:
            self._writing_paused = False
            stream.resume_writing()

    def _steer(self) -> None:
        """Tell the kernel which events are wanted, when that has changed."""
        if self._state == CLOSED:
            return
        events = (IN if self._reading or self._state != OPEN else 0) | (OUT if self._unsent else 0)
        if events != self._events:
            self._events = events
            self._reactor.change(self._descriptor, events)

    # --- the end -------------------------------------------------------------------------------

    def _end(self) -> None:
        """Send close_notify behind the written bytes, for which the peer has its time.

        Reading on keeps a body that is still on its way from resetting the connection before the
        answer was read.
        """
        self._state = CLOSING
        self.deadline_s = self._loop.time() + BODY_TIMEOUT_S
        self._deadlines.watch(self)
        # OpenSSL looks for the peer's close_notify behind ours. It does not come, or what stands
        # in its place is an unread body, which is no reason to lose the answer.
        with suppress(ssl.SSLError):
            self._tls.unwrap()
        self._send()
        if not self._unsent:
            self._shut_sending()
        self._steer()

    def _turn_away(self) -> None:
        """End a caller's refused handshake behind its alert, which the caller has its time to read.

        Closed at once, with bytes of the caller still on their way, the connection would be reset,
        and the kernel may then throw the alert away before the caller has read why.
        """
        if self._state == CLOSED:
            return
        self._state = CLOSING
        self._stream = None  # never told of a connection, so not of its end either
        self.deadline_s = self._loop.time() + SHUTDOWN_TIMEOUT_S
        self._deadlines.watch(self)
        if not self._unsent:
            self._shut_sending()
        self._steer()

    def _shut_sending(self) -> None:
        if self._state != CLOSING:
            return
        self.deadline_s = self._loop.time() + SHUTDOWN_TIMEOUT_S
        try:
            self._socket.shutdown(socket.SHUT_WR)
        except OSError as error:
            self._lose(error)

    def _stumble(self, error: Exception) -> None:
        """Cut the connection that an error of ours happened on, and no other."""
        context = {"message": "a stream failed", "exception": error}
        self._loop.call_exception_handler(context)
        self._lose(error)

    def _lose(self, error: Exception | None) -> None:
        """Close the socket now, and tell the protocol in the loop's next round."""
        if self._state == CLOSED:
            return
        shaking = self._state in (PROXIED, SHAKING)
        self._state = CLOSED
        self.deadline_s = NEVER
        self._deadlines.forget(self)
        self._reactor.forget(self._descriptor)
        self._socket.close()
        if self._places is not None:
            self._places.leave(self._network, self)
        self._unsent = b""
        stream, self._stream = self._stream, None
        if shaking:
            self._settle(error or ConnectionResetError("the peer left during the handshake"))
        elif stream is not None:
            self._loop.call_soon(stream.connection_lost, error)
