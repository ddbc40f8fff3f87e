"""What holds for every test."""

import logging
import os
from collections.abc import Generator, Iterator

import pytest
from hypothesis import settings
from tests.support import chroots

# Containers are made from here; none can be entered again, nor can user namespaces be had, by
# what the kernel sees in a chroot.
chroots.make_root_real()

# Shared machines stall now and then, so an example has no deadline of its own; the whole test has.
settings.register_profile("default", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") == "true" else "default")


@pytest.fixture(autouse=True)
def _restored_logging() -> Iterator[None]:
    """A command under test may configure the logging of the process, which is that of pytest."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """In CI nothing may be missing: a skipped test is a failed one, with the reason it gave."""
    report = yield
    if report.skipped and not hasattr(report, "wasxfail") and os.environ.get("CI") == "true":
        report.outcome = "failed"
        report.longrepr = f"skipped, which CI does not allow: {item.nodeid}: {report.longrepr}"
    return report
