"""The gateway's memory of heads it has met before, kept beside them (`wire/heads.py`).

A header section and a request line mean the same whenever they come, so facts that follow from them
alone are read once. Facts that follow from the snapshot too are remembered with the snapshot's
number, and facts that hang on the call itself (time, certificate, budgets) are never remembered.
"""

from __future__ import annotations

from typing import Final, final

from weir.gateway.config.snapshot import Operation
from weir.wire import balancers, grammar
from weir.wire.balancers import ForwardedCertificate
from weir.wire.message import HOP_BY_HOP, Field, KnownNames, Section

# Fields that the gateway sets itself, or that are between caller and platform only.
_KEPT_BACK: Final = (
    HOP_BY_HOP
    | balancers.FIELDS
    | {
        b"host",
        b"content-length",
        b"authorization",
        b"dpop",
        b"cookie",
        b"expect",
        b"x-fapi-interaction-id",
        b"forwarded",
        b"via",
        b"x-real-ip",
    }
)
_PRETENDED: Final = (b"weir-", b"openfinance-", b"x-forwarded-")


def is_passed_on(name: bytes) -> bool:
    """Whether a field travels on. A name with `_` does not: some servers read it as `-`."""
    return not (name in _KEPT_BACK or name.startswith(_PRETENDED) or b"_" in name)


_PASSED_ON: Final = KnownNames(is_passed_on)


def passed_on(fields: list[Field]) -> bytes:
    """Return the lines of the fields that travel on."""
    return b"".join([b"%b: %b\r\n" % field for field in fields if _PASSED_ON[field[0]]])


@final
class KnownHead:
    """A header section as the gateway reads it.

    `role` is the host's name in front of the domain, None for a host that the port does not serve;
    `interaction_id` the caller's, if it is a UUID; `bearer` the token under that scheme; `onward`
    the lines that travel to the member, None until a call asks for them; `certificate` the one
    that a balancer says it has verified, once one of a balancer's requests has asked for it.
    """

    __slots__ = ("bearer", "certificate", "certificate_is_read", "interaction_id", "onward", "role")

    def __init__(self, section: Section, role: str | None) -> None:
        self.role = role
        self.interaction_id = _uuid(section.single.get(b"x-fapi-interaction-id"))
        self.bearer = _bearer(section.single.get(b"authorization"))
        self.onward: bytes | None = None
        self.certificate: ForwardedCertificate | None = None
        self.certificate_is_read = False


def _uuid(given: bytes | None) -> bytes | None:
    return None if given is None or grammar.UUID.fullmatch(given) is None else given


def _bearer(authorization: bytes | None) -> bytes | None:
    """Return the token. Its verification refuses a text that is no
    b64token (RFC 6750 section 2.1).
    """
    if authorization is None or authorization[:7].lower() != b"bearer ":
        return None
    return authorization[7:]


@final
class RouteMatch:
    """A request line's match under the snapshot of number `sequence`.

    `path` is without the product's prefix; `opening` are the first lines of the member's request;
    `texts` the parameters that were read as bound values.
    """

    __slots__ = ("opening", "operation", "path", "query", "sequence", "texts", "values")

    def __init__(
        self, sequence: int, operation: Operation, values: list[bytes], path: bytes, query: bytes
    ) -> None:
        self.sequence = sequence
        self.operation = operation
        self.values = values  # of the path's parameters
        self.path = path
        self.query = query
        self.opening = b""
        self.texts: dict[str, str] = {}
