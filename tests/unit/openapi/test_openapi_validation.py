"""Validation: every refusal with its pointer, then the documents that must be taken."""

from __future__ import annotations

import json
from typing import Any

import pytest
from openapi_documents import EVENTS_31, FIXTURES, LEDGER_20, REMOVED, SMALL, bent, told

from weir.kernel.outcomes import Refusal
from weir.openapi.declares import DOCUMENT_OPERATIONS, DOCUMENT_REFERENCE_HOPS
from weir.openapi.operations import import_document
from weir.openapi.reader import read_document
from weir.openapi.validator import validate

GET = "/paths/~1a~1{x}/get"
POST = "/paths/~1b/post"
ITEM_B = "/paths/~1b"
SCHEMA = "/components/schemas/S"
LINKS = f"{POST}/responses/200/links"
FINE = {"responses": {"200": {"description": "Fine"}}}
PATH_X = {"name": "x", "in": "path", "required": True, "schema": {}}
QUERY_Q = {"name": "q", "in": "query", "schema": {}}
HOPS = DOCUMENT_REFERENCE_HOPS

Row = tuple[str, dict[str, Any], str, str]

REFUSED_30: list[Row] = [
    # The document and its version
    ("no version", {"/openapi": REMOVED}, "", "openapi and swagger"),
    ("two versions", {"/swagger": "2.0"}, "", "openapi and swagger"),
    ("version as a number", {"/openapi": 3.0}, "/openapi", "must be text"),
    ("version too new", {"/openapi": "3.2.0"}, "/openapi", "3.1.0"),
    ("version cut", {"/openapi": "3.0"}, "/openapi", "3.0.3"),
    ("no info", {"/info": REMOVED}, "", '"info" is missing'),
    ("no title", {"/info/title": REMOVED}, "/info", '"title" is missing'),
    ("empty title", {"/info/title": " "}, "/info/title", "not empty"),
    ("version a number", {"/info/version": 1.0}, "/info/version", "must be text"),
    ("no paths", {"/paths": REMOVED}, "", '"paths" is missing'),
    ("paths a list", {"/paths": []}, "/paths", "an object"),
    ("unknown member", {"/basePath": "/"}, "/basePath", "no member"),
    ("reference at the root", {"/$ref": "#/info"}, "/$ref", "no member"),
    ("3.1 member", {"/webhooks": {}}, "/webhooks", "no member"),
    # Paths
    ("path without slash", {"/paths/c": {}}, "/paths/c", "not a name"),
    ("path with query", {"/paths/~1c?d": {}}, "/paths/~1c?d", "RFC 3986"),
    ("path with fragment", {"/paths/~1c#d": {}}, "/paths/~1c#d", "RFC 3986"),
    ("path with space", {"/paths/~1c d": {}}, "/paths/~1c d", "RFC 3986"),
    ("path in Chinese", {"/paths/~1账户": {}}, "/paths/~1账户", "RFC 3986"),
    ("path half encoded", {"/paths/~1%4": {}}, "/paths/~1%4", "RFC 3986"),
    ("path with open brace", {"/paths/~1{c": {}}, "/paths/~1{c", "RFC 3986"),
    ("path with nameless", {"/paths/~1{}": {}}, "/paths/~1{}", "RFC 3986"),
    ("path with nested", {"/paths/~1{a{b}}": {}}, "/paths/~1{a{b}}", "RFC 3986"),
    ("path with empty segment", {"/paths/~1c~1~1d": {}}, "/paths/~1c~1~1d", "empty segment"),
    ("path with dots", {"/paths/~1c~1..~1d": {}}, "/paths/~1c~1..~1d", "dots"),
    ("path with hidden dots", {"/paths/~1%2E.": {}}, "/paths/~1%2E.", "dots"),
    ("path naming twice", {"/paths/~1{c}~1{c}": {}}, "/paths/~1{c}~1{c}", "twice"),
    ("paths of one shape", {"/paths/~1a~1{y}": {}}, "/paths/~1a~1{y}", '"/a/{x}"'),
    ("unknown method", {"/paths/~1b/query": FINE}, "/paths/~1b/query", "no member"),
    ("upper-case method", {"/paths/~1b/GET": FINE}, "/paths/~1b/GET", "no member"),
    ("null path item", {"/paths/~1c": None}, "/paths/~1c", "an object"),
    ("two paths, one item", {"/paths/~1c": {"$ref": "#/paths/~1b"}}, "/paths/~1c", "already"),
    ("item inside another", {"/paths/~1c": {"$ref": f"#{POST}/callbacks/n/e"},
        f"{POST}/callbacks": {"n": {"e": {"get": FINE}}}}, "/paths/~1c", "inside"),
    ("operation beside $ref", {"/x-i": {}, "/paths/~1c": {"$ref": "#/x-i", "get": FINE}},
        "/paths/~1c", "beside $ref"),
    # Operations
    ("no responses", {f"{POST}/responses": REMOVED}, POST, '"responses" is missing'),
    ("empty responses", {f"{POST}/responses": {"x-a": 1}}, f"{POST}/responses", "at least one"),
    ("strange status", {f"{POST}/responses/600": {}}, f"{POST}/responses/600", "not a name"),
    ("lower-case range", {f"{POST}/responses/2xx": {}}, f"{POST}/responses/2xx", "not a name"),
    ("undescribed response", {f"{POST}/responses/200/description": REMOVED},
        f"{POST}/responses/200", '"description" is missing'),
    ("misspelt member", {f"{POST}/paramaters": []}, f"{POST}/paramaters", "no member"),
    ("empty operationId", {f"{GET}/operationId": ""}, f"{GET}/operationId", "not empty"),
    ("repeated operationId", {f"{POST}/operationId": "getA"}, f"{POST}/operationId", '"getA"'),
    ("endless operationId", {f"{GET}/operationId": "x" * 1025}, f"{GET}/operationId", "1024"),
    ("tags text", {f"{GET}/tags": "a"}, f"{GET}/tags", "a list"),
    ("tag a number", {f"{GET}/tags": ["a", 1]}, f"{GET}/tags/1", "text"),
    ("deprecated text", {f"{GET}/deprecated": "yes"}, f"{GET}/deprecated", "true or false"),
    # Parameters
    ("undeclared", {"/paths/~1a~1{x}/parameters": REMOVED}, GET, '"x" is not declared'),
    ("not in the path", {f"{POST}/parameters": [PATH_X]}, f"{POST}/parameters", '"{x}"'),
    ("item's not in the path", {f"{ITEM_B}/parameters": [PATH_X]}, f"{ITEM_B}/parameters", '"{x}"'),
    ("declared elsewhere", {"/paths/~1a~1{x}/parameters/0/in": "query"}, GET, "not declared"),
    ("path parameter optional", {"/paths/~1a~1{x}/parameters/0/required": False},
        "/paths/~1a~1{x}/parameters/0", "required: true"),
    ("twice", {f"{POST}/parameters": [QUERY_Q, QUERY_Q]}, f"{POST}/parameters/1", "twice"),
    ("twice but for case", {f"{POST}/parameters": [
        QUERY_Q | {"in": "header"}, QUERY_Q | {"in": "header", "name": "Q"}]},
        f"{POST}/parameters/1", "twice"),
    ("nameless", {f"{POST}/parameters": [{"in": "query", "schema": {}}]},
        f"{POST}/parameters/0", '"name" is missing'),
    ("in a 2.0 place", {f"{POST}/parameters": [QUERY_Q | {"in": "body"}]},
        f"{POST}/parameters/0/in", "one of query, header, path, cookie"),
    ("no schema", {f"{POST}/parameters": [{"name": "q", "in": "query"}]},
        f"{POST}/parameters/0", "schema and content"),
    ("schema and content", {f"{POST}/parameters": [QUERY_Q | {"content": {"a/b": {}}}]},
        f"{POST}/parameters/0", "schema and content"),
    ("two contents", {f"{POST}/parameters": [
        {"name": "q", "in": "query", "content": {"a/b": {}, "a/c": {}}}]},
        f"{POST}/parameters/0", "exactly one media type"),
    # Bodies
    ("body without content", {f"{POST}/requestBody": {}}, f"{POST}/requestBody", '"content"'),
    ("strange media type", {f"{POST}/requestBody": {"content": {"json": {}}}},
        f"{POST}/requestBody/content/json", "not a name"),
    # References
    ("dangling", {f"{POST}/responses/200": {"$ref": "#/components/responses/No"}},
        f"{POST}/responses/200/$ref", "points at nothing"),
    ("remote", {f"{POST}/responses/200": {"$ref": "https://example.com/r.json#/r"}},
        f"{POST}/responses/200/$ref", "leaves the document"),
    ("a file", {"/paths/~1c": {"$ref": "c.yaml"}}, "/paths/~1c/$ref", "leaves the document"),
    ("of another sort", {f"{POST}/responses/200": {"$ref": "#/components/schemas/S"}},
        "/components/schemas/S", '"description" is missing'),
    ("to a scalar", {f"{POST}/responses/200": {"$ref": "#/info/title"}},
        "/info/title", "an object"),
    ("not text", {f"{POST}/responses/200": {"$ref": 1}}, f"{POST}/responses/200/$ref", "text"),
    ("to itself", {"/components/schemas/S": {"$ref": "#/components/schemas/S"}},
        "/components/schemas/S", "itself"),
    ("to each other", {"/components/schemas/S": {"$ref": "#/components/schemas/T"},
        "/components/schemas/T": {"$ref": "#/components/schemas/S"}}, "/components/schemas/S", ""),
    ("too many hops", {"/components/schemas": {"0": {}} | {
        str(n + 1): {"$ref": f"#/components/schemas/{n}"} for n in range(HOPS)}},
        f"/components/schemas/{HOPS}", "further references"),
    # Schemas
    ("schema a list", {SCHEMA: []}, SCHEMA, "an object"),
    ("schema true", {SCHEMA: True}, SCHEMA, "an object"),
    ("unknown type", {f"{SCHEMA}/type": "text"}, f"{SCHEMA}/type", "one of"),
    ("types", {f"{SCHEMA}/type": ["string"]}, f"{SCHEMA}/type", "one of"),
    ("type null", {f"{SCHEMA}/type": None}, f"{SCHEMA}/type", "one of"),
    ("properties a list", {f"{SCHEMA}/properties": []},
        f"{SCHEMA}/properties", "an object"),
    ("property null", {f"{SCHEMA}/properties/s": None},
        f"{SCHEMA}/properties/s", "an object"),
    ("required true", {f"{SCHEMA}/required": True},
        f"{SCHEMA}/required", "a list"),
    ("items a list", {f"{SCHEMA}/items": [{}]}, f"{SCHEMA}/items", "an"),
    ("maximum text", {f"{SCHEMA}/maximum": "9"},
        f"{SCHEMA}/maximum", "a number"),
    ("minLength negative", {f"{SCHEMA}/minLength": -1},
        f"{SCHEMA}/minLength", "zero or more"),
    ("deep inside", {f"{SCHEMA}/allOf": [{"anyOf": [{"not": {"items": 1}}]}]},
        f"{SCHEMA}/allOf/0/anyOf/0/not/items", "an object"),
    ("mapping to nothing", {f"{SCHEMA}/discriminator": {
        "propertyName": "s", "mapping": {"a": "#/components/schemas/No"}}},
        f"{SCHEMA}/discriminator/mapping/a", "nothing"),
    ("mapping to no schema", {f"{SCHEMA}/discriminator": {
        "propertyName": "s", "mapping": {"a": "#/components/responses/Fine"}}},
        f"{SCHEMA}/discriminator/mapping/a", "a schema"),
    # Security
    ("unknown scheme", {f"{GET}/security": [{"key": [], "no": []}]},
        f"{GET}/security/0/no", '"no"'),
    ("unknown scheme for all", {"/security": [{"no": []}]}, "/security/0/no", '"no"'),
    ("unknown scheme named x-", {"/security": [{"x-no": []}]}, "/security/0/x-no", '"x-no"'),
    ("scopes text", {"/security": [{"key": "all"}]}, "/security/0/key", "a list"),
    ("strange scheme", {"/components/securitySchemes/key/type": "basic"},
        "/components/securitySchemes/key/type", "one of"),
    ("nameless key", {"/components/securitySchemes/key/name": REMOVED},
        "/components/securitySchemes/key", "name is missing"),
    ("oauth2 without flows", {"/components/securitySchemes/o": {"type": "oauth2"}},
        "/components/securitySchemes/o", "flows is missing"),
    ("flow without token", {"/components/securitySchemes/o": {
        "type": "oauth2", "flows": {"password": {"scopes": {}}}}},
        "/components/securitySchemes/o/flows/password", '"tokenUrl" is missing'),
    # Links
    ("link to nothing", {LINKS: {"l": {"operationId": "no"}}},
        f"{LINKS}/l/operationId", '"no"'),
    ("link to nowhere", {LINKS: {"l": {"operationRef": "#/paths/~1c"}}},
        f"{LINKS}/l/operationRef", "nothing"),
    ("link to two", {LINKS: {"l": {"operationId": "a", "operationRef": "b"}}},
        f"{LINKS}/l", "exactly one"),
    # Servers
    ("server by name", {"/servers": [{"url": "api/v1"}]}, "/servers/0/url", "slash"),
    ("server by protocol", {"/servers": [{"url": "//host/v1"}]}, "/servers/0/url", "slash"),
    ("server of script", {"/servers": [{"url": "javascript:alert(1)"}]}, "/servers/0/url", "slash"),
    ("server unreadable", {"/servers": [{"url": "https://[a/"}]}, "/servers/0/url", "read"),
    ("server with query", {"/servers": [{"url": "https://a/b?c"}]}, "/servers/0/url", "query"),
    ("server with dots", {"/servers": [{"url": "https://a/b/../c"}]}, "/servers/0/url", "dots"),
    ("server of variables", {"/servers": [{"url": "/{v}"}]}, "/servers/0/url", "not declared"),
    ("server braced by a variable", {"/servers": [
        {"url": "/{v}", "variables": {"v": {"default": "{w}"}}}]}, "/servers/0/url", "parameters"),
    ("server grown by variables", {"/servers": [
        {"url": "/{v}{v}", "variables": {"v": {"default": "v" * 9_999}}}]},
        "/servers/0/url", "1024"),
    ("operation's server", {f"{POST}/servers": [{"url": "v1"}]}, f"{POST}/servers/0/url", "slash"),
]  # fmt: skip

