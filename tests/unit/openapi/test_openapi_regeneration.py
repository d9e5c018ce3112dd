"""Put together again: the whole document, and documents for some operations only."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
import yaml
from hypothesis import given
from openapi_documents import EVENTS_31, FIXTURES, LEDGER_20, SMALL, bent, told
from openapi_spec_validator import validate as validate_independently
from openapi_strategies import documents

from weir.kernel.outcomes import Refusal
from weir.openapi.operations import ImportedDocument, import_document
from weir.openapi.reader import read_document
from weir.openapi.regeneration import normalise, regenerate
from weir.openapi.subset import regenerate_subset
from weir.openapi.validator import validate

SERVERS = ["https://gateway.example/m/river-bank"]


def text_of(document: dict[str, Any]) -> str:
    """Compared as text, for Python takes True and 1 for the same."""
    return json.dumps(normalise(document))


def subset_of(raw: bytes, *operation_ids: str) -> dict[str, Any]:
    subset = regenerate_subset(import_document(raw), operation_ids, SERVERS)
    validate(subset)
    validate_independently(subset)
    return subset


@pytest.mark.parametrize("version", FIXTURES)
def test_a_fixture_is_regenerated_as_it_was(version: str) -> None:
    document = regenerate(import_document(FIXTURES[version]))
    assert text_of(document) == text_of(read_document(FIXTURES[version]))
    validate_independently(document)


@given(documents())
def test_any_document_is_regenerated_as_it_was(document: dict[str, Any]) -> None:
    raw = json.dumps(document).encode()
    imported = import_document(raw)
    stored = msgspec.json.decode(msgspec.json.encode(imported), type=ImportedDocument)
    assert text_of(regenerate(imported)) == text_of(read_document(raw))
    assert text_of(regenerate(stored)) == text_of(document)


@given(documents())
def test_any_document_is_the_same_in_yaml(document: dict[str, Any]) -> None:
    text = yaml.dump(document, Dumper=NoAliases, sort_keys=False, allow_unicode=True)
    assert text_of(regenerate(import_document(text.encode()))) == text_of(document)


class NoAliases(yaml.SafeDumper):
    """Writes everything out, and numbers as JSON does."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


NoAliases.add_representer(
    float,
    lambda dumper, value: dumper.represent_scalar("tag:yaml.org,2002:float", json.dumps(value)),
)


@given(documents())
def test_any_one_operation_makes_a_sound_document(document: dict[str, Any]) -> None:
    imported = import_document(json.dumps(document).encode())
    for each in imported.operations[:2]:
        subset = regenerate_subset(imported, [each.operation_id], SERVERS)
        assert validate(subset) == "3.0"
        again = import_document(json.dumps(subset).encode()).operations
        assert [one.operation_id for one in again] == [each.operation_id]
        assert (again[0].security, again[0].parameters) == (each.security, each.parameters)
        assert again[0].base_path == "/m/river-bank"


def test_importing_and_regenerating_change_nothing_they_were_given() -> None:
    imported = import_document(FIXTURES["3.0"])
    before = msgspec.json.encode(imported)
    regenerate(imported)
    subset = regenerate_subset(imported, ["listPets"], SERVERS)
    subset["components"]["schemas"].clear()
    subset["paths"]["/pets"]["get"].clear()
    assert msgspec.json.encode(imported) == before


