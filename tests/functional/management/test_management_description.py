"""The API describes itself completely."""

from __future__ import annotations

from management_support import Api
from openapi_spec_validator import validate

from weir.access.permissions import PERMISSIONS
from weir.openapi.operations import import_document


async def test_every_operation_has_a_summary_a_tag_and_a_described_answer(api: Api) -> None:
    answer = await api.ask(api.operator, "GET", "/v1/openapi.json")
    described = answer.json()
    validate(described)
    operations = [operation for item in described["paths"].values() for operation in item.values()]
    assert {each["operationId"] for each in operations} == set(PERMISSIONS)
    for operation in operations:
        assert operation["summary"], operation["operationId"]
        assert operation["tags"]
        success = next(value for code, value in operation["responses"].items() if code[0] == "2")
        assert success["content"], operation["operationId"]
        assert {"4XX", "5XX"} <= operation["responses"].keys()


async def test_every_field_that_is_written_or_shown_belongs_to_a_described_model(api: Api) -> None:
    described = (await api.ask(api.operator, "GET", "/v1/openapi.json")).json()
    schemas = described["components"]["schemas"]
    for name, schema in schemas.items():
        assert schema.get("description"), f"{name} has no words"


async def test_the_shelf_itself_can_import_the_description(api: Api) -> None:
    raw = (await api.ask(api.operator, "GET", "/v1/openapi.json")).content
    assert len(import_document(raw).operations) == len(PERMISSIONS)
