"""A client of the management API within the portal's process, for the person who is signed in.

The portal is a client of the API like any other: a page can do nothing that the API and the command
line cannot, under the same permissions and into the same audit trail.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote, urlencode

from weir.identity.acting_person import ACTING, ActingPerson
from weir.kernel.declares import PLATFORM_ERROR
from weir.kernel.outcomes import Refusal
from weir.kernel.rooms import refusals

Asgi = Callable[[Any, Any, Any], Awaitable[None]]
Document = dict[str, Any]
_JSON: Final = "application/json"


class Management:
    """The API as an ASGI application of this process."""

    def __init__(self, application: Asgi) -> None:
        self._application = application

    def client_for(self, acting: ActingPerson, interaction_id: str) -> ManagementClient:
        """Return the API for one person and one request of the portal."""
        return ManagementClient(self._application, acting, interaction_id)


@dataclass(frozen=True, slots=True)
class ManagementClient:
    """Reads and writes for one person. A refusal of the API is raised as the same Refusal."""

    application: Asgi
    acting: ActingPerson
    interaction_id: str

    async def get(self, path: str, **values: str | list[str] | None) -> Document:
        """Read one thing or one page of a list, as a JSON object. None values leave the query."""
        found: Document = json.loads(await self.fetch(path, **values))
        return found

    async def all(self, path: str, most: int = 1_000, **values: str | None) -> list[Document]:
        """Read a list's entries, page after page, up to `most` of them."""
        items: list[Document] = []
        after: str | None = None
        while len(items) < most:
            page = await self.get(path, after=after, **values)
            items += page["items"]
            after = page["next"]
            if after is None:
                break
        return items[:most]

    async def fetch(self, path: str, **values: str | list[str] | None) -> bytes:
        """Read an answer's bytes, of any media type."""
        return await self._ask("GET", path, values)

    async def post(self, path: str, given: Document | None = None, key: str = "") -> Document:
        """Create or do something; `key` makes a repeated form do it once (Idempotency-Key)."""
        return await self._write("POST", path, given, key)

    async def put(self, path: str, given: Document) -> Document:
        """Replace something by what is given."""
        return await self._write("PUT", path, given, "")

    async def upload(self, path: str, content: bytes, **values: str) -> Document:
        """Send bytes as they are, and return the answer's JSON object."""
        made: Document = json.loads(
            await self._ask("POST", path, values, content, "application/octet-stream")
        )
        return made

    async def _write(self, method: str, path: str, given: Document | None, key: str) -> Document:
        """Send a JSON body, and return the answer's JSON object."""
        body = b"" if given is None else json.dumps(given).encode()
        made: Document = json.loads(await self._ask(method, path, {}, body, _JSON, key))
        return made

    async def _ask(
        self,
        method: str,
        path: str,
        values: dict[str, Any],
        body: bytes = b"",
        media_type: str = _JSON,
        key: str = "",
    ) -> bytes:
        given = {name: value for name, value in values.items() if value is not None}
        query = urlencode(given, doseq=True)
        headers = {
            "weir-host-role": "manage",
            "weir-interaction-id": self.interaction_id,
            "content-type": media_type,
        }
        if key:
            headers["idempotency-key"] = key
        scope = self._scope(method, path, query, headers)
        answer = _Answer(body)
        try:
            await self.application(scope, answer.receive, answer.send)
        except Exception:  # the API has answered and logged it: what it answered is raised below
            if answer.status == 0:
                raise
        return answer.content()

    def _scope(self, method: str, path: str, query: str, headers: dict[str, str]) -> Document:
        """Return the ASGI scope of a request in this person's name."""
        return {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "scheme": "https",
            "path": path,
            "raw_path": path.encode(),
            "root_path": "",
            "query_string": query.encode(),
            "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
            "client": None,
            "server": None,
            ACTING: self.acting,
        }


class _Answer:
    """The server's side of one ASGI exchange: the request's body, the answer's status and bytes."""

    def __init__(self, body: bytes) -> None:
        self._body = body
        self._sent = False
        self._received = b""
        self.status = 0

    async def receive(self) -> Document:
        if self._sent:
            return {"type": "http.disconnect"}
        self._sent = True
        return {"type": "http.request", "body": self._body, "more_body": False}

    async def send(self, message: Document) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
        else:
            self._received += message.get("body", b"")

    def content(self) -> bytes:
        """Return the answer's bytes, or raise the Refusal that its problem document names."""
        if self.status < 400:
            return self._received
        problem = json.loads(self._received)
        outcome = refusals().get(problem["code"], PLATFORM_ERROR)
        raise Refusal(outcome, "from the management API", **problem.get("parameters", {}))


def place(value: str) -> str:
    """Quote a value as one segment of a path."""
    return quote(value, safe="")
