"""Check that the operations of one product can be told apart by method and path. Pure.

OpenAPI 3.0.3 section 4.7.8.1 calls `/a/{x}` and `/a/{y}` identical, and lets a literal win over a
parameter. It leaves open which of `/{x}/b` and `/a/{y}` answers `/a/b`; we refuse such a pair,
because a consent is checked by the operation that is chosen.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from weir.kernel.declares import CONFLICT
from weir.kernel.outcomes import Refusal

_ANY = None  # a segment that is a parameter as a whole


@dataclass(frozen=True, slots=True)
class Route:
    """One operation's address inside its product."""

    capability: str
    method: str
    path: str


def refuse_ambiguous(routes: Sequence[Route]) -> None:
    """Refuse routes with CONFLICT if two capabilities could answer the same call; it names both."""
    by_length: dict[tuple[str, int], list[tuple[Route, list[str | None]]]] = defaultdict(list)
    for route in routes:
        segments = _segments(route)
        peers = by_length[route.method, len(segments)]
        for other, other_segments in peers:
            if _ambiguous(segments, other_segments):
                raise Refusal(
                    CONFLICT,
                    f"{route.capability} and {other.capability} answer the same addresses",
                    capability=route.capability,
                    other=other.capability,
                    why="both could answer the same call; leave one of them out",
                    why_zh="两者可能应答同一调用，请去掉其中之一",
                )
        peers.append((route, segments))


def _segments(route: Route) -> list[str | None]:
    return [_segment(text, route) for text in route.path.split("/")[1:]]


def _segment(text: str, route: Route) -> str | None:
    """Return a literal, or None for a parameter.

    CONFLICT for a segment that mixes the two, which cannot be routed.
    """
    if "{" not in text and "}" not in text:
        return text
    if text.startswith("{") and text.endswith("}") and text.count("{") == 1:
        return _ANY
    raise Refusal(
        CONFLICT,
        f"{route.path} mixes text and a parameter in one segment",
        capability=route.capability,
        why="a path segment that mixes text and a parameter cannot be offered",
        why_zh="路径段不能既含文字又含参数",
    )


def _ambiguous(one: list[str | None], other: list[str | None]) -> bool:
    """Whether both match some path, and neither is the more literal one at every segment."""
    pairs = list(zip(one, other, strict=True))
    if any(a is not _ANY and b is not _ANY and a != b for a, b in pairs):
        return False
    one_wins = any(a is not _ANY and b is _ANY for a, b in pairs)
    other_wins = any(a is _ANY and b is not _ANY for a, b in pairs)
    return one_wins == other_wins
