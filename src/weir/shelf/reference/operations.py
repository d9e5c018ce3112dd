"""Contents of an operation's page, read from the document's stored parts.

Only the parts that the document's operations share are read, with the one operation; a document of
hundreds of operations costs its reader no more than a small one. The shared parts are kept for the
next reader.
"""

from __future__ import annotations

import asyncio
import json
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote, urlencode

import msgspec
from sqlalchemy import Text, cast, select
from sqlalchemy.ext.asyncio import AsyncConnection

from weir.openapi.bodies import is_json
from weir.openapi.operation_list import ListedOperation
from weir.openapi.operations import ImportedOperation
from weir.openapi.parameters import effective
from weir.openapi.pointers import find, read_pointer, write_pointer
from weir.openapi.standard.fields import GRADE, LABEL
from weir.openapi.tree_edits import with_values
from weir.shelf.capabilities import Capability
from weir.shelf.declares import REFERENCE_DEPTH, REFERENCE_KEPT_CHARACTERS
from weir.shelf.products import Product
from weir.shelf.reference import examples
from weir.shelf.reference.samples import Call
from weir.shelf.reference.schemas import Node, Reader
from weir.shelf.tables import capabilities, documents


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """A parameter. `where` is path, query, header or cookie; `example` is written as there."""

    where: str
    node: Node
    example: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """A body of a request or an answer in one media type. `example` is None without one."""

    media: str
    node: Node
    example: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One response. `status` is as written, or `default`."""

    status: str
    description: str
    headers: Sequence[Node]
    bodies: Sequence[Body]


@dataclass(frozen=True, slots=True, kw_only=True)
class OperationDescription:
    """An operation as its readers see it, in the words of its document."""

    summary: str
    summary_zh: str
    description: str
    deprecated: bool
    parameters: Sequence[Parameter]
    bodies: Sequence[Body]
    answers: Sequence[Answer]

    def call(self, product: Product, capability: Capability, api_origin: str) -> Call:
        """Return a call of the operation with its examples filled in."""
        path, query, headers = capability.path, [], {}
        for each in self.parameters:
            value = each.example
            if each.where == "path":
                path = path.replace(f"{{{each.node.name}}}", quote(value, safe=""))
            elif each.node.required and each.where == "query":
                query.append((each.node.name, value))
            elif each.node.required and each.where == "header":
                headers[each.node.name] = value
        address = f"{api_origin}{product.prefix}{path}"
        body = next((each.example for each in self.bodies if is_json(each.media)), None)
        return Call(
            method=capability.method,
            url=f"{address}?{urlencode(query)}" if query else address,
            headers=headers,
            body=body,
        )


async def describe(connection: AsyncConnection, capability: Capability) -> OperationDescription:
    """Return the contents of one operation's page."""
    version, shared = await _shared_of(connection, capability.document)
    found = await connection.execute(
        select(capabilities.c.definition).where(capabilities.c.id == capability.id)
    )
    operation = msgspec.convert(found.scalar_one(), ImportedOperation)
    return await asyncio.to_thread(_describe, version, shared, operation)


_HEADERS: Final = 50  # shown for one answer
# Members of a parameter itself, beside its schema.
_OF_PARAMETER: Final = ("description", "deprecated", "example", LABEL, GRADE)


class DocumentCache:
    """A cache of the parts that a document's operations share; documents never change.

    When it is full, the entries that were not used for the longest time are removed.
    """

    def __init__(self) -> None:
        self._found: OrderedDict[str, tuple[int, str, dict[str, Any]]] = OrderedDict()
        self._characters = 0

    def find(self, document: str) -> tuple[str, dict[str, Any]] | None:
        """Return the OpenAPI version, and the document without its operations; None if not kept."""
        if document not in self._found:
            return None
        self._found.move_to_end(document)
        return self._found[document][1:]

    def keep(self, document: str, version: str, text: str, shared: dict[str, Any]) -> None:
        """Keep an entry, and remove old ones while all entries together are too long."""
        self._found[document] = (len(text), version, shared)
        self._characters += len(text)
        while self._characters > REFERENCE_KEPT_CHARACTERS:
            _, (gone, _, _) = self._found.popitem(last=False)
            self._characters -= gone


_kept: Final = DocumentCache()


