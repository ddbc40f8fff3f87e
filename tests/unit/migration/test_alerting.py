from __future__ import annotations

from orchestrator.migration.adapters.alerting import Alerts
from orchestrator.migration.adapters.following import Following
from orchestrator.migration.adapters.spec import Thresholds
from orchestrator.migration.core.sides import Side

STREAM = Following((("h", 2888),), False, "the transaction stream of h:2888")
WATCHES = Following((), False, "watches: no leader answers")


def test_a_side_that_is_followed_as_before_is_not_spoken_of() -> None:
    alerts = Alerts("s", Thresholds())
    for _ in range(3):
        alerts.compare_following(Side.A, WATCHES, 1.0)
        alerts.compare_following(Side.B, STREAM, 1.0)
    assert alerts.latest() == []


def test_each_change_of_how_a_side_is_followed_is_said_once() -> None:
    alerts = Alerts("s", Thresholds())
    for second, following in enumerate([STREAM, WATCHES, WATCHES, STREAM]):
        alerts.compare_following(Side.A, following, float(second))
        alerts.compare_following(Side.B, STREAM, float(second))
    assert [(each.at, each.severity, each.text) for each in alerts.latest()] == [
        (1.0, "warning", "A is followed by watches: no leader answers"),
        (3.0, "info", "A is followed by the transaction stream of h:2888"),
    ]
    assert alerts.counts == {"followed_otherwise": 2}