ENTRIES = "/paths/~1books~1{book}~1entries"
BODY = {"name": "b", "in": "body", "schema": {}}
FORM = {"name": "f", "in": "formData", "type": "file"}

REFUSED_20: list[Row] = [
    ("version as a number", {"/swagger": 2.0}, "/swagger", "in quotes"),
    ("a 3.0 member", {"/servers": []}, "/servers", "no member"),
    ("basePath without slash", {"/basePath": "v1"}, "/basePath", "slash"),
    ("basePath templated", {"/basePath": "/{v}"}, "/basePath", "no parameters"),
    ("trace", {f"{ENTRIES}/trace": FINE}, f"{ENTRIES}/trace", "no member"),
    ("range of statuses", {f"{ENTRIES}/get/responses/2XX": {"description": ""}},
        f"{ENTRIES}/get/responses/2XX", "not a name"),
    ("body without schema", {"/parameters/Entry/schema": REMOVED}, "/parameters/Entry", "schema"),
    ("query without type", {f"{ENTRIES}/get/parameters/0/type": REMOVED},
        f"{ENTRIES}/get/parameters/0", "needs the member type"),
    ("array without items", {f"{ENTRIES}/get/parameters/0/items": REMOVED},
        f"{ENTRIES}/get/parameters/0", "needs items"),
    ("file in the query", {f"{ENTRIES}/get/parameters/0/type": "file"},
        f"{ENTRIES}/get/parameters/0", "formData"),
    ("two bodies", {f"{ENTRIES}/post/parameters/1": BODY},
        f"{ENTRIES}/post/parameters", "one body"),
    ("body and form", {f"{ENTRIES}/post/parameters/1": FORM},
        f"{ENTRIES}/post/parameters", "one body"),
    ("header without type", {f"{ENTRIES}/get/responses/200/headers/X-Total/type": REMOVED},
        f"{ENTRIES}/get/responses/200/headers/X-Total", '"type" is missing'),
    ("flow without token", {"/securityDefinitions/oauth/tokenUrl": REMOVED},
        "/securityDefinitions/oauth", "tokenUrl"),
    ("unknown scheme", {"/security": [{"no": []}]}, "/security/0/no", '"no"'),
    ("dangling", {"/definitions/Problem": {"$ref": "#/definitions/No"}},
        "/definitions/Problem/$ref", "nothing"),
]  # fmt: skip

