"""What Marathon tells of itself, and what its server does around all resources.

Source: SystemResource, InfoResource, LeaderResource, PluginsResource, MarathonExceptionMapper.
"""

from __future__ import annotations

import pytest
from tests.conformance.marathon.matchers import (
    ABSENT,
    ANY,
    FLAG,
    NUMBER,
    TEXT,
    Exactly,
    Matcher,
    holding,
    like,
)
from tests.conformance.marathon.rules import Json, Rule, app
from tests.conformance.marathon.served import Served

INFO = "GET /v2/info"
LOGGER = "orchestrator.marathon.adapters.upkeep"
NOT_CACHED = "no-cache, no-store, must-revalidate"
FIGURES = Matcher("figures", lambda v: isinstance(v, dict) and v != {})


def _info(name: str, says: Json) -> Rule:
    return Rule(name, INFO, says=says)


def _config(part: str, *keys: str) -> Rule:
    return _info(f"{part} has {', '.join(keys)}", {part: dict.fromkeys(keys, ANY)})


def _ping(accept: str, kind: Json, says: Json, status: int = 200) -> Rule:
    bears = {"Content-Type": kind} if kind else {}
    return Rule(f"{accept} is answered so", "GET /ping", status, headers={"Accept": accept},
                says=says, bears=bears)  # fmt: skip


def _level(name: str, change: Json, path: str) -> Rule:
    return Rule(name, "POST /logging", 422, body=change,
                says={"message": TEXT, "details": holding({"path": path})})  # fmt: skip


