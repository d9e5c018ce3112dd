"""HTTP exchanges: one request and its whole, bounded answer."""

from __future__ import annotations

import json as json_text
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import httpx

from weir.client import errors
from weir.client.transport import TlsTransport
from weir.client.trust import tls_context
from weir.kernel.declares import BODY_BYTES, MEMBER_ANSWER_TIMEOUT_S

USER_AGENT: Final = "openweir-client"
INTERACTION: Final = "x-fapi-interaction-id"
_TIMEOUT_S: Final = MEMBER_ANSWER_TIMEOUT_S + 10.0  # the institution's time, and ours
_POOL_WAIT_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer. `content` holds at most `BODY_BYTES` bytes."""

    status: int
    headers: httpx.Headers
    content: bytes

    @property
    def interaction_id(self) -> str | None:
        """The identifier of this exchange in every party's records, or None."""
        name: str | None = self.headers.get(INTERACTION)
        return name

    def json(self) -> Any:
        """Return the JSON value; ProtocolError when the body is not JSON."""
        try:
            return json_text.loads(self.content)
        except ValueError as error:
            raise errors.ProtocolError("the answer is not JSON") from error

    def object(self) -> dict[str, Any]:
        """Return the JSON object, read strictly (no repeated names); ProtocolError otherwise."""
        value = errors.json_object(self.content)
        if value is None:
            raise errors.ProtocolError("the answer is not a JSON object")
        return value


class Exchange:
    """A pool of kept-alive TLS connections that sends requests. Close it, or use `async with`.

    `ca_file` is the alliance's root: no other authority is believed. With `certificate` and `key`
    (PEM files) every connection can show the client certificate.
    """

    def __init__(
        self,
        ca_file: Path,
        certificate: Path | None = None,
        key: Path | None = None,
        *,
        connections: int = 32,
    ) -> None:
        self._http = httpx.AsyncClient(
            transport=TlsTransport(tls_context(ca_file, certificate, key), connections),
            headers={"user-agent": USER_AGENT},
            timeout=httpx.Timeout(_TIMEOUT_S, pool=_POOL_WAIT_S),
            follow_redirects=False,
        )

    async def send(
        self,
        method: str,
        url: str,
        *,
        content: bytes | None = None,
        form: dict[str, str] | None = None,
        params: Mapping[str, str | Sequence[str]] | None = None,
        headers: dict[str, str] | None = None,
    ) -> Answer:
        """Send a request, and return the answer of any status. UnreachableError when none came."""
        request = self._http.build_request(
            method, url, content=content, data=form, params=params, headers=headers
        )
        try:
            response = await self._http.send(request, stream=True)
            try:
                body = await _read(response)
            finally:
                await response.aclose()
        except httpx.HTTPError as error:
            reason = str(error) or type(error).__name__
            where = f"{request.url.host} port {request.url.port or 443}"
            raise errors.UnreachableError(f"{where} gave no answer: {reason}") from error
        return Answer(response.status_code, response.headers, body)

    async def send_json(self, method: str, url: str, value: Any) -> Answer:
        """Send a request with a JSON body, as `send` does."""
        content = json_text.dumps(value, ensure_ascii=False).encode()
        return await self.send(
            method, url, content=content, headers={"content-type": "application/json"}
        )

    async def close(self) -> None:
        """Close all connections."""
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()


async def _read(response: httpx.Response) -> bytes:
    """Return the decoded body. ProtocolError when it is longer than BODY_BYTES."""
    parts: list[bytes] = []
    size = 0
    async for part in response.aiter_bytes():
        size += len(part)
        if size > BODY_BYTES:
            raise errors.ProtocolError("the answer is longer than any answer may be")
        parts.append(part)
    return b"".join(parts)
