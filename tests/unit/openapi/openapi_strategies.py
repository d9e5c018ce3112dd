"""Random small OpenAPI 3.0 documents: references, circles of schemas, extensions, missing ids."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

NAMES = ["A", "B", "C/d", "E~f"]
PARAMETERS = ["id", "page"]
ODD_DATA = st.sampled_from(
    [1.0, 0, True, None, "on", {"$ref": "#/nowhere"}, [1e3, {"b": 1, "a": 2}]]
)


def escaped(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")


REFERENCES = st.sampled_from(NAMES).map(
    lambda name: {"$ref": f"#/components/schemas/{escaped(name)}"}
)
SCHEMAS = st.recursive(
    st.fixed_dictionaries(
        {"type": st.sampled_from(["string", "integer"])},
        optional={"example": ODD_DATA, "x-a": ODD_DATA},
    ),
    lambda inner: st.one_of(
        st.fixed_dictionaries({"type": st.just("array"), "items": inner | REFERENCES}),
        st.fixed_dictionaries(
            {"type": st.just("object")},
            optional={
                "properties": st.dictionaries(
                    st.sampled_from(["a", "b/c", "$ref"]), inner | REFERENCES, max_size=2
                ),
                "required": st.just(["a"]),
                "allOf": st.lists(inner | REFERENCES, max_size=2),
                "additionalProperties": st.booleans() | inner,
            },
        ),
    ),
    max_leaves=4,
)
CONTENT = st.fixed_dictionaries(
    {
        "application/json": st.fixed_dictionaries(
            {"schema": SCHEMAS | REFERENCES}, optional={"example": ODD_DATA}
        )
    }
)
WRITTEN_RESPONSES = st.fixed_dictionaries(
    {"description": st.text("ab", max_size=3)}, optional={"content": CONTENT}
)
RESPONSES = st.fixed_dictionaries(
    {"200": st.just({"$ref": "#/components/responses/Shared"}) | WRITTEN_RESPONSES}
)
OPERATIONS = st.fixed_dictionaries(
    {"responses": RESPONSES},
    optional={
        "summary": st.text("ab", max_size=3),
        "tags": st.just(["t"]),
        "deprecated": st.booleans(),
        "requestBody": st.fixed_dictionaries({"content": CONTENT}),
        "security": st.sampled_from([[], [{"key": []}], [{}]]),
        "parameters": st.just([{"$ref": "#/components/parameters/Page"}]),
        "servers": st.just([{"url": "/own"}]),
        "x-b": ODD_DATA,
    },
)
PATH_ITEMS = st.fixed_dictionaries(
    {},
    optional={
        "get": OPERATIONS,
        "post": OPERATIONS,
        "head": OPERATIONS,
        "options": OPERATIONS,
        "summary": st.text("ab", max_size=3),
        "x-c": ODD_DATA,
    },
)


@st.composite
def documents(draw: st.DrawFn) -> dict[str, Any]:
    """A sound document; some of its operations declare an id."""
    paths: dict[str, Any] = {}
    for path in draw(st.lists(st.sampled_from(["/a", "/b/{id}", "/b/c"]), unique=True)):
        item = dict(draw(PATH_ITEMS))
        if "{id}" in path:
            parameter = {"name": "id", "in": "path", "required": True, "schema": draw(SCHEMAS)}
            item["parameters"] = [parameter]
        for method in item.keys() & {"get", "post", "head", "options"}:
            if draw(st.booleans()):
                item[method] = {"operationId": f"{method} {path}"} | item[method]
        paths[path] = item
    page = {"name": "page", "in": "query", "schema": draw(SCHEMAS | REFERENCES)}
    document: dict[str, Any] = {
        "openapi": "3.0.3",
        "info": {"title": "T", "version": "1"},
        "paths": paths,
        "components": {
            "schemas": {name: draw(SCHEMAS) for name in NAMES},
            "responses": {"Shared": {"description": "Shared", "content": draw(CONTENT)}},
            "parameters": {"Page": page},
            "securitySchemes": {"key": {"type": "apiKey", "name": "K", "in": "header"}},
        },
    }
    optional = {
        "security": [{"key": []}],
        "tags": [{"name": "t"}, {"name": "u"}],
        "servers": [{"url": "/v1"}],
    }
    return document | {
        name: optional[name] for name in draw(st.sets(st.sampled_from(sorted(optional))))
    }