def test_documents_equal_but_for_order_and_number_spelling_are_the_same() -> None:
    assert text_of({"a": 1.0, "b": {"d": 2, "c": [1e2]}}) == text_of(
        {"b": {"c": [100], "d": 2}, "a": 1}
    )


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"a": 1}, {"a": True}),
        ({"a": 1}, {"a": "1"}),
        ({"a": 1.5}, {"a": 1}),
        ({"a": [1, 2]}, {"a": [2, 1]}),
        ({"a": None}, {}),
        ({"deprecated": False}, {}),
        ({"tags": []}, {}),
        ({"a": 2**53 + 2.0}, {"a": 2**53 + 3}),
    ],
)
def test_anything_else_is_a_difference(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert text_of(one) != text_of(other)


def test_a_subset_keeps_only_what_its_operations_reach() -> None:
    subset = subset_of(FIXTURES["3.0"], "getOwner")
    assert list(subset["paths"]) == ["/owners/{OwnerId}"]
    assert subset["servers"] == [{"url": SERVERS[0]}]
    assert "servers" not in subset["paths"]["/owners/{OwnerId}"]["get"]
    assert [tag["name"] for tag in subset["tags"]] == ["owners"]
    assert subset["x-weir"] == {"kept": "yes"}
    # Cat is reached as a choice of Pet's discriminator, Money through Pet's price.
    assert subset["components"]["schemas"].keys() == {"Owner", "Pet", "Cat", "Money"}
    assert subset["components"]["securitySchemes"].keys() == {"key"}
    assert subset["components"].keys() == {"schemas", "securitySchemes"}


def test_a_subset_drops_the_documents_security_when_no_operation_inherits_it() -> None:
    subset = subset_of(FIXTURES["3.0"], "addPet")
    assert "security" not in subset
    assert subset["components"]["securitySchemes"].keys() == {"oauth"}
    assert "callbacks" in subset["paths"]["/pets"]["post"]
    assert "get" not in subset["paths"]["/pets"]


def test_a_subset_keeps_links_only_to_operations_it_has() -> None:
    links = subset_of(FIXTURES["3.0"], "listPets")["paths"]["/pets"]["get"]["responses"]["200"][
        "links"
    ]
    assert links == {"self": {"$ref": "#/components/links/Again"}}
    both = subset_of(FIXTURES["3.0"], "listPets", "getOwner")
    assert both["paths"]["/pets"]["get"]["responses"]["200"]["links"].keys() == {"owner", "self"}
    dangling = bent(SMALL, {
        "/paths/~1b/post/responses/200/links": {"a": {"$ref": "#/components/links/A"}},
        "/components/links": {"A": {"operationRef": "#/paths/~1a~1{x}/get"}},
    })  # fmt: skip
    alone = subset_of(json.dumps(dangling).encode(), "post_b")
    assert alone["paths"]["/b"]["post"]["responses"]["200"]["links"] == {}
    assert "components" not in alone


def test_a_subset_lifts_what_stands_inside_another_operation() -> None:
    subset = subset_of(FIXTURES["3.0"], "get_pets_PetId")
    schema = subset["paths"]["/pets/{PetId}"]["get"]["responses"]["200"]["content"][
        "application/json"
    ]["schema"]
    name = schema["$ref"].removeprefix("#/components/schemas/")
    assert subset["components"]["schemas"][name] == {"$ref": "#/components/schemas/Pet"}
    assert subset["components"]["schemas"].keys() == {name, "Pet", "Cat", "Money"}


def test_a_subset_lifts_a_callbacks_path_item_that_stands_elsewhere() -> None:
    fine = {"$ref": "#/components/responses/Fine"}
    document = bent(SMALL, {
        "/x-path-items": "somebody else's",
        "/x-hooks": {"h": {"post": {"responses": {"200": fine}}}},
        "/paths/~1b/post/callbacks": {"c": {"{$url}": {"$ref": "#/x-hooks/h"}}},
    })  # fmt: skip
    subset = regenerate_subset(import_document(json.dumps(document).encode()), ["post_b"], SERVERS)
    validate(subset)
    (name,) = subset["x-path-items"]
    reference = subset["paths"]["/b"]["post"]["callbacks"]["c"]["{$url}"]["$ref"]
    assert reference == f"#/x-path-items/{name}"
    assert subset["components"] == {"responses": {"Fine": {"description": "Fine"}}}


def test_a_2_0_subset_names_the_first_server_in_its_own_way() -> None:
    subset = subset_of(FIXTURES["2.0"], "postEntry")
    assert (subset["host"], subset["basePath"], subset["schemes"]) == (
        "gateway.example", "/m/river-bank", ["https"],
    )  # fmt: skip
    assert subset["definitions"].keys() == {"Entry", "Line"}
    assert subset["parameters"].keys() == {"Entry", "Book"}
    assert subset["securityDefinitions"].keys() == {"oauth"}
    assert "responses" not in subset


def test_a_3_1_subset_writes_a_referred_path_item_in_place() -> None:
    subset = subset_of(FIXTURES["3.1"], "addEvent", "getEvent")
    assert "webhooks" not in subset
    assert (
        subset["paths"]["/events"]["post"] == EVENTS_31["components"]["pathItems"]["Events"]["post"]
    )
    link = subset["paths"]["/events/{id}"]["get"]["responses"]["200"]["links"]["more"]
    assert link == {"operationRef": "#/paths/~1events/post"}
    assert subset["components"]["schemas"].keys() == {"Event", "T"}


def test_a_subset_follows_a_discriminators_mapping() -> None:
    mapping = {"a": "A", "b": "#/components/schemas/B"}
    schemas: dict[str, Any] = {
        "S": {"discriminator": {"propertyName": "k", "mapping": mapping}},
        "A": {}, "B": {}, "C": {},
    }  # fmt: skip
    content = {"application/json": {"schema": {"$ref": "#/components/schemas/S"}}}
    document = bent(SMALL, {
        "/components/schemas": schemas, "/paths/~1b/post/requestBody": {"content": content},
    })  # fmt: skip
    assert subset_of(json.dumps(document).encode(), "post_b")["components"]["schemas"].keys() == {
        "S", "A", "B",
    }  # fmt: skip


def test_a_subset_of_an_unknown_operation_is_refused() -> None:
    with pytest.raises(Refusal) as caught:
        regenerate_subset(import_document(json.dumps(LEDGER_20).encode()), ["no"], SERVERS)
    assert told(caught.value)[0] == "invalid_input"
    assert '"no"' in told(caught.value)[2]