EVENT = "/components/schemas/Event"

REFUSED_31: list[Row] = [
    ("nothing", {"/paths": REMOVED, "/webhooks": REMOVED, "/components": REMOVED, "/security": []},
        "", "paths, components or webhooks"),
    ("unknown type", {f"{EVENT}/type": ["object", "text"]}, f"{EVENT}/type/1", "one of"),
    ("no types", {f"{EVENT}/type": []}, EVENT, "at least one"),
    ("type twice", {f"{EVENT}/type": ["null", "null"]}, EVENT, "none twice"),
    ("$id", {f"{EVENT}/$id": "https://example.com/e"}, EVENT, "$id"),
    ("$dynamicRef", {"/components/schemas/T/$dynamicRef": "#a"}, "/components/schemas/T", "$dyn"),
    ("anchor", {"/components/schemas/T/$ref": "#local"}, "/components/schemas/T/$ref", "leaves"),
    ("beside a reference", {"/components/schemas/T/items": 1},
        "/components/schemas/T/items", "true or false, or an object"),
    ("schema text", {f"{EVENT}/properties/id": "string"},
        f"{EVENT}/properties/id", "true or false"),
    ("exclusiveMinimum true", {f"{EVENT}/exclusiveMinimum": True},
        f"{EVENT}/exclusiveMinimum", "a number"),
    ("webhook", {"/webhooks/happened/post/requestBody": {}},
        "/webhooks/happened/post/requestBody", '"content" is missing'),
    ("nameless item", {"/paths/~1events/$ref": "#/components/pathItems/No"},
        "/paths/~1events/$ref", "nothing"),
    ("dangling $defs", {"/components/schemas/T/$ref": "#/components/schemas/Event/$defs/No"},
        "/components/schemas/T/$ref", "nothing"),
]  # fmt: skip

