"""Tables and ages."""

from datetime import UTC, datetime, timedelta

import click
import pytest
from click.testing import CliRunner

from orchestrator.cli.client import output


@pytest.mark.parametrize(
    ("ago", "shown"),
    [
        (timedelta(seconds=12.5), "12s"),
        (timedelta(minutes=5), "5m"),
        (timedelta(hours=30), "1d"),
        (timedelta(seconds=-5), "0s"),
    ],
)
def test_ages_have_their_largest_unit(ago: timedelta, shown: str) -> None:
    moment = (datetime.now(UTC) - ago).isoformat().replace("+00:00", "Z")
    assert output.age(moment) == shown


def test_an_age_that_is_not_known_is_a_dash() -> None:
    assert output.age(None) == "-"
    assert output.age("long ago") == "long ago"


def test_columns_are_aligned_and_lines_never_folded() -> None:
    @click.command()
    def show() -> None:
        output.print_table(("ID", "N"), [("x" * 200, "1"), ("y", "22")], empty="none")

    lines = CliRunner().invoke(show).stdout.splitlines()
    assert [line.split() for line in lines] == [["ID", "N"], ["x" * 200, "1"], ["y", "22"]]
    assert len({line.rindex("  ") for line in lines}) == 1


def test_ids_have_one_slash_in_front() -> None:
    assert {output.normalised(text) for text in ("web", "/web", "//web/")} == {"/web"}
