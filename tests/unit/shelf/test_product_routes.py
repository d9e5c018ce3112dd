"""Within one product no call can be answered by two operations that differ in what they check."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weir.gateway.config.route_trie import Routes
from weir.kernel.declares import CONFLICT
from weir.kernel.outcomes import Refusal
from weir.shelf.routes import Route, refuse_ambiguous

SEGMENTS = st.sampled_from(["a", "b", "{x}", "{y}"])
PATHS = st.lists(SEGMENTS, min_size=1, max_size=3).map(lambda parts: "/" + "/".join(parts))


def clashes(*paths: str, methods: tuple[str, ...] = ("GET", "GET")) -> bool:
    routes = [Route(f"cap{n}", methods[n % 2], path) for n, path in enumerate(paths)]
    try:
        refuse_ambiguous(routes)
    except Refusal as refusal:
        given = refusal
    else:
        return False
    assert given.outcome is CONFLICT
    return True


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("/a", "/a", True),
        ("/a/{x}", "/a/{y}", True),
        ("/{x}/b", "/a/{y}", True),
        ("/a/{x}", "/a/b", False),
        ("/a/{x}", "/b/{x}", False),
        ("/a/{x}", "/a/{x}/c", False),
        ("/a", "/a/", False),
        ("/domestic-payments/{Id}", "/domestic-payments/{Id}/payment-details", False),
    ],
)
def test_two_paths_clash_when_neither_is_the_more_literal_one(
    one: str, other: str, expected: bool
) -> None:
    assert clashes(one, other) is expected
    assert clashes(other, one) is expected
    assert clashes(one, other, methods=("GET", "POST")) is False


@pytest.mark.parametrize("path", ["/a{x}", "/{x}.pdf", "/{x}{y}", "/a/{x}:act"])
def test_a_segment_that_mixes_text_and_a_parameter_is_refused(path: str) -> None:
    assert clashes(path)


@given(st.lists(PATHS, min_size=2, max_size=6, unique=True))
def test_what_passes_is_routed_the_same_in_any_order(paths: list[str]) -> None:
    if clashes(*paths, methods=("GET", "GET")):
        return
    shuffled = list(reversed(paths))
    one, other = (Routes([("GET", path, path) for path in order]) for order in (paths, shuffled))
    for path in paths:
        segments = [b"a" if "{" in each else each.encode() for each in path.split("/")[1:]]
        assert one.find("GET", segments) == other.find("GET", segments)
