"""A rule of the API: what is there, one request, and what the answer and the cluster are then.

In paths, bodies and expectations ``{id}`` is the rule's own id (without a slash), and these are
what the cluster has made of it: ``{task}`` and ``{instance}`` are the first of the app or pod,
``{deployment}`` and ``{version}`` those of the last change that was made for the rule.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.conformance.marathon.matchers import Exactly, Matcher, differences
from tests.conformance.marathon.served import Answer, Served, wait_for

from orchestrator.mesos.types import TaskState

Json = Any
_numbers = itertools.count(1)
_NOTHING = Matcher("anything", lambda value: True)


class Scene:
    """A rule at work: its server, its id, and the names that may be used."""

    def __init__(self, served: Served) -> None:
        self.served = served
        self.names = {"id": f"rule-{next(_numbers)}"}

    def ask(
        self,
        method: str,
        path: str,
        body: Json = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Make a request, with the names filled in."""
        answer = self.served.ask(
            method, self.filled(path), self.filled(body), self.filled(headers or {})
        )
        if deployment := answer.headers.get("marathon-deployment-id"):
            self.names["deployment"] = deployment
        if isinstance(answer.json, dict) and isinstance(answer.json.get("version"), str):
            self.names["version"] = answer.json["version"]
        return answer

    def filled(self, value: Json) -> Json:
        """The value with all names in it replaced."""
        match value:
            case Matcher():
                return value.filled(self.filled)
            case bytes():
                return self._text(value.decode("latin-1")).encode("latin-1")
            case str():
                return self._text(value)
            case list():
                return [self.filled(item) for item in value]
            case Exactly():
                return Exactly({self._text(k): self.filled(v) for k, v in value.items()})
            case dict():
                return {self._text(k): self.filled(v) for k, v in value.items()}
            case _:
                return value

    def settle(self) -> None:
        """Wait until no deployment of the rule is under way."""

        def is_settled() -> bool:
            return not any(self._is_mine(one) for one in self.served.ask("GET", _LIST).json)

        wait_for(is_settled, lambda: f"{self.served.ask('GET', _LIST).json} does not end")

    def clear_away(self) -> None:
        """Remove all that the rule has made."""
        for resource in ("apps", "pods", "groups"):
            self.ask("DELETE", f"/v2/{resource}/{{id}}?force=true")
        self.settle()

    def _is_mine(self, deployment: Json) -> bool:
        own = "/" + self.names["id"]
        affected = deployment["affectedApps"] + deployment["affectedPods"]
        return any(path == own or path.startswith(own + "/") for path in affected)

    def _text(self, text: str) -> str:
        return re.sub(r"\{(id|task|instance|deployment|version)\}", self._named, text)

    def _named(self, match: re.Match[str]) -> str:
        name = match[1]
        if name in self.names:
            return self.names[name]
        if name == "task":
            return str(self.ask("GET", "/v2/apps/{id}/tasks").json["tasks"][0]["id"])
        if name == "instance":
            return str(self.ask("GET", "/v2/pods/{id}::status").json["instances"][0]["id"])
        raise AssertionError(f"nothing has made a {name}")


_LIST = "/v2/deployments"
Step = Callable[[Scene], None]


@dataclass(frozen=True)
class Look:
    """What a GET shows, at once or after a while."""

    path: str
    says: Json = _NOTHING
    status: int = 200

    def __call__(self, scene: Scene) -> None:
        """Ask until it is so."""
        wait_for(lambda: not self._wrong(scene), lambda: f"GET {self.path}: {self._wrong(scene)}")

    def _wrong(self, scene: Scene) -> list[str]:
        answer = scene.ask("GET", self.path)
        if answer.status != self.status:
            return [f"status {answer.status}, not {self.status}: {answer.text}"]
        return list(differences(scene.filled(self.says), answer.json))


@dataclass(frozen=True)
class Rule:
    """One request, and all that is said of it."""

    name: str
    call: str
    status: int = 200
    query: str = ""
    body: Json = None
    headers: Mapping[str, str] = field(default_factory=dict)
    given: Sequence[Step] = ()
    says: Json = _NOTHING
    bears: Mapping[str, Json] = field(default_factory=dict)
    then: Sequence[Step] = ()
    shown_as: str = ""

    def __str__(self) -> str:
        return f"{self.shown_as or self.call}: {self.name}"

    def play(self, served: Served) -> None:
        """Make the request and hold the answer against what is expected."""
        scene = Scene(served)
        try:
            for step in self.given:
                step(scene)
            method, _, path = self.call.partition(" ")
            answer = scene.ask(method, path + self.query, self.body, self.headers)
            assert list(self._wrong(scene, answer)) == [], answer.text
            for step in self.then:
                step(scene)
        finally:
            scene.clear_away()

    def _wrong(self, scene: Scene, answer: Answer) -> Iterable[str]:
        if answer.status != self.status:
            yield f"status {answer.status}, not {self.status}"
        bears = {name.lower(): value for name, value in self.bears.items()}
        yield from differences(scene.filled(bears), answer.headers, "headers")
        yield from differences(scene.filled(self.says), answer.json)


# What can be there before the request


def app(name: str = "{id}", *, settled: bool = True, **fields: Json) -> Step:
    """An app without instances, unless the fields say otherwise."""

    def create(scene: Scene) -> None:
        body = {"id": f"/{name}", "cmd": "sleep 100", "instances": 0, "cpus": 0.1, "mem": 16}
        answer = scene.ask("POST", "/v2/apps", body | fields)
        assert answer.status == 201, answer.text
        if settled:
            scene.settle()

    return create


def stuck_app(name: str = "{id}", **fields: Json) -> Step:
    """An app that no agent has room for, so that its deployment does not end."""
    return app(name, settled=False, **{"cpus": 1000, "instances": 1} | fields)


def pod(name: str = "{id}", *, settled: bool = True, **fields: Json) -> Step:
    """A pod of one container, without instances unless the fields say otherwise."""

    def create(scene: Scene) -> None:
        answer = scene.ask("POST", "/v2/pods", pod_body(f"/{name}", **fields))
        assert answer.status == 201, answer.text
        if settled:
            scene.settle()

    return create


def pod_body(pod_id: str = "/{id}", **fields: Json) -> Json:
    """The smallest pod."""
    exec_ = {"command": {"shell": "sleep 100"}}
    one = {"name": "one", "exec": exec_, "resources": {"cpus": 0.1, "mem": 32}}
    scaling = {"kind": "fixed", "instances": 0}
    return {"id": pod_id, "containers": [one], "scaling": scaling} | fields


def did(method: str, path: str, body: Json = None, *, settled: bool = True) -> Step:
    """A request that succeeds."""

    def ask(scene: Scene) -> None:
        answer = scene.ask(method, path, body)
        assert answer.status < 300, answer.text
        if settled:
            scene.settle()

    return ask


def usually(given: Sequence[Step], more: dict[str, Json]) -> dict[str, Json]:
    """What else is said of a rule, with what is there where nothing else is said to be."""
    return {"given": given} | more


def failed_task(scene: Scene) -> None:
    """The first task of the app fails."""
    task_id = scene.filled("{task}")
    master = scene.served.master
    scene.served.do(lambda: master.tell(master.mesos.report(task_id, TaskState.FAILED)))
