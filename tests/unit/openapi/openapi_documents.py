"""Documents the tests of this folder read: one of each version, and a way to bend them."""

from __future__ import annotations

import json
from typing import Any

from weir.kernel.outcomes import Refusal
from weir.openapi.pointers import read_pointer

PETS_30_YAML = """\
openapi: 3.0.3
info: {title: Pets, version: "1.0"}
servers:
  - url: https://{region}.pets.example/{stage}/v1/
    variables:
      region: {default: eu}
      stage: {enum: [live, test], default: live}
tags:
  - name: pets
  - name: owners
    externalDocs: {url: https://pets.example/owners}
security:
  - key: []
paths:
  /pets:
    parameters:
      - $ref: '#/components/parameters/Trace'
    get:
      tags: [pets]
      summary: List pets
      operationId: listPets
      parameters:
        - {name: limit, in: query, schema: {type: integer, minimum: 1.0}}
        - {name: x-TRACE, in: header, required: true, schema: {type: string}}
      responses:
        200:
          description: Some pets
          content:
            application/json:
              schema: {type: array, items: {$ref: '#/components/schemas/Pet'}}
              example: [{$ref: '#/this/is/data', name: on, born: 2024-01-01}]
          links:
            owner: {operationId: getOwner}
            self: {$ref: '#/components/links/Again'}
        default: {$ref: '#/components/responses/Problem'}
    post:
      operationId: addPet
      deprecated: false
      security:
        - {}
        - oauth: [pets.write]
      requestBody: {$ref: '#/components/requestBodies/NewPet'}
      responses:
        '201': {description: Added}
        4XX: {$ref: '#/components/responses/Problem'}
      callbacks:
        born:
          '{$request.body#/hook}':
            post:
              responses: {'204': {description: Heard}}
  /pets/{PetId}:
    summary: One pet
    parameters:
      - {name: PetId, in: path, required: true, schema: {type: string}}
    get:
      responses:
        '200':
          description: One
          content:
            application/json:
              schema:
                $ref: '#/paths/~1pets/get/responses/200/content/application~1json/schema/items'
    head:
      responses: {'200': {description: There}}
    options:
      responses: {'204': {description: What may be done}}
    trace:
      responses: {'200': {description: Echo}}
  /owners/{OwnerId}:
    get:
      tags: [owners]
      operationId: getOwner
      servers: [{url: /owners-api/v2}]
      parameters:
        - {name: OwnerId, in: path, required: true, content: {text/plain: {}}}
      responses:
        '200':
          description: An owner
          content:
            application/json: {schema: {$ref: '#/components/schemas/Owner'}}
components:
  parameters:
    Trace: {name: X-Trace, in: header, schema: {type: string}}
  links:
    Again: {operationRef: '#/paths/~1pets/get'}
  responses:
    Problem:
      description: A problem
      headers:
        Retry-After: {schema: {type: integer}}
      content:
        application/problem+json: {schema: {$ref: '#/components/schemas/Problem'}}
  requestBodies:
    NewPet:
      required: true
      content:
        application/json: {schema: {$ref: '#/components/schemas/Pet'}}
        application/vnd.pets+json; charset=utf-8: {schema: {$ref: '#/components/schemas/Pet'}}
        application/xml: {schema: {type: string}}
  schemas:
    Pet:
      type: object
      required: [kind]
      discriminator: {propertyName: kind}
      properties:
        kind: {type: string}
        hook: {type: string, format: uri}
        price:
          allOf: [{$ref: '#/components/schemas/Money'}]
        friends: {type: array, items: {$ref: '#/components/schemas/Pet'}}
        parent: {$ref: '#/components/schemas/Pet'}
        'a/b~c': {type: string, nullable: true}
    Cat:
      allOf:
        - $ref: '#/components/schemas/Pet'
        - {type: object, properties: {lives: {type: integer, default: 9}}}
    Money:
      type: object
      properties:
        Amount: {type: string, pattern: '^\\d{1,13}\\.\\d{2}$'}
        Currency: {type: string}
    Owner:
      type: object
      properties:
        pets: {type: array, items: {$ref: '#/components/schemas/Pet'}}
    Problem: {type: object}
    Unused: {type: object}
  securitySchemes:
    key: {type: apiKey, name: X-Key, in: header}
    oauth:
      type: oauth2
      flows:
        clientCredentials: {tokenUrl: 'https://pets.example/token', scopes: {pets.write: Add pets}}
    never: {type: http, scheme: basic}
x-weir: {kept: yes}
"""

