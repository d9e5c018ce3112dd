"""What two strict parsers disagree on is never forwarded. `make fuzz SECONDS=600` runs longer."""

from __future__ import annotations

from http_fuzz import disagreement, read_by_h11, read_by_llhttp, read_by_wire, requests
from hypothesis import HealthCheck, given, settings
from wire_support import get, post


@settings(max_examples=500, deadline=None, suppress_health_check=list(HealthCheck))
@given(requests)
def test_what_parsers_disagree_on_is_never_forwarded(raw: bytes) -> None:
    assert disagreement(raw) is None, raw


def test_all_three_read_what_is_plain() -> None:
    raw = get("/a") + post("Content-Length: 5", body=b"hello") + get("/b")
    expected = [(b"GET", b"/a", b""), (b"POST", b"/", b"hello"), (b"GET", b"/b", b"")]
    assert read_by_wire(raw) == read_by_h11(raw) == read_by_llhttp(raw) == expected


def test_the_mutations_reach_both_sides_of_the_border() -> None:
    """The property would hold of a wire that refuses everything; this one does not."""
    reached = {"forwarded": 0, "refused": 0, "disputed": 0}

    @settings(
        max_examples=300,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        database=None,
        derandomize=True,
    )
    @given(requests)
    def count(raw: bytes) -> None:
        reached["forwarded" if read_by_wire(raw) else "refused"] += 1
        reached["disputed"] += read_by_h11(raw) != read_by_llhttp(raw)

    count()
    assert min(reached.values()) >= 5, reached
