"""A product as a Postman collection says the same as its pages, and what it refers to is there."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from importlib.resources import files
from typing import Any
from urllib.parse import quote

import pytest

from weir.openapi.operations import ImportedDocument, ImportedOperation, import_document
from weir.shelf.capabilities import Capability
from weir.shelf.products import Product
from weir.shelf.reference.operations import OperationDescription, _describe
from weir.shelf.reference.postman import collection

API = "https://api.localhost:8444"
PRODUCT = Product(
    id="prd", owner="org", owner_slug="bank", slug="things", version=2, direction="go-out",
    title_en="Things", title_zh="东西", description="", description_zh="", suits_en="",
    suits_zh="", scenes=(), signed_messages=False, sandbox=True, status="published",
    drafted_at=datetime.now(UTC), published_at=None, retired_at=None,
)  # fmt: skip
MIXED = b"""{"openapi": "3.0.3", "info": {"title": "mixed", "version": "1"}, "paths": {
"/files/{name}.pdf/{page}": {"get": {"operationId": "page", "parameters": [
 {"name": "name", "in": "path", "required": true, "example": "a b", "schema": {"type": "string"}},
 {"name": "page", "in": "path", "required": true, "schema": {"type": "integer"}},
 {"name": "only", "in": "query", "required": true,
  "schema": {"type": "array", "items": {"type": "string", "enum": ["x&y"]}}},
 {"name": "also", "in": "query", "schema": {"type": "boolean"}}],
 "responses": {"200": {"description": "ok"}}}}}}"""
DOCUMENTS = [
    import_document(MIXED),
    *(
        import_document(each.read_bytes())
        for each in files("weir_sandbox").joinpath("documents").iterdir()
        if each.name.endswith((".yaml", ".json"))
    ),
]


def held(document: ImportedDocument) -> list[tuple[Capability, OperationDescription]]:
    return [
        (_capability(each), _describe(document.version, document.shared, each))
        for each in document.operations
    ]


def _capability(operation: ImportedOperation) -> Capability:
    return Capability(
        id="cap", document="doc", position=0, owner="org", operation_id=operation.operation_id,
        method=operation.method, path=operation.path, summary=operation.summary, summary_zh=None,
        state="published", consent_type=None, permission=None, moves_money=False, bindings=None,
        declared_at=None,
    )  # fmt: skip


def sent(request: dict[str, Any], variables: dict[str, str]) -> str:
    """The address that Postman calls."""
    own = {each["key"]: each["value"] for each in request["url"]["variable"]}
    path = [
        quote(own.pop(part[1:]) if part.startswith(":") else part, safe="")
        for part in request["url"]["path"]
    ]
    assert own == {}, "a variable that stands nowhere"
    query = [each for each in request["url"]["query"] if not each.get("disabled")]
    asked = "&".join(f"{each['key']}={quote(each['value'], safe='')}" for each in query)
    (host,) = request["url"]["host"]
    address = re.sub(r"\{\{(\w+)\}\}", lambda found: variables[found[1]], host)
    return "/".join([address, *path]) + (f"?{asked}" if asked else "")


@pytest.mark.parametrize("document", DOCUMENTS)
def test_each_request_is_the_call_of_the_operations_page(document: ImportedDocument) -> None:
    operations = held(document)
    made = json.loads(json.dumps(collection(PRODUCT, API, operations)))
    assert made["info"]["schema"].endswith("/v2.1.0/collection.json")
    variables = {each["key"]: each["value"] for each in made["variable"]}
    assert variables == {"baseUrl": f"{API}/bank/things/v2", "token": ""}
    assert made["auth"]["bearer"][0]["value"] == "{{token}}"
    for (capability, described), item in zip(operations, made["item"], strict=True):
        call, request = described.call(PRODUCT, capability, API), item["request"]
        assert request["method"] == call.method
        assert sent(request, variables) == call.url
        headers = [each for each in request["header"] if not each.get("disabled")]
        assert {each["key"]: each["value"] for each in headers} == call.sent
        assert json.loads(request.get("body", {}).get("raw", "null")) == call.body


def test_what_is_optional_stands_there_switched_off() -> None:
    ((capability, described), *_) = held(DOCUMENTS[0])
    (item,) = collection(PRODUCT, API, [(capability, described)])["item"]
    address = item["request"]["url"]
    assert address["raw"] == "{{baseUrl}}/files/a b.pdf/:page?only=x&y"
    assert [(each["key"], each.get("disabled", False)) for each in address["query"]] == [
        ("only", False),
        ("also", True),
    ]
