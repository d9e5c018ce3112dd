"""Grammars of OpenAPI 2.0, 3.0 and 3.1 documents, as far as the shelf relies on their parts.

Tables in the notation of `shapes.py`. Sources: OpenAPI 2.0 "Schema", OpenAPI 3.0.3 section 4.7,
OpenAPI 3.1.1 section 4.8. Members that begin with `x-` are allowed in every object and kept.
In a schema, keywords outside the table are kept too: JSON Schema lets vocabularies add them.
"""

from __future__ import annotations

from typing import Final, Literal

from weir.openapi.shapes import Grammar, Table, grammar

Version = Literal["2.0", "3.0", "3.1"]

METHODS: Final[dict[Version, tuple[str, ...]]] = {
    "2.0": ("get", "put", "post", "delete", "options", "head", "patch"),
    "3.0": ("get", "put", "post", "delete", "options", "head", "patch", "trace"),
    "3.1": ("get", "put", "post", "delete", "options", "head", "patch", "trace"),
}

MEDIA_TYPE: Final = r"[^\s/;]+/[^\s/;]+(?:\s*;.*)?"
_STATUS: Final = r"default|[1-5][0-9]{2}"
_STATUS_OR_RANGE: Final = r"default|[1-5](?:[0-9]{2}|XX)"

_DOCS = {"description": "text", "url!": "text"}
_CONTACT = {"name": "text", "url": "text", "email": "text"}
_TAG = {"name!": "text", "description": "text", "externalDocs": "docs"}
_XML = {
    "name": "text", "namespace": "text", "prefix": "text", "attribute": "flag", "wrapped": "flag",
}  # fmt: skip
_INFO = {
    "title!": "filled", "description": "text", "termsOfService": "text",
    "contact": "contact", "license": "license", "version!": "text",
}  # fmt: skip

# JSON Schema keywords that all three versions read alike.
_COMMON_SCHEMA = {
    "title": "text", "description": "text", "format": "text", "pattern": "text",
    "multipleOf": "number", "maximum": "number", "minimum": "number",
    "maxLength": "count", "minLength": "count", "maxItems": "count", "minItems": "count",
    "maxProperties": "count", "minProperties": "count", "uniqueItems": "flag",
    "required": "[text]", "enum": "[any]", "default": "any", "example": "any",
    "readOnly": "flag", "xml": "xml", "externalDocs": "docs",
    "allOf": "[schema&]", "properties": "{schema&}",
}  # fmt: skip


def _methods(version: Version) -> dict[str, str]:
    return dict.fromkeys(METHODS[version], "operation")


# --- OpenAPI 2.0 --------------------------------------------------------------------------------
# Items, headers, and parameters that are no body describe their values with the same keywords.
_VALUE_20 = {
    "format": "text", "items": "items", "collectionFormat": "=csv,ssv,tsv,pipes,multi",
    "default": "any", "maximum": "number", "exclusiveMaximum": "flag", "minimum": "number",
    "exclusiveMinimum": "flag", "maxLength": "count", "minLength": "count", "pattern": "text",
    "maxItems": "count", "minItems": "count", "uniqueItems": "flag", "enum": "[any]",
    "multipleOf": "number",
}  # fmt: skip
_TYPE_20: Final = "=string,number,integer,boolean,array"

