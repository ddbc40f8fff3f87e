"""Any JSON at all, read as an app: taken or refused, and refused in Marathon's form."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.marathon.core.apps import normalisation, validation
from orchestrator.marathon.core.apps.app_update import AppUpdate, read
from orchestrator.marathon.core.refusals import InvalidObject, NotJson, WrongShape

FIELDS = [field.encode_name for field in msgspec.structs.fields(AppUpdate)]
INNER = [
    "uri", "type", "docker", "image", "portMappings", "volumes", "containerPath", "mode", "name",
    "labels", "port", "protocol", "secret", "command", "value", "discovery", "ports", "number",
]  # fmt: skip
LEAVES = st.one_of(
    st.none(), st.booleans(), st.integers(-5, 70_000), st.floats(), st.text(max_size=4),
    st.sampled_from(["host", "MESOS", "DOCKER", "MESOS_TCP", "tcp", "/a", "disabled", "HOST"]),
)  # fmt: skip
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.one_of(st.sampled_from(INNER), st.text(max_size=3)), inner, max_size=4),
    ),
    max_leaves=12,
)
APPS = st.dictionaries(st.sampled_from(FIELDS), VALUES, max_size=5)


@given(fields=APPS)
def test_an_app_is_taken_or_refused_with_paths_and_never_fails(fields: dict[str, object]) -> None:
    try:
        update = read(AppUpdate, msgspec.json.encode(fields))
        validation.check(normalisation.complete("/a", update, None, "*"), "*")
    except NotJson:
        pass
    except (WrongShape, InvalidObject) as refusal:
        assert refusal.violations
        for violation in refusal.violations:
            assert violation.path.startswith("/")
            assert "[...]" not in violation.path
            assert violation.error
