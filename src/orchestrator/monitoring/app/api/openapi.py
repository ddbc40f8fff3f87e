"""The OpenAPI document, written from the table of endpoints."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from orchestrator import __version__
from orchestrator.monitoring.app.api.table import Endpoint

_TEMPLATE = "#/components/schemas/{name}"
_CONVERTED = re.compile(r"\{(\w+)(?::\w+)?\}")


class Problem(msgspec.Struct, frozen=True):
    """What is wrong, as one sentence."""

    message: str


def document(endpoints: list[Endpoint]) -> dict[str, Any]:
    """OpenAPI 3.1; WebSockets are listed as GET requests that are upgraded."""
    types = [kind for one in endpoints for kind in (one.body, one.answer) if kind is not None]
    types.append(Problem)
    unique = list(dict.fromkeys(types))
    schemas, components = msgspec.json.schema_components(unique, ref_template=_TEMPLATE)
    known = dict(zip(unique, schemas, strict=True))
    paths: dict[str, dict[str, Any]] = {}
    for one in endpoints:
        method = "get" if one.method == "WEBSOCKET" else one.method.lower()
        paths.setdefault(path_of(one), {})[method] = _operation(one, known)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "orchestrator monitoring",
            "version": __version__,
            "description": "Every host, container, process and connection, live.",
        },
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


def path_of(endpoint: Endpoint) -> str:
    """The path as OpenAPI writes it."""
    return _CONVERTED.sub(r"{\1}", endpoint.path)


def _operation(one: Endpoint, known: dict[Any, Any]) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "summary": one.summary,
        "operationId": f"{one.method.lower()} {one.path}",
        "parameters": [*_path_parameters(one), *_query_parameters(one)],
        "responses": _responses(one, known),
    }
    if one.permission != "none":
        operation["security"] = [{"token": []}]
        operation["description"] = f"Needs the permission {one.permission!r}."
    if one.body is not None:
        content = {kind: {"schema": known[one.body]} for kind in one.body_types}
        operation["requestBody"] = {"content": content, "required": one.is_body_required}
    return operation


def _path_parameters(one: Endpoint) -> list[dict[str, Any]]:
    return [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in _CONVERTED.findall(one.path)
    ]


def _query_parameters(one: Endpoint) -> list[dict[str, Any]]:
    return [
        {
            "name": parameter.name,
            "in": "query",
            "required": parameter.is_required,
            "description": parameter.description,
            "schema": {"type": parameter.kind},
        }
        for parameter in one.parameters
    ]


def _responses(one: Endpoint, known: dict[Any, Any]) -> dict[str, Any]:
    problem = {"application/json": {"schema": known[Problem]}}
    responses: dict[str, Any] = {"default": {"description": "Refused.", "content": problem}}
    if one.method == "WEBSOCKET":
        responses["101"] = {"description": "A WebSocket."}
        return responses
    answer: dict[str, Any] = {"description": "Done."}
    if one.answer is not None:
        answer["content"] = {one.media_type: {"schema": known[one.answer]}}
    elif one.media_type:
        answer["content"] = {one.media_type: {}}
    responses[str(one.status)] = answer
    return responses
