"""Offer constraints: which agents a framework wants to be offered at all.

Regular expressions are RE2's, as in Mesos: they come from frameworks, and RE2 takes linear time for
whatever expression and text. Source: mesos.proto ``OfferConstraints``, src/master/allocator/mesos/
offer_constraints_filter.cpp.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Protocol, cast

import re2

from orchestrator.mesos.scheduler import (
    AttributeConstraint,
    AttributePredicate,
    AttributeSelector,
    OfferConstraints,
)
from orchestrator.mesos.types import AgentInfo, Attribute

MAX_CONSTRAINTS = 10_000  # of one framework
MAX_REGEX_BYTES = 4096
MAX_REGEX_MEMORY = 256 * 1024  # bytes of one when compiled; RE2 takes 8 MB if not told
_PSEUDO = ("HOSTNAME", "REGION", "ZONE")


class _Pattern(Protocol):
    def fullmatch(self, text: str) -> object | None: ...


def problem(constraints: OfferConstraints | None) -> str | None:
    """Why constraints cannot be used, in a sentence."""
    if constraints is None:
        return None
    every = [
        constraint
        for role in constraints.role_constraints.values()
        for group in role.groups
        for constraint in group.attribute_constraints
    ]
    if len(every) > MAX_CONSTRAINTS:
        return f"There are more than {MAX_CONSTRAINTS} offer constraints"
    return next(filter(None, map(_problem_with, every)), None)


def _problem_with(constraint: AttributeConstraint) -> str | None:
    selector, predicate = constraint.selector, constraint.predicate
    if (selector.attribute_name is None) == (selector.pseudoattribute_type is None):
        return "An offer constraint selects an attribute either by name or by type"
    if selector.pseudoattribute_type not in (None, *_PSEUDO):
        return f"There is no pseudoattribute {selector.pseudoattribute_type}"
    fields = [getattr(predicate, name) for name in predicate.__struct_fields__]
    if sum(field is not None for field in fields) != 1:
        return "An offer constraint has exactly one predicate"
    matches = predicate.text_matches or predicate.text_not_matches
    return _problem_with_regex(matches.regex) if matches else None


def _problem_with_regex(regex: str) -> str | None:
    if len(regex.encode()) > MAX_REGEX_BYTES:
        return f"A regular expression is longer than {MAX_REGEX_BYTES} bytes"
    try:
        _compiled(regex)
    except re2.error:
        return f"{regex!r} is not a regular expression of RE2, or too large a one"
    return None


def allow(constraints: OfferConstraints | None, role: str, agent: AgentInfo) -> bool:
    """Whether the framework wants offers of the agent in the role."""
    if constraints is None or role not in constraints.role_constraints:
        return True
    groups = constraints.role_constraints[role].groups
    return any(all(_holds(c, agent) for c in group.attribute_constraints) for group in groups)


def _holds(constraint: AttributeConstraint, agent: AgentInfo) -> bool:
    """A selector may find several attributes; one that satisfies the predicate is enough."""
    found = _select(constraint.selector, agent)
    if constraint.predicate.not_exists is not None:
        return not found
    return any(_satisfies(constraint.predicate, text) for text in found)


def _select(selector: AttributeSelector, agent: AgentInfo) -> list[str | None]:
    """The texts found; None stands for an attribute that is not a text."""
    if selector.attribute_name is not None:
        return [_text(a) for a in agent.attributes if a.name == selector.attribute_name]
    domain = agent.domain.fault_domain if agent.domain else None
    match selector.pseudoattribute_type:
        case "HOSTNAME":
            return [agent.hostname]
        case "REGION":
            return [domain.region.name] if domain else []
        case _:
            return [domain.zone.name] if domain else []


def _text(attribute: Attribute) -> str | None:
    return attribute.text.value if attribute.text else None


def _satisfies(predicate: AttributePredicate, text: str | None) -> bool:
    if predicate.exists is not None or text is None:
        return True  # predicates on text let other attributes pass, as in Mesos
    match predicate:
        case AttributePredicate(text_equals=wanted) if wanted:
            return text == wanted.value
        case AttributePredicate(text_not_equals=wanted) if wanted:
            return text != wanted.value
        case AttributePredicate(text_matches=wanted) if wanted:
            return _compiled(wanted.regex).fullmatch(text) is not None
        case AttributePredicate(text_not_matches=wanted) if wanted:
            return _compiled(wanted.regex).fullmatch(text) is None
        case _:
            return True


def _options() -> object:
    options = re2.Options()
    options.max_mem = MAX_REGEX_MEMORY
    options.log_errors = False  # whoever sent it is told
    return options


@lru_cache(maxsize=4096)
def _compiled(regex: str) -> _Pattern:
    return cast(_Pattern, re2.compile(regex, _options()))