ROWS = [
    (version, document, *row)
    for version, document, rows in (
        ("3.0", SMALL, REFUSED_30),
        ("2.0", LEDGER_20, REFUSED_20),
        ("3.1", EVENTS_31, REFUSED_31),
    )
    for row in rows
]


@pytest.mark.parametrize(
    ("document", "changes", "pointer", "why"),
    [(row[1], *row[3:]) for row in ROWS],
    ids=[f"{row[0]} {row[2]}" for row in ROWS],
)
def test_an_unsound_document_is_refused_at_its_pointer(
    document: dict[str, Any], changes: dict[str, Any], pointer: str, why: str
) -> None:
    with pytest.raises(Refusal) as caught:
        import_document(json.dumps(bent(document, changes)).encode())
    assert told(caught.value)[:2] == ("document_invalid", pointer)
    assert why in told(caught.value)[2]


@pytest.mark.parametrize("version", FIXTURES)
def test_the_fixtures_are_sound(version: str) -> None:
    assert validate(read_document(FIXTURES[version])) == version


TAKEN: list[tuple[str, dict[str, Any]]] = [
    ("extensions everywhere", {"/x-a": 1, "/info/x-b": None, f"{GET}/x-c": [], "/paths/x-d": "d"}),
    ("a path of every character", {"/paths/~1a-._~0!$&'()*+,;=:@%C3%A9": {}}),
    ("names within segments", {"/paths/~1files~1{n}.{e}": {"get": FINE | {"parameters": [
        PATH_X | {"name": "n"}, PATH_X | {"name": "e"}]}}}),
    ("paths that differ in literals", {"/paths/~1a~1me": {}, "/paths/~1a~1{x}~1": {
        "parameters": [PATH_X]}}),
    ("a path item elsewhere", {"/x-i": {"get": FINE}, "/paths/~1c": {"$ref": "#/x-i"}}),
    ("an empty path item", {"/paths/~1c": {}}),
    ("a data member called $ref", {"/components/schemas/S/example": {"$ref": "nowhere"},
        "/components/schemas/S/enum": [{"$ref": 1}], "/components/schemas/S/default": {"$ref": 2}}),
    ("a property called $ref", {"/components/schemas/S/properties/$ref": {"type": "string"}}),
    ("members beside $ref", {f"{GET}/responses/200/description": 1}),
    ("an enumeration that repeats", {"/components/schemas/S/enum": ["a", "a"]}),
    ("keywords of other vocabularies", {"/components/schemas/S/const": 1}),
    ("the longest chain", {"/components/schemas": {"0": {}} | {
        str(n + 1): {"$ref": f"#/components/schemas/{n}"} for n in range(HOPS - 1)}}),
    ("a pre-release version", {"/openapi": "3.0.0-rc2"}),
    ("no servers", {"/servers": []}),
]  # fmt: skip


