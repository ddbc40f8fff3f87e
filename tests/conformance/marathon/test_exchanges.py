"""Marathon's API, rule by rule, as clients of Marathon 1.11 know it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from tests.conformance.marathon.exchange import Asked, Rule, filled, mismatch, rules
from tests.integration.marathon.conftest import Api

RULES = dict(rules())


async def ask(
    api: Api, asked: Asked, answers: dict[str, Any]
) -> tuple[int, Mapping[str, str], Any]:
    """The status, the headers and the answer: an object, or text where it is no JSON."""
    sent: dict[str, Any] = {"headers": filled(asked.headers, answers)}
    if asked.raw is not None:
        sent["data"] = asked.raw
        sent["headers"].setdefault("Content-Type", "application/json")
    elif asked.body is not None:
        sent["json"] = filled(asked.body, answers)
    request = api.session.request(
        asked.method, filled(asked.path, answers), allow_redirects=False, **sent
    )
    async with request as response:
        is_json = response.content_type == "application/json"
        content = await (response.json() if is_json else response.text())
        if asked.as_:
            answers[asked.as_] = content
        return response.status, response.headers, content


@pytest.mark.parametrize("name", RULES)
async def test_marathon(api: Api, name: str) -> None:
    rule: Rule = RULES[name]
    answers: dict[str, Any] = {}
    for given in rule.given:
        status, _, answer = await ask(api, given, answers)
        assert status < 400, answer
        if not rule.unsettled:
            await api.settled()
    status, headers, answer = await ask(api, rule, answers)
    assert status == rule.status, answer
    for header, expected in rule.headers_back.items():
        found = headers.get(header, "")
        assert mismatch(filled(expected, answers), found, header) is None
    if rule.answer is not None:
        assert mismatch(filled(rule.answer, answers), answer) is None
