"""Import of a document: every operation by itself, and the parts that operations share.

Nothing is lost: the operations' objects and the rest of the document, put together again
(`regeneration.py`), are the document that was read.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

import msgspec

from weir.openapi.bodies import BODY_PLACES_20, has_body, media_types
from weir.openapi.declares import DOCUMENT_BYTES
from weir.openapi.grammar import Version
from weir.openapi.operation_list import ListedOperation, operations
from weir.openapi.parameters import Key, effective
from weir.openapi.pointers import read_pointer
from weir.openapi.reader import read_document
from weir.openapi.refusals import invalid, too_large
from weir.openapi.servers import base_path_3, base_path_20
from weir.openapi.tree_edits import without_places
from weir.openapi.validator import validate


class ImportedParameter(msgspec.Struct, frozen=True):
    """One parameter an operation takes.

    `location` (`in` on the wire) is path, query, header or cookie.
    """

    name: str
    location: str = msgspec.field(name="in")
    required: bool


class ImportedOperation(msgspec.Struct, frozen=True):
    """One operation of a document, of which one capability is made.

    `operation_id` is derived from method and path when the document declares none. `base_path` is
    the document's unless the operation or its path item names servers of its own. `security` is the
    document's unless the operation has its own; each requirement maps scheme names to scopes.
    `source` is the operation object as it stood at the JSON pointer `home`.
    """

    operation_id: str
    method: str  # upper-case
    path: str
    base_path: str
    summary: str
    description: str
    tags: list[str]
    parameters: list[ImportedParameter]
    has_body: bool
    body_media_types: list[str]
    security: list[dict[str, list[str]]]
    home: str
    source: dict[str, Any]


class ImportedDocument(msgspec.Struct, frozen=True):
    """A document by operation. `shared` is the document without its operation objects."""

    version: Version
    title: str
    document_version: str
    base_path: str
    operations: list[ImportedOperation]
    shared: dict[str, Any]

    def operation(self, operation_id: str) -> ImportedOperation | None:
        """Return the operation of this id, declared or derived; None without one."""
        return next((each for each in self.operations if each.operation_id == operation_id), None)


def import_document(raw: bytes) -> ImportedDocument:
    """Read, validate and take apart an OpenAPI 2.0, 3.0 or 3.1 document.

    Refuses with DOCUMENT_TOO_LARGE, DOCUMENT_UNREADABLE or DOCUMENT_INVALID, each with a public
    `pointer` and `why`. The parts share objects with one another and must not be changed.
    """
    document = read_document(raw)
    version = validate(document)
    listed = list(operations(document, version))
    taken = _Taking(document, version)
    imported = [
        taken.operation(each, operation_id)
        for each, operation_id in zip(listed, operation_ids(listed), strict=True)
    ]
    return ImportedDocument(
        version=version,
        title=document["info"]["title"],
        document_version=document["info"]["version"],
        base_path=taken.base_path,
        operations=imported,
        shared=without_places(document, [read_pointer(each.pointer) for each in listed]),
    )


def operation_ids(listed: list[ListedOperation]) -> Iterator[str]:
    """Yield an id for each operation: the declared one, or one made of its method and path.

    `GET /accounts/{AccountId}` becomes `get_accounts_AccountId`. If two operations would get one
    name that way, each gets the beginning of a digest of its method and path behind it, so an id
    does not depend on the order of the paths.
    """
    declared = [each.operation.get("operationId") for each in listed]
    derived = [_words(each) for each in listed]
    counts = Counter(name or word for name, word in zip(declared, derived, strict=True))
    for each, name, word in zip(listed, declared, derived, strict=True):
        derived_id = word if counts[word] == 1 else f"{word}_{_digest(each)}"
        if name is None and derived_id != word and derived_id in counts:
            raise invalid(each.pointer, "It has no operationId, and the one made for it is taken.")
        yield name or derived_id


def _words(listed: ListedOperation) -> str:
    return "_".join([listed.method, *re.findall(r"[A-Za-z0-9]+", listed.path)])


def _digest(listed: ListedOperation) -> str:
    return hashlib.sha256(f"{listed.method} {listed.path}".encode()).hexdigest()[:16]


class _Taking:
    """The import of one document's operations, bounded by the size of repeated parts.

    Ten thousand operations may share one long list of media types or security requirements; written
    out for each, a small document could fill a disk. DOCUMENT_BYTES bounds the sum.
    """

    def __init__(self, document: dict[str, Any], version: Version) -> None:
        self._document = document
        self._version = version
        self._characters = 0
        self.base_path = (
            base_path_20(document)
            if version == "2.0"
            else base_path_3(document.get("servers", []), "/servers")
        )

    def operation(self, listed: ListedOperation, operation_id: str) -> ImportedOperation:
        """Return one operation, references followed."""
        operation = listed.operation
        parameters = effective(self._document, listed)
        types = media_types(self._document, self._version, listed)
        security = operation.get("security", self._document.get("security", []))
        self._weigh(types, security)
        return ImportedOperation(
            operation_id=operation_id,
            method=listed.method.upper(),
            path=listed.path,
            base_path=self._base_path(listed),
            summary=operation.get("summary", ""),
            description=operation.get("description", ""),
            tags=operation.get("tags", []),
            parameters=_parameters(parameters),
            has_body=has_body(self._document, self._version, listed),
            body_media_types=types,
            security=security,
            home=listed.pointer,
            source=operation,
        )

    def _base_path(self, listed: ListedOperation) -> str:
        if self._version == "2.0":
            return self.base_path
        for holder, pointer in (
            (listed.operation, listed.pointer),
            (listed.path_item, listed.path_item_pointer),
        ):
            if holder.get("servers"):
                return base_path_3(holder["servers"], f"{pointer}/servers")
        return self.base_path

    def _weigh(self, types: list[str], security: list[dict[str, list[str]]]) -> None:
        self._characters += sum(len(each) + 2 for each in types)
        for requirement in security:
            self._characters += 2 + sum(
                len(name) + 2 + sum(len(scope) + 2 for scope in scopes)
                for name, scopes in requirement.items()
            )
        if self._characters > DOCUMENT_BYTES:
            why = "Media types and security, written out for each operation, are too long."
            raise too_large("/paths", why)


def _parameters(parameters: dict[Key, dict[str, Any]]) -> list[ImportedParameter]:
    return [
        ImportedParameter(
            name=parameter["name"], location=place, required=parameter.get("required", False)
        )
        for (place, _), parameter in parameters.items()
        if place not in BODY_PLACES_20
    ]
