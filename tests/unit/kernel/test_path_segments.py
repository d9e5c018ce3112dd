"""Foreign identifiers stay one segment of an outward path, whatever they hold."""

from __future__ import annotations

from urllib.parse import unquote, urljoin

import httpx
from hypothesis import example, given
from hypothesis import strategies as st

from weir.kernel.path_segments import segment


@given(st.text(st.characters(codec="utf-8"), min_size=1, max_size=40))
@example("..")
@example(".")
@example("../../directory")
@example("a/../b?c#d;e")
@example("%2e%2e")
def test_a_value_is_one_segment_and_none_is_removed(value: str) -> None:
    encoded = segment(value)
    assert unquote(encoded) == value
    assert not set(encoded) & set("./?#;\\")
    path = f"/directory/payments/{encoded}/state"
    assert httpx.URL(f"https://bank.example{path}").raw_path == path.encode()
    assert urljoin("https://bank.example/", path) == f"https://bank.example{path}"
