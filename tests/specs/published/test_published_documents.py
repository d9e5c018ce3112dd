"""Real documents of open-banking authorities: taken without loss, whole and by operation."""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import openapi_spec_validator
import pytest
import yaml
from published_folder import published_documents

from weir.openapi.operations import ImportedDocument, import_document
from weir.openapi.reader import read_document
from weir.openapi.regeneration import normalise, regenerate
from weir.openapi.subset import regenerate_subset
from weir.openapi.validator import validate
from weir.openapi.value_references import check_reference

METHODS = {"get", "put", "post", "delete", "options", "head", "patch", "trace"}
SERVERS = ["https://gateway.example/m/river-bank"]
DOCUMENTS = published_documents()


@cache
def imported(path: Path) -> ImportedDocument:
    return import_document(path.read_bytes())


@cache
def independently_read(path: Path) -> dict[str, Any]:
    text = path.read_text(encoding="utf-8")
    document: dict[str, Any] = (
        json.loads(text) if path.suffix == ".json" else yaml.load(text, yaml.CSafeLoader)
    )
    return document


def complaints(document: dict[str, Any]) -> list[str]:
    """What an independent validator has to say."""
    version = document.get("openapi", document.get("swagger", ""))[:3]
    sort = {
        "2.0": openapi_spec_validator.OpenAPIV2SpecValidator,
        "3.0": openapi_spec_validator.OpenAPIV30SpecValidator,
        "3.1": openapi_spec_validator.OpenAPIV31SpecValidator,
    }[version]
    return sorted(error.message for error in sort(document).iter_errors())


@pytest.fixture(params=DOCUMENTS, ids=lambda path: path.name)
def path(request: pytest.FixtureRequest) -> Path:
    found: Path = request.param
    return found


def test_every_operation_becomes_one_under_its_own_id(path: Path) -> None:
    expected = {
        (method.upper(), address): operation.get("operationId")
        for address, item in independently_read(path)["paths"].items()
        for method, operation in item.items()
        if method in METHODS
    }
    found = {(each.method, each.path): each for each in imported(path).operations}
    assert found.keys() == expected.keys()
    for key, operation_id in expected.items():
        assert found[key].operation_id == operation_id or operation_id is None
    assert len({each.operation_id for each in found.values()}) == len(expected) > 0


def test_reading_agrees_with_an_independent_reader(path: Path) -> None:
    assert read_document(path.read_bytes()) == independently_read(path)


def test_the_document_is_regenerated_as_it_was_even_after_storing(path: Path) -> None:
    stored = msgspec.json.decode(msgspec.json.encode(imported(path)), type=ImportedDocument)
    source = json.dumps(normalise(read_document(path.read_bytes())))
    assert json.dumps(normalise(regenerate(imported(path)))) == source
    assert json.dumps(normalise(regenerate(stored))) == source


def test_an_independent_validator_says_the_same_of_the_source_and_of_what_is_regenerated(
    path: Path,
) -> None:
    assert complaints(regenerate(imported(path))) == complaints(independently_read(path))


def test_every_operation_declares_the_parameters_of_its_path(path: Path) -> None:
    for each in imported(path).operations:
        declared = {one.name for one in each.parameters if one.location == "path"}
        assert declared == set(re.findall(r"\{(.*?)\}", each.path))
        for name in declared:
            check_reference(imported(path), each.operation_id, f"path:{name}")


def test_every_operation_alone_makes_a_sound_document(path: Path) -> None:
    whole = complaints(independently_read(path))
    for each in imported(path).operations:
        subset = regenerate_subset(imported(path), [each.operation_id], SERVERS)
        validate(subset)
        assert import_document(json.dumps(subset).encode()).operations[0].source == each.source
        assert len(json.dumps(subset)) < path.stat().st_size
    last = regenerate_subset(imported(path), [imported(path).operations[-1].operation_id], SERVERS)
    assert set(complaints(last)) <= set(whole)


def test_all_operations_together_make_a_sound_document(path: Path) -> None:
    every = [each.operation_id for each in imported(path).operations]
    subset = regenerate_subset(imported(path), every, SERVERS)
    assert set(complaints(subset)) <= set(complaints(independently_read(path)))
    assert subset["paths"].keys() == independently_read(path)["paths"].keys()


def test_the_values_of_a_payment_can_be_named() -> None:
    payments = [
        (path, each.operation_id)
        for path in DOCUMENTS
        for each in imported(path).operations
        if each.operation_id == "CreateDomesticPayments"
    ]
    for path, operation_id in payments:
        for reference in (
            "header:X-Idempotency-Key",
            "body:/Data/ConsentId",
            "body:/Data/Initiation/InstructedAmount/Amount",
            "body:/Data/Initiation/InstructedAmount/Currency",
            "body:/Data/Initiation/CreditorAccount/Identification",
            "body:/Data/Initiation/DebtorAccount/Identification",
        ):
            check_reference(imported(path), operation_id, reference)
    assert payments or not any("payment" in path.name for path in DOCUMENTS)
