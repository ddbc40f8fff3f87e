"""The picture on the terminal: a line of what is seen, the rows that fit, a line of the keys."""

from __future__ import annotations

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from orchestrator.cli.top import listing
from orchestrator.cli.top.choice import Choice
from orchestrator.monitoring.render.mirror import Mirror

_AROUND = 3  # lines: the state, the headings, the keys
_KEYS = "h hosts  c containers  p processes  t tasks  a apps  k pods  s sort  / filter  q quit"
_STYLES = {"running": "green", "exited": "red", "dead": "red", "paused": "yellow"}


def drawn(choice: Choice, mirror: Mirror | None, problem: str, console: Console) -> RenderableType:
    """All of it, for the size that the terminal has now."""
    if mirror is None:
        said = Text(problem or "connecting ...", "red" if problem else "")
        return Group(_line(Text(choice.view, "bold")), said, _foot(choice))
    nodes = listing.ordered(mirror.nodes().values(), choice.sort)
    room = max(console.size.height - _AROUND, 1)
    columns = listing.columns_of(mirror.metrics, choice.sort)
    table = Table(box=None, pad_edge=False, expand=True, header_style="bold")
    for number, heading in enumerate(listing.headings(columns)):
        is_value = number > 2
        table.add_column(
            heading,
            justify="right" if is_value else "left",
            no_wrap=True,
            overflow="ellipsis",
            ratio=None if is_value else (3, 2, 1)[number],
        )
    for node in nodes[:room]:
        row = [Text(cell) for cell in listing.cells(node, columns)]
        row[2].stylize(_STYLES.get(node.row[5], ""))
        table.add_row(*row)
    return Group(_head(choice, len(nodes), min(room, len(nodes)), problem), table, _foot(choice))


def _head(choice: Choice, count: int, shown: int, problem: str) -> Text:
    said = f"{choice.view}: {count}"
    if shown < count:
        said += f", the first {shown}"
    said += f", by {choice.sort}"
    if choice.query:
        said += f", filter: {choice.query}"
    line = Text(said, "bold")
    if problem:
        line.append(f"  {problem}", "red")
    return _line(line)


def _foot(choice: Choice) -> Text:
    if choice.typed is not None:
        return _line(Text(f"filter: {choice.typed}\N{FULL BLOCK}"))
    return _line(Text(_KEYS, "dim"))


def _line(text: Text) -> Text:
    text.no_wrap, text.overflow = True, "ellipsis"
    return text