LEDGER_20: dict[str, Any] = {
    "swagger": "2.0",
    "info": {"title": "Ledger", "version": "2"},
    "host": "ledger.example",
    "basePath": "/ledger/",
    "schemes": ["https"],
    "consumes": ["application/json"],
    "securityDefinitions": {
        "oauth": {
            "type": "oauth2",
            "flow": "application",
            "tokenUrl": "https://ledger.example/token",
            "scopes": {"post": "Post entries"},
        },
        "basic": {"type": "basic"},
    },
    "security": [{"oauth": ["post"]}],
    "parameters": {
        "Book": {"name": "book", "in": "path", "required": True, "type": "string"},
        "Entry": {"name": "entry", "in": "body", "schema": {"$ref": "#/definitions/Entry"}},
    },
    "paths": {
        "/books/{book}/entries": {
            "parameters": [{"$ref": "#/parameters/Book"}],
            "post": {
                "operationId": "postEntry",
                "parameters": [{"$ref": "#/parameters/Entry"}],
                "responses": {"201": {"description": "Posted"}},
            },
            "get": {
                "operationId": "listEntries",
                "parameters": [
                    {
                        "name": "ids",
                        "in": "query",
                        "type": "array",
                        "items": {"type": "string"},
                        "collectionFormat": "multi",
                    }
                ],
                "responses": {
                    "200": {
                        "description": "Entries",
                        "schema": {"type": "array", "items": {"$ref": "#/definitions/Entry"}},
                        "headers": {"X-Total": {"type": "integer"}},
                        "examples": {"application/json": [{"amount": "1.00"}]},
                    },
                    "default": {"$ref": "#/responses/Problem"},
                },
            },
        },
        "/books/{book}/scan": {
            "post": {
                "operationId": "scan",
                "consumes": ["multipart/form-data"],
                "security": [{"basic": []}],
                "parameters": [
                    {"$ref": "#/parameters/Book"},
                    {"name": "page", "in": "formData", "type": "file", "required": True},
                ],
                "responses": {"202": {"description": "Taken"}},
            }
        },
    },
    "responses": {
        "Problem": {"description": "A problem", "schema": {"$ref": "#/definitions/Problem"}}
    },
    "definitions": {
        "Entry": {
            "type": "object",
            "properties": {
                "amount": {"type": "string"},
                "lines": {"type": "array", "items": {"$ref": "#/definitions/Line"}},
            },
        },
        "Line": {"type": "object", "properties": {"of": {"$ref": "#/definitions/Entry"}}},
        "Problem": {"type": "object"},
        "Unused": {"type": "object"},
    },
}

EVENTS_31: dict[str, Any] = {
    "openapi": "3.1.0",
    "info": {
        "title": "Events",
        "summary": "What happened",
        "version": "3",
        "license": {"name": "Apache 2.0", "identifier": "Apache-2.0"},
    },
    "jsonSchemaDialect": "https://spec.openapis.org/oas/3.1/dialect/base",
    "paths": {
        "/events": {"$ref": "#/components/pathItems/Events"},
        "/events/{id}": {
            "get": {
                "operationId": "getEvent",
                "parameters": [
                    {"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}
                ],
                "responses": {
                    "200": {
                        "description": "One",
                        "content": {
                            "application/json": {"schema": {"$ref": "#/components/schemas/Event"}}
                        },
                        "links": {"more": {"operationRef": "#/components/pathItems/Events/post"}},
                    }
                },
            }
        },
    },
    "webhooks": {
        "happened": {
            "post": {
                "requestBody": {
                    "content": {
                        "application/json": {"schema": {"$ref": "#/components/schemas/Event"}}
                    }
                }
            }
        }
    },
    "components": {
        "pathItems": {
            "Events": {
                "post": {
                    "operationId": "addEvent",
                    "requestBody": {
                        "content": {
                            "application/json": {
                                "schema": {
                                    "$ref": "#/components/schemas/Event",
                                    "description": "A new one",
                                    "properties": {"amount": {"type": ["string", "null"]}},
                                }
                            }
                        }
                    },
                }
            }
        },
        "schemas": {
            "Event": {
                "type": ["object", "null"],
                "properties": {
                    "id": {"type": ["string", "integer"]},
                    "tags": {
                        "type": ["array", "null"],
                        "items": {"$ref": "#/components/schemas/T"},
                    },
                    "anything": True,
                    "cause": {"oneOf": [{"$ref": "#/components/schemas/Event"}, {"type": "null"}]},
                },
                "exclusiveMinimum": 3,
                "unevaluatedProperties": False,
                "$defs": {"Local": {"type": "string"}},
            },
            "T": {"$ref": "#/components/schemas/Event/$defs/Local"},
            "Unused": {"const": {"$ref": "data"}},
        },
        "securitySchemes": {"mtls": {"type": "mutualTLS"}},
    },
    "security": [{"mtls": []}],
}

SMALL: dict[str, Any] = {
    "openapi": "3.0.3",
    "info": {"title": "Small", "version": "1"},
    "paths": {
        "/a/{x}": {
            "parameters": [
                {"name": "x", "in": "path", "required": True, "schema": {"type": "string"}}
            ],
            "get": {
                "operationId": "getA",
                "responses": {"200": {"$ref": "#/components/responses/Fine"}},
            },
        },
        "/b": {"post": {"responses": {"200": {"description": "Fine"}}}},
    },
    "components": {
        "responses": {"Fine": {"description": "Fine"}},
        "schemas": {
            "S": {"type": "object", "properties": {"s": {"$ref": "#/components/schemas/S"}}}
        },
        "securitySchemes": {"key": {"type": "apiKey", "name": "K", "in": "header"}},
    },
}

FIXTURES = {
    "2.0": json.dumps(LEDGER_20).encode(),
    "3.0": PETS_30_YAML.encode(),
    "3.1": json.dumps(EVENTS_31).encode(),
}

REMOVED = object()


def bent(document: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """A copy of `document` with values at JSON pointers set, or REMOVED."""
    copy: dict[str, Any] = json.loads(json.dumps(document))
    for pointer, value in changes.items():
        *way, last = read_pointer(pointer)
        holder: Any = copy
        for token in way:
            holder = holder[int(token)] if isinstance(holder, list) else holder[token]
        if value is REMOVED:
            del holder[last]
        elif isinstance(holder, list):
            holder.insert(int(last), value)
        else:
            holder[last] = value
    return copy


def told(refusal: Refusal) -> tuple[str, str, str]:
    """A refusal's code, place and reason; every refusal of a document must have them."""
    return refusal.outcome.code, str(refusal.public["pointer"]), str(refusal.public["why"])
