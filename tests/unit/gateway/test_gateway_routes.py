"""Paths: one way to read each, and the right operation behind it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weir.gateway.config.route_trie import Routes, join_path, parameters_of, split_path

ROUTES: Routes[str] = Routes(
    [
        (method, path, f"{method} {path}")
        for method, path in (
            ("GET", "/accounts"),
            ("GET", "/accounts/{id}"),
            ("GET", "/accounts/{id}/balances"),
            ("GET", "/accounts/all/transactions"),
            ("POST", "/accounts/new"),
            ("HEAD", "/ping"),
            ("GET", "/ping"),
            ("GET", "/trailing/"),
        )
    ]
)


@pytest.mark.parametrize(
    ("method", "path", "target", "values"),
    [
        ("GET", b"/accounts", "GET /accounts", []),
        ("GET", b"/accounts/1", "GET /accounts/{id}", [b"1"]),
        ("GET", b"/accounts/new", "GET /accounts/{id}", [b"new"]),
        ("POST", b"/accounts/new", "POST /accounts/new", []),
        ("GET", b"/accounts/all/transactions", "GET /accounts/all/transactions", []),
        ("GET", b"/accounts/all/balances", "GET /accounts/{id}/balances", [b"all"]),
        ("HEAD", b"/accounts", "GET /accounts", []),
        ("HEAD", b"/ping", "HEAD /ping", []),
        ("GET", b"/trailing/", "GET /trailing/", []),
    ],
)
def test_a_path_leads_to_the_most_concrete_operation(
    method: str, path: bytes, target: str, values: list[bytes]
) -> None:
    segments = split_path(path)
    assert segments is not None
    assert ROUTES.find(method, segments) == (target, values)


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("POST", b"/accounts", ["GET", "HEAD"]),
        ("DELETE", b"/accounts/new", ["GET", "HEAD", "POST"]),
        ("GET", b"/", []),
        ("GET", b"/accounts/", []),
        ("GET", b"/trailing", []),
        ("GET", b"/accounts/1/balances/2", []),
        ("GET", b"/Accounts", []),
    ],
)
def test_a_path_that_leads_nowhere_says_what_is_allowed(
    method: str, path: bytes, allowed: list[str]
) -> None:
    segments = split_path(path)
    assert segments is not None
    assert ROUTES.find(method, segments) is None
    assert ROUTES.methods(segments) == allowed


@pytest.mark.parametrize(
    "path",
    [
        b"//accounts",
        b"/accounts//1",
        b"/a/../accounts",
        b"/a/./b",
        b"/a/..",
        b"/a/%2e%2e/b",
        b"/a/%2E/b",
        b"/a%2Fb",
        b"/a%2fb",
        b"/a%5Cb",
        b"/a%00b",
        b"/a%0d%0ab",
        b"/%ff",
        b"/%c0%af",
        b"/%ed%a0%80",
        b"/x" * 65,
    ],
)
def test_a_path_that_may_be_read_in_two_ways_leads_nowhere(path: bytes) -> None:
    assert split_path(path) is None


_SEGMENT = st.text(
    st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="/\\"), min_size=1
).filter(lambda text: text not in (".", ".."))


@given(st.lists(_SEGMENT, min_size=1, max_size=8))
def test_what_is_passed_on_reads_as_it_was_read(texts: list[str]) -> None:
    segments = [text.encode() for text in texts]
    joined = join_path(segments)
    assert split_path(joined) == segments
    assert joined.isascii()
    assert join_path(split_path(joined) or []) == joined


@given(st.integers(min_value=1, max_value=500))
def test_every_operation_of_a_large_product_is_found(count: int) -> None:
    paths = [f"/things-{number}/{{id}}/parts/{{part}}" for number in range(count)]
    routes: Routes[str] = Routes(("GET", path, path) for path in paths)
    for number in (0, count // 2, count - 1):
        segments = [f"things-{number}".encode(), b"7", b"parts", b"8"]
        assert routes.find("GET", segments) == (paths[number], [b"7", b"8"])


def test_parameters_are_named_in_their_order() -> None:
    assert parameters_of("/a/{x}/b/{y}") == ("x", "y")
    assert parameters_of("/a") == ()
