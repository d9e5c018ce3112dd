"""Rules for one object beyond the sorts of its members: a table of rules by sort.

A rule takes the object and returns a sentence when it is broken. `$ref` may stand at `schema` or
`content`; a rule asks only whether a member is there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

from weir.openapi.grammar import Version

Rule = Callable[[dict[str, Any]], str]


def _path_parameter_is_required(parameter: dict[str, Any]) -> str:
    # OpenAPI 3.0.3 section 4.7.12: for a path parameter, required MUST be true.
    if parameter["in"] == "path" and parameter.get("required") is not True:
        return "A path parameter must say required: true."
    return ""


def _schema_or_content(parameter: dict[str, Any]) -> str:
    if ("schema" in parameter) == ("content" in parameter):
        return "Exactly one of schema and content must be there."
    if len(parameter.get("content", {"one": 1})) != 1:
        return "content must have exactly one media type."
    return ""


def _body_has_schema_others_have_type(parameter: dict[str, Any]) -> str:
    needed = "schema" if parameter["in"] == "body" else "type"
    if needed not in parameter:
        return f"A parameter in {parameter['in']} needs the member {needed}."
    if parameter.get("type") == "file" and parameter["in"] != "formData":
        return "Only a formData parameter may be a file."
    return ""


def _array_has_items(value: dict[str, Any]) -> str:
    return "An array needs items." if value.get("type") == "array" and "items" not in value else ""


def _some_response(responses: dict[str, Any]) -> str:
    if any(not name.startswith("x-") for name in responses):
        return ""
    return "There must be at least one response."


# Members that each type of security scheme needs (OpenAPI 2.0 "Security Scheme", 3.0.3 section
# 4.7.27).
_SCHEME_NEEDS: Final = {
    "apiKey": ("name", "in"),
    "http": ("scheme",),
    "openIdConnect": ("openIdConnectUrl",),
}
_FLOW_NEEDS_20: Final = {
    "implicit": ("authorizationUrl",),
    "password": ("tokenUrl",),
    "application": ("tokenUrl",),
    "accessCode": ("authorizationUrl", "tokenUrl"),
}


def _scheme_is_complete(scheme: dict[str, Any]) -> str:
    needed = _SCHEME_NEEDS.get(scheme["type"], ())
    return _lacks(scheme, ("flows",) if scheme["type"] == "oauth2" else needed)


def _scheme_20_is_complete(scheme: dict[str, Any]) -> str:
    if scheme["type"] != "oauth2":
        return _lacks(scheme, _SCHEME_NEEDS.get(scheme["type"], ()))
    return _lacks(scheme, ("flow", "scopes", *_FLOW_NEEDS_20.get(scheme.get("flow", ""), ())))


def _lacks(value: dict[str, Any], names: Iterable[str]) -> str:
    missing = next((name for name in names if name not in value), None)
    return f"The member {missing} is missing." if missing else ""


def _link_has_one_target(link: dict[str, Any]) -> str:
    if ("operationId" in link) == ("operationRef" in link):
        return "A link needs exactly one of operationId and operationRef."
    return ""


def _something_to_say(document: dict[str, Any]) -> str:
    # OpenAPI 3.1.1 section 4.8.1
    if not {"paths", "components", "webhooks"} & document.keys():
        return "There must be paths, components or webhooks."
    return ""


# JSON Schema 2020-12 sections 8.2.1 to 8.2.3: these change what a reference means.
RESOLUTION_KEYWORDS: Final = ("$id", "$anchor", "$dynamicAnchor", "$dynamicRef", "$recursiveRef")


def _references_stay_plain(schema: dict[str, Any]) -> str:
    found = next((name for name in RESOLUTION_KEYWORDS if name in schema), None)
    return f"The keyword {found} is not taken; refer by #/... only." if found else ""


def _types_are_distinct(schema: dict[str, Any]) -> str:
    types = schema.get("type")
    if isinstance(types, list) and (not types or len(set(types)) != len(types)):
        return "A list of types must name at least one, and none twice."
    return ""


_RULES_3: Final[dict[str, tuple[Rule, ...]]] = {
    "parameter": (_path_parameter_is_required, _schema_or_content),
    "header": (_schema_or_content,),
    "responses": (_some_response,),
    "security-scheme": (_scheme_is_complete,),
    "link": (_link_has_one_target,),
}

RULES: Final[dict[Version, dict[str, tuple[Rule, ...]]]] = {
    "2.0": {
        "parameter": (
            _path_parameter_is_required,
            _body_has_schema_others_have_type,
            _array_has_items,
        ),
        "header": (_array_has_items,),
        "items": (_array_has_items,),
        "responses": (_some_response,),
        "security-scheme": (_scheme_20_is_complete,),
    },
    "3.0": _RULES_3,
    "3.1": _RULES_3
    | {
        "document": (_something_to_say,),
        "schema": (_references_stay_plain, _types_are_distinct),
    },
}
