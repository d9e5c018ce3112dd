"""A document taken apart: what each operation carries."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from openapi_documents import EVENTS_31, FIXTURES, LEDGER_20, SMALL, bent, told

from weir.kernel.outcomes import Refusal
from weir.openapi.operations import (
    ImportedDocument,
    ImportedOperation,
    ImportedParameter,
    import_document,
)

FINE = {"responses": {"200": {"description": "Fine"}}}


def imported(document: dict[str, Any]) -> ImportedDocument:
    return import_document(json.dumps(document).encode())


def operation(document: ImportedDocument, operation_id: str) -> ImportedOperation:
    found = document.operation(operation_id)
    assert found is not None
    return found


def test_every_method_under_every_path_becomes_an_operation() -> None:
    pets = import_document(FIXTURES["3.0"])
    assert [(each.method, each.path, each.operation_id) for each in pets.operations] == [
        ("GET", "/pets", "listPets"),
        ("POST", "/pets", "addPet"),
        ("GET", "/pets/{PetId}", "get_pets_PetId"),
        ("HEAD", "/pets/{PetId}", "head_pets_PetId"),
        ("OPTIONS", "/pets/{PetId}", "options_pets_PetId"),
        ("TRACE", "/pets/{PetId}", "trace_pets_PetId"),
        ("GET", "/owners/{OwnerId}", "getOwner"),
    ]
    assert (pets.version, pets.title, pets.document_version) == ("3.0", "Pets", "1.0")


def test_an_operation_carries_what_the_platform_needs_of_it() -> None:
    add = operation(import_document(FIXTURES["3.0"]), "addPet")
    assert add.home == "/paths/~1pets/post"
    assert add.has_body
    assert add.body_media_types == [
        "application/json",
        "application/vnd.pets+json; charset=utf-8",
        "application/xml",
    ]
    assert add.security == [{}, {"oauth": ["pets.write"]}]
    assert add.source["deprecated"] is False
    listing = operation(import_document(FIXTURES["3.0"]), "listPets")
    assert (listing.summary, listing.description, listing.tags) == ("List pets", "", ["pets"])
    assert (listing.has_body, listing.body_media_types) == (False, [])
    assert listing.security == [{"key": []}]


def test_an_operations_parameter_replaces_its_path_items_whatever_the_headers_case() -> None:
    pets = import_document(FIXTURES["3.0"])
    assert operation(pets, "listPets").parameters == [
        ImportedParameter("x-TRACE", "header", True),
        ImportedParameter("limit", "query", False),
    ]
    assert operation(pets, "addPet").parameters == [ImportedParameter("X-Trace", "header", False)]
    assert operation(pets, "head_pets_PetId").parameters == [
        ImportedParameter("PetId", "path", True)
    ]


def test_a_2_0_document_gives_the_same_kind_of_operations() -> None:
    ledger = imported(LEDGER_20)
    post, scan = operation(ledger, "postEntry"), operation(ledger, "scan")
    assert (ledger.base_path, post.base_path) == ("/ledger", "/ledger")
    assert post.parameters == [ImportedParameter("book", "path", True)]
    assert (post.has_body, post.body_media_types) == (True, ["application/json"])
    assert (scan.has_body, scan.body_media_types) == (True, ["multipart/form-data"])
    assert (post.security, scan.security) == ([{"oauth": ["post"]}], [{"basic": []}])
    assert not operation(ledger, "listEntries").has_body


def test_a_3_1_path_item_by_reference_keeps_its_home() -> None:
    events = imported(EVENTS_31)
    add = operation(events, "addEvent")
    assert (add.path, add.home) == ("/events", "/components/pathItems/Events/post")
    assert events.shared["components"]["pathItems"]["Events"] == {}
    assert "happened" in events.shared["webhooks"]
    assert (
        imported({"openapi": "3.1.0", "info": EVENTS_31["info"], "webhooks": {}}).operations == []
    )


VARIABLES = {"h": {"default": "a"}, "v": {"default": "b/c"}}
BASE_PATHS: list[tuple[Any, str]] = [
    ([], ""),
    ([{"url": "/"}], ""),
    ([{"url": "/v1/"}], "/v1"),
    ([{"url": "https://a.example"}], ""),
    ([{"url": "HTTPS://a.example:8443/open/v4.0"}, {"url": "/other"}], "/open/v4.0"),
    ([{"url": "https://{h}/{v}", "variables": VARIABLES}], "/b/c"),
]


@pytest.mark.parametrize(("servers", "base_path"), BASE_PATHS)
def test_the_base_path_is_the_path_of_the_first_server(servers: Any, base_path: str) -> None:
    document = imported(SMALL | {"servers": servers})
    assert document.base_path == base_path
    assert {each.base_path for each in document.operations} == {base_path}


def test_an_operations_own_servers_go_before_its_path_items_and_the_documents() -> None:
    pets = import_document(FIXTURES["3.0"])
    assert pets.base_path == "/live/v1"
    assert operation(pets, "getOwner").base_path == "/owners-api/v2"
    document = imported(bent(SMALL, {"/paths/~1b/servers": [{"url": "/item"}]}))
    assert [each.base_path for each in document.operations] == ["", "/item"]


def test_derived_ids_do_not_depend_on_order_and_never_clash() -> None:
    paths: dict[str, Any] = {
        path: {"get": FINE} for path in ("/a-b", "/a/b", "/a.c", "/%E5%AD%97", "/x")
    }
    paths["/y"] = {"get": FINE | {"operationId": "get_x"}}
    backwards = dict(reversed(paths.items()))
    ids, again = (
        {each.path: each.operation_id for each in imported(SMALL | {"paths": order}).operations}
        for order in (paths, backwards)
    )
    assert ids == again
    assert len(set(ids.values())) == len(ids)
    assert (ids["/a.c"], ids["/y"]) == ("get_a_c", "get_x")


def test_a_derived_id_that_somebody_took_on_purpose_is_refused() -> None:
    paths = {"/a-b": {"get": FINE}, "/a/b": {"get": FINE}}
    first = imported(SMALL | {"paths": paths}).operations[0].operation_id
    with pytest.raises(Refusal) as caught:
        imported(SMALL | {"paths": paths | {"/c": {"get": FINE | {"operationId": first}}}})
    assert told(caught.value)[1] == "/paths/~1a-b/get"


@pytest.mark.parametrize("version", FIXTURES)
def test_a_document_survives_being_stored_as_json(version: str) -> None:
    document = import_document(FIXTURES[version])
    stored = msgspec.json.encode(document)
    assert msgspec.json.decode(stored, type=ImportedDocument) == document
    assert b'"in":' in stored
