"""Refusals in the form that Marathon's clients know. Source: MarathonExceptionMapper.scala."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from http import HTTPStatus
from typing import Any

from starlette.exceptions import HTTPException
from starlette.responses import Response

from orchestrator.marathon.core.refusals import (
    AppLocked,
    BadRequest,
    Conflict,
    InvalidObject,
    NotJson,
    TooManyDeployments,
    Unavailable,
    Unknown,
    Unprocessable,
    Violation,
    WrongShape,
)
from orchestrator.runtime.http import json_error, json_response


def _invalid(refusal: InvalidObject | WrongShape) -> Response:
    content = {"message": str(refusal), "details": _details(refusal.violations)}
    return json_response(content, 422)


def _details(violations: Iterable[Violation]) -> list[dict[str, object]]:
    by_path: dict[str, list[str]] = {}
    for violation in violations:
        by_path.setdefault(violation.path, []).append(violation.error)
    return [{"path": path, "errors": errors} for path, errors in by_path.items()]


def _not_json(refusal: NotJson) -> Response:
    return json_response({"message": str(refusal), "details": refusal.details}, 400)


def _locked(refusal: AppLocked) -> Response:
    deployments = [{"id": deployment_id} for deployment_id in refusal.deployments]
    return json_response({"message": str(refusal), "deployments": deployments}, 409)


def _timeout(_error: TimeoutError) -> Response:
    return json_error(503, "the change could not be stored in time; it may still take effect")


def _http(error: HTTPException) -> Response:
    is_no_route = error.status_code == 404 and error.detail == HTTPStatus.NOT_FOUND.phrase
    response = json_error(error.status_code, "URI not found" if is_no_route else error.detail)
    response.headers.update(error.headers or {})
    return response


def _message(status: int) -> Callable[[Exception], Response]:
    return lambda error: json_error(status, str(error))


HANDLERS: Mapping[type[Exception], Callable[[Any], Response]] = {
    InvalidObject: _invalid,
    WrongShape: _invalid,
    NotJson: _not_json,
    AppLocked: _locked,
    BadRequest: _message(400),
    Unavailable: _message(422),
    Unprocessable: _message(422),
    Unknown: _message(404),
    Conflict: _message(409),
    TooManyDeployments: _message(403),
    TimeoutError: _timeout,
    HTTPException: _http,
}
"""For ``Application(handlers=...)``."""
