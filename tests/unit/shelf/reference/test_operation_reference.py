"""Operations as their readers see them: bounded trees, examples that fit, samples that are code."""

from __future__ import annotations

import ast
import json
import shlex
from importlib.resources import files
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from weir.openapi.operations import ImportedOperation, import_document
from weir.shelf.declares import REFERENCE_NODES
from weir.shelf.reference.examples import of_schema
from weir.shelf.reference.operations import _describe
from weir.shelf.reference.samples import LANGUAGES, Call, sample
from weir.shelf.reference.schemas import Node, Reader

DOCUMENTS = [
    import_document(each.read_bytes())
    for each in files("weir_sandbox").joinpath("documents").iterdir()
    if each.name.endswith((".yaml", ".json"))
]
OPERATIONS = [(document, each) for document in DOCUMENTS for each in document.operations]


def nodes(node: Node) -> int:
    return 1 + sum(map(nodes, [*node.children, *node.variants]))


@pytest.mark.parametrize(("document", "operation"), OPERATIONS)
def test_every_operation_of_the_sandbox_is_described(
    document: Any, operation: ImportedOperation
) -> None:
    described = _describe(document.version, document.shared, operation)
    assert described.summary == operation.summary
    assert [each.node.name for each in described.parameters] == [
        each.name for each in operation.parameters
    ]
    assert bool(described.bodies) == operation.has_body
    assert [each.status for each in described.answers] == list(operation.source["responses"])
    for answer in described.answers:
        for body in answer.bodies:
            assert body.node.kind != "any"
            json.dumps(body.example)


def test_a_schema_that_holds_itself_is_opened_once() -> None:
    tree = {"type": "object", "properties": {"child": {"$ref": "#/components/schemas/Tree"}}}
    reader = Reader({"components": {"schemas": {"Tree": tree}}})
    node = reader.node("", {"$ref": "#/components/schemas/Tree"})
    (child,) = node.children
    assert (child.name, child.cut, list(child.children)) == ("child", True, [])
    assert of_schema(reader, {"$ref": "#/components/schemas/Tree"}) is not None


def test_a_wide_and_deep_schema_is_cut() -> None:
    leaf: dict[str, Any] = {"type": "string"}
    for _ in range(20):
        leaf = {"type": "object", "properties": {f"p{n}": leaf for n in range(9)}}
    assert nodes(Reader({}).node("", leaf)) <= REFERENCE_NODES + 1


@pytest.mark.parametrize(
    "held",
    [
        {"type": "array", "items": {"$ref": "#/held"}},
        {"type": "object", "allOf": [{"$ref": "#/held"}]},
        {"type": "object", "additionalProperties": {"$ref": "#/held"}},
        {"oneOf": [{"$ref": "#/held"}, {"type": "string"}]},
        {"$ref": "#/held"},
    ],
)
def test_what_holds_itself_in_whatever_way_ends(held: dict[str, Any]) -> None:
    reader = Reader({"held": held})
    assert nodes(reader.node("", {"$ref": "#/held"})) < 10
    of_schema(reader, {"$ref": "#/held"})


@pytest.mark.parametrize(
    ("schema", "kind"),
    [
        ({"const": "CNY"}, "string"),
        ({"enum": [1, 2, None]}, "integer | null"),
        ({"type": "string", "format": "date", "nullable": True}, "string (date) | null"),
        ({"type": ["string", "null"], "format": "date"}, "string (date) | null"),
        ({"type": ["array", "null"], "items": {"type": "integer"}}, "array of integer | null"),
        ({"items": {"items": {"const": True}}}, "array of array of boolean"),
        ({"type": "array"}, "array"),
        ({"oneOf": [{"type": "string"}, {"type": "integer"}]}, "one of"),
        ({"type": "array", "items": {"anyOf": [{}, {}]}}, "array of any of"),
        ({"additionalProperties": {"type": "string"}}, "object"),
        ({}, "any"),
    ],
)
def test_a_kind_is_said_in_words(schema: dict[str, Any], kind: str) -> None:
    assert Reader({}).node("", schema).kind == kind


def test_variants_are_told_by_their_names_and_items_by_what_they_hold_to() -> None:
    schema = {
        "type": "object",
        "properties": {
            "payee": {
                "oneOf": [{"$ref": "#/Card"}, {"title": "By phone"}, {"type": "string"}],
                "discriminator": {"propertyName": "by"},
            },
            "codes": {"type": "array", "items": {"type": "string", "enum": ["a", "b"]}},
            "notes": {"type": "array", "items": {"type": "string"}},
            "names": {"type": "object", "additionalProperties": {"type": "string"}},
        },
    }
    reader = Reader({"Card": {"type": "object", "properties": {"pan": {"type": "string"}}}})
    payee, codes, notes, names = reader.node("", schema).children
    assert [each.name for each in payee.variants] == ["Card", "By phone", "oneOf 3"]
    assert [each.name for each in payee.variants[0].children] == ["pan"]
    assert payee.facts == [("discriminator", "by")]
    assert [(each.name, each.values) for each in codes.children] == [("[ ]", ["a", "b"])]
    assert (notes.children, notes.cut) == ([], False)
    assert [(each.name, each.kind) for each in names.children] == [("*", "string")]


def test_parts_that_hold_together_are_shown_as_one() -> None:
    schema = {
        "allOf": [{"$ref": "#/a"}, {"properties": {"b": {"type": "integer"}}, "required": ["b"]}]
    }
    reader = Reader({"a": {"type": "object", "properties": {"a": {"type": "string"}}}})
    node = reader.node("", schema)
    assert [(each.name, each.required) for each in node.children] == [("a", False), ("b", True)]
    assert of_schema(reader, schema) == {"a": "string", "b": 1}


SCHEMAS = st.recursive(
    st.sampled_from(
        [
            {"type": "string"},
            {"type": "string", "enum": ["a", "b"]},
            {"type": "integer", "minimum": 3},
            {"type": "boolean"},
            {"const": None},
        ]
    ),
    lambda inner: st.one_of(
        st.fixed_dictionaries({"type": st.just("array"), "items": inner}),
        st.dictionaries(st.sampled_from("abc"), inner, min_size=1).map(
            lambda held: {"type": "object", "properties": held, "required": sorted(held)}
        ),
        st.lists(inner, min_size=1, max_size=2).map(lambda each: {"anyOf": each}),
    ),
    max_leaves=8,
)


@given(SCHEMAS)
def test_an_example_is_one_the_schema_allows(schema: dict[str, Any]) -> None:
    Draft202012Validator(schema).validate(of_schema(Reader({}), schema))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=6,
)


@given(JSON, st.text(st.characters(categories=["L", "N", "P", "S"]), max_size=20))
def test_samples_say_exactly_what_is_sent(body: Any, value: str) -> None:
    call = Call(
        method="POST", url="https://api.localhost/a?b=%27", headers={"x-key": value}, body=body
    )
    words = shlex.split(sample("curl", call))
    assert words[-1] == call.url
    assert f"x-key: {value}" in words
    if body is not None:
        assert json.loads(words[words.index("--data-raw") + 1]) == body
    tree = ast.parse(sample("python", call))
    asked = next(
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "httpx.request"
    )
    given_words = {each.arg: each.value for each in asked.keywords}
    if body is not None:
        assert ast.literal_eval(given_words["json"]) == body
    for language in LANGUAGES:
        assert sample(language, call).endswith("\n")
