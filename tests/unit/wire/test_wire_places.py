"""Places for callers' connections: who gets one, and who gives one up when all are taken."""

from __future__ import annotations

import resource

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wire_support import Taking, Wire, get, ok, post

from weir.wire.deadlines import NEVER
from weir.wire.declares import DESCRIPTORS_KEPT_MIN, HEADER_TIMEOUT_S
from weir.wire.networks import network_of, wide_network_of
from weir.wire.places import Places, raise_descriptors


class Seat:
    """A connection that waits for its caller since a time, or is in use."""

    def __init__(self, places: Places, network: str, since_s: float = NEVER) -> None:
        self.places, self.network, self.since_s = places, network, since_s
        self.closed = False
        places.enter(network, self)

    def spare_since_s(self) -> float:
        return self.since_s

    def abort(self) -> None:
        self.closed = True
        self.places.leave(self.network, self)


def arrives(places: Places, network: str, since_s: float = NEVER) -> Seat | None:
    return Seat(places, network, since_s) if places.has_room(network) else None


def test_while_there_is_room_one_network_may_have_all_but_its_bound() -> None:
    places = Places(total=10, each=8)
    got = [arrives(places, "a", 1.0) for _ in range(8)]
    assert None not in got
    assert places.closed == 0
    assert arrives(places, "a", 1.0)  # in the place of its own oldest
    assert (places.held_by("a"), places.closed) == (8, 1)


def test_a_full_process_takes_from_who_has_most_what_waited_longest() -> None:
    places = Places(total=6, each=6)
    few = [arrives(places, "few", 0.5) for _ in range(2)]
    many = [arrives(places, "many", since_s) for since_s in (3.0, NEVER, 1.0, 2.0)]
    new = arrives(places, "new")
    assert new is not None
    assert [seat.closed for seat in many if seat] == [False, False, True, False]
    assert not any(seat.closed for seat in few if seat)
    assert places.taken == 6


def test_who_has_most_takes_from_itself_alone() -> None:
    places = Places(total=4, each=4)
    other = arrives(places, "other", 0.0)
    own = [arrives(places, "most", 5.0) for _ in range(3)]
    assert arrives(places, "most") is not None
    assert other is not None
    assert not other.closed
    assert [seat.closed for seat in own if seat].count(True) == 1


def test_connections_in_use_are_closed_for_nobody() -> None:
    places = Places(total=3, each=3)
    seats = [arrives(places, "a") for _ in range(3)]
    assert arrives(places, "b") is None
    assert arrives(places, "a") is None
    assert not any(seat.closed for seat in seats if seat)
    assert (places.refused, places.closed, places.taken) == (2, 0, 3)


def test_a_place_that_was_left_is_free() -> None:
    places = Places(total=1, each=1)
    seat = arrives(places, "a")
    assert seat is not None
    assert arrives(places, "b") is None
    seat.abort()
    assert places.taken == 0
    assert arrives(places, "b") is not None


steps = st.lists(
    st.tuples(st.sampled_from("abcd"), st.one_of(st.just(NEVER), st.floats(0, 100)), st.booleans()),
    max_size=200,
)


@given(steps, st.integers(1, 20), st.integers(1, 20))
def test_the_bounds_hold_whoever_comes_and_leaves(
    done: list[tuple[str, float, bool]], total: int, each: int
) -> None:
    places = Places(total, min(each, total))
    seats: list[Seat] = []
    for network, since_s, leaves in done:
        mine = [seat for seat in seats if not seat.closed and seat.network == network]
        if leaves and mine:
            mine[0].abort()
        elif (seat := arrives(places, network, since_s)) is not None:
            seats.append(seat)
        open_seats = [seat for seat in seats if not seat.closed]
        assert places.taken == len(open_seats) <= places.total
        for name in "abcd":
            held = sum(seat.network == name for seat in open_seats)
            assert places.held_by(name) == held <= places.each


def test_a_newcomer_is_served_however_many_one_network_holds() -> None:
    places = Places(total=1_000, each=900)
    for _ in range(100_000):
        arrives(places, "flood", 1.0)
    refused = [name for name in map(str, range(100)) if arrives(places, name) is None]
    assert refused == []
    assert places.taken <= 1_000


@pytest.mark.parametrize(
    ("descriptors", "wanted", "total"),
    [
        (1 << 20, 32_768, 32_768),
        (20_000, 32_768, 17_600),
        (4_096, 32_768, 4_096 - DESCRIPTORS_KEPT_MIN),
        (1_024, 32_768, 512),
        (1, 32_768, 1),
    ],
)
def test_descriptors_are_kept_for_what_must_go_on(
    descriptors: int, wanted: int, total: int
) -> None:
    places = Places.within(descriptors, wanted, 50)
    assert places.total == total
    assert places.each == max(1, total // 2)


def test_the_limit_on_descriptors_is_raised_to_the_highest() -> None:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (before[1] // 2, before[1]))
        assert raise_descriptors() == before[1]
        assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] == before[1]
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


@pytest.mark.parametrize(
    ("peer", "network", "wide"),
    [
        ("192.0.2.7", "192.0.2.7", "192.0.2.0/24"),
        ("192.0.2.7:443", "192.0.2.7", "192.0.2.0/24"),
        ("::ffff:192.0.2.7", "192.0.2.7", "192.0.2.0/24"),
        ("2001:db8:1:1ff:3::4", "2001:db8:1:1ff::/64", "2001:db8:1:100::/56"),
        ("[2001:db8:1:2:3::4]:443", "2001:db8:1:2::/64", "2001:db8:1::/56"),
        ("", "unknown", "unknown"),
        ("nonsense", "unknown", "unknown"),
    ],
)
def test_a_network_is_an_address_or_a_64(peer: str, network: str, wide: str) -> None:
    assert (network_of(peer), wide_network_of(peer)) == (network, wide)


def test_a_connection_is_spare_while_it_waits_for_its_caller() -> None:
    wire = Wire(ok)
    began_s = wire.loop.now_s
    assert wire.connection.spare_since_s() == began_s
    wire.feed(get())
    wire.pass_time(3)
    assert wire.connection.spare_since_s() == began_s
    wire.feed(b"GET / HT")
    assert wire.connection.spare_since_s() == began_s + 3
    assert wire.connection.deadline_s == began_s + 3 + HEADER_TIMEOUT_S


def test_a_connection_in_use_is_not_spare_and_one_that_uploads_is_after_the_idle_ones() -> None:
    wire = Wire()
    wire.feed(get())
    assert wire.connection.spare_since_s() == NEVER
    upload = Wire()
    upload.feed(post("Content-Length: 5", body=b"he"))
    upload.handler.begun[0].receive(Taking(), 10)
    assert upload.loop.now_s < upload.connection.spare_since_s() < NEVER
