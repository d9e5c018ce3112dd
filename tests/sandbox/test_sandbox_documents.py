"""The documents are true: they are valid, complete, and describe what the processes do."""

from __future__ import annotations

import re

import pytest
from openapi_spec_validator import validate
from sandbox_world import DOCUMENTS, Document

from weir_sandbox.bank import BANK
from weir_sandbox.institution import Institution
from weir_sandbox.insurer import INSURER
from weir_sandbox.problems import KINDS
from weir_sandbox.securities import SECURITIES

ALL = pytest.mark.parametrize("institution", [BANK, INSURER, SECURITIES], ids=lambda i: i.name)


@ALL
def test_the_document_is_valid_openapi(institution: Institution) -> None:
    document = Document(institution.name)
    assert DOCUMENTS[institution.name] == institution.document
    validate(document.content)


@ALL
def test_every_route_is_described_and_every_description_has_a_route(
    institution: Institution,
) -> None:
    routes = {(o.method, re.sub(r":path\}", "}", o.path)) for o in institution.operations}
    assert routes == Document(institution.name).operations()


@ALL
def test_the_platforms_operations_are_tagged_directory_and_no_others(
    institution: Institution,
) -> None:
    paths = Document(institution.name).content["paths"]
    for operation in institution.operations:
        described = paths[operation.path.replace(":path}", "}")][operation.method.lower()]
        assert (described["tags"] == ["directory"]) == (operation.caller == "platform")
        needs_identity = "gatewayIdentity" in str(described.get("security", "gatewayIdentity"))
        assert needs_identity == (operation.caller == "partner")


@ALL
def test_every_operation_is_summed_up_in_both_languages(institution: Institution) -> None:
    names = set()
    for item in Document(institution.name).content["paths"].values():
        for operation in item.values():
            assert operation["summary"]
            assert re.search(r"[一-鿿]", operation["x-summary-zh"])
            names.add(operation["operationId"])
    assert len(names) == len(institution.operations)


@ALL
def test_every_example_is_as_its_schema_says(institution: Institution) -> None:
    document = Document(institution.name)
    checked = 0
    for item in document.content["paths"].values():
        for operation in item.values():
            bodies = [operation.get("requestBody", {}), *operation["responses"].values()]
            for media in (m for body in bodies for m in body.get("content", {}).values()):
                named = [example["value"] for example in media.get("examples", {}).values()]
                for example in named + ([media["example"]] if "example" in media else []):
                    document.validate(example, media["schema"])
                    checked += 1
    problem = document.content["components"]["responses"]["Problem"]["content"]
    media = problem["application/problem+json"]
    document.validate(media["example"], media["schema"])
    assert checked >= 4


def test_every_refusal_has_its_own_code_and_words_in_both_languages() -> None:
    assert len({kind.code for kind in KINDS}) == len(KINDS) == 16
    for kind in KINDS:
        assert kind.title.endswith(".")
        assert kind.title_zh.endswith("。")
        assert 400 <= kind.status < 600