@pytest.mark.parametrize("changes", [row[1] for row in TAKEN], ids=[row[0] for row in TAKEN])
def test_what_the_specification_allows_is_taken(changes: dict[str, Any]) -> None:
    assert import_document(json.dumps(bent(SMALL, changes)).encode()).version == "3.0"


def test_too_many_operations_are_refused() -> None:
    paths = {f"/{n}": {"get": FINE} for n in range(DOCUMENT_OPERATIONS + 1)}
    with pytest.raises(Refusal) as caught:
        import_document(json.dumps(SMALL | {"paths": paths}).encode())
    assert told(caught.value)[:2] == ("document_too_large", "/paths")


def test_what_operations_share_is_weighed_as_if_written_out_for_each() -> None:
    scopes = ["s" * 1000] * 1000
    paths = {f"/{n}": {"get": FINE} for n in range(10)}
    document = bent(SMALL, {"/security": [{"key": scopes}]}) | {"paths": paths}
    with pytest.raises(Refusal) as caught:
        import_document(json.dumps(document).encode())
    assert told(caught.value)[:2] == ("document_too_large", "/paths")


def test_a_refusal_shows_long_and_unprintable_names_cut_and_cleaned() -> None:
    name = "\x1b[2J" + "n" * 1000
    with pytest.raises(Refusal) as caught:
        import_document(json.dumps(SMALL | {name: 1}).encode())
    _, pointer, why = told(caught.value)
    assert (pointer + why).isprintable()
    assert len(pointer) <= 512
    assert len(why) <= 200
