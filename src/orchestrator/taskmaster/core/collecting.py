"""From blocks to evidence: which line says what of which task.

A line belongs to the task whose definition it stands below: nested in its item, in the list right
after its paragraph, or under its heading until the next of that level. Sections lend their status
("Completed Tasks") and their name to what stands in them.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from orchestrator.taskmaster.core import fields, grammar, ids, marks
from orchestrator.taskmaster.core.blocks import Block, Kind, Line
from orchestrator.taskmaster.core.grammar import Definition, EntryLine
from orchestrator.taskmaster.core.model import Evidence, Field, Priority, Status, TaskId, Weight
from orchestrator.taskmaster.core.sections import Section, Sections


class Said(NamedTuple):
    """A line of the document's body, and the task it belongs to."""

    text: str
    task: TaskId | None


class Listed(NamedTuple):
    """A TASK_nnn as it stands there."""

    line: int
    entry: EntryLine
    task: TaskId | None


class Loose(NamedTuple):
    """A check box of no task: a task of its own where nothing else is."""

    line: int
    title: str
    box: str
    depth: int


class Collection:
    """What was found in a document."""

    def __init__(self) -> None:
        self.evidence: list[Evidence] = []
        self.defined: dict[TaskId, None] = {}
        self.entries: list[Listed] = []
        self.said: list[Said] = []
        self.loose: list[Loose] = []
        self.logged: dict[TaskId, Evidence] = {}
        self._sections = Sections()
        self._nested: list[tuple[int, TaskId | None]] = []
        self._above: TaskId | None = None
        self._subtasks: dict[TaskId, int] = {}

    def collect(self, blocks: Iterable[Block]) -> None:
        """Look at all blocks, in order."""
        for block in blocks:
            match block.kind:
                case Kind.HEADING:
                    self._heading(block)
                case Kind.PARAGRAPH:
                    self._paragraph(block)
                case Kind.ITEM:
                    self._item(block)
                case Kind.ROW:
                    self._row(block)
                case Kind.CODE:
                    self._code(block)

    def _heading(self, block: Block) -> None:
        text = block.first.text
        defined = grammar.definition(text)
        self._nested.clear()
        self._above = None
        task = None
        if defined is not None:
            task = self._define(block.first, defined)
        self._sections.enter(block.depth, text, task)

    def _paragraph(self, block: Block) -> None:
        if block.depth == 0:
            self._nested.clear()
            self._above = None
        for line in block.lines:
            if entry := grammar.entry(line.text):
                self._entry(line.number, entry)
            elif defined := grammar.definition(line.text):
                self._above = self._define(line, defined)
            else:
                self._about(line, self._above or self._owner(block.depth), is_detail=False)

    def _item(self, block: Block) -> None:
        while self._nested and self._nested[-1][0] >= block.depth:
            self._nested.pop()
        owner = self._owner(block.depth) or self._above
        first = block.first
        task = self._item_task(block, owner)
        if task is None and (entry := grammar.entry(first.text)):
            task = self._entry(first.number, entry)
        if task is None:
            self._about(first, owner, is_detail=True)
        self._nested.append((block.depth, task or owner))
        for line in block.lines[1:]:
            self._about(line, task or owner, is_detail=True)

    def _item_task(self, block: Block, owner: TaskId | None) -> TaskId | None:
        first, box = block.first, block.box
        defined = grammar.definition(first.text)
        if defined is None and box is not None:
            defined = grammar.numbered(first.text)
        if defined is not None:
            return self._define(first, defined, box)
        if box is None or fields.field_line(first.text) or grammar.entry(first.text):
            return None
        if owner is not None and not owner.sub:
            return self._subtask(first, owner, box)
        if owner is None:
            self.loose.append(
                Loose(first.number, marks.without_marks(first.text), box, block.depth)
            )
        return None

    def _subtask(self, line: Line, owner: TaskId, box: str) -> TaskId:
        self._subtasks[owner] = self._subtasks.get(owner, 0) + 1
        task = TaskId(owner.number, self._subtasks[owner])
        title = marks.without_marks(line.text)
        plain = Definition((task,), title, marks.mark_in(line.text), None, None)
        return self._define(line, plain, box)

    def _row(self, block: Block) -> None:
        if block.cells == block.header:
            return
        cells = dict(zip([name.casefold() for name in block.header], block.cells, strict=False))
        for name in ("id", "task id", "#", "no", "no.", "nr", "task"):
            cell = cells.get(name)
            defined = grammar.definition(cell) if cell else None
            task = defined.ids[0] if defined and defined.ids else ids.parse(cell or "")
            if task is not None:
                self._row_of(task, block, defined, name)
                return

    def _row_of(
        self, task: TaskId, block: Block, defined: Definition | None, id_column: str
    ) -> None:
        line = block.first
        self.defined.setdefault(task)
        if defined is not None and defined.title:
            self._say(task, Field.TITLE, defined.title, line, Weight.LINE)
        self._context(task, line)
        for name, cell in zip(block.header, block.cells, strict=False):
            field = fields.column(name)
            if field is None or name.casefold() == id_column or not cell:
                continue
            self._field(task, field, cell, line, Weight.BOX)

    def _code(self, block: Block) -> None:
        for line in block.lines:
            if found := grammar.logged(line.text):
                task, status = found
                self.logged[task] = Evidence(
                    task, Field.STATUS, status.value, line.number, Weight.ASIDE
                )

    def _entry(self, line: int, entry: EntryLine) -> TaskId | None:
        defined = grammar.definition(entry.text)
        task = None
        if defined is not None:
            task = self._define(Line(line, entry.text), defined)
            if entry.priority is not None:
                self._say(task, Field.PRIORITY, entry.priority, Line(line, ""), Weight.BRACKET)
        elif tagged := grammar.tag(entry.text):
            task = tagged.ids[0]
            self._tagged(Line(line, entry.text), tagged)
        self.entries.append(Listed(line, entry, task))
        return task

    def _about(self, line: Line, owner: TaskId | None, *, is_detail: bool) -> None:
        """A line that defines nothing."""
        tagged = grammar.tag(line.text)
        if tagged is not None:
            self._tagged(line, tagged)
            owner = tagged.ids[0]
        elif owner is not None:
            if found := fields.field_line(line.text):
                self._field(owner, *found, line, Weight.FIELD)
            elif is_detail:
                self._say(owner, Field.DETAIL, line.text, line, Weight.LINE)
        self.said.append(Said(line.text, owner))

    def _define(self, line: Line, defined: Definition, box: str | None = None) -> TaskId:
        for task in defined.ids:
            self.defined.setdefault(task)
            if defined.title:
                self._say(task, Field.TITLE, defined.title, line, Weight.LINE)
            if box is not None:
                self._say(task, Field.STATUS, marks.box_status(box), line, Weight.BOX)
            if defined.status is not None:
                self._say(task, Field.STATUS, defined.status, line, Weight.MARK)
            elif defined.word is not None:
                self._say(task, Field.STATUS, defined.word, line, Weight.LINE)
            if defined.priority is not None:
                self._say(task, Field.PRIORITY, defined.priority, line, Weight.LINE)
            for field, value in defined.asides:
                self._field(task, field, value, line, Weight.LINE)
            self._context(task, line)
        self.said.append(Said(line.text, defined.ids[0]))
        return defined.ids[0]

    def _tagged(self, line: Line, tagged: Definition) -> None:
        _, dash, rest = tagged.title.partition(" - ")
        paths = fields.code_paths(line.text)
        for task in tagged.ids:
            self.defined.setdefault(task)
            named = rest if dash and paths else tagged.title
            self._say(task, Field.TITLE, named, line, Weight.TAG)
            for path in paths:
                self._say(task, Field.DELIVERABLE, path, line, Weight.TAG)
            status = tagged.status or tagged.word
            if status is not None:
                self._say(task, Field.STATUS, status, line, Weight.TAG)
            self._context(task, line)

    def _field(self, task: TaskId, field: Field, value: str, line: Line, weight: int) -> None:
        match field:
            case Field.STATUS:
                self._say_if(task, field, marks.status_in(value), line, weight)
            case Field.PRIORITY:
                self._say_if(task, field, marks.priority_in(value), line, weight)
            case Field.ESTIMATE:
                hours = fields.estimate_h(value)
                self._say_if(task, field, None if hours is None else f"{hours:g}", line, weight)
            case Field.DEPENDENCY:
                for each in fields.dependencies(value):
                    self._say(task, field, each.id, line, weight)
                    for other, status in fields.spoken(each):
                        self._say(other, Field.STATUS, status, line, Weight.ASIDE)
            case Field.DELIVERABLE:
                for path in fields.deliverables(value):
                    self._say(task, field, path, line, weight)
            case Field.TITLE | Field.COMPONENT | Field.DETAIL:
                self._say_if(task, field, marks.without_marks(value), line, weight)

    def _context(self, task: TaskId, line: Line) -> None:
        section: Section = self._sections.current
        self._say_if(task, Field.STATUS, section.status, line, Weight.HEADING)
        self._say_if(task, Field.PRIORITY, section.priority, line, Weight.HEADING)
        self._say_if(task, Field.COMPONENT, section.component, line, Weight.HEADING)

    def _say_if(
        self, task: TaskId, field: Field, value: str | None, line: Line, weight: int
    ) -> None:
        if value:
            self._say(task, field, value, line, weight)

    def _say(
        self, task: TaskId, field: Field, value: Status | Priority | str, line: Line, weight: int
    ) -> None:
        self.evidence.append(Evidence(task, field, str(value), line.number, weight))

    def _owner(self, depth: int) -> TaskId | None:
        for level, task in reversed(self._nested):
            if level < depth or depth == 0:
                return task
        return self._sections.current.task
