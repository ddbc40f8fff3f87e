"""Log lines for machines and for people."""

import io
import json
import logging

from orchestrator.runtime.log import Format, configure


def _logged(format: Format) -> str:
    stream = io.StringIO()
    configure(format, "info", stream)
    logger = logging.getLogger("orchestrator.master")
    logger.debug("hidden")
    logger.info("task %s runs", "t1", extra={"task_id": "t1"})
    try:
        raise ValueError("reason")
    except ValueError:
        logger.exception("it failed")
    return stream.getvalue()


def test_json_lines_carry_the_extra_fields() -> None:
    first, second = map(json.loads, _logged("json").splitlines())
    assert first["ts"].endswith("Z")
    del first["ts"]
    assert first == {
        "level": "info",
        "logger": "orchestrator.master",
        "msg": "task t1 runs",
        "task_id": "t1",
    }
    assert "ValueError: reason" in second["error"]


def test_text_lines_are_short() -> None:
    lines = _logged("text").splitlines()
    assert lines[0].endswith("INFO    master: task t1 runs task_id=t1")
    assert lines[-1] == "ValueError: reason"