OPENAPI_20: Final = grammar(
    Table("document", {
        "swagger!": "text", "info!": "info", "host": "text", "basePath": "text",
        "schemes": "[text]", "consumes": "[text]", "produces": "[text]", "paths!": "paths",
        "definitions": "{schema&}", "parameters": "{parameter}", "responses": "{response}",
        "securityDefinitions": "{security-scheme}", "security": "[requirement]",
        "tags": "[tag]", "externalDocs": "docs",
    }),
    Table("info", _INFO), Table("contact", _CONTACT), Table("docs", _DOCS), Table("tag", _TAG),
    Table("license", {"name!": "text", "url": "text"}), Table("xml", _XML),
    Table("paths", {"*": "path-item&"}, "/.*"),
    Table("path-item", {**_methods("2.0"), "parameters": "[parameter&]"}),
    Table("operation", {
        "tags": "[text]", "summary": "text", "description": "text", "externalDocs": "docs",
        "operationId": "filled", "consumes": "[text]", "produces": "[text]",
        "parameters": "[parameter&]", "responses!": "responses", "schemes": "[text]",
        "deprecated": "flag", "security": "[requirement]",
    }),
    Table("parameter", _VALUE_20 | {
        "name!": "filled", "in!": "=query,header,path,formData,body", "description": "text",
        "required": "flag", "allowEmptyValue": "flag", "schema": "schema&",
        "type": f"{_TYPE_20},file",
    }),
    Table("items", _VALUE_20 | {"type!": _TYPE_20}),
    Table("header", _VALUE_20 | {"type!": _TYPE_20, "description": "text"}),
    Table("responses", {"*": "response&"}, _STATUS),
    Table("response", {
        "description!": "text", "schema": "schema&", "headers": "{header}", "examples": "any",
    }),
    Table("schema", _COMMON_SCHEMA | {
        "type": f"{_TYPE_20},object,file", "items": "schema&|[schema&]",
        "additionalProperties": "flag|schema&", "discriminator": "text",
        "exclusiveMaximum": "flag", "exclusiveMinimum": "flag",
    }, free=True),
    Table("requirement", {"*": "[text]"}),
    Table("security-scheme", {
        "type!": "=basic,apiKey,oauth2", "description": "text", "name": "text",
        "in": "=query,header", "flow": "=implicit,password,application,accessCode",
        "authorizationUrl": "text", "tokenUrl": "text", "scopes": "{text}",
    }),
)  # fmt: skip

# --- OpenAPI 3.0 --------------------------------------------------------------------------------
_DOCUMENT_3 = {
    "openapi!": "text", "info!": "info", "servers": "[server]", "components": "components",
    "security": "[requirement]", "tags": "[tag]", "externalDocs": "docs",
}  # fmt: skip
_COMPONENTS_3 = {
    "schemas": "{schema&}", "responses": "{response&}", "parameters": "{parameter&}",
    "examples": "{example&}", "requestBodies": "{body&}", "headers": "{header&}",
    "securitySchemes": "{security-scheme&}", "links": "{link&}", "callbacks": "{callback&}",
}  # fmt: skip
_OPERATION_3 = {
    "tags": "[text]", "summary": "text", "description": "text", "externalDocs": "docs",
    "operationId": "filled", "parameters": "[parameter&]", "requestBody": "body&",
    "callbacks": "{callback&}", "deprecated": "flag", "security": "[requirement]",
    "servers": "[server]",
}  # fmt: skip
_HEADER_3 = {
    "description": "text", "required": "flag", "deprecated": "flag", "allowEmptyValue": "flag",
    "style": "text", "explode": "flag", "allowReserved": "flag", "schema": "schema&",
    "example": "any", "examples": "{example&}", "content": "contents",
}  # fmt: skip
_SCHEME_3 = {
    "description": "text", "name": "text", "in": "=query,header,cookie", "scheme": "text",
    "bearerFormat": "text", "flows": "flows", "openIdConnectUrl": "text",
}  # fmt: skip
_FLOW_3 = {"refreshUrl": "text", "scopes!": "{text}"}
_SCHEMA_3 = _COMMON_SCHEMA | {
    "oneOf": "[schema&]", "anyOf": "[schema&]", "not": "schema&", "items": "schema&",
    "additionalProperties": "flag|schema&", "discriminator": "discriminator",
    "writeOnly": "flag", "deprecated": "flag",
}  # fmt: skip

