"""A plan in the formats of others. Pure: each is a function from tasks to text."""

from orchestrator.taskmaster.core.exports.graphs import to_dot, to_mermaid
from orchestrator.taskmaster.core.exports.page import to_html
from orchestrator.taskmaster.core.exports.prometheus import to_prometheus
from orchestrator.taskmaster.core.exports.report import to_report
from orchestrator.taskmaster.core.exports.tables import to_csv, to_markdown

__all__ = [
    "to_csv",
    "to_dot",
    "to_html",
    "to_markdown",
    "to_mermaid",
    "to_prometheus",
    "to_report",
]