async def _shared_of(connection: AsyncConnection, document: str) -> tuple[str, dict[str, Any]]:
    """Return the document's OpenAPI version, and the document without its operations."""
    known = _kept.find(document)
    if known is not None:
        return known
    found = await connection.execute(
        select(documents.c.openapi, cast(documents.c.shared, Text)).where(
            documents.c.id == document
        )
    )
    version, text = found.one()
    shared = await asyncio.to_thread(msgspec.json.decode, text)
    if _kept.find(document) is None:  # another reader may have kept it meanwhile
        _kept.keep(document, version, text, shared)
    return version, shared


def _describe(
    version: str, shared: dict[str, Any], operation: ImportedOperation
) -> OperationDescription:
    home = read_pointer(operation.home)
    document = with_values(shared, {home: operation.source})
    listed = ListedOperation(
        operation.path,
        home[-1],
        operation.source,
        find(document, home[:-1]),
        write_pointer(home[:-1]),
    )
    reader = Reader(document)
    said = operation.source
    return OperationDescription(
        summary=operation.summary,
        summary_zh=str(said.get("x-summary-zh", "")),
        description=operation.description.strip(),
        deprecated=said.get("deprecated") is True,
        parameters=_parameters(reader, document, listed),
        bodies=_request(reader, version, document, listed, operation),
        answers=_answers(reader, version, document, said),
    )


def _parameters(
    reader: Reader, document: dict[str, Any], listed: ListedOperation
) -> list[Parameter]:
    found = []
    for (where, _), parameter in effective(document, listed).items():
        if where in ("body", "formData"):
            continue
        own = {name: parameter[name] for name in _OF_PARAMETER if name in parameter}
        schema = reader.merged(parameter.get("schema", parameter)) | own
        required = parameter.get("required") is True
        example = examples.of_schema(reader, schema)
        found.append(
            Parameter(
                where=where,
                node=reader.node(parameter["name"], schema, required=required),
                example="string" if example is None else _written(example),
            )
        )
    return found


def _request(
    reader: Reader,
    version: str,
    document: dict[str, Any],
    listed: ListedOperation,
    operation: ImportedOperation,
) -> list[Body]:
    if version != "2.0":
        return _bodies(reader, reader.resolve(listed.operation.get("requestBody")))
    media = (operation.body_media_types or ["application/json"])[0]
    return [
        _body(reader, media, {"schema": parameter["schema"]})
        for (where, _), parameter in effective(document, listed).items()
        if where == "body"
    ]


def _answers(
    reader: Reader, version: str, document: dict[str, Any], said: dict[str, Any]
) -> list[Answer]:
    answers = []
    for status, value in said.get("responses", {}).items():
        response = reader.resolve(value)
        if status.startswith("x-") or not response:
            continue
        if version == "2.0" and "schema" in response:
            media = (said.get("produces") or document.get("produces") or ["application/json"])[0]
            shown = response.get("examples") or {}
            example = {"example": shown[media]} if media in shown else {}
            bodies = [_body(reader, media, {"schema": response["schema"], **example})]
        else:
            bodies = _bodies(reader, response)
        description = str(response.get("description", "")).strip()
        headers = _headers(reader, response)
        answers.append(
            Answer(status=str(status), description=description, headers=headers, bodies=bodies)
        )
    return answers


def _headers(reader: Reader, response: dict[str, Any]) -> list[Node]:
    found = response.get("headers")
    nodes = []
    for name, value in list(found.items() if isinstance(found, dict) else ())[:_HEADERS]:
        header = reader.resolve(value)
        own = {name: header[name] for name in _OF_PARAMETER if name in header}
        schema = reader.merged(header.get("schema", header)) | own
        nodes.append(reader.node(name, schema, required=header.get("required") is True))
    return nodes


def _written(value: Any) -> str:
    """Write a value as in an address or a header: the items of a list with commas between."""
    if isinstance(value, list):
        return ",".join(map(_written, value))
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _bodies(reader: Reader, holder: dict[str, Any]) -> list[Body]:
    content = holder.get("content")
    if not isinstance(content, dict):
        return []
    return [
        _body(reader, media, value if isinstance(value, dict) else {})
        for media, value in list(content.items())[:REFERENCE_DEPTH]
    ]


def _body(reader: Reader, media: str, value: dict[str, Any]) -> Body:
    example = examples.of_media(reader, value) if is_json(media) else None
    return Body(media=media, node=reader.node("", value.get("schema", {})), example=example)
