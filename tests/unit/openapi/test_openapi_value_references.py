"""References to values in requests: refusals first."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openapi_documents import EVENTS_31, FIXTURES, LEDGER_20, SMALL, bent, told

from weir.kernel.declares import JSON_DEPTH
from weir.kernel.outcomes import Refusal
from weir.openapi.operations import ImportedDocument, import_document
from weir.openapi.value_references import Reference, check_reference, read_reference

PETS = import_document(FIXTURES["3.0"])
LEDGER = import_document(json.dumps(LEDGER_20).encode())
EVENTS = import_document(json.dumps(EVENTS_31).encode())

WRONG_TEXTS = [
    "", "body", "path", "path:", "cookie:a", "Path:a", "query", ":a", "body:", "body:a", "body:/~",
    "body:/a/~3", "header:a\n", "path:\x00", "query:" + "q" * 1025,
    "body:" + "/a" * (JSON_DEPTH + 1),
]  # fmt: skip


@pytest.mark.parametrize("text", WRONG_TEXTS)
def test_a_text_outside_the_grammar_is_refused(text: str) -> None:
    with pytest.raises(Refusal) as caught:
        read_reference(text)
    assert told(caught.value)[:2] == ("invalid_input", "")


ADD = "/components/requestBodies/NewPet/content/application~1json/schema"
REFUSED: list[tuple[ImportedDocument, str, str, str, str]] = [
    (PETS, "noSuch", "path:a", "", "no operation"),
    (PETS, "listPets", "path:limit", "/paths/~1pets/get", "no path parameter"),
    (PETS, "listPets", "query:Limit", "/paths/~1pets/get", "no query parameter"),
    (PETS, "addPet", "header:limit", "/paths/~1pets/post", "no header parameter"),
    (PETS, "listPets", "body:/a", "/paths/~1pets/get", "no JSON body"),
    (PETS, "addPet", "body:/no", ADD, 'no "no" at its root'),
    (PETS, "addPet", "body:/price/no", ADD, 'no "no" at its /price'),
    (PETS, "addPet", "body:/kind/no", ADD, 'no "no" at its /kind'),
    (PETS, "addPet", "body:/friends/0/kind", ADD, "list at the body's /friends"),
    (PETS, "addPet", "body:/friends", ADD, "not a single value"),
    (PETS, "addPet", "body:/price", ADD, "not a single value"),
    (PETS, "addPet", "body:/parent/parent", ADD, "not a single value"),
    (LEDGER, "scan", "body:/page", "/paths/~1books~1{book}~1scan/post", "no JSON body"),
    (LEDGER, "postEntry", "body:/lines/of/amount", "/parameters/Entry/schema", "list"),
    (LEDGER, "postEntry", "body:/no", "/parameters/Entry/schema", '"no"'),
]  # fmt: skip


@pytest.mark.parametrize(("document", "operation_id", "reference", "pointer", "why"), REFUSED)
def test_a_reference_to_what_a_request_has_not_is_refused(
    document: ImportedDocument, operation_id: str, reference: str, pointer: str, why: str
) -> None:
    with pytest.raises(Refusal) as caught:
        check_reference(document, operation_id, reference)
    assert told(caught.value)[:2] == ("invalid_input", pointer)
    assert why in told(caught.value)[2]


@pytest.mark.parametrize(
    ("document", "operation_id", "reference"),
    [
        (PETS, "get_pets_PetId", "path:PetId"),
        (PETS, "listPets", "query:limit"),
        (PETS, "listPets", "header:X-trace"),
        (PETS, "addPet", "body:/kind"),
        (PETS, "addPet", "body:/price/Amount"),
        (PETS, "addPet", "body:/parent/parent/parent/kind"),
        (PETS, "addPet", "body:/a~1b~0c"),
        (LEDGER, "postEntry", "path:book"),
        (LEDGER, "postEntry", "body:/amount"),
        (EVENTS, "addEvent", "body:/id"),
        (EVENTS, "addEvent", "body:/amount"),
        (EVENTS, "addEvent", "body:/cause/cause/id"),
    ],
)
def test_a_reference_to_what_a_request_has_is_taken(
    document: ImportedDocument, operation_id: str, reference: str
) -> None:
    check_reference(document, operation_id, reference)


def with_body(schema: Any, other: Any = None) -> ImportedDocument:
    content = {"application/json": {"schema": schema}, "text/plain": {"schema": {"type": "string"}}}
    if other is not None:
        content["application/other+json"] = {"schema": other}
    body = {"/paths/~1b/post/requestBody": {"content": content}}
    return import_document(json.dumps(bent(SMALL, body)).encode())


AMOUNT = {"properties": {"amount": {"type": "string"}}}


@pytest.mark.parametrize("keyword", ["allOf", "oneOf", "anyOf"])
def test_any_alternative_may_declare_the_value(keyword: str) -> None:
    check_reference(with_body({keyword: [{"type": "object"}, AMOUNT]}), "post_b", "body:/amount")


def test_every_json_media_type_must_have_the_value() -> None:
    check_reference(with_body(AMOUNT, AMOUNT), "post_b", "body:/amount")
    with pytest.raises(Refusal) as caught:
        check_reference(with_body(AMOUNT, {"type": "object"}), "post_b", "body:/amount")
    assert told(caught.value)[1].endswith("/application~1other+json/schema")


def test_an_alternative_that_is_an_object_makes_the_value_unsure() -> None:
    either = {"properties": {"amount": {"oneOf": [{"type": "string"}, AMOUNT]}}}
    with pytest.raises(Refusal) as caught:
        check_reference(with_body(either), "post_b", "body:/amount")
    assert "not a single value" in told(caught.value)[2]


def test_circles_of_combinations_end() -> None:
    document = bent(SMALL, {
        "/components/schemas/S": {"allOf": [{"$ref": "#/components/schemas/S"}, AMOUNT]},
        "/paths/~1b/post/requestBody": {
            "content": {"application/json": {"schema": {"$ref": "#/components/schemas/S"}}}
        },
    })  # fmt: skip
    imported = import_document(json.dumps(document).encode())
    check_reference(imported, "post_b", "body:/amount")
    with pytest.raises(Refusal):
        check_reference(imported, "post_b", "body:/other")


@given(st.text(max_size=30) | st.text("abdehopqtuy:/~01", max_size=30))
def test_no_text_raises_anything_but_a_refusal(text: str) -> None:
    try:
        place, name = read_reference(text)
    except Refusal as refusal:
        told(refusal)
    else:
        assert f"{place}:{name}" == text
        assert isinstance(read_reference(text), Reference)
