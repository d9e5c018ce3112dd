"""What a message is refused for before it is a call, in the order that wire and front declare."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pytest
from gateway_support import House

from weir.gateway.front import front
from weir.kernel.declares import TOKEN_MISSING, UNKNOWN_HOST
from weir.kernel.outcomes import Outcome
from weir.wire import message
from weir.wire.declares import (
    HEADER_FIELDS,
    HEADERS_TOO_LARGE,
    HTTP_VERSION_UNSUPPORTED,
    MALFORMED_HTTP,
    METHOD_NOT_ALLOWED,
    REQUEST_LINE_BYTES,
    URI_TOO_LONG,
)

Row = tuple[str, Outcome]  # who refuses, and with what

DECLARED: Final[tuple[Row, ...]] = (
    *(("head", outcome) for outcome in message.REFUSALS),
    *(("host", outcome) for outcome in front.REFUSALS),
)


@dataclass
class Message:
    """A request that comes from a balancer, broken in every way until it is mended."""

    method: str = "PROPFIND"
    target: str = "/" + "a" * REQUEST_LINE_BYTES
    version: str = "HTTP/1.0"
    hosts: list[str] = field(default_factory=lambda: ["elsewhere.localhost"] * 2)
    certificate: bool = True
    fields: int = HEADER_FIELDS + 1

    def set(self, **values: Any) -> None:
        for name, value in values.items():
            setattr(self, name, value)

    def written(self) -> bytes:
        lines = [f"{self.method} {self.target} {self.version}"]
        lines += [f"Host: {host}" for host in self.hosts]
        lines += ["Client-Cert: of nobody"] if self.certificate else []
        lines += [f"X-{number}: x" for number in range(self.fields)]
        return "\r\n".join([*lines, "", ""]).encode()


MENDS: Final[dict[Row, Callable[[Message], object]]] = {
    ("head", HTTP_VERSION_UNSUPPORTED): lambda each: each.set(version="HTTP/1.1"),
    ("head", URI_TOO_LONG): lambda each: each.set(target="/"),
    ("head", HEADERS_TOO_LARGE): lambda each: each.set(fields=1),
    ("head", MALFORMED_HTTP): lambda each: each.hosts.pop(),
    ("head", METHOD_NOT_ALLOWED): lambda each: each.set(method="GET"),
    ("host", MALFORMED_HTTP): lambda each: each.set(certificate=False),
    ("host", UNKNOWN_HOST): lambda each: each.set(hosts=["api.localhost"]),
}


def test_every_declared_refusal_is_walked() -> None:
    assert MENDS.keys() == set(DECLARED)
    assert len(DECLARED) == len(set(DECLARED))


@pytest.mark.parametrize("mended", range(len(DECLARED) + 1))
async def test_refusals_come_in_their_declared_order(tmp_path: Path, mended: int) -> None:
    house, broken = House(tmp_path), Message()
    house.connection.certifies = True
    for row in DECLARED[:mended]:
        MENDS[row](broken)
    house.ask(broken.written())
    expected = DECLARED[mended][1] if mended < len(DECLARED) else TOKEN_MISSING
    assert house.problem["code"] == expected.code
