"""A Markdown document as blocks of lines, each with what it stands in.

The blocks and their positions are markdown-it's. Its inline parser is left out: it takes twice the
time, and the grammar looks at lines as they are.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from enum import Enum, auto
from typing import NamedTuple

from markdown_it import MarkdownIt
from markdown_it.token import Token

_BOX = re.compile(r"\[([ xX~\-/>!])\](?:\s+|$)")
_MARKUP = re.compile(r"\*\*|__|~~")
MOST_NESTED = 100
"""Levels; what is nested deeper is read as text of the level above."""


class Kind(Enum):
    """What a block is."""

    HEADING = auto()
    PARAGRAPH = auto()
    ITEM = auto()
    ROW = auto()
    CODE = auto()


class Line(NamedTuple):
    """A line of the document, counted from 1, without what only makes it bold."""

    number: int
    text: str


class Block(NamedTuple):
    """A stretch of lines.

    ``depth`` is the level of a heading, and how many lists an item or a paragraph stands in.
    ``box`` is what stands in an item's check box. ``cells`` are those of a table's row, and
    ``header`` those of its head, which has itself as its header.
    """

    kind: Kind
    depth: int
    lines: tuple[Line, ...]
    box: str | None = None
    cells: tuple[str, ...] = ()
    header: tuple[str, ...] = ()

    @property
    def first(self) -> Line:
        """The line that says what the block is about."""
        return self.lines[0]


def blocks(text: str) -> Iterator[Block]:
    """The blocks of a document in order; an item's own text comes before what is nested in it."""
    parser = (
        MarkdownIt("commonmark", {"maxNesting": MOST_NESTED})
        .enable("table")
        .disable(["inline", "reference"])
    )
    tokens = parser.parse(text)
    depth, is_new_item = 0, False
    at = 0
    while at < len(tokens):
        token = tokens[at]
        match token.type:
            case "bullet_list_open" | "ordered_list_open":
                depth += 1
            case "bullet_list_close" | "ordered_list_close":
                depth -= 1
            case "list_item_open":
                is_new_item = True
            case "list_item_close":
                is_new_item = False
            case "heading_open":
                level = int(token.tag[1:])
                yield Block(Kind.HEADING, level, _lines(tokens[at + 1]))
                is_new_item = False
            case "paragraph_open":
                yield _paragraph(tokens[at + 1], depth, is_new_item)
                is_new_item = False
            case "fence" | "code_block":
                yield Block(Kind.CODE, depth, _code(token))
                is_new_item = False
            case "table_open":
                end = _end_of_table(tokens, at)
                yield from _rows(tokens[at:end])
                at = end
            case _:
                pass
        at += 1


def plain(text: str) -> str:
    """Without what only makes it bold; code is left as it is."""
    if not _MARKUP.search(text):
        return text
    parts = text.split("`")
    parts[::2] = [_MARKUP.sub("", part) for part in parts[::2]]
    return "`".join(parts)


def _paragraph(inline: Token, depth: int, is_new_item: bool) -> Block:
    lines = _lines(inline)
    if not is_new_item:
        return Block(Kind.PARAGRAPH, depth, lines)
    if box := _BOX.match(lines[0].text):
        first = Line(lines[0].number, lines[0].text[box.end() :])
        return Block(Kind.ITEM, depth, (first, *lines[1:]), box[1])
    return Block(Kind.ITEM, depth, lines)


def _lines(inline: Token) -> tuple[Line, ...]:
    start = inline.map[0] + 1 if inline.map else 0
    texts = inline.content.split("\n")
    return tuple([Line(start + n, plain(text).strip()) for n, text in enumerate(texts)])


def _code(token: Token) -> tuple[Line, ...]:
    start = token.map[0] + 1 if token.map else 0
    offset = start + (token.type == "fence")
    texts = token.content.split("\n")
    return tuple([Line(offset + n, text) for n, text in enumerate(texts)])


def _end_of_table(tokens: Sequence[Token], at: int) -> int:
    while tokens[at].type != "table_close":
        at += 1
    return at


def _rows(tokens: Sequence[Token]) -> Iterator[Block]:
    header: tuple[str, ...] = ()
    cells: list[str] = []
    number = 0
    for token in tokens:
        if token.type == "tr_open":
            cells, number = [], token.map[0] + 1 if token.map else number
        elif token.type == "inline":
            cells.append(plain(token.content).strip())
        elif token.type == "tr_close":
            header = header or tuple(cells)
            yield Block(Kind.ROW, 0, (Line(number, " | ".join(cells)),), None, tuple(cells), header)
