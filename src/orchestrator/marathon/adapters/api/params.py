"""Query parameters and path segments, with the tolerance that Marathon's clients rely on."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from starlette.requests import Request

from orchestrator.marathon.core import ids, timestamps
from orchestrator.marathon.core.deployment.plan import DeadlineWish, OnDeadline
from orchestrator.marathon.core.effects import Client
from orchestrator.marathon.core.refusals import (
    BadRequest,
    Unprocessable,
)

_TERM = r"((?:\\.|[-A-Za-z0-9_.])+)"
_VALUE = r"(?:\\.|[-A-Za-z0-9_.])+"
_NEXT = r"\s*(?:,\s*(?=\S)|$)"
_SET = re.compile(rf"{_TERM}\s+(in|notin)\s*\(\s*((?:{_VALUE}(?:\s*,\s*{_VALUE})*)?)\s*\){_NEXT}")
_EQUALITY = re.compile(rf"{_TERM}\s*(==|!=)\s*{_TERM}{_NEXT}")
_EXISTENCE = re.compile(rf"{_TERM}{_NEXT}")
_MAX_SELECTOR_LENGTH = 4096
_LONGEST_DEADLINE_S = 1e9
Labels = Mapping[str, str]


def flag(request: Request, name: str, default: bool = False) -> bool:
    """A boolean in any case: ``?force=True``; the bare ``?force`` is true as well."""
    value = request.query_params.get(name)
    return default if value is None else value.lower() in ("true", "")


def deadline(request: Request) -> DeadlineWish:
    """By when the deployment of a change has to be done. Raises BadRequest."""
    seconds, then = (
        request.query_params.get("deadlineSeconds"),
        request.query_params.get("onDeadline"),
    )
    try:
        after_s = None if seconds is None else float(seconds)
    except ValueError:
        after_s = -1.0
    if after_s is not None and not 0 <= after_s <= _LONGEST_DEADLINE_S:
        raise BadRequest(f"deadlineSeconds={seconds} is not a number of seconds, at least 0")
    if then is not None and then not in tuple(OnDeadline):
        raise BadRequest(f"onDeadline={then} is neither cancel nor rollback")
    return DeadlineWish(after_s, OnDeadline(then) if then is not None else None)


def app_id(request: Request) -> str:
    """The app named in the path, with or without slashes around it."""
    return ids.canonical("/" + str(request.path_params["app_id"]))


def version(request: Request) -> str:
    """The version named in the path, as this Marathon writes it. Raises Unprocessable."""
    given = str(request.path_params["version"])
    try:
        return timestamps.tidy(given)
    except ValueError:
        raise Unprocessable(
            f"Invalid timestamp provided '{given}'. Expecting ISO-8601 datetime string."
        ) from None


def embeds(request: Request) -> set[str]:
    """What the client wants embedded, without the prefixes that may stand before it."""
    wanted = request.query_params.getlist("embed")
    return {re.sub(r"^(group\.apps\.|apps\.|app\.)", "", name) for name in wanted}


def client(request: Request) -> Client:
    """Who asks."""
    return Client(ip=request.client.host if request.client else "", uri=request.url.path)


def label_selector(text: str) -> Callable[[Labels], bool]:
    """``a==b, c!=d, e in (f, g), h notin (i), j``: all of these hold. Raises Unprocessable."""
    tests: list[Callable[[Labels], bool]] = []
    rest = text.strip()[:_MAX_SELECTOR_LENGTH]
    while rest:
        if match := _SET.match(rest):
            values = {_plain(value) for value in re.findall(_VALUE, match[3])}
            tests.append(_membership(_plain(match[1]), values, match[2] == "in"))
        elif match := _EQUALITY.match(rest):
            tests.append(_membership(_plain(match[1]), {_plain(match[3])}, match[2] == "=="))
        elif match := _EXISTENCE.match(rest):
            tests.append(_existence(_plain(match[1])))
        else:
            raise Unprocessable(f"Can not parse label selector {text}. Reason: not at {rest!r}")
        rest = rest[match.end() :]
    return lambda labels: all(test(labels) for test in tests)


def _membership(key: str, values: set[str], wanted: bool) -> Callable[[Labels], bool]:
    return lambda labels: key in labels and (labels[key] in values) is wanted


def _existence(key: str) -> Callable[[Labels], bool]:
    return lambda labels: key in labels


def _plain(term: str) -> str:
    return re.sub(r"\\(.)", r"\1", term)