RULES = [
    _info("the framework has a name and a version", {"name": "marathon",
          "version": like(r"1\.11\.\d+"), "buildref": TEXT}),
    _info("the leader is named", {"elected": True, "leader": like(r".+:\d+")}),
    _info("the framework has an id", {"frameworkId": TEXT}),
    _info("ports are numbers", {"http_config": {"http_port": NUMBER, "https_port": None}}),
    _config("marathon_config", "access_control_allow_origin", "checkpoint",
            "decline_offer_duration", "default_network_name", "env_vars_prefix", "executor"),
    _config("marathon_config", "failover_timeout", "features", "framework_name", "ha", "hostname"),
    _config("marathon_config", "launch_token", "launch_token_refresh_interval", "local_port_max",
            "local_port_min", "master", "max_instances_per_offer"),
    _config("marathon_config", "mesos_bridge_name", "mesos_heartbeat_failure_threshold",
            "mesos_heartbeat_interval", "mesos_leader_ui_url", "mesos_role", "mesos_user"),
    _config("marathon_config", "leader_proxy_connection_timeout_ms",
            "leader_proxy_read_timeout_ms", "min_revive_offers_interval",
            "offer_matching_timeout", "on_elected_prepare_timeout", "new_group_enforce_role"),
    _config("marathon_config", "reconciliation_initial_delay", "reconciliation_interval",
            "scale_apps_initial_delay", "scale_apps_interval", "store_cache"),
    _config("marathon_config", "task_launch_confirm_timeout", "task_launch_timeout",
            "task_lost_expunge_initial_delay", "task_lost_expunge_interval",
            "task_reservation_timeout", "webui_url", "maintenance_mode"),
    _config("zookeeper_config", "zk", "zk_compression", "zk_compression_threshold",
            "zk_connection_timeout", "zk_max_node_size", "zk_max_versions", "zk_session_timeout",
            "zk_timeout"),
    Rule("the leader is host and port", "GET /v2/leader", says=Exactly(leader=like(r".+:\d+"))),
    Rule("backup has to be a URI that can be written", "DELETE /v2/leader", 422,
         query="?backup=what", says={"message": TEXT}),
    Rule("restore has to be a URI that can be read", "DELETE /v2/leader", 422,
         query="?restore=ftp://h/x", says={"message": TEXT}),
    Rule("there are none", "GET /v2/plugins", says=Exactly(plugins=[])),
    *[Rule("an unknown one is not found", f"{method} /v2/plugins/mine/a/path", 404,
           says=Exactly(message="No plugin with this pluginId: mine"))
      for method in ("GET", "PUT", "POST", "DELETE")],
    _ping("*/*", like("text/plain.*"), "pong"),
    _ping("text/plain", like("text/plain.*"), "pong"),
    _ping("text/*", like("text/plain.*"), "pong"),
    _ping("text/html", like("text/html.*"), "pong"),
    _ping("application/json", "application/json", "pong"),
    _ping("image/png", None, "", 204),
    Rule("figures are JSON for who takes JSON", "GET /metrics",
         headers={"Accept": "application/json"}, says={
             "version": TEXT, "gauges": FIGURES, "counters": FIGURES, "histograms": ANY,
             "meters": ANY, "timers": ANY}, bears={"Content-Type": "application/json"}),
    Rule("a gauge has a value", "GET /metrics", headers={"Accept": "application/json"},
         given=[app()], says={"gauges": {"marathon.apps.active.gauge": {"value": NUMBER}}}),
    Rule("a counter has a count", "GET /metrics", headers={"Accept": "application/json"},
         says={"counters": {"marathon.mesos.calls.revive.counter": {"count": NUMBER}}}),
    Rule("figures are text for Prometheus", "GET /metrics/prometheus",
         says=holding("# TYPE marathon_"), bears={"Content-Type": like("text/plain.*")}),
    Rule("settings are told", "GET /config", says={"port": ANY, "framework_name": ANY},
         bears={"Content-Type": "application/json"}),
    Rule("loggers are listed with their levels", "GET /logging", says={"ROOT": TEXT}),
    Rule("a level that is inherited is said to be so", "GET /logging",
         says={LOGGER: like(r"[A-Z]+ \(inherited\)")}),
    Rule("a level is set for a while, and the change is the answer", "POST /logging",
         body={"logger": LOGGER, "level": "debug", "durationSeconds": 1},
         says=Exactly(logger=LOGGER, level="debug", durationSeconds=1)),
    _level("a level has to be named", {"logger": LOGGER}, "/level"),
    _level("a level has to be known", {"logger": LOGGER, "level": "loud"}, "/level"),
    _level("a logger has to be named", {"level": "info"}, "/logger"),
    _level("a logger's name is not empty", {"level": "info", "logger": ""}, "/logger"),
    _level("a duration is a number", {"level": "info", "logger": LOGGER, "durationSeconds": "x"},
           "/durationSeconds"),
    Rule("what is no JSON is refused", "POST /logging", 400, body=b"{",
         says=Exactly(message="Invalid JSON", details=ANY)),
    Rule("a browser is sent to the page", "GET /", 302, bears={"Location": "/ui/"}),
    Rule("an unknown path is said to be so", "GET /v2/nothing", 404,
         says=Exactly(message="URI not found")),
    Rule("a method that is not allowed is said to be so", "DELETE /v2/info", 405,
         says={"message": TEXT}, bears={"Allow": ANY}),
    Rule("OPTIONS says what is allowed", "OPTIONS /v2/apps", says="",
         bears={"Allow": holding("GET", "HEAD", "OPTIONS")}),
    Rule("HEAD has the head alone", "HEAD /v2/apps", says="",
         bears={"Content-Type": "application/json"}),
    Rule("nothing is to be kept", INFO, bears={"Cache-Control": NOT_CACHED}),
    Rule("who takes no JSON gets none", INFO, 406, headers={"Accept": "text/html"},
         says={"message": TEXT}),
    Rule("who takes anything gets JSON", INFO, headers={"Accept": "text/html, */*;q=0.1"},
         bears={"Content-Type": "application/json"}),
    Rule("pages of others may not look unless that is set", INFO, headers={"Origin": "http://a"},
         bears={"Access-Control-Allow-Origin": ABSENT}),
    Rule("every answer names the leader", INFO, bears={"X-Marathon-Leader": like("http://.+")}),
    Rule("it serves", "GET /health", says={"healthy": True, "connected": FLAG}),
]  # fmt: skip


@pytest.mark.parametrize("rule", RULES, ids=str)
def test_rule(marathon: Served, rule: Rule) -> None:
    rule.play(marathon)
