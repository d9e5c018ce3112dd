"""View of a sound document for the rules: its operations, responses, parameters and fields."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from weir.openapi.bodies import is_json, json_schemas
from weir.openapi.grammar import Version
from weir.openapi.operation_list import ListedOperation, operations
from weir.openapi.operations import operation_ids
from weir.openapi.pointers import extend, follow
from weir.openapi.standard.fields import Field, FieldWalk, Start


@dataclass(frozen=True, slots=True)
class Response:
    """One response of an operation, references followed. `status` is as written, or `default`."""

    status: str
    value: dict[str, Any]
    pointer: str

    @property
    def is_error(self) -> bool:
        return self.status == "default" or self.status[:1] in ("4", "5")

    @property
    def is_success(self) -> bool:
        return self.status[:1] == "2"


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter that is not a body. `place` is path, query, header or cookie."""

    place: str
    name: str
    value: dict[str, Any]
    pointer: str

    @property
    def schema(self) -> dict[str, Any]:
        """The parameter's schema; in OpenAPI 2.0 the parameter itself."""
        found = self.value.get("schema", self.value)
        return found if isinstance(found, dict) else {}


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation with the parts that rules read."""

    operation_id: str
    listed: ListedOperation
    parameters: list[Parameter]
    responses: list[Response]

    @property
    def value(self) -> dict[str, Any]:
        return self.listed.operation

    @property
    def pointer(self) -> str:
        return self.listed.pointer

    @property
    def method(self) -> str:
        return self.listed.method


class Reading:
    """A validated document, read once for all rules."""

    def __init__(self, document: dict[str, Any], version: Version) -> None:
        self.document = document
        self.version = version
        listed = list(operations(document, version))
        self.operations = [
            Operation(name, each, self._parameters(each), self._responses(each))
            for each, name in zip(listed, operation_ids(listed), strict=True)
        ]
        self._fields: dict[str, list[Field]] = {}
        walk = FieldWalk(document, beside_reference=version == "3.1")
        for operation in self.operations:
            self._fields[operation.pointer] = list(walk.fields(self._starts(operation)))
        self.is_whole = walk.is_whole
        self.fields = list(
            dict.fromkeys(field for found in self._fields.values() for field in found)
        )

    def resolve(self, value: Any, pointer: str) -> tuple[Any, str]:
        """Return the value of a place, references followed, and its pointer."""
        return follow(self.document, value, pointer)

    def fields_of(self, operation: Operation) -> list[Field]:
        """Return the fields of an operation's parameters, requests and answers."""
        return self._fields[operation.pointer]

    def request_schemas(self, operation: Operation) -> Iterator[Start]:
        """Yield the schema of each JSON body the operation takes."""
        for schema, pointer in json_schemas(self.document, self.version, operation.listed):
            yield Start(schema, pointer, "request", "")

    def response_schemas(self, response: Response) -> Iterator[tuple[str, Any, str]]:
        """Yield media type, schema and pointer of each body of a response.

        OpenAPI 2.0 names no media type here.
        """
        if self.version == "2.0":
            if "schema" in response.value:
                yield "application/json", response.value["schema"], f"{response.pointer}/schema"
            return
        for name, media in response.value.get("content", {}).items():
            at = extend(f"{response.pointer}/content", name)
            yield name, media.get("schema", {}), f"{at}/schema"

    def _starts(self, operation: Operation) -> Iterator[Start]:
        for each in operation.parameters:
            yield Start(each.value, each.pointer, each.place, each.name)
        yield from self.request_schemas(operation)
        for response in operation.responses:
            side = "error" if response.is_error else "response"
            for media, schema, pointer in self.response_schemas(response):
                if is_json(media):
                    yield Start(schema, pointer, side, "")

    def _parameters(self, listed: ListedOperation) -> list[Parameter]:
        found: dict[tuple[str, str], Parameter] = {}
        for holder, pointer in (
            (listed.path_item, listed.path_item_pointer),
            (listed.operation, listed.pointer),
        ):
            for number, each in enumerate(holder.get("parameters", [])):
                value, at = follow(self.document, each, f"{pointer}/parameters/{number}")
                key = (value["in"], value["name"].lower())
                found[key] = Parameter(value["in"], value["name"], value, at)
        return [each for each in found.values() if each.place not in ("body", "formData")]

    def _responses(self, listed: ListedOperation) -> list[Response]:
        found = []
        for status, each in listed.operation.get("responses", {}).items():
            if status.startswith("x-"):
                continue
            at = extend(f"{listed.pointer}/responses", status)
            value, pointer = follow(self.document, each, at)
            found.append(Response(status, value, pointer))
        return found