_SAME_IN_3 = (
    Table("contact", _CONTACT), Table("docs", _DOCS), Table("tag", _TAG), Table("xml", _XML),
    Table("server", {"url!": "text", "description": "text", "variables": "{server-variable}"}),
    Table("server-variable", {"enum": "[text]", "default!": "text", "description": "text"}),
    Table("paths", {"*": "path-item&"}, "/.*"),
    Table("path-item", {
        **_methods("3.0"), "summary": "text", "description": "text", "servers": "[server]",
        "parameters": "[parameter&]",
    }),
    Table("parameter", _HEADER_3 | {"name!": "filled", "in!": "=query,header,path,cookie"}),
    Table("header", _HEADER_3),
    Table("body", {"description": "text", "content!": "contents", "required": "flag"}),
    Table("contents", {"*": "media-type"}, MEDIA_TYPE),
    Table("media-type", {
        "schema": "schema&", "example": "any", "examples": "{example&}",
        "encoding": "{encoding}",
    }),
    Table("encoding", {
        "contentType": "text", "headers": "{header&}", "style": "text", "explode": "flag",
        "allowReserved": "flag",
    }),
    Table("responses", {"*": "response&"}, _STATUS_OR_RANGE),
    Table("response", {
        "description!": "text", "headers": "{header&}", "content": "contents",
        "links": "{link&}",
    }),
    Table("callback", {"*": "path-item&"}, "(?!x-).*"),
    Table("example", {
        "summary": "text", "description": "text", "value": "any", "externalValue": "text",
    }),
    Table("link", {
        "operationRef": "text", "operationId": "text", "parameters": "{any}",
        "requestBody": "any", "description": "text", "server": "server",
    }),
    Table("discriminator", {"propertyName!": "text", "mapping": "{text}"}),
    Table("requirement", {"*": "[text]"}),
    Table("flows", {
        "implicit": "implicit-flow", "password": "token-flow",
        "clientCredentials": "token-flow", "authorizationCode": "code-flow",
    }),
    Table("implicit-flow", _FLOW_3 | {"authorizationUrl!": "text"}),
    Table("token-flow", _FLOW_3 | {"tokenUrl!": "text"}),
    Table("code-flow", _FLOW_3 | {"authorizationUrl!": "text", "tokenUrl!": "text"}),
)  # fmt: skip

OPENAPI_30: Final = grammar(
    *_SAME_IN_3,
    Table("document", _DOCUMENT_3 | {"paths!": "paths"}),
    Table("info", _INFO),
    Table("license", {"name!": "text", "url": "text"}),
    Table("components", _COMPONENTS_3),
    Table("operation", _OPERATION_3 | {"responses!": "responses"}),
    Table("security-scheme", _SCHEME_3 | {"type!": "=apiKey,http,oauth2,openIdConnect"}),
    Table("schema", _SCHEMA_3 | {
        "type": "=string,number,integer,boolean,object,array", "nullable": "flag",
        "exclusiveMaximum": "flag", "exclusiveMinimum": "flag",
    }, free=True),
)  # fmt: skip

# --- OpenAPI 3.1 --------------------------------------------------------------------------------
_TYPE_31: Final = "=null,boolean,object,array,number,string,integer"

OPENAPI_31: Final = grammar(
    *_SAME_IN_3,
    Table("document", _DOCUMENT_3 | {
        "paths": "paths", "webhooks": "{path-item&}", "jsonSchemaDialect": "text",
    }),
    Table("info", _INFO | {"summary": "text"}),
    Table("license", {"name!": "text", "url": "text", "identifier": "text"}),
    Table("components", _COMPONENTS_3 | {"pathItems": "{path-item&}"}),
    Table("operation", _OPERATION_3 | {"responses": "responses"}),
    Table("security-scheme", _SCHEME_3 | {
        "type!": "=apiKey,http,oauth2,openIdConnect,mutualTLS",
    }),
    Table("schema", _SCHEMA_3 | {
        "type": f"{_TYPE_31}|[{_TYPE_31}]", "exclusiveMaximum": "number",
        "exclusiveMinimum": "number", "$defs": "{schema&}", "examples": "[any]", "const": "any",
        "prefixItems": "[schema&]", "contains": "schema&", "if": "schema&", "then": "schema&",
        "else": "schema&", "propertyNames": "schema&", "patternProperties": "{schema&}",
        "dependentSchemas": "{schema&}", "dependentRequired": "{[text]}",
        "unevaluatedItems": "schema&", "unevaluatedProperties": "schema&",
        "maxContains": "count", "minContains": "count", "contentSchema": "schema&",
    }, free=True, beside_reference=True),
    boolean_schemas=True,
)  # fmt: skip

GRAMMARS: Final[dict[Version, Grammar]] = {
    "2.0": OPENAPI_20,
    "3.0": OPENAPI_30,
    "3.1": OPENAPI_31,
}
