"""What breaks is found and named; what cannot break anybody is not."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_standard_rules import FIELDS, GONE, LIST, ORDER, PAY, changed, good

from weir.openapi.standard.comparison import announces, compare

SCALARS = st.sampled_from(("string", "integer", "number", "boolean")).map(lambda t: {"type": t})
NAMES = st.text(alphabet="abcdefg_", min_size=1, max_size=6)
SCHEMAS = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.builds(lambda each: {"type": "array", "items": each}, inner),
        st.builds(
            lambda each: {"type": "object", "properties": each, "required": sorted(each)[:1]},
            st.dictionaries(NAMES, inner, max_size=4),
        ),
        st.builds(lambda each: {"oneOf": each}, st.lists(inner, min_size=1, max_size=3)),
        st.builds(lambda each: {"allOf": each}, st.lists(inner, min_size=1, max_size=3)),
    ),
    max_leaves=10,
)
ANSWER = (*LIST, "responses", "200", "content", "application/json", "schema")


def names(old: dict[str, Any], new: dict[str, Any]) -> set[str]:
    found = compare((old, "3.0"), (new, "3.0"))
    return {each.rule.removeprefix("breaking-") for each in found}


@given(SCHEMAS, SCHEMAS)
def test_a_document_compared_with_itself_breaks_nothing(
    asked: dict[str, Any], answered: dict[str, Any]
) -> None:
    document = changed(ORDER, asked)
    document["paths"]["/payments"]["get"]["responses"]["200"]["content"]["application/json"] = {
        "schema": answered
    }
    assert names(document, copy.deepcopy(document)) == set()


@given(NAMES.filter(lambda name: name not in ("amount", "payments")), SCHEMAS)
def test_an_optional_field_more_never_breaks(name: str, schema: dict[str, Any]) -> None:
    assert names(good(), changed((*FIELDS, name), schema)) == set()
    assert names(good(), changed((*ANSWER, "properties", name), schema)) == set()


@given(SCHEMAS)
def test_a_required_field_more_breaks_requests_only(schema: dict[str, Any]) -> None:
    new = changed((*FIELDS, "new"), schema)
    new["paths"]["/payments"]["post"]["requestBody"]["content"]["application/json"]["schema"][
        "required"
    ] = ["new"]
    assert names(good(), new) == {"property-required"}


@pytest.mark.parametrize(
    ("place", "value", "change"),
    [
        (PAY, GONE, "operation-removed"),
        ((*PAY, "operationId"), "transfer", "operation-renamed"),
        ((*LIST, "parameters"), good()["paths"]["/payments"]["get"]["parameters"][:1],
         "parameter-removed"),
        ((*LIST, "parameters", 0, "required"), True, "parameter-required"),
        ((*PAY, "requestBody", "required"), True, "body-required"),
        ((*PAY, "requestBody"), GONE, "body-removed"),
        ((*LIST, "responses", "200", "content"), {}, "media-removed"),
        ((*LIST, "responses", "200"), GONE, "response-removed"),
        ((*ANSWER, "properties", "next_cursor"), GONE, "property-removed"),
        ((*FIELDS, "amount", "type"), "integer", "type-changed"),
        ((*FIELDS, "amount", "enum"), ["1.00"], "values-narrowed"),
        ((*FIELDS, "amount", "maxLength"), 4, "values-narrowed"),
        ((*ORDER, "additionalProperties"), False, "values-narrowed"),
        ((*FIELDS, "amount", "multipleOf"), 5, "values-narrowed"),
        ((*FIELDS, "amount", "readOnly"), True, "property-removed"),
        ((*ANSWER, "properties", "next_cursor", "writeOnly"), True, "property-removed"),
        ((*PAY, "security"), [{"key": ["more"]}], "security-changed"),
        ((*PAY, "x-weir-level"), "A1", "level-changed"),
        ((*FIELDS, "amount", "x-weir-label"), "C1", "label-changed"),
    ],
)  # fmt: skip
def test_a_change_that_breaks_is_named(place: tuple[Any, ...], value: Any, change: str) -> None:
    assert names(good(), changed(place, value)) == {change}


def test_answers_may_not_become_looser() -> None:
    old = changed((*ANSWER, "properties", "next_cursor", "enum"), ["a"])
    new = changed((*ANSWER, "properties", "next_cursor", "enum"), ["a", "b"])
    assert names(old, new) == {"values-widened"}
    assert names(new, old) == set()
    required = changed((*ANSWER, "required"), ["next_cursor"])
    assert names(required, good()) == {"property-optional"}
    variants = [{"title": "A", "type": "string"}, {"title": "B", "type": "integer"}]
    one = changed((*ANSWER, "properties", "x"), {"oneOf": variants[:1]})
    two = changed((*ANSWER, "properties", "x"), {"oneOf": variants})
    assert names(one, two) == {"variant-changed"}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"maxLength": 32}, {"maxLength": 64}),
        ({"maximum": 9}, {}),
        ({"minItems": 1}, {"minItems": 0}),
        ({"exclusiveMinimum": 0}, {"exclusiveMinimum": -1}),
        ({"format": "date"}, {"format": "date-time"}),
        ({"pattern": "^a$"}, {}),
        ({"uniqueItems": True}, {}),
    ],
)
def test_an_answer_keeps_its_bounds_and_a_request_is_held_to_no_more(
    before: dict[str, Any], after: dict[str, Any]
) -> None:
    answer, field = (*ANSWER, "properties", "x"), (*LIST, "parameters", 0, "schema")
    assert names(changed(answer, before), changed(answer, after)) == {"values-widened"}
    assert names(changed(answer, after), changed(answer, before)) == set() or "format" in before
    assert names(changed(field, after), changed(field, before)) == {"values-narrowed"}
    assert names(changed(field, before), changed(field, after)) == set() or "format" in before


def test_what_counts_when_it_is_left_out_stays() -> None:
    field = (*FIELDS, "amount", "default")
    assert names(changed(field, "1.00"), changed(field, "2.00")) == {"default-changed"}
    assert names(changed(field, "1.00"), good()) == {"default-changed"}
    assert names(good(), changed(field, "1.00")) == set()
    answered = (*ANSWER, "properties", "next_cursor", "default")
    assert names(changed(answered, "a"), changed(answered, "b")) == set()


def test_headers_of_answers_are_kept() -> None:
    headers = (*LIST, "responses", "200", "headers")
    linked = {"required": True, "schema": {"type": "string", "maxLength": 9}}
    old = changed(headers, {"Link": linked})
    assert names(old, good()) == {"header-removed"}
    assert names(good(), old) == set()
    assert names(old, changed(headers, {"link": linked})) == set()
    assert names(old, changed(headers, {"Link": linked | {"required": False}})) == {
        "header-removed"
    }
    longer = {"Link": linked | {"schema": {"type": "string", "maxLength": 10}}}
    assert names(old, changed(headers, longer)) == {"values-widened"}


def test_several_values_are_written_as_they_were() -> None:
    first = (*LIST, "parameters", 0)
    several = {"name": "ids", "in": "query", "schema": {"type": "array", "items": {}}}
    one = {"name": "ids", "in": "query", "schema": {"type": "string"}}
    old = changed(first, several)
    for said in ({"explode": False}, {"style": "pipeDelimited"}):
        assert names(old, changed(first, several | said)) == {"serialization-changed"}
        assert names(changed(first, one), changed(first, one | said)) == set()
    assert names(old, changed(first, several | {"style": "form", "explode": True})) == set()


def test_variants_are_told_apart_by_the_same_field() -> None:
    place = (*ANSWER, "properties", "x")
    one = {"oneOf": [{"title": "A"}], "discriminator": {"propertyName": "kind"}}
    other = one | {"discriminator": {"propertyName": "type"}}
    assert names(changed(place, one), changed(place, other)) == {"variant-changed"}
    assert names(changed(place, one), changed(place, one)) == set()


def test_what_only_answers_hold_is_never_required_of_requests() -> None:
    old = changed((*FIELDS, "id"), {"type": "string", "readOnly": True})
    new = copy.deepcopy(old)
    body = new["paths"]["/payments"]["post"]["requestBody"]["content"]["application/json"]
    body["schema"]["required"] = ["id"]
    assert names(old, new) == set()


def test_a_label_that_moves_to_the_object_around_it_has_not_changed() -> None:
    marks = {"x-weir-label": "C2", "x-weir-grade": 3}
    inner = changed((*FIELDS, "amount"), {**good_amount(), **marks})
    assert names(good(), inner) == names(inner, good()) == set()


def good_amount() -> dict[str, Any]:
    return {"type": "string", "pattern": "^[0-9]+[.][0-9]{2}$"}


def test_a_higher_major_version_announces_what_breaks() -> None:
    for old, new, expected in (
        ("1.4.0", "2.0.0", True),
        ("1.4.0", "1.5.0", False),
        ("0.4.0", "0.5.0", True),
        ("2.0.0", "1.0.0", False),
        ("2024", "2.0.0", False),
    ):
        documents = [changed(("info", "version"), each) for each in (old, new)]
        assert announces(documents[0], documents[1]) is expected
