"""Requests to the management API: reads, safe writes, and lists of any length."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, TypeVar

from weir.client.errors import ProtocolError
from weir.client.exchange import Answer
from weir.client.session import Session
from weir.kernel.path_segments import segment

Document = dict[str, Any]
Item = TypeVar("Item")
Value = str | Sequence[str] | None  # of one name in a query; each of several is repeated


class Requests:
    """Sender of the operations' requests."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def get(self, path: str, **values: Value) -> Document:
        """Get one JSON object. Values that are None are left out of the query."""
        return (await self.fetch(path, **values)).object()

    async def whole(self, path: str) -> Document:
        """Get a JSON object that may be larger and deeper than an ordinary answer."""
        value = (await self.fetch(path)).json()
        if not isinstance(value, dict):
            raise ProtocolError("the answer is not a JSON object")
        return value

    async def fetch(self, path: str, **values: Value) -> Answer:
        """Get an answer of any media type. Values that are None are left out of the query.

        `path` has no query of its own, which the HTTP library would drop.
        """
        assert "?" not in path, "values come by name"
        return await self._session.call("GET", path, params=_given(values))

    async def post(self, path: str, given: Mapping[str, Any] | None = None) -> Document:
        """Create or do something once, however often the request must be sent."""
        return await self._write("POST", path, given)

    async def put(self, path: str, given: Mapping[str, Any]) -> Document:
        """Replace something by what is given."""
        return await self._write("PUT", path, given)

    async def upload(self, path: str, content: bytes, **values: str) -> Document:
        """Send bytes as they are, and return the answer's JSON object."""
        answer = await self._session.call(
            "POST",
            path,
            content=content,
            params=values,
            headers={"content-type": "application/octet-stream"},
            idempotency_key=str(uuid.uuid4()),
        )
        return answer.object()

    async def pages(self, path: str, **values: str | None) -> AsyncIterator[Any]:
        """Yield every item of a list, fetching a page when it is needed."""
        after: str | None = None
        while True:
            page = await self.get(path, after=after, **values)
            for item in page["items"]:
                yield item
            after = page.get("next")
            if after is None:
                return

    async def _write(self, method: str, path: str, given: Mapping[str, Any] | None) -> Document:
        """Send a JSON body under a new idempotency key, and return the answer's JSON object."""
        answer = await self._session.call(
            method, path, json=given, idempotency_key=str(uuid.uuid4())
        )
        return answer.object()


def quote_segment(name: str) -> str:
    """Quote an identifier or slug as one segment of a path."""
    return segment(name)


def _given(values: Mapping[str, Value]) -> dict[str, str | Sequence[str]]:
    return {name: value for name, value in values.items() if value is not None}


async def take_first(items: AsyncIterator[Item], most: int) -> list[Item]:
    """Return a list's first entries, at most `most`."""
    found: list[Item] = []
    async for item in items:
        found.append(item)
        if len(found) == most:
            break
    return found


async def collect(items: AsyncIterator[Item]) -> list[Item]:
    """Return a whole list at once."""
    return [item async for item in items]
