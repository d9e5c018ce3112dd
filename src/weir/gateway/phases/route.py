"""The operation that a request's method and path lead to, and its labels."""

from __future__ import annotations

from typing import Final

from weir.gateway.call import Call
from weir.gateway.config.route_trie import join_path, split_path
from weir.gateway.config.snapshot import Product
from weir.gateway.declares import UNKNOWN_PATH
from weir.gateway.head_memo import RouteMatch
from weir.gateway.labels import labels
from weir.kernel.declares import INVALID_INPUT
from weir.kernel.outcomes import Refusal
from weir.partners.declares import ORGANISATION_SUSPENDED
from weir.wire.declares import METHOD_NOT_ALLOWED

# In the order in which they are tried.
REFUSALS: Final = (
    UNKNOWN_PATH,
    METHOD_NOT_ALLOWED,
    ORGANISATION_SUSPENDED,
    INVALID_INPUT,
)


_PARTS: Final = 5  # nothing before the first slash, three of the prefix, and the rest


def route(call: Call) -> None:
    """Find the operation, the member's path and the labels.

    Refusals UNKNOWN_PATH, METHOD_NOT_ALLOWED, ORGANISATION_SUSPENDED and INVALID_INPUT.
    """
    request = call.exchange.request
    match: RouteMatch | None = request.line.noted
    if match is None or match.sequence != call.snapshot.sequence:
        match = request.line.noted = _find(call)
    call.match = match
    call.operation = match.operation
    call.labels = labels(request.single)


def _find(call: Call) -> RouteMatch:
    """Match the request line under the call's snapshot."""
    request = call.exchange.request
    path, _, query = request.target.partition(b"?")
    product, rest = _product(call, path)
    segments = split_path(rest)
    if segments is None:
        raise Refusal(UNKNOWN_PATH, "path may be read in two ways")
    found = product.routes.find(request.method, segments)
    if found is None:
        methods = product.routes.methods(segments)
        if methods:
            raise Refusal(METHOD_NOT_ALLOWED, allow=", ".join(methods))
        raise Refusal(UNKNOWN_PATH)
    call.operation, values = found
    member = call.snapshot.organisations.get(call.operation.member)
    if member is None or member.status != "active":
        raise Refusal(ORGANISATION_SUSPENDED, "the member")
    path = rest if b"%" not in rest else join_path(segments)
    return RouteMatch(call.snapshot.sequence, call.operation, values, path, query)


def _product(call: Call, path: bytes) -> tuple[Product, bytes]:
    """Return the product of the prefix `/owner/product/version`, and the path after the prefix."""
    parts = path.split(b"/", 4)
    if len(parts) < _PARTS:
        raise Refusal(UNKNOWN_PATH)
    end = len(path) - len(parts[4]) - 1
    product = call.snapshot.routes.get(path[:end])
    if product is None:
        raise Refusal(UNKNOWN_PATH)
    return product, path[end:]
