"""An OpenAPI 3.1 document of the operations, with types, limits, defaults and descriptions from their dataclasses."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from folkseq.settings import REQUIRED, Setting
from folkseq.studio.guard import TOKEN_HEADER
from folkseq.studio.operations import File, Operation, StoredFile
from folkseq.version import __version__

_TYPES = {str: "string", int: "integer", float: "number", bool: "boolean", bytes: "string"}
_FAULT = {"description": "What is wrong and what to do, in one sentence", "content": {"application/json": {}}}


def document(operations: Iterable[Operation]) -> dict[str, Any]:
    """Return the OpenAPI document of operations."""
    schemas: dict[str, Any] = {}
    paths: dict[str, dict[str, Any]] = {}
    for each in operations:
        paths.setdefault(each.path, {})[each.method.lower()] = _described(each, schemas)
    return {
        "openapi": "3.1.0",
        "info": {"title": "folkseq studio", "version": __version__},
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {"token": {"type": "apiKey", "in": "header", "name": TOKEN_HEADER}},
        },
        "security": [{"token": []}],
    }


def _described(operation: Operation, schemas: dict[str, Any]) -> dict[str, Any]:
    answers = [_schema(kind, schemas) for kind in operation.answers if kind not in (File, StoredFile)]
    if operation.streams:
        kinds = ", ".join(f"`{kind.__name__.lower()}`" for kind in operation.answers)
        description = f"Server-sent events {kinds}, and at the end `done` or `error`"
        content = {"text/event-stream": {"schema": {"anyOf": answers}}}
    elif answers:
        description, content = "The answer", {"application/json": {"schema": answers[0]}}
    else:
        description, content = "The file", {"application/octet-stream": {}}
    found: dict[str, Any] = {
        "operationId": operation.run.__name__,
        "summary": operation.summary,
        "description": operation.description,
        "responses": {"200": {"description": description, "content": content}, "default": _FAULT},
    }
    if operation.method == "GET":
        properties = _properties(operation.request, schemas)
        found["parameters"] = [{"name": name, "in": "query", "schema": each} for name, each in properties.items()]
    elif dataclasses.fields(operation.request):
        schema = _schema(operation.request, schemas)
        found["requestBody"] = {"required": True, "content": {"application/json": {"schema": schema}}}
    return found


def _schema(hint: Any, schemas: dict[str, Any]) -> dict[str, Any]:
    """Return the JSON schema of an annotation; add schemas of dataclasses to `schemas`."""
    origin, parts = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        return {"anyOf": [{"type": "null"} if each is NoneType else _schema(each, schemas) for each in parts]}
    if origin is tuple and len(parts) == 2 and parts[1] is ...:
        return {"type": "array", "items": _schema(parts[0], schemas)}
    if origin is tuple:
        return {"type": "array", "prefixItems": [_schema(each, schemas) for each in parts], "items": False}
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return {"type": "object"}
    if dataclasses.is_dataclass(hint):
        name = getattr(hint, "__name__", str(hint))
        if name not in schemas:
            schemas[name] = {}
            properties = _properties(hint, schemas)
            required = [field.name for field in dataclasses.fields(hint) if field.default is REQUIRED]
            schemas[name] = {"type": "object", "properties": properties, "required": required}
        return {"$ref": f"#/components/schemas/{name}"}
    return {"type": _TYPES[hint]} if hint in _TYPES else {}


def _properties(kind: Any, schemas: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of each field of a dataclass, with the limits of its setting."""
    hints, found = get_type_hints(kind), {}
    for field in dataclasses.fields(kind):
        schema, declared = dict(_schema(hints[field.name], schemas)), field.metadata.get("setting")
        if isinstance(declared, Setting):
            schema["description"] = declared.help
            schema |= {"minimum": declared.low} if declared.low is not None else {}
            schema |= {"maximum": declared.high} if declared.high is not None else {}
            schema |= {"maxLength": declared.longest} if declared.longest is not None else {}
            schema |= {"enum": list(declared.choices)} if declared.choices else {}
            schema |= {"default": field.default} if field.default is not REQUIRED else {}
        found[field.name] = schema
    return found
